// The kube room against a real API server, controller manager and scheduler (1.20) with fake
// kubelets; kubectl's recorded results are the measure.
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createGates } from '../../src/adapters/outside/gates.ts';
import { readyAfterReboot } from '../../src/engine/node/ready.ts';
import { command } from '../cli/real-world.ts';
import { failure, owner, sleep, value } from '../kube/cluster-on.ts';
import { drainOptions } from '../kube/pods.ts';
import { missing, recorded, startLab } from './kube-lab.ts';

const title = `a real API server${missing === undefined ? '' : ` (skipped: ${missing})`}`;
/** Milliseconds that the API server is away; a longer one can be asked for. */
const outage = Number(process.env.KMEND_OUTAGE ?? 4_000);
const roles = resolve(import.meta.dirname, '../../docs/rbac.yaml');

describe.skipIf(missing !== undefined)(title, () => {
  let lab: ReturnType<typeof startLab>;
  beforeAll(() => {
    lab = startLab();
    lab.kubectl('apply', '-f', roles);
    lab.kubectl(
      'create',
      'clusterrolebinding',
      'kmend',
      '--clusterrole=kmend-rollout',
      '--user=kmend',
    );
    lab.kubectl(
      'create',
      'clusterrolebinding',
      'kmend-forecast',
      '--clusterrole=kmend-forecast',
      '--user=kmend-forecast',
    );
  });
  afterAll(() => lab?.stop());
  afterEach(({ task }) => {
    if (task.result?.state === 'fail') console.error(lab.logs());
  });
  let tries = 0;

  const web = (replicas: number, more: readonly string[] = []): void => {
    lab.kubectl('create', 'deployment', 'web', '--image=x', `--replicas=${replicas}`, ...more);
  };
  /** A namespace of its own, also on a second try. */
  const namespaceFor = (purpose: string): string => {
    tries += 1;
    const name = `${purpose}-${tries}`;
    lab.kubectl('create', 'namespace', name);
    return name;
  };
  /** One whose pods are all on n1. */
  const onN1 = async (purpose: string, replicas: number): Promise<string> => {
    const name = namespaceFor(purpose);
    for (const other of ['n2', 'n3', 'n4']) lab.kubectl('cordon', other);
    lab.clear('n1');
    web(replicas, ['-n', name]);
    const astray = (): readonly string[] =>
      lab
        .kubectl('get', 'pods', '-n', name, '-o', 'name', '--field-selector', 'spec.nodeName!=n1')
        .split('\n')
        .filter(Boolean);
    // A scheduler that has not seen the cordons yet, as after a restart of the API server, puts
    // some elsewhere: they are made again.
    for (let round = 0; round < 60; round += 1) {
      lab.kubectl('rollout', 'status', 'deployment/web', '-n', name, '--timeout=120s');
      const elsewhere = astray();
      if (elsewhere.length === 0) break;
      lab.kubectl('delete', '-n', name, '--wait=false', ...elsewhere);
      await sleep(1_000);
    }
    for (const other of ['n2', 'n3', 'n4']) lab.kubectl('uncordon', other);
    return name;
  };

  describe('drains as kubectl does', () => {
    /**
     * kubectl calls a node drained on which pods are left by an option; kmend waits for them, and
     * fails.
     */
    const notEmpty = new Set(['pod-selector', 'stuck-skip-wait']);
    it.each(recorded.map((row) => [row.name, row.flags, row] as const))(
      '%s %s',
      async (name, _, expected) => {
        const { cordoned, evicted, left } = expected;
        const exit = notEmpty.has(name) ? 1 : expected.exit;
        expect(await lab.runCase(name)).toMatchObject({ exit, cordoned, evicted, left });
      },
    );
  });

  describe('the manifest of a job', () => {
    const made = async (...flags: readonly string[]): Promise<string> => {
      const home = mkdtempSync(join(tmpdir(), 'kmend-cronjob-'));
      writeFileSync(join(home, 'auto.yaml'), '- hosts: all\n  tasks: []\n');
      writeFileSync(join(home, 'inventory.yaml'), 'all: {hosts: {a: {}}}\n');
      const words = [
        '--every',
        'Mon..Fri 22:00',
        '--as',
        'kubernetes',
        '--image',
        'registry.example/kmend:1',
        ...flags,
      ];
      const job = ['apply', 'auto.yaml', '-i', 'inventory.yaml'];
      const { exit, out } = await command(
        ['schedule', 'install', 'nightly', ...words, '--', ...job],
        { home },
      );
      expect(exit).toBe(0);
      writeFileSync(join(home, 'job.yaml'), out);
      return join(home, 'job.yaml');
    };

    it('is taken whole by an API server, which checks every field', async () => {
      lab.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'kmend' } });
      const path = await made('--kubernetes-version', '1.20');
      for (const how of ['client', 'server']) {
        const applied = lab
          .kubectl('apply', `--dry-run=${how}`, '--validate=true', '-f', path)
          .trim()
          .split('\n');
        expect(
          applied.map((line) => line.replace(/ (?:created|configured|unchanged) .*/, '')),
        ).toEqual([
          'clusterrole.rbac.authorization.k8s.io/kmend-rollout',
          'clusterrole.rbac.authorization.k8s.io/kmend-forecast',
          'role.rbac.authorization.k8s.io/kmend-events',
          'clusterrole.rbac.authorization.k8s.io/kmend-surge',
          'serviceaccount/kmend-nightly',
          'clusterrolebinding.rbac.authorization.k8s.io/kmend-nightly-rollout',
          'clusterrolebinding.rbac.authorization.k8s.io/kmend-nightly-forecast',
          'role.rbac.authorization.k8s.io/kmend-nightly',
          'rolebinding.rbac.authorization.k8s.io/kmend-nightly',
          'persistentvolumeclaim/kmend-nightly',
          'configmap/kmend-nightly',
          'cronjob.batch/kmend-nightly',
        ]);
      }
    });

    it('a field that is none is found, and so is a CronJob that is too new for this server', async () => {
      const path = await made('--kubernetes-version', '1.20');
      writeFileSync(
        path,
        readFileSync(path, 'utf8').replace('concurrencyPolicy: Forbid', 'concurrencyPolicy: Never'),
      );
      expect(() => lab.kubectl('apply', '--dry-run=server', '-f', path)).toThrow(
        /concurrencyPolicy/,
      );
      const newer = await made();
      expect(() => lab.kubectl('apply', '--dry-run=server', '-f', newer)).toThrow(/batch\/v1/);
    });
  });

  describe('with the rights of the shipped roles only', () => {
    const named = [
      'empty-node',
      'plain',
      'ds-flag',
      'mixed-all-flags',
      'pdb-one-at-a-time',
      'bare-no-flag',
    ];
    it.each(named)('rollout: %s', async (name) => {
      const expected = recorded.find((row) => row.name === name);
      expect(await lab.runCase(name, 'kmend')).toMatchObject({
        exit: expected?.exit,
        evicted: expected?.evicted,
        left: expected?.left,
      });
    });

    it('forecast: reads every part, and cordons nothing that it could not drain', async () => {
      lab.clear('n1');
      const cluster = await lab.cluster('kmend-forecast');
      const forecast = value(await cluster.forecast('n1', drainOptions()));
      expect(
        forecast.warnings.filter(
          (text) => text.includes('was not checked') || text.includes('were not read'),
        ),
      ).toEqual([]);
      expect(value(await cluster.nodes())).toHaveLength(4);
      expect(failure(await cluster.cordon('n1', owner)).message).toMatch(
        /may not create pods\/eviction: no pod could be evicted/,
      );
      expect(failure(await cluster.plainCordon('n1', { dryRun: false })).message).toMatch(
        /may not patch nodes n1 \(403\)/,
      );
      expect(value(await cluster.node('n1')).unschedulable).toBe(false);
    });

    it('the API server says which rights each account lacks', async () => {
      const rollout = await lab.cluster('kmend');
      const forecast = await lab.cluster('kmend-forecast');
      expect(value(await rollout.missingRights('rollout'))).toEqual([]);
      expect(value(await forecast.missingRights('forecast'))).toEqual([]);
      expect(value(await rollout.missingRights('delete'))).toEqual(['delete pods']);
      expect(value(await forecast.missingRights('rollout'))).toEqual([
        'patch nodes',
        'create pods/eviction',
      ]);
    });
  });

  it('the kubernetes gate asks for replicas, pods and nodes', async () => {
    const name = namespaceFor('gate');
    const cluster = await lab.cluster('kmend-forecast');
    const read = () =>
      createGates(cluster).read({
        name,
        kind: 'kubernetes',
        args: { not_ready: 0, min_ready: 4, pending_pods: 0, deployments: [`${name}/web`] },
        for: 0,
      });
    const becomes = async (open: boolean): Promise<string> => {
      let last = await read();
      for (let attempt = 0; attempt < 60 && last.open !== open; attempt += 1) {
        await sleep(500);
        last = await read();
      }
      return `${last.open ? 'open' : 'closed'}: ${last.read}`;
    };
    const all = ['n1', 'n2', 'n3', 'n4'];
    for (const node of all) lab.kubectl('cordon', node);
    web(2, ['-n', name]);
    expect(await becomes(false)).toMatch(
      /deployments short of replicas: 1 of 1 \(gate-\d+\/web has 0 of 2\)/,
    );
    for (const node of all) lab.kubectl('uncordon', node);
    expect(await becomes(true)).toBe(
      'open: 0 of 4 nodes not ready; pods pending: 0; deployments short of replicas: 0 of 1',
    );
    lab.kubectl('delete', 'namespace', name, '--wait=false');
  });

  it('lives through a restart of the API server in the middle of a drain', async () => {
    const name = await onN1('restart', 20);
    const cluster = await lab.cluster('kmend');
    value(await cluster.cordon('n1', owner));
    const restarted = sleep(150).then(() => lab.restartApiServer(outage));
    const outcome = await cluster.drain(
      'n1',
      drainOptions({ timeout: 120 }),
      owner,
      () => undefined,
    );
    await restarted;
    expect(value(outcome)).toMatchObject({
      left: [],
      evicted: expect.arrayContaining([expect.stringContaining(`${name}/web`)]),
    });
    expect(
      lab.kubectl('get', 'pods', '-n', name, '-o', 'jsonpath={.items[*].spec.nodeName}'),
    ).not.toMatch(/\bn1\b/);
    value(await cluster.uncordon('n1', owner));
    lab.kubectl('delete', 'namespace', name, '--wait=false');
  });

  it('forecasts a budget that can never allow, before any cordon', async () => {
    const name = await onN1('closed', 2);
    await lab.budget(name, 'web', { minAvailable: 2 });
    const cluster = await lab.cluster();
    const { blocks } = value(await cluster.forecast('n1', drainOptions()));
    expect(blocks).toEqual(
      [1, 2].map(() =>
        expect.stringMatching(
          /^closed-\d+\/web-.*: PDB web allows 0 of 2 \(minAvailable 2\): it can never allow one$/,
        ),
      ),
    );
    expect(value(await cluster.node('n1')).unschedulable).toBe(false);
    lab.kubectl('delete', 'namespace', name, '--wait=false');
  });

  it('is not fooled by the Ready of the old boot', async () => {
    const cluster = await lab.cluster();
    const before = value(await cluster.node('n2'));
    await lab.control('/reboot?node=n2&seconds=4&notready=2&kernel=3.10.0-1160.el7.x86_64');
    await sleep(1_500);
    const during = value(await cluster.node('n2'));
    // Down, and still shown as Ready: with the boot id of before the reboot.
    expect(during).toMatchObject({ ready: true, bootId: before.bootId });
    const expected = async () => {
      const state = value(await cluster.node('n2'));
      return readyAfterReboot(state, {
        bootId: state.bootId === before.bootId ? 'the new one' : state.bootId,
        kernel: '3.10.0-1160.el7.x86_64',
      });
    };
    expect((await expected()).ready).toBe(false);
    for (let turn = 0; turn < 40 && !(await expected()).ready; turn += 1) await sleep(500);
    expect(await expected()).toMatchObject({ ready: true });
  });
});
