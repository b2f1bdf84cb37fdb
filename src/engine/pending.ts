// `rollout.prefer_no_schedule`: nodes that wait for their turn have a taint, so that pods move to
// nodes that are done. The taints are set and removed beside the loop. A host that starts, and the
// end of the run, wait for that a little.
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

/**
 * Milliseconds: the longest wait of a host that starts, the pause after a failure, and the longest
 * end of a run, also of one that is to stop.
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

/** Keeps the pending taints as the state of the run wants them. */
export class PendingTaints {
  readonly #input: PendingInput;
  /** The run of the taint that a node has, as far as is known. */
  readonly #known = new Map<string, string>();
  /** Nodes with a taint that was set once: if an operator removes it, it is not set again. */
  readonly #done = new Set<string>();
  readonly #life = new AbortController();
  #inputs: readonly unknown[] = [];
  #wanted: ReadonlySet<string> = new Set();
  #reconciling: Promise<void> | undefined;
  #notBefore = 0;
  #warned = false;

  constructor(input: PendingInput) {
    this.#input = input;
  }

  /** Learns taints from a reading: also those of a killed controller or of an earlier run. */
  see(nodes: readonly NodeState[]): void {
    const { run, state } = this.#input;
    const ours = new Set([...hostStates(state())].map(({ plan }) => plan.node));
    for (const { name, pending } of nodes) {
      if (pending === undefined) this.#known.delete(name);
      else if (pending === run || ours.has(name)) this.#known.set(name, pending);
    }
  }

  /** Sets and removes taints. If the API server cannot be reached, a later call tries again. */
  reconcile(): Promise<void> {
    this.#refreshWanted();
    const isDue = this.#input.clock.now() >= this.#notBefore;
    if (this.#reconciling === undefined && isDue && this.#missing.length + this.#surplus.length > 0)
      this.#reconciling = this.#writeAll().finally(() => {
        this.#reconciling = undefined;
      });
    return this.#reconciling ?? Promise.resolve();
  }

  /** Reconciles, and waits for that a little. */
  async reconciled(): Promise<void> {
    const { clock, stop } = this.#input;
    void this.reconcile();
    if (this.#reconciling === undefined) return;
    const limit = new AbortController();
    await Promise.race([
      this.#reconciling,
      clock.sleep(longestWait, AbortSignal.any([limit.signal, stop])),
    ]).finally(() => limit.abort());
  }

  /** Removes all taints of this run. */
  async end(): Promise<void> {
    const { clock, policy, stop } = this.#input;
    if (this.#reconciling === undefined && policy.preferNoSchedule !== true) return;
    const { signal } = this.#life;
    void clock.sleep(stop.aborted ? shortEnd : longestEnd, signal).then(() => this.#life.abort());
    await this.#reconciling;
    if (policy.preferNoSchedule === true) await this.#removeAll();
    this.#life.abort();
  }

  /** Reads all hosts only if the state has changed in what matters: it is called for every event. */
  #refreshWanted(): void {
    const state = this.#input.state();
    const { planned, waiting, brake, paused, aborted, finished, started } = state;
    const inputs = [planned, waiting, brake, paused, aborted, finished, started];
    if (inputs.every((one, index) => one === this.#inputs[index]) && this.#inputs.length > 0)
      return;
    this.#inputs = inputs;
    this.#wanted = wantedNodes(state, this.#input.policy);
  }

  get #missing(): readonly string[] {
    return [...this.#wanted].filter(
      (node) => this.#known.get(node) !== this.#input.run && !this.#done.has(node),
    );
  }

  get #surplus(): readonly string[] {
    return [...this.#known.keys()].filter((node) => !this.#wanted.has(node));
  }

  async #writeAll(): Promise<void> {
    await this.#write(this.#surplus, false);
    await this.#write(this.#missing, true);
  }

  #write(nodes: readonly string[], pending: boolean): Promise<void> {
    const { cluster, run, state, record } = this.#input;
    const effects = nodes.map((node) => ({
      node,
      run: pending ? run : (this.#known.get(node) ?? run),
    }));
    return performTaints(effects, pending, {
      cluster,
      state,
      record,
      signal: this.#life.signal,
      ended: ({ node }, written) => this.#ended(node, pending, written),
    });
  }

  async #ended(node: string, pending: boolean, written: Outcome<true>): Promise<void> {
    const { clock, run, record } = this.#input;
    if (written.ok && pending) this.#known.set(node, run);
    if (written.ok) return this.#forget(node, pending);
    const { kind, transport, message } = written.failure;
    if (transport === true) this.#notBefore = clock.now() + pause;
    else this.#forget(node, pending);
    // A refusal: the node is gone, and its taint with it.
    if (kind === 'refused' || this.#warned) return;
    this.#warned = true;
    const text = `the taint kmend.io/pending could not be ${pending ? 'set on' : 'removed from'} node ${node}: ${message}`;
    await record({ type: 'warning', text }, false);
  }

  /** No further write is tried for this node. */
  #forget(node: string, pending: boolean): void {
    if (pending) this.#done.add(node);
    else for (const nodes of [this.#done, this.#known]) nodes.delete(node);
  }

  /** Removes the taints that the API server shows, also those that a killed controller set. */
  async #removeAll(): Promise<void> {
    const { cluster, clock, run } = this.#input;
    const { signal } = this.#life;
    const nodes = await retryFor(() => cluster.nodes(signal), clock, signal);
    const shown = nodes.ok
      ? nodes.value.filter(({ pending }) => pending === run).map(({ name }) => name)
      : undefined;
    for (const node of shown ?? []) this.#known.set(node, run);
    await this.#write(shown ?? [...this.#known.keys()], false);
  }
}
