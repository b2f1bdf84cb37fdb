// Nodes in plan and rollout: practice hosts that are nodes of a fake API server. Refusals before
// the cordon, failures during a host, and the uncordon.
import { afterEach, describe, expect, it } from 'vitest';
import { eventsOf, until } from '../cli/practice.ts';
import { skipWaits } from '../fakes/skipped-waits.ts';
import { nodePlay, sickNode } from './fleet-nodes.ts';
import { recordNodes, type VirtualNodes, virtualNodes } from './virtual-nodes.ts';

recordNodes();
skipWaits();

let world: VirtualNodes;
afterEach(() => world.close());

const playOf = (text = nodePlay()): string => world.lab.file('remedy.yaml', text);
const apply = (text?: string, more: readonly string[] = []) =>
  world.run(['apply', playOf(text), '--yes', ...more]);
const failureOf = (host: string) =>
  eventsOf(world.lab.journal(), 'host.failed', host).at(-1)?.failure;

describe('the forecast in the plan', () => {
  it('shows the number of pods for each host, and refuses a host whose budget can never allow it, without a cordon', async () => {
    world = await virtualNodes([sickNode('n1'), sickNode('n2')]);
    world.web('n1', 2);
    world.web('n2', 2, 'shop');
    world.fake.addPdb(
      'shop',
      { app: 'shop' },
      { spec: { minAvailable: 2 }, status: { desiredHealthy: 2 } },
    );
    const planned = await world.run(['plan', playOf()]);
    expect(planned.exit).toBe(4);
    expect(planned.out).toMatch(
      /Drain \(2 pods go \(shop\/web-n1-0, shop\/web-n1-1\), 0 stay, about 30 s by their grace periods\)/,
    );
    expect(planned.out).toMatch(
      /n2 +Drain: the drain cannot succeed: shop\/shop-n2-0: PDB shop allows 0 of 2 \(minAvailable 2\): it can never allow one/,
    );
    expect(world.patches()).toEqual([]);
  });

  it('stops the run before the cordon if a node became blocked since the plan', async () => {
    world = await virtualNodes([sickNode('n1'), sickNode('n2')]);
    world.web('n1', 1);
    const planned = await world.run(['plan', playOf(), '-o', `${world.lab.dir}/plan.json`]);
    expect(planned.exit).toBe(2);
    world.fake.addPdb(
      'web',
      { app: 'web' },
      { spec: { minAvailable: 2 }, status: { desiredHealthy: 2 } },
    );
    const done = await world.run(['apply', `${world.lab.dir}/plan.json`, '--yes']);
    expect(done.exit).toBe(4);
    expect(failureOf('n1')).toMatchObject({
      kind: 'refused',
      message: expect.stringMatching(/PDB web allows 0 of 2 .*can never allow/),
    });
    expect(world.patches().filter((seen) => seen.path.endsWith('/n1'))).toEqual([]);
    expect(world.boots()).toEqual([1, 2]);
  });

  it('waits for a busy budget before the cordon, and cordons only then', async () => {
    world = await virtualNodes([sickNode('n1'), sickNode('n2')]);
    world.web('n1', 1);
    const pdb = world.fake.addPdb('web', { app: 'web' }, { status: { currentHealthy: 1 } });
    const running = apply(nodePlay({ drain: '{timeout: 60s}' }), ['--limit', 'n1']);
    await until('a wait', () =>
      world.has(
        (event) => event.type === 'warning' && event.text.includes('waits before the cordon'),
      ),
    );
    expect(world.patches()).toEqual([]);
    pdb.status.disruptionsAllowed = 1;
    const done = await running;
    expect(done).toMatchObject({ exit: 0 });
    expect(world.boots()).toEqual([2, 1]);
  });

  it('refuses the host without a cordon if a budget stays busy', async () => {
    world = await virtualNodes([sickNode('n1'), sickNode('n2')]);
    world.web('n1', 1);
    world.fake.addPdb('web', { app: 'web' }, { status: { currentHealthy: 1 } });
    const done = await apply(nodePlay({ drain: '{timeout: 4s}' }), ['--limit', 'n1']);
    expect(done.exit).toBe(4);
    expect(failureOf('n1')).toMatchObject({
      kind: 'refused',
      message: expect.stringMatching(/1 healthy, 1 needed\), still after \d s/),
    });
    expect(world.patches()).toEqual([]);
  });
});

