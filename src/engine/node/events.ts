// Writes Kubernetes events on the nodes of a run, made from its journal. The run does not wait for
// them.
import { hostState, type RunState } from '../../core/run-state/state.ts';
import type { EffectKind, EffectResult } from '../../model/run/effect.ts';
import type { Event } from '../../model/run/event.ts';
import type { Failure } from '../../model/run/failure.ts';
import { plural } from '../../model/text/plural.ts';
import { oneLine } from '../../model/text/printable.ts';
import type { Cluster, NodeNote } from '../ports/cluster.ts';
import type { Clock } from '../ports/local.ts';

/** Characters of the message of an event. */
const longestText = 700;
/** Calls at once, and events that wait for a call: further ones are dropped. */
const [mostAtOnce, mostWaiting] = [2, 500];
/** Milliseconds that the end of a run waits for its last events. */
const lastWait = 1_000;

interface Description {
  readonly reason: string;
  readonly text: string;
  readonly warning?: true;
}

const countOf = (value: unknown): number => (Array.isArray(value) ? value.length : 0);

const podsOf = (count: number): string => plural(count, 'pod');

function drained({ data = {} }: EffectResult): Description {
  const remaining = countOf(data.left) + countOf(data.arrived);
  const but = remaining === 0 ? '' : `; ${podsOf(remaining)} still there`;
  return { reason: 'KmendDrained', text: `evicted ${podsOf(countOf(data.evicted))}${but}` };
}

/** Descriptions of effects that concern the node. */
const effects: Partial<Readonly<Record<EffectKind, (result: EffectResult) => Description>>> = {
  cordon: () => ({ reason: 'KmendCordoned', text: 'cordoned' }),
  drain: drained,
  reboot: ({ data }) => ({
    reason: 'KmendRebooted',
    text: `rebooted, its boot id is ${data?.bootId}`,
  }),
  uncordon: ({ data }) => ({
    reason: 'KmendReturned',
    text: data?.uncordoned === true ? 'uncordoned' : `left as it was found: ${data?.why}`,
  }),
};

function describe(event: Event, before: RunState): Description | undefined {
  switch (event.type) {
    case 'effect.done': {
      const kind = hostState(before, event.host)?.inFlight.find(
        ({ effect }) => effect === event.effect,
      )?.kind;
      return kind === undefined ? undefined : effects[kind]?.(event.result);
    }
    case 'proof':
      return event.by === 'none'
        ? undefined
        : {
            reason: 'KmendProven',
            text: `kernel-memory accounting ${event.verdict}: ${event.evidence}`,
          };
    case 'host.failed': {
      const { kind, message, resumable } = event.failure;
      const reason = resumable === true ? 'KmendInterrupted' : 'KmendFailed';
      return { reason, text: `${kind}: ${message} [left: ${event.state}]`, warning: true };
    }
    default:
      return undefined;
  }
}

/** The Kubernetes event for an entry of the journal, if it concerns a node. `before`: the state
 * before the entry. */
export function noteOf(event: Event, before: RunState): NodeNote | undefined {
  const host =
    'host' in event && event.host !== undefined ? hostState(before, event.host) : undefined;
  const node = host?.plan.node;
  const described = node === undefined ? undefined : describe(event, before);
  if (node === undefined || described === undefined) return undefined;
  const message = `${oneLine(described.text, longestText)} (kmend run ${before.run})`;
  return { node, reason: described.reason, message, warning: described.warning === true };
}

export interface EventWriter {
  readonly see: (event: Event, state: RunState) => void;
  /** Waits briefly for calls under way, and drops the rest. */
  readonly close: () => Promise<void>;
}

/**
 * @param before the state of the journal so far
 * @param mayNot called once if the account has no right to write events: no further one is tried
 */
export function createEventWriter(
  cluster: Cluster,
  clock: Clock,
  before: RunState,
  mayNot: (failure: Failure) => void,
): EventWriter {
  const limit = new AbortController();
  const waiting: NodeNote[] = [];
  const busy = new Set<Promise<void>>();
  let known = before;

  async function writeNotes(): Promise<void> {
    for (
      let note = waiting.shift();
      note !== undefined && !limit.signal.aborted;
      note = waiting.shift()
    ) {
      const outcome = await cluster.announce(note, limit.signal);
      if (
        outcome.ok ||
        outcome.failure.kind !== 'auth' ||
        outcome.failure.transport === true ||
        limit.signal.aborted
      )
        continue;
      limit.abort();
      mayNot(outcome.failure);
    }
  }

  return {
    see: (event, state) => {
      const note = noteOf(event, known);
      known = state;
      if (note === undefined || limit.signal.aborted || waiting.length >= mostWaiting) return;
      waiting.push(note);
      if (busy.size >= mostAtOnce) return;
      // An error here must not end the run.
      const writing = writeNotes()
        .catch(() => {})
        .finally(() => busy.delete(writing));
      busy.add(writing);
    },
    close: async () => {
      const late = clock.sleep(lastWait, limit.signal);
      await Promise.race([late, Promise.all(busy)]);
      limit.abort();
    },
  };
}
