// A real API server that is killed while a drain waits, and again as a proven node is returned: the
// rollout goes on, and no host fails.
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Event } from '../../src/model/run/event.ts';
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
  });
  afterEach(({ task }) => {
    if (task.result?.state === 'fail') console.error(world.lab.logs());
  });
  afterAll(() => world?.close());

  /** The playbook for users, with a wait before its last task until the file is there. */
  const bookThatWaitsFor = (file: string): string =>
    world.hosts.file(
      'waits.yaml',
      readFileSync(playbook, 'utf8').replace(
        '        - name: Return the node to service\n',
        (task) =>
          `        - name: Wait\n          shell: until test -e '${file}'; do sleep 0.1; done\n\n${task}`,
      ),
    );

  const count = (type: 'cluster.away' | 'cluster.back'): number =>
    eventsOf(world.hosts.journal(), type).length;

  it('in a drain and at the return of a proven node are pauses: exit 0, no host failed, no node left cordoned or annotated', async () => {
    const { hosts, lab, node, names } = world;
    const events = (): readonly Event[] => (hosts.runs().length === 0 ? [] : hosts.journal());
    const begun = (name: string) => (): boolean => {
      const task = eventsOf(events(), 'task.planned').find((event) => event.name === name)?.task;
      return eventsOf(events(), 'effect.started').some((event) => event.task === task);
    };
    /** The server is away until the run has seen it, and the run goes on before anything else. */
    const outage = async (number: number, meanwhile = () => {}): Promise<void> => {
      const start = await lab.killApiServer();
      meanwhile();
      await until(`outage ${number}`, () => count('cluster.away') === number, 60);
      await start();
      await until(`the end of outage ${number}`, () => count('cluster.back') === number, 120);
    };
    // Their ends do not end by themselves.
    const stuck = { 'fake.kubelet/stop-seconds': 'never' };
    const namespace = world.on('n1', () => lab.deployWeb(2, { annotations: stuck }));
    const pods = (): readonly { readonly metadata: { readonly deletionTimestamp?: string } }[] =>
      world.json('get', 'pods', '-n', namespace, '--field-selector=spec.nodeName=n1').items;
    const go = join(hosts.dir, 'go');
    const running = world.run([
      'apply',
      bookThatWaitsFor(go),
      '--yes',
      '--limit',
      'n1',
      '-e',
      'reboot_stable_for=1',
    ]);
    const early = running.then(({ exit, out, err }) => {
      throw new Error(`it ended with ${exit}: ${out}${err}`);
    });
    const reaches = (what: string, is: () => boolean): Promise<void> =>
      Promise.race([until(what, is, 60), early]);
    await reaches('the drain', begun('Take the pods away'));
    await reaches('the evictions', () =>
      pods().every((pod) => pod.metadata.deletionTimestamp !== undefined),
    );
    await outage(1);
    lab.kubectl('delete', 'pods', '-n', namespace, '--all', '--force', '--grace-period=0');
    await reaches('the wait', begun('Wait'));
    await outage(2, () => writeFileSync(go, ''));
    const done = await running;
    expect(done.exit, done.out + done.err).toBe(0);
    const types = hosts.journal().map(({ type }) => type);
    expect(
      types.filter(
        (type) => type === 'host.failed' || type === 'effect.failed' || type === 'brake.tripped',
      ),
    ).toEqual([]);
    expect([count('cluster.away'), count('cluster.back')]).toEqual([2, 2]);
    for (const name of names) {
      const { spec, metadata } = node(name);
      expect([name, spec.unschedulable === true, metadata.annotations['kmend.io/owner']]).toEqual([
        name,
        false,
        undefined,
      ]);
    }
    expect(hosts.host('n1').boots()).toBe(2);
  });
});
