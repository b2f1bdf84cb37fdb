// What resume does with a step that was under way when the controller died: waits for it, takes its
// result, or says that nobody can know.
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { spawnCommand } from '../cli/child.ts';
import { eventsOf, type Practice, play, practice, sick, until } from '../cli/practice.ts';
import { killEnv } from '../crash/kill-at.ts';

let lab: Practice;
beforeAll(async () => {
  lab = await practice(
    ['stdin', 'half', 'again', 'cut', 'package', 'torn', 'damaged', 'changed', 'yes', 'word'].map(
      (name) => sick(name, name === 'package' ? { faults: { slowyum: 3 } } : {}),
    ),
    { downSeconds: 0.2 },
  );
});
afterAll(() => lab.close());

const ran = (host: string): string => {
  const file = join(lab.host(host).root, 'var/ran');
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
};

/**
 * Starts a run of this play on one host, kills its controller when `when` holds, and gives the
 * run's id.
 */
async function killed(
  host: string,
  tasks: string,
  when: (out: string) => boolean,
): Promise<string> {
  const playbook = lab.file(`${host}.yaml`, play(tasks).replace('hosts: all', `hosts: ${host}`));
  const child = await spawnCommand(
    ['apply', playbook, '-i', lab.fleet.inventoryFile, '--yes', '--state-dir', lab.state],
    join(lab.dir, 'home'),
  );
  await until(`${host}: ${child.out()}${child.err()}`, () => when(child.out()), 30);
  child.signal('SIGKILL');
  await child.ended;
  return /run (\d{8}-\d{6}-\w+)/.exec(child.out())?.[1] ?? '';
}

const withStdin = (more: string): string =>
  `    - {name: Feed, shell: {cmd: 'cat >> "$KMEND_ROOT/var/ran"; sleep 3', stdin: fed}${more}}\n    - {name: Next, shell: {cmd: 'echo next >> "$KMEND_ROOT/var/ran"'}}\n`;

