// One run at a time over a host: the lock of the state directory, the fence on the host, and taking
// over from a controller that only sleeps.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { spawnCommand } from '../cli/child.ts';
import { eventsOf, type Practice, play, practice, sick, until } from '../cli/practice.ts';

let lab: Practice;
beforeAll(async () => {
  lab = await practice(['h1', 'h2', 'h3', 'h4', 'h5', 'h6'].map((name) => sick(name)));
});
afterAll(() => lab.close());

const ran = (host: string): string => {
  const file = join(lab.host(host).root, 'var/ran');
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
};
const letGo = (...hosts: readonly string[]): void => {
  for (const host of hosts) writeFileSync(join(lab.host(host).root, 'var/go'), '');
};

/** `held`: its first step goes on until the test lets the host go on. */
const work = (word = 'one', held = false): string => `    - name: First
      shell: {cmd: 'echo ${word} >> "$KMEND_ROOT/var/ran"${held ? '; until [ -e "$KMEND_ROOT/var/go" ]; do sleep 0.1; done' : ''}'}
    - name: Second
      shell: {cmd: 'echo ${word} again >> "$KMEND_ROOT/var/ran"'}
`;

describe('the lock of the state directory', () => {
  it('refuses a second run that shares a host, with 7 and the name of the holder; one that shares none goes on', async () => {
    const first = lab.start([
      'apply',
      lab.file('a.yaml', play(work('one', true)).replace('hosts: all', 'hosts: h1,h2')),
      '--yes',
      '-l',
      'h1',
    ]);
    await until('the first run', () => ran('h1') !== '');
    const run = lab.runs()[0] ?? '';
    const second = await lab.run([
      'apply',
      lab.file('b.yaml', play(work()).replace('hosts: all', 'hosts: all')),
      '--yes',
      '-l',
      'h1,h3',
    ]);
    expect([second.exit, second.err]).toMatchObject([
      7,
      expect.stringContaining(`locked by run ${run} (process ${process.pid}`),
    ]);
    expect(
      (
        await lab.run([
          'apply',
          lab.file('c.yaml', play(work()).replace('hosts: all', 'hosts: h4')),
          '--yes',
        ])
      ).exit,
    ).toBe(0);
    letGo('h1');
    expect((await first.result).exit).toBe(0);
    expect(ran('h3')).toBe('');
  }, 30_000);
});

describe('the fence on the host', () => {
  it('stops a run of another state directory as `fenced`, naming the owner; a takeover goes on and sets the first aside', async () => {
    const elsewhere = join(lab.dir, 'elsewhere');
    const other = lab.file('e.yaml', play(work('two')).replace('hosts: all', 'hosts: h2'));
    const plan = join(lab.dir, 'e.json');
    await lab.run(['plan', other, '-o', plan]);
    const first = lab.start([
      'apply',
      lab.file('d.yaml', play(work('one', true)).replace('hosts: all', 'hosts: h2')),
      '--yes',
    ]);
    await until('the first run', () => ran('h2') !== '');
    const owner = lab.runs().at(-1) ?? '';
    // A plan that was made before meets the fence on the host.
    const refused = await lab.run(['apply', plan, '--yes', '--state-dir', elsewhere]);
    expect(refused.exit, refused.out + refused.err).toBe(4);
    expect(refused.out).toContain(`fenced at "First": this host is held by run ${owner}`);
    expect(refused.out).toContain(`--takeover ${owner}`);
    expect(ran('h2')).toBe('one\n');

    const taken = await lab.run([
      'apply',
      other,
      '--yes',
      '--state-dir',
      elsewhere,
      '--takeover',
      owner,
    ]);
    expect(taken.exit, taken.out).toBe(0);
    expect(taken.out).toContain(`takes over what run ${owner} holds`);
    letGo('h2');
    const late = await first.result;
    expect(late.exit).toBe(4);
    expect(eventsOf(lab.journal(owner), 'host.failed')).toMatchObject([
      { failure: { kind: 'fenced' } },
    ]);
    // The first run's second task was never done.
    expect(ran('h2')).toBe('one\ntwo\ntwo again\n');
  }, 30_000);

  it('a controller that was stopped and wakes up after a takeover acts on no host any more', async () => {
    const text = play(work('one', true), '{max_unavailable: 1}').replace(
      'hosts: all',
      'hosts: h5,h6',
    );
    const playbook = lab.file('f.yaml', text);
    const old = join(lab.dir, 'old-machine');
    const child = await spawnCommand(
      ['apply', playbook, '-i', lab.fleet.inventoryFile, '--yes', '--state-dir', old],
      join(lab.dir, 'home'),
    );
    await until('the first effect', () => ran('h5') !== '');
    child.signal('SIGSTOP');
    const owner = /run (\d{8}-\d{6}-\w+)/.exec(child.out())?.[1] ?? '';
    // From the same state directory: locked, by time never, by name at once.
    expect((await lab.run(['apply', playbook, '--yes', '--state-dir', old])).exit).toBe(7);
    const other = lab.file('g.yaml', play(work('two')).replace('hosts: all', 'hosts: h5,h6'));
    // From another machine's, and only as far as h5: h6 must be out of the old one's reach all the
    // same.
    const taken = await lab.run([
      'apply',
      other,
      '--yes',
      '--state-dir',
      join(lab.dir, 'new-machine'),
      '--takeover',
      owner,
    ]);
    expect(taken.exit, taken.out).toBe(0);
    child.signal('SIGCONT');
    letGo('h5', 'h6');
    expect(await child.ended, child.out()).toBe(5);
    expect(child.out()).toContain('fenced');
    expect(ran('h5')).toBe('one\ntwo\ntwo again\n');
    expect(ran('h6')).toBe('two\ntwo again\n');
  }, 40_000);

  it("the same state directory: resume with --takeover, and the journal of the stopped one is no longer the run's", async () => {
    const playbook = lab.file(
      'h.yaml',
      play(work('three', true), '{max_unavailable: 1}').replace('hosts: all', 'hosts: h3,h4'),
    );
    const state = join(lab.dir, 'same');
    const child = await spawnCommand(
      ['apply', playbook, '-i', lab.fleet.inventoryFile, '--yes', '--state-dir', state],
      join(lab.dir, 'home'),
    );
    await until('the first effect', () => ran('h3') !== '');
    child.signal('SIGSTOP');
    const run = /run (\d{8}-\d{6}-\w+)/.exec(child.out())?.[1] ?? '';
    expect((await lab.run(['resume', run, '--state-dir', state])).exit).toBe(7);
    letGo('h3', 'h4');
    const resumed = await lab.run(['resume', run, '--state-dir', state, '--takeover', run]);
    expect(resumed.exit, resumed.out).toBe(0);
    child.signal('SIGCONT');
    expect(await child.ended, child.out() + child.err()).toBe(7);
    expect(child.err()).toContain('were taken over');
    expect(ran('h3')).toBe('three\nthree again\n');
    expect(ran('h4').replace(/^one.*\n/gm, '')).toBe('three\nthree again\n');
    expect((await lab.run(['audit', 'verify', run, '--state-dir', state])).exit).toBe(0);
  }, 40_000);
});
