// Proof that a pod with a lock is dead: the kubelet's report or the next boot of its node, never
// its absence from the API.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createPodWitness } from '../../src/adapters/kube/index.ts';
import { systemClock } from '../../src/adapters/local/index.ts';
import type { PodHolder } from '../../src/engine/ports/store.ts';
import { type FakeKube, startFakeKube } from '../fakes/kube-api.ts';
import { pki } from '../fakes/kube-tls.ts';

const account = mkdtempSync(join(tmpdir(), 'kmend-account-'));
let fake: FakeKube;
beforeAll(async () => {
  fake = await startFakeKube({ tokens: { t1: 'system:serviceaccount:kmend:kmend-nightly' } });
  writeFileSync(join(account, 'ca.crt'), pki().ca);
  writeFileSync(join(account, 'token'), 't1');
  writeFileSync(join(account, 'namespace'), 'kmend\n');
});
afterAll(async () => {
  await fake.stop();
  rmSync(account, { recursive: true });
});

const witness = (bootId: string, env: Readonly<Record<string, string>> = {}) =>
  createPodWitness({
    env: {
      KUBERNETES_SERVICE_HOST: '127.0.0.1',
      KUBERNETES_SERVICE_PORT: String(fake.port),
      ...env,
    },
    clock: systemClock,
    bootId,
    account,
  });
const seer = () => witness('boot-n2-1');

const nodeInfo = (boot: number, machine = 'm1') => ({
  status: { nodeInfo: { bootID: `boot-n1-${boot}`, systemUUID: machine, machineID: machine } },
});
const ended = {
  name: 'c',
  state: { terminated: { exitCode: 137, reason: 'Error', containerID: 'containerd://1' } },
};
const running = { name: 'c', state: { running: {} } };
const unknown = {
  name: 'c',
  state: {
    terminated: { exitCode: 137, reason: 'ContainerStatusUnknown', containerID: 'containerd://1' },
  },
};

let pod: ReturnType<FakeKube['addPod']>;
let holder: PodHolder;
beforeEach(async () => {
  fake.pods.clear();
  fake.faults(() => undefined);
  fake.addNode('n1', nodeInfo(1));
  pod = fake.addPod({ name: 'nightly-1', namespace: 'kmend', node: 'n1' });
  pod.status.containerStatuses = [running];
  const own = await witness('boot-n1-1', { KMEND_POD_NAME: 'nightly-1' }).own();
  if (own === undefined) throw new Error('the pod does not know itself');
  holder = own;
});

describe('a pod identifies itself', () => {
  const itself = { namespace: 'kmend', name: 'nightly-1', uid: expect.any(String) };
  const booted = { boot: 'boot-n1-1', machine: 'm1 m1' };
  it.each<[string, string, Readonly<Record<string, string>>, object | undefined]>([
    [
      'by the API server',
      'boot-n1-1',
      { KMEND_POD_NAME: 'nightly-1' },
      { ...itself, node: { name: 'n1', booted } },
    ],
    [
      'without the boot of its node where its kernel is another',
      'a microVM',
      { KMEND_POD_NAME: 'nightly-1' },
      { ...itself, node: { name: 'n1' } },
    ],
    ['not by a host name that no pod has', 'boot-n1-1', {}, undefined],
    [
      'not as another pod of its name',
      'boot-n1-1',
      { KMEND_POD_NAME: 'nightly-1', KMEND_POD_UID: 'u0' },
      { ...itself, uid: 'u0' },
    ],
  ])('%s', async (_name, bootId, env, own) => {
    expect(await witness(bootId, env).own()).toEqual(own);
  });

  it('by its host name, if the manifest sets no variables', async () => {
    fake.addPod({ name: hostname(), namespace: 'kmend', node: 'n1' });
    expect(await witness('boot-n1-1').own()).toMatchObject({
      name: hostname(),
      node: { name: 'n1', booted },
    });
  });

  it('by its manifest alone, if the API server cannot be reached', async () => {
    fake.faults(() => ({ status: 403, body: {} }));
    const env = {
      KMEND_POD_NAMESPACE: 'kmend',
      KMEND_POD_NAME: 'nightly-1',
      KMEND_POD_UID: 'u1',
      KMEND_NODE_NAME: 'n1',
    };
    expect(await witness('boot-n1-1', env).own()).toEqual({
      namespace: 'kmend',
      name: 'nightly-1',
      uid: 'u1',
      node: { name: 'n1' },
    });
  });
});

