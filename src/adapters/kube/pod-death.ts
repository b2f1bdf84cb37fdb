// Decides whether a pod that held a lock is dead: the kubelet reported the end of its containers,
// or its node has booted since. A pod that is only missing from the API may still run on an
// unreachable node.

import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import type { Clock } from '../../engine/ports/local.ts';
import type { PodHolder, PodWitness } from '../../engine/ports/store.ts';
import { present } from '../../model/present.ts';
import { accountFolder } from './auth/kubeconfig.ts';
import type { Api } from './client/api.ts';
import { openApi } from './cluster.ts';
import type { NodeObject, PodObject } from './objects/objects.ts';

export interface PodWitnessOptions {
  /**
   * Environment of a pod. KMEND_POD_NAMESPACE, KMEND_POD_NAME, KMEND_POD_UID and KMEND_NODE_NAME
   * are used if its manifest sets them.
   */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  /** Boot id of the kernel on which this process runs. */
  readonly bootId: string;
  /** Folder of the in-cluster account, for tests. */
  readonly account?: string;
}

/**
 * Milliseconds for all calls about a pod. An unreachable API server proves nothing, and must not
 * stop a run.
 */
const timeLimit = 15_000;

export function createPodWitness(options: PodWitnessOptions): PodWitness {
  const { env, bootId, clock, account = accountFolder } = options;
  async function asking<T>(
    otherwise: (why: string) => T,
    ask: (api: Api, signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const opened = await openApi({
      kubeconfigs: [],
      parseYaml: () => undefined,
      env,
      clock,
      accountFolder: account,
    });
    if (!opened.ok) return otherwise(opened.failure.message);
    const { api } = opened.value;
    try {
      return await ask(api, AbortSignal.timeout(timeLimit));
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      return otherwise('a field of its answer is of another kind');
    } finally {
      api.close();
    }
  }
  return {
    own: async () => {
      const given = givenPod(env, account);
      const named: PodHolder | undefined =
        given.uid === undefined ? undefined : { ...given, uid: given.uid };
      if (given.namespace === '') return named;
      return asking<PodHolder | undefined>(
        () => named,
        async (api, signal) => (await ownPod(api, given, bootId, signal)) ?? named,
      );
    },
    doubt: (pod) =>
      asking<string | undefined>(
        (why) => `its cluster cannot say whether it ended: ${why}`,
        (api, signal) => doubtAbout(api, pod, signal),
      ),
  };
}

type GivenPod = Omit<PodHolder, 'uid'> & { readonly uid?: string };

/** The pod from its manifest's variables. The default name is the host name. */
function givenPod(env: PodWitnessOptions['env'], account: string): GivenPod {
  const {
    KMEND_POD_NAMESPACE: namespace,
    KMEND_POD_NAME: name,
    KMEND_POD_UID: uid,
    KMEND_NODE_NAME: node,
  } = env;
  return {
    namespace: namespace ?? namespaceIn(account),
    name: name ?? hostname(),
    ...present({ uid }),
    ...(node === undefined ? {} : { node: { name: node } }),
  };
}

function namespaceIn(account: string): string {
  try {
    return readFileSync(`${account}/namespace`, 'utf8').trim();
  } catch {
    return '';
  }
}

const machineOf = ({ status }: NodeObject): string =>
  [status?.nodeInfo?.systemUUID, status?.nodeInfo?.machineID].join(' ').trim();
const bootOf = ({ status }: NodeObject): string => status?.nodeInfo?.bootID ?? '';

/** Undefined: the API server does not know this pod. */
async function ownPod(
  api: Api,
  given: GivenPod,
  bootId: string,
  signal: AbortSignal,
): Promise<PodHolder | undefined> {
  const { namespace, name } = given;
  const pod = await api.pod(namespace, name, signal);
  const uid = pod.ok ? pod.value.metadata?.uid : undefined;
  if (!pod.ok || uid === undefined || (given.uid ?? uid) !== uid) return undefined;
  const nodeName = pod.value.spec?.nodeName;
  if (nodeName === undefined) return { namespace, name, uid };
  const node = await api.node(nodeName, signal);
  // A pod in its own virtual machine has another kernel, with another boot id.
  const isItsKernel =
    node.ok && bootId !== '' && bootOf(node.value) === bootId && machineOf(node.value) !== '';
  const booted = isItsKernel ? { booted: { boot: bootId, machine: machineOf(node.value) } } : {};
  return { namespace, name, uid, node: { name: nodeName, ...booted } };
}

async function doubtAbout(
  api: Api,
  pod: PodHolder,
  signal: AbortSignal,
): Promise<string | undefined> {
  if (await hasNodeBooted(api, pod, signal)) return undefined;
  const found = await api.pod(pod.namespace, pod.name, signal);
  if (!found.ok && found.failure.kind !== 'refused')
    return `its cluster cannot say whether it ended: ${found.failure.message}`;
  if (!found.ok || found.value.metadata?.uid !== pod.uid)
    return 'it is no longer in the API, and may still run on its node';
  return hasEnded(found.value) ? undefined : 'no kubelet has reported that its containers ended';
}

/** Checks the machine too, since names of nodes are reused. */
async function hasNodeBooted(api: Api, { node }: PodHolder, signal: AbortSignal): Promise<boolean> {
  if (node?.booted === undefined) return false;
  const now = await api.node(node.name, signal);
  return (
    now.ok &&
    machineOf(now.value) === node.booted.machine &&
    bootOf(now.value) !== '' &&
    bootOf(now.value) !== node.booted.boot
  );
}

/**
 * The phase proves nothing: controllers set it too, for pods of lost nodes. Only a kubelet reports
 * how each container ended; ContainerStatusUnknown means that it does not know.
 */
function hasEnded({ spec, status }: PodObject): boolean {
  const containers = status?.containerStatuses ?? [];
  const ended = containers.filter(({ state }) => {
    const { containerID = '', reason } = state?.terminated ?? {};
    return containerID !== '' && reason !== 'ContainerStatusUnknown';
  });
  return (
    ended.length > 0 &&
    ended.length === containers.length &&
    ended.length === spec?.containers?.length
  );
}