describe('resume', () => {
  it.concurrent('a yes that never reached the journal is said again: without it nothing is started, with it the run goes on', async () => {
    const tasks = '    - reboot: {stable_for: 1s, timeout: 30s, force: true}\n';
    const playbook = lab.file('yes.yaml', play(tasks).replace('hosts: all', 'hosts: yes'));
    const child = await spawnCommand(
      ['apply', playbook, '-i', lab.fleet.inventoryFile, '--yes', '--state-dir', lab.state],
      join(lab.dir, 'home'),
      killEnv({ type: 'run.started' }, join(lab.dir, 'killed')),
    );
    expect(await child.ended).toBe('SIGKILL');
    const run = lab.runs().find((one) => lab.journalText(one).includes('yes.yaml')) ?? '';
    expect((await lab.run(['resume', run])).exit).toBe(3);
    expect(lab.host('yes').boots()).toBe(1);
    for (const boots of [2, 2]) {
      const resumed = await lab.run(['resume', run, '--yes']);
      expect([resumed.exit, lab.host('yes').boots()], resumed.out + resumed.err).toEqual([
        0,
        boots,
      ]);
    }
    expect(eventsOf(lab.journal(run), 'approved')).toMatchObject([{ risk: 'reboot', how: 'flag' }]);
  }, 60_000);

  it.concurrent('a command with a secret in its words is found again by them: it runs, and it runs once', async () => {
    const inventory = lab.file(
      'word-inventory.yaml',
      readFileSync(lab.fleet.inventoryFile, 'utf8').replace(
        'word: {',
        'word: {ansible_password: hunter22, ',
      ),
    );
    const tasks = `    - {shell: {cmd: 'echo hunter22 >> "$KMEND_ROOT/var/ran"; sleep 2'}}\n`;
    const playbook = lab.file('word.yaml', play(tasks).replace('hosts: all', 'hosts: word'));
    const child = await spawnCommand(
      ['apply', playbook, '-i', inventory, '--yes', '--state-dir', lab.state],
      join(lab.dir, 'home'),
    );
    await until(`the command\n${child.out()}`, () => ran('word') !== '', 30);
    child.signal('SIGKILL');
    await child.ended;
    const run = lab.runs().find((one) => lab.journalText(one).includes('word.yaml')) ?? '';
    const resumed = await lab.run(['resume', run, '--yes']);
    expect([resumed.exit, ran('word')], resumed.out + resumed.err).toEqual([0, 'hunter22\n']);
    expect(lab.journalText(run)).not.toContain('hunter22');
  }, 60_000);

  it.concurrent('a step without a spool (it had stdin) is not done twice: the host is interrupted, and an operator decides', async () => {
    const run = await killed('stdin', withStdin(''), () => ran('stdin') !== '');
    const resumed = await lab.run(['resume', run]);
    expect(resumed.exit, resumed.out + resumed.err).toBe(4);
    expect(eventsOf(lab.journal(run), 'host.failed')).toMatchObject([
      {
        failure: {
          kind: 'interrupted',
          message: expect.stringContaining('is not done twice'),
          hint: `check stdin, then: kmend resume ${run} --retry stdin (does it again), or --skip stdin`,
        },
      },
    ]);
    expect(ran('stdin')).toBe('fed\n');
    expect(resumed.out).toContain(
      `check stdin, then: kmend resume ${run} --state-dir ${lab.state} --retry stdin, or --skip stdin, or --done stdin`,
    );
    const retried = await lab.run(['resume', run, '--retry', 'stdin', '--why', 'it had not begun']);
    expect(retried.exit, retried.out + retried.err).toBe(0);
    expect(ran('stdin')).toBe('fed\nfed\nnext\n');
    expect(eventsOf(lab.journal(run), 'host.resolved')).toMatchObject([
      { who: 'eve', as: 'retry', note: 'it had not begun' },
    ]);
  }, 60_000);

  it.concurrent('--retry does again what was cut off, not what is done once a run and was done; --skip leaves the host', async () => {
    const once = `    - {name: Once, shell: {cmd: 'echo once >> "$KMEND_ROOT/var/ran"'}}\n`;
    const run = await killed('half', once + withStdin(''), () => ran('half').includes('fed'));
    expect((await lab.run(['resume', run])).exit).toBe(4);
    const both = await lab.run(['resume', run, '--retry', 'half', '--skip', 'half']);
    expect(both).toMatchObject({
      exit: 3,
      err: expect.stringContaining('half is in two of --retry, --skip and --done'),
    });
    const skipped = await lab.run(['resume', run, '--skip', 'half']);
    expect([skipped.exit, ran('half')]).toEqual([4, 'once\nfed\n']);
    const retried = await lab.run(['resume', run, '--retry', 'half']);
    expect(retried.exit, retried.out + retried.err).toBe(0);
    expect(ran('half')).toBe('once\nfed\nfed\nnext\n');
  }, 60_000);

  it.concurrent('the same step with `idempotent: true` is done again', async () => {
    const run = await killed('again', withStdin(', idempotent: true'), () => ran('again') !== '');
    const resumed = await lab.run(['resume', run]);
    expect(resumed.exit, resumed.out + resumed.err).toBe(0);
    expect(ran('again')).toBe('fed\nfed\nnext\n');
  }, 60_000);

  it.concurrent('a step that a power cut ended has no status: interrupted, with the reason', async () => {
    const tasks = `    - {name: Long, shell: {cmd: 'echo long >> "$KMEND_ROOT/var/ran"; sleep 20'}}\n`;
    const run = await killed('cut', tasks, () => ran('cut') !== '');
    const before = lab.host('cut').bootId();
    lab.fleet.power('cut');
    await until('the host', () => lab.host('cut').isUp() && lab.host('cut').bootId() !== before);
    const resumed = await lab.run(['resume', run]);
    expect(resumed.exit, resumed.out + resumed.err).toBe(4);
    expect(eventsOf(lab.journal(run), 'host.failed')).toMatchObject([
      {
        failure: {
          kind: 'interrupted',
          message: expect.stringContaining('the host rebooted before it ended'),
        },
      },
    ]);
    expect(ran('cut')).toBe('long\n');
  }, 60_000);

  it.concurrent('a package transaction that still runs is waited for: it is not in its own way, and there is one of it', async () => {
    const tasks = `    - {name: Install, package: {packages: {docker-ce: 18.09.9, docker-ce-cli: 18.09.9, containerd.io: 1.4.13}}}\n`;
    const run = await killed('package', tasks, (out) => out.includes('[Install]'));
    await sleep(500);
    const resumed = await lab.run(['resume', run]);
    expect(resumed.exit, resumed.out + resumed.err).toBe(0);
    const events = lab.journal(run);
    expect(eventsOf(events, 'effect.started')).toHaveLength(1);
    expect(eventsOf(events, 'effect.done')).toHaveLength(1);
    expect(eventsOf(events, 'host.done')).toMatchObject([{ changed: true }]);
  }, 60_000);

  const two = `    - {name: One, shell: {cmd: 'echo one >> "$KMEND_ROOT/var/ran"; sleep 1.5'}}\n    - {name: Two, shell: {cmd: 'echo two >> "$KMEND_ROOT/var/ran"'}}\n`;

  it.concurrent('a last line that was cut in half by the crash is cut off, and the run goes on', async () => {
    const run = await killed('torn', two, () => ran('torn') !== '');
    appendFileSync(join(lab.state, 'runs', run, 'journal.ndjson'), '{"v":1,"seq":99,"at":17');
    const resumed = await lab.run(['resume', run]);
    expect(resumed.exit, resumed.out + resumed.err).toBe(0);
    expect(ran('torn')).toBe('one\ntwo\n');
    expect((await lab.run(['audit', 'verify', run])).exit).toBe(0);
  }, 60_000);

  it.concurrent('a journal that was changed is not gone on with: 1, and the entry is named', async () => {
    const run = await killed('damaged', two, () => ran('damaged') !== '');
    const file = join(lab.state, 'runs', run, 'journal.ndjson');
    writeFileSync(file, readFileSync(file, 'utf8').replace('"host.started"', '"host.startet"'));
    const resumed = await lab.run(['resume', run]);
    expect(resumed.exit).toBe(1);
    expect(resumed.err).toMatch(/journal\.ndjson: entry \d+: does not follow the entry before it/);
    expect(resumed.err).not.toContain('internal error');
    await sleep(1500);
    expect(ran('damaged')).toBe('one\n');
  }, 60_000);

  it.concurrent('a playbook that was changed meanwhile is not what the run began with: 8; an unknown run: 3', async () => {
    const run = await killed('changed', two, () => ran('changed') !== '');
    appendFileSync(join(lab.dir, 'changed.yaml'), '# changed\n');
    expect(await lab.run(['resume', run])).toMatchObject({
      exit: 8,
      err: expect.stringContaining('changed.yaml has changed'),
    });
    expect((await lab.run(['resume', 'no-such-run'])).exit).toBe(3);
  }, 60_000);
});
