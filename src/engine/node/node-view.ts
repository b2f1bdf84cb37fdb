// What the cluster knows of one host: facts of its node, and the drain forecasts that modules want.
// Plan and walk share it.

import { forecastFact, isClusterWant } from '../../facts/index.ts';
import { type Facts, type FactWant, wantKey } from '../../model/fact.ts';
import { present } from '../../model/present.ts';
import type { DrainOptions } from '../../model/run/effect.ts';
import { type Outcome, ok } from '../../model/run/failure.ts';
import type { Cluster, Forecast } from '../ports/cluster.ts';
import type { Clock } from '../ports/local.ts';
import { findNode, type NodeSearch, noNode, readNode } from './facts.ts';
import {
  asFact,
  awaitForecast,
  type ForecastQuestion,
  nothingToForecast,
  readForecast,
} from './forecast.ts';

export interface NodeViewOptions {
  readonly cluster: Cluster | undefined;
  readonly clock: Clock;
  readonly byName: boolean;
  readonly ours: readonly (string | undefined)[];
  readonly signal: AbortSignal;
  /**
   * A plan reads the cluster once for all of its hosts. A host that starts waits for busy disruption
   * budgets, and reports them.
   */
  readonly when:
    | { readonly kind: 'plan'; readonly since: number }
    | { readonly kind: 'start'; readonly report: (text: string) => void };
}

/** Keeps the forecasts: a node that is cordoned already is not forecast again. */
export class NodeView {
  readonly #options: NodeViewOptions;
  readonly #wants = new Map<string, FactWant>();
  #forecasts: Facts = {};

  constructor(options: NodeViewOptions) {
    this.#options = options;
  }

  /** Keys of the forecasts that were asked for. */
  get asked(): readonly string[] {
    return [...this.#wants.keys()];
  }

  get forecasts(): Facts {
    return this.#forecasts;
  }

  get #since(): { readonly since?: number } {
    const { when } = this.#options;
    return when.kind === 'plan' ? { since: when.since } : {};
  }

  /** The facts of the node that this host is, or why it is none. */
  async find(search: NodeSearch): Promise<Outcome<Facts>> {
    const { cluster, clock } = this.#options;
    if (cluster === undefined) return ok(noNode('no cluster is configured'));
    const found = await findNode(search, { cluster, clock, ...this.#since });
    if (!found.ok)
      return found.failure.kind === 'refused' ? ok(noNode(found.failure.message)) : found;
    return this.read(found.value, search.hostFacts);
  }

  /** Facts of this node as it is now; `crashing` as in `NodeQuestion`. */
  async read(
    node: string | undefined,
    hostFacts: Facts,
    crashing?: ReadonlySet<string>,
  ): Promise<Outcome<Facts>> {
    const { cluster, clock, signal } = this.#options;
    if (cluster === undefined) return ok(noNode('no cluster is configured'));
    if (node === undefined) return ok(noNode('the plan knows no node for this host'));
    return readNode({
      node,
      cluster,
      clock,
      hostFacts,
      signal,
      ...this.#since,
      ...present({ crashing }),
    });
  }

  /**
   * Reads the forecasts that are new among these wants; with `again` also the known ones. `taken`:
   * this run has cordoned the node.
   */
  async forecast(
    wants: readonly FactWant[],
    node: string,
    hostFacts: Facts,
    how: { again: boolean; taken: boolean },
  ): Promise<Outcome<true>> {
    const known = new Set(this.asked);
    const fresh = wants.filter((want) => isClusterWant(want) && !known.has(wantKey(want)));
    for (const want of how.again && !how.taken ? [...this.#wants.values(), ...fresh] : fresh) {
      const answer = await this.#ask(want, node, hostFacts, how.taken);
      if (!answer.ok) return answer;
      this.#wants.set(wantKey(want), want);
      const fact = answer.value === undefined ? nothingToForecast : asFact(answer.value);
      this.#forecasts = { ...this.#forecasts, [forecastFact(want)]: fact };
    }
    return ok(true);
  }

  async #ask(
    want: FactWant,
    node: string,
    hostFacts: Facts,
    taken: boolean,
  ): Promise<Outcome<Forecast | undefined>> {
    const { cluster, when, ...rest } = this.#options;
    if (cluster === undefined || taken || node === '') return ok(undefined);
    // The drain module made these arguments of its options.
    const options = want.args as unknown as DrainOptions;
    const question: ForecastQuestion = {
      ...rest,
      ...this.#since,
      cluster,
      node,
      options,
      hostFacts,
    };
    return when.kind === 'plan' ? readForecast(question) : awaitForecast(question, when.report);
  }
}
