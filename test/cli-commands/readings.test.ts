// Modules that only read the host: a plan runs them and decides by what they say, except behind a
// change; and modules that wait.
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventsOf, type Practice, play, practice, sick } from '../cli/practice.ts';

let lab: Practice;
beforeAll(async () => {
  lab = await practice([sick('h1')]);
});
afterAll(() => lab.close());

interface PlannedTask {
  readonly name: string;
  readonly status: string;
  readonly why?: string;
}

async function planned(tasks: string): Promise<readonly string[]> {
  const done = await lab.run(['plan', lab.file('read.yaml', play(tasks)), '--json']);
  const host = JSON.parse(done.out).plays[0].hosts[0];
  expect(host.refused, done.err).toBeUndefined();
  return host.tasks.map(({ name, status }: PlannedTask) => `${name} ${status}`);
}

const asked = `    - {name: Look, stat: {path: /var/wanted}, register: wanted}
    - {name: Act, command: touch x, when: wanted.stat.exists}
    - {name: Rest, debug: {msg: no}, when: not wanted.stat.exists}\n`;
const change = '    - {name: Change, command: touch "$KMEND_ROOT/var/changed"}\n';

describe('what a task reads', () => {
  it('decides conditions in the plan', async () => {
    expect(await planned(asked)).toEqual(['Look same', 'Act skip', 'Rest same']);
    const wanted = join(lab.host('h1').root, 'var/wanted');
    writeFileSync(wanted, '');
    expect(await planned(asked)).toEqual(['Look same', 'Act change', 'Rest skip']);
    rmSync(wanted);
  });

  it('is not known behind a task that changes the host, or may', async () => {
    const later = ['Look later', 'Act later', 'Rest later'];
    expect(await planned(change + asked)).toEqual(['Change change', ...later]);
    const may = `    - {name: Ask, command: {cmd: 'true', read_only: true}, register: ask}
    - {name: May, command: touch x, when: ask.rc == 0}\n`;
    expect(await planned(may + asked)).toEqual(['Ask later', 'May later', ...later]);
    const marked = `    - {name: Ask, command: {cmd: 'true', read_only: true}, check_mode: false}\n`;
    expect(await planned(change + marked)).toEqual(['Change change', 'Ask later']);
  });

  it('of a loop is a list of results, in the plan too', async () => {
    const loop = `    - {name: Look, stat: {path: '{{ item }}'}, loop: [/none, /etc], register: looks}
    - name: Judge
      assert:
        that:
          - looks.results | map(attribute='stat.exists') | list == [false, true]
          - looks.results[1].item == '/etc'\n`;
    expect(await planned(loop)).toEqual(['Look same', 'Judge same']);
  });

  it('is text of the host, never a template', async () => {
    writeFileSync(join(lab.host('h1').root, 'var/text'), '{{ 1 + 1 }}');
    const slurp = `    - {name: Look, slurp: {src: /var/text}, register: text}
    - {name: Judge, assert: {that: "text.content | b64decode | length == 11"}}\n`;
    expect(await planned(slurp)).toEqual(['Look same', 'Judge same']);
  });

  it('refuses the host where it fails, and may be ignored', async () => {
    const missing = (more = ''): string =>
      `    - {name: Look, slurp: {src: /none}, register: text${more}}\n`;
    const done = await lab.run(['plan', lab.file('read.yaml', play(missing()))]);
    expect([done.exit, done.out]).toEqual([4, expect.stringContaining('File not found: /none')]);
    const then = '    - {name: Judge, assert: {that: text is failed}}\n';
    expect(await planned(missing(', ignore_errors: true') + then)).toEqual([
      'Look same',
      'Judge same',
    ]);
  });
});

describe('a run', () => {
  it('tries a reading again until it holds', async () => {
    const script = `n=$KMEND_ROOT/var/tries; echo >> "$n"; [ "$(wc -l < "$n")" -ge 3 ]`;
    const tasks = `    - name: Try
      shell: {cmd: '${script}', read_only: true}
      register: tried
      until: tried.rc == 0
      delay: 0\n`;
    const done = await lab.run(['apply', lab.file('until.yaml', play(tasks)), '--yes']);
    expect(done.exit, done.out + done.err).toBe(0);
  });

  it('waits only where something was changed', async () => {
    const pause = '    - {name: Wait, pause: {seconds: 1}}\n';
    expect(await planned(pause)).toEqual(['Wait same']);
    const file = lab.file('pause.yaml', play(change + pause));
    expect((await lab.run(['apply', file, '--yes'])).exit).toBe(0);
    expect(
      eventsOf(lab.journal(), 'effect.done').map(({ result }) => result.data?.seconds ?? 'run'),
    ).toEqual(['run', 1]);
  });

  it('waits on the host until a file is there, and fails where it does not come', async () => {
    const wait = (path: string): string =>
      `    - {name: Wait, wait_for: {path: ${path}, timeout: 1}}\n`;
    expect(await planned(wait('/etc'))).toEqual(['Wait same']);
    expect(await planned(wait('/var/late'))).toEqual(['Wait change']);
    const failed = await lab.run([
      'apply',
      lab.file('wait.yaml', play(wait('/var/late'))),
      '--yes',
    ]);
    expect([failed.exit, failed.out]).toEqual([
      4,
      expect.stringContaining('not within 1 s: /var/late exists'),
    ]);
    const make =
      '    - {name: Make, shell: (sleep 1; touch "$KMEND_ROOT/var/late") >/dev/null 2>&1 &}\n';
    const waits = wait('/var/late').replace('timeout: 1', 'timeout: 60');
    const done = await lab.run(['apply', lab.file('late.yaml', play(make + waits)), '--yes']);
    expect(done.exit, done.out + done.err).toBe(0);
  });
});
