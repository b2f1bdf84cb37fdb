// `rollout.prefer_no_schedule`: nodes whose turn is still to come have a taint, so that pods move
// to those that are done. Set and removed beside the loop. A host that is started waits for it a
// little, and so does the end of the run.
import { hostStates, type RunState } from '../core/run-state/state.ts';
import type { Rollout } from '../model/playbook.ts';
import type { EventBody } from '../model/run/event.ts';
import type { Outcome } from '../model/run/failure.ts';
import { performTaints } from './effects/perform-taint.ts';
import { retryFor } from './node/lists.ts';
import type { Cluster, NodeState } from './ports/cluster.ts';
import type { Clock } from './ports/local.ts';

export interface PendingInput {
  readonly cluster: Cluster;
  readonly clock: Clock;
  readonly run: string;
  readonly policy: Rollout;
  readonly state: () => RunState;
  readonly record: (body: EventBody, sync: boolean) => Promise<unknown>;
  /** The run is to stop: nothing waits for long. */
  readonly stop: AbortSignal;
}

export interface Pending {
  /**
   * Nodes as they were read: what a killed controller or an earlier run left on those of our hosts
   * is found.
   */
  readonly see: (nodes: readonly NodeState[]) => void;
  /**
   * Brings the taints to what the state of the run asks for; what fails on the way to the API
   * server is tried again later.
   */
  readonly settle: () => Promise<void>;
  /** Waits for it, not for long. */
  readonly settled: () => Promise<void>;
  /** Removes all taints of this run. */
  readonly end: () => Promise<void>;
}

/**
 * Milliseconds: the longest wait of a host that is started, the pause after a failure, and the
 * longest end of a run, also of one that is to stop.
 */
const [longestWait, pause, longestEnd, shortEnd] = [10_000, 15_000, 30_000, 1_000];

/** Nodes of hosts that are planned and not started, as long as hosts are started at all. */
function wantedNodes(state: RunState, policy: Rollout): ReadonlySet<string> {
  const { brake, paused, aborted, finished } = state;
  const isHeld = [brake, paused, aborted, finished].some((why) => why !== undefined);
  if (policy.preferNoSchedule !== true || state.started === 0 || isHeld) return new Set();
  const waiting = [...hostStates(state)].filter(
    ({ status }) => status === 'planned' || status === 'waiting',
  );
  return new Set(waiting.flatMap(({ plan }) => plan.node ?? []));
}

export function createPending({
  cluster,
  clock,
  run,
  policy,
  state,
  record,
  stop,
}: PendingInput): Pending {
  /** The run of the taint that a node has, as far as is known. */
  const known = new Map<string, string>();
  /** Set already: where a person removes the taint, it is not set again. */
  const done = new Set<string>();
  let seen: readonly unknown[] = [];
  let wanted: ReadonlySet<string> = new Set();
  const life = new AbortController();
  let settling: Promise<void> | undefined;
  let notBefore = 0;
  let warned = false;

  /**
   * Looking at all hosts after each entry of the journal would be slow: only after what may change
   * the answer.
   */
  function refresh(): void {
    const now = state();
    const inputs = [
      now.planned,
      now.waiting,
      now.brake,
      now.paused,
      now.aborted,
      now.finished,
      now.started,
    ];
    if (inputs.every((input, index) => input === seen[index]) && seen.length > 0) return;
    seen = inputs;
    wanted = wantedNodes(now, policy);
  }

  const missing = (): readonly string[] =>
    [...wanted].filter((node) => known.get(node) !== run && !done.has(node));
  const surplus = (): readonly string[] => [...known.keys()].filter((node) => !wanted.has(node));

  function forget(node: string, pending: boolean): void {
    if (pending) done.add(node);
    else for (const nodes of [done, known]) nodes.delete(node);
  }

  async function ended(node: string, pending: boolean, written: Outcome<true>): Promise<void> {
    if (written.ok && pending) known.set(node, run);
    if (written.ok) return forget(node, pending);
    const { kind, transport, message } = written.failure;
    if (transport === true) notBefore = clock.now() + pause;
    else forget(node, pending);
    // A node that is not there any more has no taint.
    if (kind === 'refused' || warned) return;
    warned = true;
    const text = `the taint kmend.io/pending could not be ${pending ? 'set on' : 'removed from'} node ${node}: ${message}`;
    await record({ type: 'warning', text }, false);
  }

  function write(nodes: readonly string[], pending: boolean): Promise<void> {
    const effects = nodes.map((node) => ({ node, run: pending ? run : (known.get(node) ?? run) }));
    return performTaints(effects, pending, {
      cluster,
      state,
      record,
      signal: life.signal,
      ended: ({ node }, written) => ended(node, pending, written),
    });
  }

  async function bring(): Promise<void> {
    await write(surplus(), false);
    await write(missing(), true);
  }

  function settle(): Promise<void> {
    refresh();
    if (
      settling === undefined &&
      clock.now() >= notBefore &&
      missing().length + surplus().length > 0
    )
      settling = bring().finally(() => {
        settling = undefined;
      });
    return settling ?? Promise.resolve();
  }

  /**
   * What the API server shows is removed, so that nothing stays which a killed controller had set.
   */
  async function removeAll(): Promise<void> {
    const nodes = await retryFor(() => cluster.nodes(life.signal), clock, life.signal);
    const shown = nodes.ok
      ? nodes.value.filter(({ pending }) => pending === run).map(({ name }) => name)
      : undefined;
    for (const node of shown ?? []) known.set(node, run);
    await write(shown ?? [...known.keys()], false);
  }

  return {
    see: (nodes) => {
      const ours = new Set([...hostStates(state())].map(({ plan }) => plan.node));
      for (const { name, pending } of nodes) {
        if (pending === undefined) known.delete(name);
        else if (pending === run || ours.has(name)) known.set(name, pending);
      }
    },
    settle,
    settled: async () => {
      void settle();
      if (settling === undefined) return;
      const limit = new AbortController();
      await Promise.race([
        settling,
        clock.sleep(longestWait, AbortSignal.any([limit.signal, stop])),
      ]).finally(() => limit.abort());
    },
    end: async () => {
      if (settling === undefined && policy.preferNoSchedule !== true) return;
      void clock.sleep(stop.aborted ? shortEnd : longestEnd, life.signal).then(() => life.abort());
      await settling;
      if (policy.preferNoSchedule === true) await removeAll();
      life.abort();
    },
  };
}
