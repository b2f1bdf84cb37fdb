// A real API server that is killed while a drain waits, and again as a proven node is returned: the
// rollout goes on, and no host fails.
import { resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventsOf, until } from '../cli/practice.ts';
import { type NodeHosts, nodeHosts } from './kube-fleet.ts';
import { missing } from './kube-lab.ts';

const title = `outages of a real API server${missing === undefined ? '' : ` (skipped: ${missing})`}`;
const playbook = resolve(import.meta.dirname, '../../playbooks/auto.yaml');

describe.skipIf(missing !== undefined)(title, () => {
  let world: NodeHosts;
  beforeAll(async () => {
    world = await nodeHosts({
      n1: { pool: 'a' },
      n2: { pool: 'a' },
      n3: { pool: 'a' },
      n4: { pool: 'a' },
    });
  }, 120_000);
  afterAll(() => world?.close());

  it('in a drain and at the return of a proven node are pauses: exit 0, no host failed, no node left cordoned or annotated', async () => {
    const { hosts, lab, node, names } = world;
    world.deploy('web', 2, 'n1');
    const begun = (kind: string) => (): boolean =>
      hosts.runs().length > 0 &&
      eventsOf(hosts.journal(), 'effect.started').some((event) => event.kind === kind);
    const running = world.run([
      'apply',
      playbook,
      '--yes',
      '--limit',
      'n1',
      '-e',
      'reboot_stable_for=1',
    ]);
    for (const kind of ['drain', 'uncordon']) {
      await until(`the ${kind}`, begun(kind), 90);
      await lab.restartApiServer(5_000);
    }
    const done = await running;
    expect(done.exit, done.out + done.err).toBe(0);
    const types = hosts.journal().map(({ type }) => type);
    expect(
      types.filter(
        (type) => type === 'host.failed' || type === 'effect.failed' || type === 'brake.tripped',
      ),
    ).toEqual([]);
    expect(types.filter((type) => type === 'cluster.away').length).toBeGreaterThanOrEqual(2);
    expect(types.filter((type) => type === 'cluster.away').length).toBe(
      types.filter((type) => type === 'cluster.back').length,
    );
    for (const name of names) {
      const { spec, metadata } = node(name);
      expect([name, spec.unschedulable === true, metadata.annotations['kmend.io/owner']]).toEqual([
        name,
        false,
        undefined,
      ]);
    }
    expect(hosts.host('n1').boots()).toBe(2);
  }, 150_000);
});
