// What a run says in the cluster: Kubernetes events on the nodes of its hosts, made from the
// journal. Nothing waits for them.
import { hostState, type RunState } from '../../core/run-state/state.ts';
import type { EffectKind, EffectResult } from '../../model/run/effect.ts';
import type { Event } from '../../model/run/event.ts';
import type { Failure } from '../../model/run/failure.ts';
import { oneLine } from '../../model/text/printable.ts';
import type { Cluster, NodeNote } from '../ports/cluster.ts';
import type { Clock } from '../ports/local.ts';

/** Characters of what is said of a node. */
const longestText = 700;
/** Calls at one moment, and events that wait for one: what is more is dropped. */
const [mostAtOnce, mostWaiting] = [2, 500];
/** Milliseconds that the end of a run waits for its last events. */
const lastWords = 1_000;

interface Said {
  readonly reason: string;
  readonly text: string;
  readonly warning?: true;
}

const countOf = (value: unknown): number => (Array.isArray(value) ? value.length : 0);

const podsOf = (count: number): string => `${count} ${count === 1 ? 'pod' : 'pods'}`;

function drained({ data = {} }: EffectResult): Said {
  const remaining = countOf(data.left) + countOf(data.arrived);
  const but = remaining === 0 ? '' : `; ${podsOf(remaining)} still there`;
  return { reason: 'KmendDrained', text: `evicted ${podsOf(countOf(data.evicted))}${but}` };
}

/**
 * What became of the node, by the effect that is done; nothing for effects that only concern the
 * host.
 */
const effects: Partial<Readonly<Record<EffectKind, (result: EffectResult) => Said>>> = {
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

function said(event: Event, before: RunState): Said | undefined {
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

/**
 * The note for an entry of the journal; nothing for what does not concern a node. `before`: the
 * state without it.
 */
export function noteOf(event: Event, before: RunState): NodeNote | undefined {
  const host =
    'host' in event && event.host !== undefined ? hostState(before, event.host) : undefined;
  const node = host?.plan.node;
  const words = node === undefined ? undefined : said(event, before);
  if (node === undefined || words === undefined) return undefined;
  const message = `${oneLine(words.text, longestText)} (kmend run ${before.run})`;
  return { node, reason: words.reason, message, warning: words.warning === true };
}

export interface EventWriter {
  readonly see: (event: Event, state: RunState) => void;
  /** Waits a moment for what is under way, and gives up the rest. */
  readonly close: () => Promise<void>;
}

/**
 * @param before what the journal folds to so far; `mayNot` hears once that the account has no right
 * to write events: none is tried again
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

  async function speak(): Promise<void> {
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
      // Whatever goes wrong here is no reason to end a run.
      const speaking = speak()
        .catch(() => {})
        .finally(() => busy.delete(speaking));
      busy.add(speaking);
    },
    close: async () => {
      const late = clock.sleep(lastWords, limit.signal);
      await Promise.race([late, Promise.all(busy)]);
      limit.abort();
    },
  };
}
