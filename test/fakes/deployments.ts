// The controllers of Deployments and PDBs on the fake API server, as far as a drain sees them: one
// Deployment with one PDB over its pods.
import type { FakeKube } from './kube-api.ts';

// biome-ignore lint/suspicious/noExplicitAny: objects of the fake, which are JSON of any shape
type Json = any;

export interface DeployedOptions {
  readonly name?: string;
  readonly replicas?: number;
  /** Where the pods that come later are; n2 by default. */
  readonly elsewhere?: string;
  /** Milliseconds until a new pod is Ready; `never` = it never is. */
  readonly readyAfter?: number | 'never';
  readonly spec?: Json;
  /** Of the PDB; minAvailable = the replicas by default. */
  readonly budget?: Json;
}

const restartedAt = 'kubectl.kubernetes.io/restartedAt';

/** Runs its first pods on n1. */
export function deploy(fake: FakeKube, options: DeployedOptions = {}) {
  const {
    name = 'web',
    replicas = 1,
    elsewhere = 'n2',
    readyAfter = 30,
    budget = { minAvailable: replicas },
  } = options;
  const key = `deployments/shop/${name}`;
  const counts: number[] = [];
  const writes: number[] = [];
  let made = 0;
  const owned = (): Json[] =>
    [...fake.pods.values()].filter((pod) => pod.metadata.labels?.app === name);
  const living = (): Json[] =>
    owned().filter((pod) => pod.metadata.deletionTimestamp === undefined);
  const isReady = (pod: Json): boolean => pod.status.conditions[0].status === 'True';
  const deployment = (): Json => fake.workloads.get(key);
  const pdb = fake.addPdb(
    `${name}-pdb`,
    { app: name },
    { spec: { minAvailable: undefined, ...budget } },
  );

  function count(): void {
    const healthy = living().filter(isReady).length;
    const expected = deployment().spec.replicas;
    const least =
      budget.maxUnavailable === undefined ? budget.minAvailable : expected - budget.maxUnavailable;
    counts.push(healthy);
    pdb.status = {
      ...pdb.status,
      disruptionsAllowed: Math.max(0, healthy - least),
      currentHealthy: healthy,
      desiredHealthy: least,
      expectedPods: expected,
    };
  }

  function add(node: string, ready: boolean): void {
    made += 1;
    const stamp = deployment().spec.template.metadata.annotations?.[restartedAt];
    const pod = fake.addPod({
      name: `${name}-${made}`,
      node,
      owner: { kind: 'ReplicaSet', name: `${name}-rs` },
      labels: { app: name },
      annotations: stamp === undefined ? {} : { [restartedAt]: stamp },
      ready,
    });
    if (!ready && readyAfter !== 'never')
      setTimeout(() => {
        pod.status.conditions[0].status = 'True';
        reconcile();
      }, readyAfter);
  }

  /**
   * New pods first (maxSurge 1), old ones go when as many new ones are Ready; what is too many goes
   * newest and unready first.
   */
  function reconcile(): void {
    const { replicas: wanted, template } = deployment().spec;
    const newest = living().filter(
      (pod) =>
        pod.metadata.annotations[restartedAt] === template.metadata.annotations?.[restartedAt],
    );
    const old = living().filter((pod) => !newest.includes(pod));
    if (newest.length < wanted && living().length <= wanted) add(elsewhere, false);
    for (const pod of old.slice(
      0,
      Math.max(0, newest.filter(isReady).length + old.length - wanted),
    ))
      end(pod);
    const spare = newest.toSorted(
      (a, b) =>
        Number(isReady(a)) - Number(isReady(b)) || b.metadata.name.localeCompare(a.metadata.name),
    );
    for (const pod of spare.slice(0, Math.max(0, newest.length - wanted))) end(pod);
    count();
  }
  function end(pod: Json): void {
    pod.metadata.deletionTimestamp = new Date().toISOString();
    setTimeout(() => {
      fake.remove(pod);
      reconcile();
    }, 20);
  }

  fake.workloads.set(key, {
    metadata: { name, namespace: 'shop', resourceVersion: '1', annotations: {} },
    spec: {
      replicas,
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
      template: { metadata: { labels: { app: name } } },
      ...options.spec,
    },
  });
  const owner = { kind: 'Deployment', name, uid: `uid-${name}`, controller: true };
  fake.workloads.set(`replicasets/shop/${name}-rs`, {
    metadata: { name: `${name}-rs`, namespace: 'shop', ownerReferences: [owner] },
  });
  for (let index = 0; index < replicas; index += 1) add('n1', true);
  count();
  fake.afterDeployment(({ spec }) => {
    writes.push(spec.replicas);
    setTimeout(reconcile, 20);
  });
  fake.afterEviction(() => setTimeout(reconcile, 20));
  return {
    deployment,
    /** Ready pods after each change. */
    counts,
    /** The replicas that each write of the Deployment left. */
    writes,
    podsOn: (node: string): readonly string[] =>
      owned().flatMap((pod) => (pod.spec.nodeName === node ? [pod.metadata.name] : [])),
  };
}
