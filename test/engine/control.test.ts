// Control commands to a run under way (pause, continue, abort, promote, resolve), and what delays it:
// soak, windows, gates.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventsOf, play, remediationPlay } from '../fakes/plays.ts';
import { recordHost } from '../fakes/recording.ts';
import { type VirtualFleet, virtualFleet } from '../fakes/virtual-fleet.ts';

let lab: VirtualFleet;
const hosts = ['p1', 'p2', 'a1', 'a2', 'c1', 'c2', 'r1', 'r2', 's1', 's2', 'l1', 'w1', 'g1', 'g2'];
beforeAll(async () => {
  lab = virtualFleet(await recordHost(), Object.fromEntries(hosts.map((name) => [name, {}])));
});
afterAll(() => lab.close());

const ran = (host: string): string => lab.ran(host);
const work = (seconds: number): string => `    - name: First
      shell: {cmd: 'echo one >> "$KMEND_ROOT/var/ran"; sleep ${seconds}'}
    - name: Second
      shell: {cmd: 'echo two >> "$KMEND_ROOT/var/ran"'}
`;
const on = (pattern: string, text: string): string =>
  text.replace('hosts: all', `hosts: ${pattern}`);
const runOf = (out: string): string => /run (\d{8}-\d{6}-\w+)/.exec(out)?.[1] ?? '';

describe('a control command from another terminal', () => {
  it('pause: hosts under way are finished, and no host is started until continue', async () => {
    const run = lab.start(['apply', lab.file('p.yaml', on('p1,p2', play(work(1)))), '--yes']);
    await lab.until('p1', () => ran('p1') !== '');
    const id = runOf(run.out());
    expect((await lab.run(['pause', id, '--why', 'lunch'])).exit).toBe(0);
    await lab.until('p1 is done', () => run.out().includes('p1 done'));
    await lab.clock.sleep(60_000);
    expect(ran('p2')).toBe('');
    expect(run.out()).toContain('paused by eve: lunch');
    expect((await lab.run(['continue', id])).exit).toBe(0);
    expect((await run.result).exit).toBe(0);
    expect(ran('p2')).toBe('one\ntwo\n');
  });

  it('abort: hosts under way stop in a safe state, 130, and resume ends the work', async () => {
    const run = lab.start(['apply', lab.file('a.yaml', on('a1,a2', play(work(10)))), '--yes']);
    await lab.until('a1', () => ran('a1') !== '');
    const id = runOf(run.out());
    await lab.run(['abort', id, '--why', 'wrong fleet']);
    const done = await run.result;
    expect(done.exit).toBe(130);
    expect(done.out).toMatch(/a1 FAILED interrupted at "Second".*\[left: in service\]/);
    expect(done.out).toContain(`go on with: kmend resume ${id}`);
    expect([ran('a1'), ran('a2')]).toEqual(['one\n', '']);
    expect((await lab.run(['resume', id])).exit).toBe(0);
    expect([ran('a1'), ran('a2')]).toEqual(['one\ntwo\n', 'one\ntwo\n']);
  });

  it('promote: a canary with `promote: manual` is followed by no host until an operator promotes it, by name in the journal', async () => {
    const policy = '{canary: {hosts: 1, soak: 1s, promote: manual}, max_unavailable: 1}';
    const run = lab.start([
      'apply',
      lab.file('c.yaml', on('c1,c2', play(work(0.1), policy))),
      '--yes',
    ]);
    await lab.until('the canary waits', () => /kmend promote \d{8}-/.test(run.out()));
    await lab.clock.sleep(60_000);
    expect(ran('c2')).toBe('');
    const id = runOf(run.out());
    await lab.run(['promote', id, '--why', 'graphs are flat']);
    expect((await run.result).exit).toBe(0);
    const events = lab.journal(id);
    expect(eventsOf(events, 'waiting').flatMap(({ needs }) => needs ?? [])).toEqual(['promotion']);
    expect(eventsOf(events, 'canary.promoted')).toMatchObject([
      { by: 'eve', why: 'graphs are flat' },
    ]);
    const [canary, other] = eventsOf(events, 'host.started');
    expect([canary?.host, other?.host]).toEqual(['c1', 'c2']);
    expect(
      (other?.at ?? 0) - (eventsOf(events, 'host.done', 'c1')[0]?.at ?? 0),
    ).toBeGreaterThanOrEqual(1000);
  });

  it('resolve: frees the slot and the host itself, so that a later run may have it', async () => {
    const failing = on('r1,r2', play('    - name: First\n      shell: {cmd: "exit 3"}\n'));
    const done = await lab.run(['apply', lab.file('r.yaml', failing), '--yes']);
    const id = runOf(done.out);
    expect(done.exit).toBe(5);
    expect(done.out).toContain('BRAKE');
    expect(done.out).toContain(
      'the brake keeps 1 host from starting until these are acknowledged: r1',
    );
    expect(done.out).toContain(
      `check r1, then: kmend resume ${id} --state-dir ${lab.state} --retry r1, or --skip r1, or --done r1`,
    );
    const good = lab.file('r2.yaml', on('r1', play(work(0))));
    expect((await lab.run(['apply', good, '--yes'])).out).toContain(`held by run ${id}`);
    expect(await lab.run(['resolve', id, 'r11', '--as', 'done'])).toMatchObject({
      exit: 3,
      err: expect.stringMatching(/run \S+ has no host r11[\s\S]*did you mean `r1`/),
    });
    expect(await lab.run(['resolve', id, 'r2'])).toMatchObject({
      exit: 3,
      err: expect.stringContaining('r2 did not fail: it waits'),
    });
    expect((await lab.run(['resolve', id, 'r1', '--as', 'done'])).exit).toBe(0);
    const resumed = await lab.run(['resume', id]);
    expect(resumed.out).toContain('r1 resolved by eve');
    const free = await lab.run(['apply', good, '--yes']);
    expect(free.exit, free.out).toBe(0);
    expect(ran('r1')).toBe('one\ntwo\n');
  });

  it('an unknown run is a usage error', async () => {
    expect(await lab.run(['pause', 'no-such-run'])).toMatchObject({
      exit: 3,
      err: expect.stringContaining('there is no run no-such-run'),
    });
  });
});

