// The brake on whole runs: the two experiments in which Ansible's brakes fail, and the rule that
// decides.
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Recording } from '../fakes/host-world.ts';
import { eventsOf, play } from '../fakes/plays.ts';
import { recordHost } from '../fakes/recording.ts';
import { type HostOptions, type VirtualFleet, virtualFleet } from '../fakes/virtual-fleet.ts';

let recording: Recording;
beforeAll(async () => {
  recording = await recordHost();
});
let lab: VirtualFleet | undefined;
afterEach(() => {
  lab?.close();
  lab = undefined;
});
const fleet = (hosts: Readonly<Record<string, HostOptions>>): VirtualFleet => {
  lab = virtualFleet(recording, hosts);
  return lab;
};

const names = Array.from({ length: 8 }, (_none, index) => `h${index + 1}`);
const short = (seconds: Readonly<Record<string, number>> = {}) =>
  fleet(
    Object.fromEntries(names.map((name) => [name, { vars: `{work: ${seconds[name] ?? 0.1}}` }])),
  );
const work = `    - shell: {cmd: 'sleep {{ work }}; echo done >> "$KMEND_ROOT/var/ran"'}\n`;

describe('a host that goes dark after the plan was made', () => {
  it('stops the run: no host is started after it, exit 5, and its slot is kept', async () => {
    const lab = short();
    const plan = `${lab.dir}/plan.json`;
    const policy = '{max_unavailable: 1, brake: {failures: 0}, retries: {transport: 0}}';
    expect((await lab.run(['plan', lab.file('p.yaml', play(work, policy)), '-o', plan])).exit).toBe(
      2,
    );
    lab.host('h3').unreachable = 'mute';
    const done = await lab.run(['apply', plan, '--yes', '-T', '1']);
    expect(done.exit).toBe(5);
    expect(eventsOf(lab.journal(), 'host.started').map((event) => event.host)).toEqual([
      'h1',
      'h2',
      'h3',
    ]);
    expect(eventsOf(lab.journal(), 'host.failed')).toMatchObject([
      { host: 'h3', failure: { kind: 'unreachable' }, touched: false },
    ]);
    expect(done.out).toMatch(/BRAKE: 1 of 3 started hosts failed, allowed: 0; last h3/);
    expect(done.out).toMatch(/5 not started \(brake\)/);
  }, 30_000);

  it('with four slots: hosts under way are finished, and no other host is started, though slots are free', async () => {
    const lab = short({ h1: 1, h2: 1, h3: 1, h4: 1 });
    const plan = `${lab.dir}/plan.json`;
    const policy = '{max_unavailable: 4, brake: {failures: 0}, retries: {transport: 0}}';
    await lab.run(['plan', lab.file('p.yaml', play(work, policy)), '-o', plan]);
    lab.host('h2').unreachable = 'auth';
    const done = await lab.run(['apply', plan, '--yes']);
    expect(done.exit).toBe(5);
    // On a busy machine h2 may be found out before h3 or h4 have their turn.
    const started = eventsOf(lab.journal(), 'host.started').map((event) => event.host);
    expect(['h1', 'h2', 'h3', 'h4'].slice(0, started.length)).toEqual(started);
    expect(
      eventsOf(lab.journal(), 'host.done')
        .map((event) => event.host)
        .sort(),
    ).toEqual(started.filter((host) => host !== 'h2'));
  }, 30_000);

  it('`unreachable: ignore` is the way out: the others are done, exit 6', async () => {
    const lab = short();
    const plan = `${lab.dir}/plan.json`;
    const policy =
      '{max_unavailable: 2, brake: {failures: 0, unreachable: ignore}, retries: {transport: 0}}';
    await lab.run(['plan', lab.file('p.yaml', play(work, policy)), '-o', plan]);
    lab.host('h3').unreachable = 'mute';
    const done = await lab.run(['apply', plan, '--yes', '-T', '1']);
    expect(done.exit).toBe(6);
    expect(eventsOf(lab.journal(), 'host.done')).toHaveLength(7);
  }, 30_000);
});

