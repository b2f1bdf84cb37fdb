// `--metrics-file` of real commands on the practice fleet: promtool takes each file.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Practice, play, practice, remediationPlay, sick } from '../cli/practice.ts';

const hasPromtool = spawnSync('promtool', ['--version']).status === 0;

let lab: Practice;
let folder = '';
beforeAll(async () => {
  lab = await practice([sick('h1'), sick('h2')]);
  folder = join(lab.dir, 'textfile');
  mkdirSync(folder);
});
afterAll(() => lab.close());

const file = (name: string): string => join(folder, name);
const kmend = async (name: string, args: readonly string[]): Promise<string> => {
  const [word = '', ...rest] = args;
  const fleet = ['-i', lab.fleet.inventoryFile, '--state-dir', lab.state];
  await lab.run([word, ...rest, ...fleet, '--metrics-file', file(name)]);
  return readFileSync(file(name), 'utf8');
};
const sample = (text: string, name: string): readonly string[] =>
  text.split('\n').filter((line) => line.startsWith(`${name}{`));

describe('--metrics-file', () => {
  it('check: hosts by verdict; whole, and readable for the collector', async () => {
    const text = await kmend('check.prom', ['check']);
    expect(sample(text, 'kmend_verdict_hosts').join('\n')).toMatch(/verdict="(?:on|leaking)"} 2/);
    expect(statSync(file('check.prom')).mode & 0o777).toBe(0o644);
  });

  it('apply: the state of the run at its end, and its success', async () => {
    const playbook = lab.file('play.yaml', remediationPlay());
    const text = await kmend('apply.prom', ['apply', playbook, '--yes']);
    const [run = ''] = lab.runs();
    expect(sample(text, 'kmend_run_hosts')).toContain(
      `kmend_run_hosts{run="${run}",state="done"} 2`,
    );
    expect(sample(text, 'kmend_run_phase')).toContain(
      `kmend_run_phase{run="${run}",phase="done"} 1`,
    );
    expect(sample(text, 'kmend_run_exit_code')).toEqual([`kmend_run_exit_code{run="${run}"} 0`]);
    expect(sample(text, 'kmend_last_success_start_time_seconds')).toHaveLength(1);
  }, 60_000);

  it('drift: hosts that kept their remedy', async () => {
    const text = await kmend('drift.prom', ['drift']);
    expect(sample(text, 'kmend_drift_hosts')[0]).toMatch(/state="kept"} 2$/);
  });

  it('schedule run: when each job last ended', async () => {
    const state = ['--state-dir', lab.state];
    await lab.run([
      ...['schedule', 'run', 'daily', ...state, '--metrics-file', file('jobs.prom')],
      ...['--', 'check', '-i', lab.fleet.inventoryFile],
    ]);
    const text = readFileSync(file('jobs.prom'), 'utf8');
    expect(sample(text, 'kmend_job_last_exit_code')).toEqual([
      'kmend_job_last_exit_code{name="daily"} 0',
    ]);
    expect(sample(text, 'kmend_job_last_success_time_seconds')).toHaveLength(1);
  });

  it('a file that cannot be written is a warning', async () => {
    const there = ['--metrics-file', join(file('check.prom'), 'below')];
    const { exit, err } = await lab.run([
      ...['check', '-i', lab.fleet.inventoryFile, '--state-dir', lab.state, ...there],
    ]);
    expect([exit, err]).toEqual([
      0,
      expect.stringMatching(/^warning: the metrics were not written: /),
    ]);
  });

  it('a resume goes on with the file of its run', async () => {
    const tasks = "    - name: Fails once\n      shell: {cmd: 'test -e /nonexistent'}\n";
    const text = await kmend('failed.prom', [
      'apply',
      lab.file('fails.yaml', play(tasks)),
      '--yes',
      ...['-l', 'h1'],
    ]);
    const run = lab.runs().at(-1) ?? '';
    expect(sample(text, 'kmend_run_exit_code').join()).not.toMatch(/ 0$/);
    const resumed = ['resume', run, '--state-dir', lab.state, '--yes', '--done', 'h1'];
    await lab.run(resumed, { cwd: '/' });
    expect(sample(readFileSync(file('failed.prom'), 'utf8'), 'kmend_run_failures')).toEqual([
      `kmend_run_failures{run="${run}"} 0`,
    ]);
    expect(existsSync('/failed.prom')).toBe(false);
  }, 60_000);

  it.skipIf(!hasPromtool)('promtool takes all of them, and nothing else is left behind', () => {
    const names = readdirSync(folder).toSorted();
    expect(names).toEqual(['apply.prom', 'check.prom', 'drift.prom', 'failed.prom', 'jobs.prom']);
    for (const name of names) {
      const input = readFileSync(file(name), 'utf8');
      const { status, stderr } = spawnSync('promtool', ['check', 'metrics'], { input });
      expect([name, status, String(stderr)]).toEqual([name, 0, '']);
    }
  });
});
