// Bad days of reboots on real hosts: what never comes back, does not go down, boots again and
// again, boots the old entry, has another host key, or hangs; and a controller that is killed while
// its hosts are away.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Lab, labMissing, startLab } from './lab.ts';
import { eventsOf, failureOf, type Operator, operator, rebootsOf, until } from './operator.ts';

const missing = labMissing('el7');

const play = `- hosts: all
  rollout: {max_unavailable: 10, brake: {failures: 20}, unplannable: leave_out}
  tasks:
    - kernel_arg: {key: cgroup.memory, value: nokmem}
    - reboot: {when_pending: true, timeout: "{{ away | default('15s') }}", stable_for: 8s}
    - verify_kmem: {timeout: 30s}
`;

const hosts = [
  'never',
  'stuck',
  'loop',
  'old',
  'newkey',
  'frozen',
  'late',
  'slow',
  'killed',
  'gone',
] as const;
type Name = (typeof hosts)[number];
const hostOf = (name: Name): string => `h${hosts.indexOf(name) + 1}`;

describe.skipIf(missing !== '')(`reboots on ten el7 hosts (${missing || 'all there'})`, () => {
  let lab: Lab;
  let op: Operator;
  let path = '';
  const boots = (name: Name): number => lab.boots(hostOf(name));

  beforeAll(async () => {
    lab = await startLab({ flavour: 'el7', count: hosts.length, net: '127.25' });
    await Promise.all(
      hosts.map(async (name) => {
        const host = hostOf(name);
        const old = lab.bootId(host);
        await lab.ssh(host, 'yum -q -y install kernel-3.10.0-1160.el7', 120);
        await lab.ssh(host, 'systemctl reboot; sleep 5', 10);
        await lab.answers(host, old);
      }),
    );
    op = operator(hosts.map((name) => ({ name, lab, host: hostOf(name) })));
    path = op.file('reboot.yaml', play);
  });
  afterAll(() => {
    for (const name of ['frozen', 'late'] as const) if (lab !== undefined) lab.thaw(hostOf(name));
    op?.close();
    lab?.down();
  });

  it('a host that accepts connections and answers nothing is left out of the plan, in bounded time', async () => {
    lab.freeze(hostOf('frozen'));
    const began = Date.now();
    const { code, out } = await op.kmend([
      'plan',
      path,
      '-i',
      op.inventory,
      '-l',
      'all:!killed:!gone',
      '-T',
      '3',
      '-o',
      'plan.json',
    ]);
    expect([code, Date.now() - began < 60_000]).toEqual([6, true]);
    expect(out).toMatch(/frozen +unreachable: .*(?:banner|answer|timed out)/i);
    expect(out).toMatch(/Plan: 7 hosts to change/);
  });

  it('a plan of one of them is saved for later', async () => {
    expect(
      (await op.kmend(['plan', path, '-i', op.inventory, '-l', 'stuck', '-o', 'stuck.json'])).code,
    ).toBe(2);
  });

  it('each fault is reported by its name, and healthy hosts succeed', async () => {
    lab.set(hostOf('never'), 'never', '1');
    lab.set(hostOf('stuck'), 'noreboot', '1');
    lab.set(hostOf('loop'), 'loop', '3 4');
    lab.set(hostOf('old'), 'oldboot', '1');
    lab.set(hostOf('newkey'), 'newkey', '1');
    lab.set(hostOf('slow'), 'slowssh', '4');
    lab.freeze(hostOf('late'));
    const { code, out } = await op.kmend(['apply', 'plan.json', '--yes', '-T', '3']);
    expect([code, out]).toEqual([4, expect.stringContaining('1 done, 6 failed, 1 left out')]);
    const events = op.journal();
    const kinds = hosts.map((name) => [name, failureOf(events, name)?.failure.kind]);
    expect(Object.fromEntries(kinds.filter(([, kind]) => kind !== undefined))).toEqual({
      never: 'unreachable',
      stuck: 'timeout',
      loop: 'boot_loop',
      old: 'not_converged',
      newkey: 'host_key',
      late: 'unreachable',
    });
  });

  it.each<[Name, RegExp, RegExp | undefined]>([
    ['never', /did not come back within \d+ s after the reboot/, /kmend resume RUN --retry HOST/],
    ['stuck', /not carried out: the host still runs the same boot/, /console/],
    ['loop', /booted again within|went away again within/, /console/],
    ['old', /still not as it should be: reboot/, undefined],
    ['newkey', /after the reboot: .*key/, undefined],
  ])('%s: what happened, and what to do', (name, message, hint) => {
    const failed = failureOf(op.journal(), name);
    expect([failed?.touched, failed?.failure.message]).toEqual([
      true,
      expect.stringMatching(message),
    ]);
    if (hint !== undefined) expect(failed?.failure.hint).toMatch(hint);
  });

  it('a host that froze between plan and apply is untouched', async () => {
    expect(failureOf(op.journal(), 'late')).toMatchObject({ touched: false, state: 'untouched' });
    lab.thaw(hostOf('late'));
    lab.thaw(hostOf('frozen'));
    expect([boots('late'), (await lab.ssh(hostOf('late'), 'ls -d /var/lib/kmend')).code]).toEqual([
      2, 2,
    ]);
  });

  it('counted from outside, no host was rebooted more often than it should', () => {
    expect(
      Object.fromEntries(
        hosts.filter((name) => name !== 'loop').map((name) => [name, boots(name)]),
      ),
    ).toEqual({
      never: 2,
      stuck: 2,
      old: 3,
      newkey: 3,
      frozen: 2,
      late: 2,
      slow: 3,
      killed: 2,
      gone: 2,
    });
    expect(boots('loop')).toBeGreaterThan(3);
    const [before, after] = lab.bootIds(hostOf('slow')).slice(-2);
    expect(rebootsOf(op.journal(), 'slow')).toEqual([{ before, after }]);
  });

  it('a host that comes back after all is finished by resolve and resume, without another reboot', async () => {
    const run = op.runs().at(-1) ?? '';
    const before = lab.bootId(hostOf('never'));
    lab.set(hostOf('never'), 'never', '');
    lab.power(hostOf('never'));
    await lab.answers(hostOf('never'), before);
    const resolved = await op.kmend([
      'resolve',
      run,
      'never',
      '--as',
      'retry',
      '--why',
      'power-cycled by hand',
    ]);
    expect(resolved.code).toBe(0);
    const { out } = await op.kmend(['resume', run, '--yes']);
    const events = op.journal(run);
    expect([out, eventsOf(events, 'host.done', 'never').at(-1)]).toEqual([
      expect.stringContaining('never'),
      expect.objectContaining({ proven: 'yes' }),
    ]);
    expect(boots('never')).toBe(3);
    expect(eventsOf(events, 'host.resolved', 'never')).toMatchObject([
      { as: 'retry', note: 'power-cycled by hand' },
    ]);
    expect(lab.written(hostOf('never'), 'var/lib/kmend/fence')).toMatch(/closed$/m);
  });

  it('a host that a failed run holds is not touched by another, until it is resolved', async () => {
    const run = op.runs().at(-1) ?? '';
    lab.set(hostOf('stuck'), 'noreboot', '');
    const other = await op.kmend(['apply', path, '-i', op.inventory, '-l', 'stuck', '--yes']);
    expect([other.code, other.out]).toEqual([
      4,
      expect.stringContaining(`it failed in run ${run}`),
    ]);
    const saved = await op.kmend(['apply', 'stuck.json', '--yes']);
    expect([saved.code, failureOf(op.journal(), 'stuck')?.failure]).toMatchObject([
      4,
      { kind: 'fenced', message: expect.stringContaining(run) },
    ]);
    expect(boots('stuck')).toBe(2);
    const taken = await op.kmend([
      'apply',
      path,
      '-i',
      op.inventory,
      '-l',
      'stuck',
      '--yes',
      '--takeover',
      run,
    ]);
    expect([taken.code, taken.err, boots('stuck')]).toEqual([0, '', 3]);
  });

  it('a controller that is killed while its hosts are away: resumed, each has booted exactly once more', async () => {
    lab.set(hostOf('killed'), 'down', '1');
    lab.set(hostOf('gone'), 'down', '9');
    const olds = [lab.bootId(hostOf('killed')), lab.bootId(hostOf('gone'))];
    const { child, ended } = op.start([
      'apply',
      path,
      '-i',
      op.inventory,
      '-l',
      'killed:gone',
      '--yes',
      '-e',
      'away=60s',
    ]);
    // Both reboots are sent, and the host that stays away longer has gone down.
    await until(
      'the host is away',
      60,
      async () =>
        (await lab.ssh(hostOf('gone'), 'true', 3)).code === 255 &&
        rebootsOf(op.journal(), 'gone').length > 0,
    );
    child.kill('SIGKILL');
    await ended;
    const run = op.runs().at(-1) ?? '';
    expect(eventsOf(op.journal(run), 'run.finished')).toEqual([]);
    expect((await op.kmend(['runs'])).out).toMatch(new RegExp(`${run}.*not finished`));
    const resumed = await op.kmend(['resume', run, '--yes', '-e', 'away=60s']);
    expect([resumed.code, resumed.err, resumed.out]).toEqual([
      0,
      '',
      expect.stringContaining('2 done'),
    ]);
    expect([boots('killed'), boots('gone')]).toEqual([3, 3]);
    const events = op.journal(run);
    expect([...rebootsOf(events, 'killed'), ...rebootsOf(events, 'gone')]).toEqual([
      { before: olds[0], after: lab.bootId(hostOf('killed')) },
      { before: olds[1], after: lab.bootId(hostOf('gone')) },
    ]);
    expect(lab.written(hostOf('gone'), 'var/lib/kmend/fence')).toBe(`${run} 2 closed\n`);
    expect((await op.kmend(['audit', 'verify', run])).code).toBe(0);
  });
});
