// A cluster on a fake API server, for the tests of this folder.

import { createApi } from '../../src/adapters/kube/client/api.ts';
import { clusterOf } from '../../src/adapters/kube/cluster.ts';
import {
  type ClusterOptions,
  createCluster,
  type KubeCluster,
} from '../../src/adapters/kube/index.ts';
import { systemClock } from '../../src/adapters/local/index.ts';
import type { World } from '../../src/cli/world.ts';
import type { Cluster } from '../../src/engine/ports/cluster.ts';
import { parsePlain } from '../../src/load/text/yaml-data.ts';
import type { Failure, Outcome } from '../../src/model/run/failure.ts';
import type { FakeKube } from '../fakes/kube-api.ts';
import { fakeHttp } from '../fakes/kube-http.ts';

type Json = Record<string, unknown>;

export interface On {
  readonly user?: Json;
  readonly cluster?: Json;
  readonly options?: Partial<ClusterOptions>;
}

export const tryCluster = (
  fake: FakeKube,
  { user, cluster, options }: On = {},
): Promise<Outcome<KubeCluster>> =>
  createCluster({
    kubeconfigs: [
      {
        path: '/home/ann/.kube/config',
        text: fake.kubeconfig(user ?? fake.clientCertificate, cluster),
      },
    ],
    parseYaml: JSON.parse,
    env: {},
    clock: systemClock,
    ...options,
  });

export async function clusterOn(fake: FakeKube, on: On = {}): Promise<KubeCluster> {
  return value(await tryCluster(fake, on));
}

/** The cluster without a network, for tests that count calls. */
export function clusterIn(fake: FakeKube, options: Partial<ClusterOptions> = {}): KubeCluster {
  const whole = { kubeconfigs: [], parseYaml: JSON.parse, env: {}, clock: systemClock, ...options };
  const description = 'user "ann" of the test';
  return clusterOf(
    { api: createApi(fakeHttp(fake), description, whole.clock), description, unsafe: undefined },
    whole,
  );
}

export function value<T>(outcome: Outcome<T>): T {
  if (!outcome.ok) throw new Error(`${outcome.failure.kind}: ${outcome.failure.message}`);
  return outcome.value;
}

export function failure(outcome: Outcome<unknown>): Failure {
  if (outcome.ok)
    throw new Error(`a failure was expected, it gave ${JSON.stringify(outcome.value)}`);
  return outcome.failure;
}

export const owner = { run: 'r1', number: 1 };

/**
 * For the world of a command line: the fake's cluster, whatever kubeconfig the command was given;
 * `entry` changes its cluster entry.
 */
export const clusterFor =
  (fake: FakeKube, entry: Json = {}): World['cluster'] =>
  async ({ kubeconfigs: _paths, ...needs }) =>
    createCluster({
      kubeconfigs: [{ path: 'kubeconfig', text: fake.kubeconfig(fake.clientCertificate, entry) }],
      parseYaml: parsePlain,
      env: {},
      clock: systemClock,
      ...needs,
    });

/** The same without a network. */
export const clusterWithin =
  (fake: FakeKube): World['cluster'] =>
  async ({ kubeconfigs: _paths, ...needs }) => ({ ok: true, value: clusterIn(fake, needs) });

/** Cordons and drains as the engine does, and returns the progress texts. */
export async function cordonAndDrain(
  cluster: Cluster,
  options: Parameters<Cluster['drain']>[1],
  signal?: AbortSignal,
) {
  const said: string[] = [];
  const cordoned = await cluster.cordon('n1', owner);
  if (!cordoned.ok) return { outcome: cordoned, said, seconds: 0 };
  const started = performance.now();
  const outcome = await cluster.drain('n1', options, owner, (text) => said.push(text), {
    ...(signal === undefined ? {} : { signal }),
  });
  return { outcome, said, seconds: (performance.now() - started) / 1000 };
}

export const sleep = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));