describe('a pod counts as dead only by proof: it', () => {
  const vanish = () => fake.pods.clear();
  it.each<[string, () => void, string | undefined]>([
    ['is alive while it runs', () => {}, 'no kubelet has reported'],
    [
      'is dead when its kubelet reported the end of its containers',
      () => Object.assign(pod.status, { containerStatuses: [ended] }),
      undefined,
    ],
    [
      'is not dead by its phase alone, which controllers set for lost nodes',
      () => Object.assign(pod.status, { phase: 'Failed' }),
      'no kubelet',
    ],
    [
      'is not dead while one of its containers runs',
      () => Object.assign(pod.status, { containerStatuses: [ended, running] }),
      'no kubelet',
    ],
    [
      'is not dead when one of its containers was never reported',
      () =>
        void [
          Object.assign(pod.status, { containerStatuses: [ended] }),
          pod.spec.containers.push({ name: 'd' }),
        ],
      'no kubelet',
    ],
    [
      'is not dead before anything was reported',
      () => Object.assign(pod.status, { containerStatuses: [] }),
      'no kubelet',
    ],
    [
      'is not dead when its kubelet does not know',
      () => Object.assign(pod.status, { containerStatuses: [unknown] }),
      'no kubelet',
    ],
    [
      'is not dead by being deleted',
      () => Object.assign(pod.metadata, { deletionTimestamp: '2026-01-01T00:00:00Z' }),
      'no kubelet',
    ],
    ['may still run when it vanished', vanish, 'may still run on its node'],
    [
      'may still run when another one replaced it',
      () => Object.assign(pod.metadata, { uid: 'u9' }),
      'may still run on its node',
    ],
    ['is dead when its node booted since', () => fake.changeNode('n1', nodeInfo(2)), undefined],
    [
      'is dead when it vanished and its node booted since',
      () => void [vanish(), fake.changeNode('n1', nodeInfo(2))],
      undefined,
    ],
    [
      'is not dead when another machine took the name of its node',
      () => void [vanish(), fake.changeNode('n1', nodeInfo(2, 'm2'))],
      'may still run',
    ],
    [
      'is not dead when its node was deleted',
      () => void [vanish(), fake.nodes.delete('n1')],
      'may still run',
    ],
    [
      'is not dead when nobody may ask',
      () => fake.faults(({ path }) => (path.includes('/pods/') ? forbidden : undefined)),
      'may not get pods',
    ],
    [
      'is not dead when the answer is nonsense',
      () => fake.faults(() => ({ status: 200, body: '<html>' })),
      'cannot say whether it ended',
    ],
    [
      'is not dead when the answer has other fields',
      () => Object.assign(pod.status, { containerStatuses: 7 }),
      'of another kind',
    ],
  ])('%s', async (_name, happens, doubt) => {
    happens();
    const says = await seer().doubt(holder);
    if (doubt === undefined) expect(says).toBeUndefined();
    else expect(says).toContain(doubt);
  });

  it('is not dead by a boot of its node if its kernel was another', async () => {
    const own = await witness('a microVM', { KMEND_POD_NAME: 'nightly-1' }).own();
    fake.changeNode('n1', nodeInfo(2));
    expect(own && (await seer().doubt(own))).toContain('no kubelet has reported');
  });
});

const forbidden = {
  status: 403,
  body: {
    kind: 'Status',
    status: 'Failure',
    reason: 'Forbidden',
    message: 'pods "nightly-1" is forbidden: User "x" cannot get resource "pods"',
  },
};