describe('a brake that has tripped', () => {
  const policy = '{max_unavailable: 1, brake: {failures: 0}}';
  const failing = `    - shell: {cmd: 'echo tried >> "$KMEND_ROOT/var/ran"; test -e "$KMEND_ROOT/var/repaired"'}\n`;
  const starts = (): readonly string[] =>
    eventsOf(lab?.journal() ?? [], 'host.started').map((event) => event.host);

  it('starts no host, however often the run is resumed, until an operator resolves the failed host; and trips again at the next failure', async () => {
    const lab = fleet({ h1: {}, h2: {}, h3: {} });
    const repair = (host: string): unknown => lab.host(host).files.set('repaired', '');
    expect(
      (await lab.run(['apply', lab.file('p.yaml', play(failing, policy)), '--yes'])).exit,
    ).toBe(5);
    const run = lab.runs().at(-1) ?? '';
    for (let turn = 0; turn < 2; turn++) {
      const again = await lab.run(['resume', run]);
      expect([again.exit, starts()]).toEqual([5, ['h1']]);
      expect(again.out).toContain(
        'the brake keeps 2 hosts from starting until these are acknowledged: h1',
      );
      expect(again.out).toContain(
        `check h1, then: kmend resume ${run} --state-dir ${lab.state} --retry h1, or --skip h1, or --done h1`,
      );
    }
    repair('h1');
    const retried = await lab.run(['resume', run, '--retry', 'h1', '--why', 'a disk was full']);
    expect([retried.exit, starts()]).toEqual([5, ['h1', 'h1', 'h2']]);
    expect(retried.out).toContain(
      'brake released by eve: every failure was acknowledged: h1 (retry)',
    );
    const events = lab.journal();
    expect(eventsOf(events, 'host.resolved')).toMatchObject([
      { host: 'h1', who: 'eve', as: 'retry', note: 'a disk was full' },
    ]);
    expect(eventsOf(events, 'brake.released')).toMatchObject([{ by: 'eve', hosts: ['h1'] }]);
    expect(eventsOf(events, 'brake.tripped').map((event) => event.host)).toEqual(['h1', 'h2']);

    repair('h3');
    expect((await lab.run(['resolve', run, 'h2', '--as', 'skip'])).out).toContain(
      `\`kmend resume ${run} --state-dir ${lab.state}\` carries it out`,
    );
    const rest = await lab.run(['resume', run]);
    expect([rest.exit, starts()]).toEqual([4, ['h1', 'h1', 'h2', 'h3']]);
    expect((await lab.run(['audit', 'verify', run])).exit).toBe(0);
  }, 60_000);

  it('is released in a run under way too, by the same command: the process of the run takes it', async () => {
    const lab = fleet({ h1: {}, h2: { vars: '{work: 6}' }, h3: {} });
    const tasks = `    - shell: {cmd: 'sleep {{ work | default(0) }}; test {{ inventory_hostname }} != h1'}\n`;
    const under = lab.start([
      'apply',
      lab.file('p.yaml', play(tasks, '{max_unavailable: 2, brake: {failures: 0}}')),
      '--yes',
    ]);
    await lab.until('the brake', () => under.out().includes('BRAKE'));
    const run = lab.runs().at(-1) ?? '';
    const command = await lab.run(['resume', run, '--skip', 'h1']);
    expect(command).toMatchObject({
      exit: 0,
      out: expect.stringContaining('it is taken up within a second'),
    });
    expect(await under.result).toMatchObject({ exit: 4 });
    expect(
      eventsOf(lab.journal(), 'host.done')
        .map((event) => event.host)
        .sort(),
    ).toEqual(['h2', 'h3']);
  }, 60_000);
});

describe('three slow hosts and five fast ones, two at a time', () => {
  const slow = { h1: 3, h2: 3, h3: 3, h4: 0.5, h5: 0.5, h6: 0.5, h7: 0.5, h8: 0.5 };

  it('a free slot is refilled at once: near the optimum of two slots, far from that of batches', async () => {
    const lab = short(slow);
    const done = await lab.run([
      'apply',
      lab.file('p.yaml', play(work, '{max_unavailable: 2}')),
      '--yes',
    ]);
    expect(done.exit).toBe(0);
    const events = lab.journal();
    const times = names.map((host) => ({
      from: eventsOf(events, 'host.started', host)[0]?.at ?? 0,
      to: eventsOf(events, 'host.done', host)[0]?.at ?? 0,
    }));
    const took =
      Math.max(...times.map((one) => one.to)) - Math.min(...times.map((one) => one.from));
    const busy = times.reduce((sum, one) => sum + one.to - one.from, 0);
    // By the hosts' own times, so that a busy machine slows both sides: two slots cannot do better
    // than half of the work. Batches need 1.7 times that.
    expect(took).toBeGreaterThan(5900);
    expect(took / (busy / 2)).toBeLessThan(1.3);
  }, 30_000);

  it('and after a failure nobody is started', async () => {
    const lab = short(slow);
    const failing = `    - shell: {cmd: 'sleep {{ work }}; test {{ inventory_hostname }} != h1'}\n`;
    const done = await lab.run([
      'apply',
      lab.file('p.yaml', play(failing, '{max_unavailable: 2}')),
      '--yes',
    ]);
    expect(done.exit).toBe(5);
    const events = lab.journal();
    const tripped = eventsOf(events, 'brake.tripped')[0]?.seq ?? 0;
    expect(tripped).toBeGreaterThan(0);
    expect(
      eventsOf(events, 'host.started').filter(
        (event) => event.seq > (eventsOf(events, 'host.failed')[0]?.seq ?? 0),
      ),
    ).toEqual([]);
  }, 30_000);
});

describe('a transport failure is not a task failure', () => {
  it('connections that are cut now and then do not fail a run, and no effect is done twice', async () => {
    const lab = short();
    for (const name of names) lab.host(name).drops = 2;
    const tasks = `    - shell: {cmd: 'echo done >> "$KMEND_ROOT/var/ran"; sleep 0.5; echo end'}\n      register: work\n    - assert: {that: "work.stdout == 'end'"}\n`;
    const done = await lab.run([
      'apply',
      lab.file('p.yaml', play(tasks, '{max_unavailable: 4}')),
      '--yes',
    ]);
    expect(done.exit, done.out).toBe(0);
    for (const name of names) expect(lab.ran(name)).toBe('done\n');
  }, 60_000);

  it('a long effect whose connection is cut in the middle is found again by its spool', async () => {
    const lab = fleet({ h1: {} });
    const playbook = lab.file(
      'p.yaml',
      play(
        `    - shell: {cmd: 'echo done >> "$KMEND_ROOT/var/ran"; sleep 2.5; echo end'}\n      register: work\n    - assert: {that: "work.stdout == 'end'"}\n`,
      ),
    );
    const run = lab.start(['apply', playbook, '--yes']);
    await lab.until('the effect', () => lab.ran('h1') !== '');
    lab.host('h1').drops = 3;
    const done = await run.result;
    expect(done.exit, done.out).toBe(0);
    expect(lab.ran('h1')).toBe('done\n');
    expect(eventsOf(lab.journal(), 'effect.done')).toMatchObject([
      { result: { ok: true, code: 0, stdout: 'end\n' } },
    ]);
  }, 30_000);
});
