// Ignores stale marks of manual drains: the process has ended, or an operator uncordoned the node.
import type { Api } from '../client/api.ts';
import type { NodeObject } from '../objects/objects.ts';
import { ownerAnnotation, ownershipOf } from './ownership.ts';

/**
 * Checks the process that a mark identifies: its name for messages, and why it may still be alive.
 */
export type JudgeHolder = (
  holder: unknown,
) => Promise<{ readonly name: string; readonly doubt?: string }>;

/**
 * Removes a stale mark from a node as read. `own` identifies this process: its own drain handles
 * its mark.
 */
async function judged(
  node: NodeObject,
  judge: JudgeHolder,
  own: object | undefined,
): Promise<NodeObject> {
  const ownership = ownershipOf(node);
  if (ownership?.holder === undefined || JSON.stringify(ownership.holder) === JSON.stringify(own))
    return node;
  const { name, doubt } = await judge(ownership.holder);
  if (doubt !== undefined && node.spec?.unschedulable === true)
    return { ...node, ownedBy: `${name}: ${doubt}` };
  const { [ownerAnnotation]: _stale, ...annotations } = node.metadata?.annotations ?? {};
  const why =
    node.spec?.unschedulable === true
      ? 'has ended'
      : 'no longer holds it: somebody uncordoned the node';
  return {
    ...node,
    metadata: { ...node.metadata, annotations },
    staleMark: `the mark of ${ownership.run} is stale: ${name} ${why}`,
  };
}

/** The same API, with stale marks removed from the nodes that it reads. */
export const withoutStaleMarks = (api: Api, judge: JudgeHolder, own: object | undefined): Api => ({
  ...api,
  node: async (name, signal) => {
    const node = await api.node(name, signal);
    return node.ok ? { ok: true, value: await judged(node.value, judge, own) } : node;
  },
  nodes: async (signal) => {
    const nodes = await api.nodes(signal);
    return nodes.ok
      ? { ok: true, value: await Promise.all(nodes.value.map((node) => judged(node, judge, own))) }
      : nodes;
  },
});
