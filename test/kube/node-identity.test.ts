// A host identifies only itself: one that claims another node's name and boot id is refused, and no
// node is changed.
import { writeFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { createTransport } from '../../src/adapters/ssh/index.ts';
import { eventsOf } from '../cli/practice.ts';
import type { WorldChanges } from '../cli/real-world.ts';
import { type NodeFleet, nodeFleet, nodePlay, sickNode } from './fleet-nodes.ts';

let world: NodeFleet;
afterEach(() => world.close());

const leaveOut = nodePlay({ rollout: '{max_unavailable: 1, unplannable: leave_out}' });
const playOf = (text = nodePlay()): string => world.lab.file('remedy.yaml', text);
const patchesOf = (node: string) =>
  world.patches().filter((seen) => seen.path.endsWith(`/${node}`));
const failureOf = (host: string) =>
  eventsOf(world.lab.journal(), 'host.failed', host).at(-1)?.failure;

/** Root on the host can do this: the probe reads name and boot id from these files. */
function lies(host: string, name: string, bootId: string): void {
  const kernel = `${world.lab.host(host).root}/proc/sys/kernel`;
  writeFileSync(`${kernel}/hostname`, `${name}\n`);
  writeFileSync(`${kernel}/random/boot_id`, `${bootId}\n`);
}

/** Practice hosts listen on loopback; here SSH reports another address. */
const dialling = (
  addresses: Readonly<Record<string, string>>,
): Pick<WorldChanges, 'transport'> => ({
  transport: async (needs) => {
    const real = createTransport({ ...needs, home: `${world.lab.dir}/home`, env: {} });
    return {
      ...real,
      connect: async (target, options) => {
        const made = await real.connect(target, options);
        return made.ok
          ? { ok: true, value: { ...made.value, dialled: [addresses[target.name] ?? '127.0.0.1'] } }
          : made;
      },
    };
  },
});

/** Hosts with aliases as inventory names, in a cluster that names its nodes by address. */
async function aliases(more: Parameters<typeof sickNode>[1] = {}) {
  world = await nodeFleet([sickNode('web1', more), sickNode('web2', more)], {
    without: ['web1', 'web2'],
    late: 1e9,
  });
  const kernelVersion = world.lab.host('web1').kernel();
  for (const [host, name, address] of [
    ['web1', 'ip-10-0-0-5', '10.0.0.5'],
    ['web2', 'ip-10-0-0-6', '10.0.0.6'],
  ] as const)
    world.fake.addNode(name, {
      status: {
        addresses: [{ type: 'InternalIP', address }],
        nodeInfo: { bootID: world.lab.host(host).bootId(), kernelVersion },
      },
    });
}

describe('a host that claims to be another node', () => {
  it('selects nothing by an alias', async () => {
    await aliases();
    lies('web1', 'ip-10-0-0-6', world.lab.host('web2').bootId());
    const planned = await world.run(['plan', playOf()]);
    expect(planned.out).toMatch(
      /web1 +Drain: not known as a node of the cluster: web1: no node of the cluster has its inventory name/,
    );
    const done = await world.run(['apply', playOf(leaveOut), '--yes', '--limit', 'web1']);
    expect([done.exit, world.patches(), world.lab.host('web1').boots()]).toEqual([4, [], 1]);
  });

  it('is refused at its own address: the message names both, and the API gets no PATCH', async () => {
    await aliases();
    lies('web1', 'ip-10-0-0-6', world.lab.host('web2').bootId());
    const reached = dialling({ web1: '10.0.0.5', web2: '10.0.0.6' });
    const planned = await world.run(['plan', playOf()], reached);
    expect(planned.out).toMatch(
      /web1: it is node ip-10-0-0-5, and reports the boot id of ip-10-0-0-6/,
    );
    expect(planned.out).toMatch(/web2[\s\S]*! drain node ip-10-0-0-6/);
    const done = await world.run(['apply', playOf(leaveOut), '--yes', '--limit', 'web1'], reached);
    expect([done.exit, world.patches(), world.lab.host('web1').boots()]).toEqual([4, [], 1]);
  });

  it('is refused under its own name, and the other node is still remediated', async () => {
    world = await nodeFleet([sickNode('n1'), sickNode('n2')], { late: 1_000 });
    world.fake.changeNode('n1', { status: { nodeInfo: { bootID: 'of-n1' } } });
    lies('n1', 'n2', 'of-n1');
    const done = await world.run(['apply', playOf(leaveOut), '--yes']);
    expect(done.out).toMatch(/n1: it is node n1, and calls itself n2/);
    expect(done.exit).toBe(4);
    expect([patchesOf('n1'), world.boots()]).toEqual([[], [1, 2]]);
  });

  it('is refused at its start if the claim comes after the plan', async () => {
    world = await nodeFleet([sickNode('n1'), sickNode('n2')]);
    const planned = await world.run([
      'plan',
      playOf(),
      '--limit',
      'n1',
      '-o',
      `${world.lab.dir}/plan.json`,
    ]);
    expect(planned.exit).toBe(2);
    writeFileSync(`${world.lab.host('n1').root}/proc/sys/kernel/hostname`, 'n2\n');
    const done = await world.run(['apply', `${world.lab.dir}/plan.json`, '--yes']);
    expect([done.exit, failureOf('n1'), world.patches()]).toEqual([
      4,
      {
        kind: 'refused',
        message: 'n1: it is node n1, and calls itself n2',
        hint: 'the plan was made for node n1',
      },
      [],
    ]);
  });
});

describe('two hosts of one node', () => {
  it('by the inventory are both refused, and each message names the other', async () => {
    await aliases({ vars: { node_name: 'ip-10-0-0-5' } });
    const planned = await world.run(['plan', playOf()]);
    expect(planned.out).toMatch(/web1: node ip-10-0-0-5 is also that of host web2/);
    expect(planned.out).toMatch(/web2: node ip-10-0-0-5 is also that of host web1/);
    expect(planned.out).not.toMatch(/! drain/);
  });

  it('by their address are both refused, and each message names the other', async () => {
    await aliases();
    world.fake.changeNode('ip-10-0-0-6', { status: { nodeInfo: { bootID: 'unknown' } } });
    const planned = await world.run(
      ['plan', playOf()],
      dialling({ web1: '10.0.0.5', web2: '10.0.0.5' }),
    );
    expect(planned.out).toMatch(/web1: node ip-10-0-0-5 is also that of host web2/);
    expect(planned.out).toMatch(/web2: node ip-10-0-0-5 is also that of host web1/);
    expect(planned.out).not.toMatch(/! drain/);
  });

  it('do not conflict if --limit leaves one of them out', async () => {
    await aliases({ vars: { node_name: 'ip-10-0-0-5' } });
    const planned = await world.run(['plan', playOf(), '--limit', 'web1']);
    expect(planned.out).toMatch(/web1: node ip-10-0-0-5 is also that of host web2/);
  });
});

it('nodes are found by the address that SSH connected to, whatever the inventory names', async () => {
  await aliases();
  const planned = await world.run(
    ['plan', playOf()],
    dialling({ web1: '10.0.0.5', web2: '10.0.0.6' }),
  );
  expect(planned.out).toMatch(/! drain node ip-10-0-0-5/);
  expect(planned.out).toMatch(/! drain node ip-10-0-0-6/);
});
