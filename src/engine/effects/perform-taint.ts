// Sets and removes the taint of nodes that wait for their turn. It is an effect of the run, not of a
// host's walk: checked, announced in the journal, then written.
import type { RunState } from '../../core/run-state/state.ts';
import type { EventBody } from '../../model/run/event.ts';
import { failed, type Outcome } from '../../model/run/failure.ts';
import type { Cluster } from '../ports/cluster.ts';
import { createSlots } from '../session/slots.ts';
import { guardTaint } from './guard.ts';

export interface TaintEffect {
  readonly node: string;
  /** The run that the taint names. */
  readonly run: string;
}

export interface TaintContext {
  readonly cluster: Pick<Cluster, 'taint'>;
  readonly state: () => RunState;
  readonly record: (body: EventBody, sync: boolean) => Promise<unknown>;
  readonly signal: AbortSignal;
  /** Called with the result for each node. */
  readonly ended: (effect: TaintEffect, outcome: Outcome<true>) => Promise<void>;
}

/** Nodes written at the same moment. */
const atOnce = 8;

export async function performTaints(
  effects: readonly TaintEffect[],
  pending: boolean,
  context: TaintContext,
): Promise<void> {
  const refusal = guardTaint(pending, context.state());
  const allowed = effects.filter((effect) => refusal(effect) === undefined);
  const nodes = allowed.map(({ node }) => node);
  if (nodes.length > 0)
    await context.record({ type: pending ? 'nodes.tainted' : 'nodes.untainted', nodes }, true);
  const write = async (effect: TaintEffect): Promise<void> => {
    const why = refusal(effect);
    const written =
      why === undefined
        ? context.cluster.taint(effect.node, effect.run, pending, context.signal)
        : failed('refused', why);
    await context.ended(effect, await written);
  };
  const slots = createSlots(atOnce);
  await Promise.all(
    effects.map(async (effect) => {
      const free = await slots.take();
      await write(effect).finally(free);
    }),
  );
}