describe('the choice of a node', () => {
  it('follows the inventory, and refuses a host that matches two nodes', async () => {
    world = await virtualNodes(
      [sickNode('n1', { vars: { node_name: 'ip-10-0-0-7.example' } }), sickNode('n2')],
      { without: ['n1', 'n2'] },
    );
    const [first] = world.lab.fleet.hosts;
    world.fake.addNode('ip-10-0-0-7.example', {
      status: { nodeInfo: { bootID: first?.bootId() } },
    });
    world.fake.addNode('n2.a.example');
    world.fake.addNode('n2.b.example');
    const planned = await world.run(['plan', playOf()]);
    expect(planned.out).toMatch(/! drain node ip-10-0-0-7\.example/);
    expect(planned.out).toMatch(
      /n2 +Drain: not known as a node of the cluster: n2: more than one node may be it: n2\.a\.example[\s\S]*set `node_name`/,
    );
  });

  it('refuses a Ready node whose boot id is not that of the host', async () => {
    world = await virtualNodes([sickNode('n1'), sickNode('n2')], { late: 1e9 });
    world.fake.changeNode('n1', { status: { nodeInfo: { bootID: 'another' } } });
    const planned = await world.run(['plan', playOf()]);
    expect(planned.out).toMatch(
      /n1 +Drain: .*node n1 is in boot another, this host in .*another machine/,
    );
  });

  it('refuses the node that kmend itself runs on, before the cordon', async () => {
    world = await virtualNodes([sickNode('n1'), sickNode('n2')]);
    const ownBootId = world.lab.host('n1').bootId();
    const done = await world.run(
      ['apply', playOf(nodePlay({ rollout: '{unplannable: leave_out}' })), '--yes'],
      { ownBootId },
    );
    expect(done.exit).toBe(4);
    expect(done.out).toMatch(/kmend runs on this node/);
    expect(world.patches().filter((seen) => seen.path.endsWith('/n1'))).toEqual([]);
    expect(world.boots()).toEqual([1, 2]);
  });

  it('refuses the last ready node of a pool, unless it is named', async () => {
    world = await virtualNodes([sickNode('n1'), sickNode('n2')]);
    world.fake.changeNode('n1', { metadata: { labels: { pool: 'a' } } });
    const planned = await world.run(['plan', playOf()]);
    expect(planned.out).toMatch(
      /n1 +Drain: .*n1 is the last ready node of pool a \(of 1\); ask for it by name/,
    );
    const done = await apply(undefined, ['--limit', 'n1']);
    expect(done.exit).toBe(0);
    expect(world.boots()).toEqual([2, 1]);
  });

  it('never goes below quorum, even for a named node', async () => {
    world = await virtualNodes([sickNode('n1'), sickNode('n2'), sickNode('n3')]);
    for (const name of ['n1', 'n2', 'n3'])
      world.fake.changeNode(name, {
        metadata: { labels: { 'node-role.kubernetes.io/master': '' } },
      });
    world.fake.changeNode('n3', { status: { conditions: [{ type: 'Ready', status: 'Unknown' }] } });
    const planned = await world.run(['plan', playOf(), '--limit', 'n1']);
    expect(planned.out).toMatch(
      /taking n1 out leaves 1 of 3 control-plane nodes in service; 2 must be/,
    );
  });

  it('keeps the quorum when two hosts start at the same moment', async () => {
    world = await virtualNodes([sickNode('n1'), sickNode('n2'), sickNode('n3')]);
    for (const name of ['n1', 'n2', 'n3'])
      world.fake.changeNode(name, {
        metadata: { labels: { 'node-role.kubernetes.io/master': '' } },
      });
    const cordoned = new Set<string>();
    const watch = setInterval(() => {
      const now = ['n1', 'n2', 'n3'].filter(world.isCordoned);
      if (now.length > 1) cordoned.add(now.join());
    }, 5);
    await apply(nodePlay({ rollout: '{max_unavailable: 3}' }));
    clearInterval(watch);
    expect([...cordoned]).toEqual([]);
  });

  it('counts nodes out of service, also those that --limit leaves out', async () => {
    world = await virtualNodes([sickNode('n1'), sickNode('n2'), sickNode('n3')]);
    world.fake.changeNode('n3', { status: { conditions: [{ type: 'Ready', status: 'Unknown' }] } });
    const done = await apply(undefined, ['--limit', 'n1']);
    expect(done.exit).toBe(10);
    expect(done.out).toMatch(/capacity is missing: 1 out of service, allowed: 1 \(n3\)/);
    expect(world.patches()).toEqual([]);
  });
});

