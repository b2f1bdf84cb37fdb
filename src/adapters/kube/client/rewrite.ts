// Reads an object, decides and writes. After a conflict (409) it reads and decides again.
import { type Failure, type Outcome, ok } from '../../../model/run/failure.ts';
import type { DeploymentObject, NodeObject } from '../objects/objects.ts';
import { type Api, noNode } from './api.ts';
import type { HttpReply } from './http.ts';

export interface Rewritable<T> {
  readonly read: () => Promise<Outcome<T>>;
  /** If the patch holds `resourceVersion`, the server refuses it once the object has changed. */
  readonly write: (patch: object) => Promise<Outcome<HttpReply>>;
  readonly failure: (reply: HttpReply) => Failure;
}

/** A kubelet writes its node's status often, and each write changes `resourceVersion`. */
const patchTries = 8;

export async function rewrite<T, D extends { readonly patch?: object }>(
  target: Rewritable<T>,
  decide: (object: T) => D | Promise<D>,
): Promise<Outcome<D>> {
  for (let tries = 1; ; tries += 1) {
    const found = await target.read();
    if (!found.ok) return found;
    const decision = await decide(found.value);
    if (decision.patch === undefined) return ok(decision);
    const reply = await target.write(decision.patch);
    if (!reply.ok) return reply;
    if (reply.value.status < 300) return ok(decision);
    if (reply.value.status !== 409 || tries >= patchTries)
      return { ok: false, failure: target.failure(reply.value) };
  }
}

export async function readNode(
  api: Api,
  name: string,
  signal: AbortSignal | undefined,
): Promise<Outcome<NodeObject>> {
  const node = await api.node(name, signal);
  return !node.ok && node.failure.kind === 'refused' ? noNode(name) : node;
}

export const ofNode = (
  api: Api,
  name: string,
  signal: AbortSignal | undefined,
): Rewritable<NodeObject> => ({
  read: () => readNode(api, name, signal),
  write: (patch) => api.patchNode(name, patch, signal),
  failure: (reply) => api.nodeFailure(reply, name),
});

/** `key`: `namespace/name`. */
export const ofDeployment = (
  api: Api,
  key: string,
  signal: AbortSignal | undefined,
): Rewritable<DeploymentObject> => ({
  read: () => api.deployment(key, signal),
  write: (patch) => api.patchDeployment(key, patch, signal),
  failure: (reply) => api.deploymentFailure(reply, key),
});