describe('soak', () => {
  it('the next host starts only after it, and the proof is repeated at its end', async () => {
    const done = await lab.run([
      'apply',
      lab.file('s.yaml', on('s1,s2', remediationPlay('{soak: {host: 2s}}'))),
      '--yes',
    ]);
    expect(done.exit, done.out).toBe(0);
    const events = lab.journal(runOf(done.out));
    const soaked = eventsOf(events, 'host.soaked', 's1')[0];
    expect(
      (soaked?.at ?? 0) - (eventsOf(events, 'host.done', 's1')[0]?.at ?? 0),
    ).toBeGreaterThanOrEqual(2000);
    expect(eventsOf(events, 'host.started', 's2')[0]?.seq).toBeGreaterThan(
      soaked?.seq ?? Number.POSITIVE_INFINITY,
    );
  });

  it('a host that boots again in its soak is a boot loop after all', async () => {
    const run = lab.start([
      'apply',
      lab.file('l.yaml', on('l1', remediationPlay('{soak: {host: 60s}}'))),
      '--yes',
    ]);
    await lab.until('l1 done', () => run.out().includes('l1 done'));
    lab.host('l1').world.power();
    const done = await run.result;
    expect(done.exit).toBe(4);
    expect(eventsOf(lab.journal(runOf(done.out)), 'host.failed')).toMatchObject([
      {
        failure: {
          kind: 'boot_loop',
          message: expect.stringContaining('booted again during its soak'),
        },
      },
    ]);
  });
});

describe('from outside', () => {
  it('a closed window: 9, and no host is started', async () => {
    const policy =
      '{windows: [{days: [mon, tue, wed, thu, fri, sat, sun], from: "02:00", to: "02:01", tz: UTC}]}';
    expect(new Date(lab.clock.now()).getUTCHours()).toBeGreaterThan(3);
    const done = await lab.run([
      'apply',
      lab.file('w.yaml', on('w1', play(work(0), policy))),
      '--yes',
    ]);
    expect(done.exit, done.out + done.err).toBe(9);
    expect(eventsOf(lab.journal(runOf(done.out)), 'host.started')).toEqual([]);
    expect(ran('w1')).toBe('');
  });

  it('a closed gate: 10, saying which and what it read; open: it goes on; closed in between: the next host is not started', async () => {
    const policy = '{gates: [{name: alerts, http: {url: "http://gate.example/"}}]}';
    lab.gates = { open: false, read: 'status 503' };
    const playbook = lab.file('g.yaml', on('g1,g2', play(work(0.5), policy)));
    const shut = await lab.run(['apply', playbook, '--yes']);
    expect(shut.exit, shut.out + shut.err).toBe(10);
    expect(shut.out).toMatch(/gate alerts is closed: .*503/);
    expect(ran('g1')).toBe('');
    lab.gates = { open: true, read: 'status 200' };
    const run = lab.start(['apply', playbook, '--yes']);
    await lab.until('g1', () => ran('g1') !== '');
    lab.gates = { open: false, read: 'status 500' };
    const done = await run.result;
    expect(done.exit).toBe(10);
    expect([ran('g1'), ran('g2')]).toEqual(['one\ntwo\n', '']);
  });
});