describe('a node that is not empty', () => {
  const tolerating = (name: string) =>
    world.fake.addPod({
      name,
      node: 'n1',
      owner: { kind: 'ReplicaSet', name: 'tough' },
      annotations: { 'fake/stop': '500' },
      spec: { tolerations: [{ operator: 'Exists' }] },
    });
  const comesBack = (): void => {
    tolerating('tough-1');
    world.fake.afterEviction(
      ({ metadata }) => void (metadata.name === 'tough-1' && tolerating('tough-2')),
    );
  };

  it('is not rebooted: pods that tolerate the cordon fail the drain', async () => {
    world = await virtualNodes([sickNode('n1'), sickNode('n2')]);
    comesBack();
    const done = await apply(nodePlay({ drain: '{timeout: 4s}' }), ['--limit', 'n1']);
    expect(done.exit).toBe(4);
    expect(failureOf('n1')).toMatchObject({
      kind: 'timeout',
      message: expect.stringMatching(/shop\/tough-2 \(came after the cordon/),
    });
    expect(done.out).not.toMatch(/n1 drained/);
    expect(world.boots()).toEqual([1, 1]);
  });

  it('is not rebooted if a pod came between drain and reboot', async () => {
    world = await virtualNodes([sickNode('n1'), sickNode('n2')]);
    world.web('n1', 1);
    const running = apply(nodePlay({ between: '    - name: Wait\n      command: sleep 2\n' }), [
      '--limit',
      'n1',
    ]);
    await until('the drain', () =>
      world.has((event) => event.type === 'task.done' && event.name === 'Drain'),
    );
    tolerating('late');
    world.fake.addPod({ name: 'over', node: 'n1', phase: 'Succeeded' });
    expect((await running).exit).toBe(4);
    expect(failureOf('n1')).toMatchObject({
      kind: 'blocked',
      message: 'not rebooted: pods came to node n1 after its drain: shop/late',
    });
    expect(world.boots()).toEqual([1, 1]);
  });

  it('is not reported as drained if its host was left as it is', async () => {
    world = await virtualNodes([sickNode('n1'), sickNode('n2')]);
    comesBack();
    const between = '    - name: Fail\n      command: "false"\n';
    expect(
      (await apply(nodePlay({ drain: '{left_behind: accept}', between }), ['--limit', 'n1'])).exit,
    ).toBe(4);
    expect(eventsOf(world.lab.journal(), 'host.failed', 'n1')).toMatchObject([
      { state: 'emptied in part and cordoned' },
    ]);
  });

  it('is rebooted with `left_behind: accept`, but not reported as drained', async () => {
    world = await virtualNodes([sickNode('n1'), sickNode('n2')]);
    comesBack();
    const done = await apply(nodePlay({ drain: '{left_behind: accept}' }), ['--limit', 'n1']);
    expect(done.exit).toBe(0);
    expect(done.out).toMatch(/n1 emptied but for shop\/tough-2: 1 pod evicted/);
    expect(done.out).not.toMatch(/n1 drained/);
    expect(world.boots()).toEqual([2, 1]);
    const report = await world.lab.run(['report', world.lab.runs().at(-1) ?? '']);
    expect(report.out).toMatch(/LEFT BEHIND BY THE DRAIN\n +n1 +shop\/tough-2/);
  });
});

describe('the cordon of a node', () => {
  const wait = '    - name: Wait\n      command: sleep 2\n';

  it('that somebody removes between drain and reboot prevents the reboot, and the report names it', async () => {
    world = await virtualNodes([sickNode('n1'), sickNode('n2')]);
    world.web('n1', 1);
    const running = apply(nodePlay({ between: wait }), ['--limit', 'n1']);
    await until('the drain', () =>
      world.has((event) => event.type === 'task.done' && event.name === 'Drain'),
    );
    world.fake.changeNode('n1', { spec: { unschedulable: null } });
    const done = await running;
    expect(done.exit).toBe(4);
    expect(failureOf('n1')).toMatchObject({
      kind: 'blocked',
      message: expect.stringMatching(/n1 was uncordoned by somebody else/),
    });
    expect(world.boots()).toEqual([1, 1]);
    expect(world.isCordoned('n1')).toBe(false);
  });

  it('is removed at once after a drain that fails, in the journal too, and the slot is free', async () => {
    world = await virtualNodes([sickNode('n1'), sickNode('n2')]);
    world.web('n1', 2);
    // Closes with the first eviction: nothing could foresee it.
    const pdb = world.fake.addPdb('web', { app: 'web' }, { status: { disruptionsAllowed: 2 } });
    world.fake.afterEviction(() =>
      Object.assign(pdb.status, { disruptionsAllowed: 0, currentHealthy: 1 }),
    );
    const done = await apply(
      nodePlay({ drain: '{timeout: 3s}', rollout: '{max_unavailable: 1, brake: {failures: 1}}' }),
    );
    expect(done.exit).toBe(4);
    expect(failureOf('n1')).toMatchObject({
      kind: 'timeout',
      message: expect.stringMatching(/not done within 3 s.*node n1 was uncordoned again/),
    });
    expect([world.isCordoned('n1'), world.isMarked('n1')]).toEqual([false, false]);
    const failed = eventsOf(world.lab.journal(), 'host.failed', 'n1')[0];
    expect(failed).toMatchObject({ state: 'in service' });
    expect(world.boots()).toEqual([1, 2]);
  });

  it('stays with keep_cordoned', async () => {
    world = await virtualNodes([sickNode('n1'), sickNode('n2')]);
    world.web('n1', 1);
    world.fake.faults((seen) =>
      seen.path.endsWith('/eviction')
        ? { status: 500, body: { kind: 'Status', message: 'no' } }
        : undefined,
    );
    const done = await apply(nodePlay({ drain: '{timeout: 3s, keep_cordoned: true}' }), [
      '--limit',
      'n1',
    ]);
    expect(done.exit).toBe(4);
    expect([world.isCordoned('n1'), world.isMarked('n1')]).toEqual([true, true]);
  });

  it('by an operator stays after the remediation', async () => {
    world = await virtualNodes([sickNode('n1'), sickNode('n2')]);
    world.fake.changeNode('n1', { spec: { unschedulable: true } });
    const done = await apply(undefined, ['--limit', 'n1']);
    expect(done.exit).toBe(0);
    expect([world.isCordoned('n1'), world.isMarked('n1')]).toEqual([true, false]);
    expect(world.boots()).toEqual([2, 1]);
  });

  it('stays with its mark after a failed proof', async () => {
    world = await virtualNodes([sickNode('n1', { faults: { oldboot: true } }), sickNode('n2')]);
    const done = await apply(undefined, ['--limit', 'n1']);
    expect(done.exit).toBe(4);
    expect([world.isCordoned('n1'), world.isMarked('n1')]).toEqual([true, true]);
  });

  it('stays after a failed proof that the play ignores', async () => {
    world = await virtualNodes([sickNode('n1'), sickNode('n2')]);
    // No reboot: accounting is still on when the proof looks.
    const text = nodePlay()
      .replace(/ {4}- name: Reboot\n.*\n/, '')
      .replace(
        'timeout: 10s}\n    - name: Give',
        'timeout: 10s}\n      ignore_errors: true\n    - name: Give',
      );
    const done = await apply(text, ['--limit', 'n1']);
    expect(done.exit).toBe(4);
    expect(eventsOf(world.lab.journal(), 'task.done', 'n1').at(-1)).toMatchObject({
      name: 'Proof',
      status: 'ignored',
      unproven: true,
    });
    expect(failureOf('n1')).toMatchObject({
      kind: 'not_verified',
      message: expect.stringMatching(/^not uncordoned: "Proof" failed and was ignored/),
    });
    expect([world.isCordoned('n1'), world.isMarked('n1')]).toEqual([true, true]);
  });

  it('is taken over by a resumed run before the reboot, and removed at the end', async () => {
    world = await virtualNodes([sickNode('n1'), sickNode('n2')]);
    world.web('n1', 1);
    const running = world.start([
      'apply',
      playOf(nodePlay({ between: wait })),
      '--yes',
      '--limit',
      'n1',
    ]);
    await until('the drain', () =>
      world.has((event) => event.type === 'task.done' && event.name === 'Drain'),
    );
    running.kill();
    await running.result;
    expect(world.isCordoned('n1')).toBe(true);
    const done = await world.run(['resume', world.lab.runs().at(-1) ?? '', '--yes']);
    expect(done.exit).toBe(0);
    expect(world.boots()).toEqual([2, 1]);
    expect([world.isCordoned('n1'), world.isMarked('n1')]).toEqual([false, false]);
  });
});

describe('after the reboot', () => {
  it('waits for the boot id of the host in the node status: the Ready of the old boot does not count', async () => {
    world = await virtualNodes([sickNode('n1'), sickNode('n2')], { late: 4_000 });
    const done = await apply(undefined, ['--limit', 'n1']);
    expect(done.exit).toBe(0);
    const [given] = eventsOf(world.lab.journal(), 'effect.started', 'n1').filter(
      (event) => event.kind === 'uncordon',
    );
    const [back] = eventsOf(world.lab.journal(), 'effect.done', 'n1').filter(
      (event) => event.result.data?.bootId !== undefined,
    );
    expect((given?.at ?? 0) - (back?.at ?? 0)).toBeGreaterThan(2_000);
  });

  it('keeps a node cordoned that never shows the new boot, and reports what is missing', async () => {
    world = await virtualNodes([sickNode('n1'), sickNode('n2')], { late: 1e9 });
    const done = await apply(
      nodePlay({ reboot: '{timeout: 20s, stable_for: 1s, ready_timeout: 4s}' }),
      ['--limit', 'n1'],
    );
    expect(done.exit).toBe(4);
    expect(failureOf('n1')).toMatchObject({
      kind: 'timeout',
      message: expect.stringMatching(/n1 is Ready in the new boot.*the API still shows boot/),
    });
    expect(world.isCordoned('n1')).toBe(true);
  });

  it('waits for DaemonSet pods', async () => {
    world = await virtualNodes([sickNode('n1'), sickNode('n2')]);
    world.fake.daemonSets.add('kube-system/agent');
    const pod = world.fake.addPod({
      name: 'agent',
      namespace: 'kube-system',
      node: 'n1',
      owner: { kind: 'DaemonSet', name: 'agent' },
      ready: false,
    });
    const running = apply(undefined, ['--limit', 'n1']);
    await until('the boot', () => world.boots()[0] === 2);
    await until('a wait', () =>
      world.has((event) => event.type === 'effect.started' && event.kind === 'wait'),
    );
    expect(world.isCordoned('n1')).toBe(true);
    pod.status.conditions = [{ type: 'Ready', status: 'True' }];
    expect((await running).exit).toBe(0);
    expect(world.isCordoned('n1')).toBe(false);
  });

  it('fails the host if pods crash within the soak', async () => {
    world = await virtualNodes([sickNode('n1'), sickNode('n2')]);
    const running = apply(nodePlay({ rollout: '{max_unavailable: 1, soak: 3s}' }), [
      '--limit',
      'n1',
    ]);
    await until('the end of the walk', () => world.has((event) => event.type === 'host.done'));
    const pod = world.fake.addPod({
      name: 'late',
      node: 'n1',
      owner: { kind: 'ReplicaSet', name: 'late' },
    });
    pod.status.containerStatuses = [
      { name: 'c', restartCount: 4, state: { waiting: { reason: 'CrashLoopBackOff' } } },
    ];
    expect((await running).exit).toBe(4);
    expect(failureOf('n1')?.message).toMatch(
      /pods crash on node n1 since its uncordon: shop\/late \(4 restarts, CrashLoopBackOff\)/,
    );
  });

  it('ignores workloads that crashed before the drain, wherever their pods run now', async () => {
    world = await virtualNodes([sickNode('n1'), sickNode('n2')]);
    const crashing = {
      containerStatuses: [
        { name: 'c', restartCount: 40, state: { waiting: { reason: 'CrashLoopBackOff' } } },
      ],
    };
    const broken = { kind: 'ReplicaSet', name: 'broken' } as const;
    world.fake.daemonSets.add('kube-system/agent');
    const agent = {
      name: 'agent',
      namespace: 'kube-system',
      node: 'n1',
      owner: { kind: 'DaemonSet', name: 'agent' },
      ready: false,
    } as const;
    for (const pod of [
      world.fake.addPod(agent),
      world.fake.addPod({ name: 'broken-1', node: 'n1', owner: broken, ready: false }),
    ])
      Object.assign(pod.status, crashing);
    const running = apply(nodePlay({ rollout: '{max_unavailable: 1, soak: 3s}' }), [
      '--limit',
      'n1',
    ]);
    await until('the end of the walk', () => world.has((event) => event.type === 'host.done'));
    Object.assign(
      world.fake.addPod({ name: 'broken-2', node: 'n1', owner: broken, ready: false }).status,
      crashing,
    );
    const done = await running;
    expect(done.exit, done.out + done.err).toBe(0);
    const [drained] = eventsOf(world.lab.journal(), 'effect.done', 'n1').filter(
      (event) => event.result.data?.evicted !== undefined,
    );
    expect(drained?.result.data?.crashing).toEqual([
      'kube-system/DaemonSet/agent',
      'shop/ReplicaSet/broken',
    ]);
  });
});
