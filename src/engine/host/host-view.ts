// What is known of one host: its facts, those of its node, and the frame that its tasks are planned
// in. The plan and the walk have the same.

import { type ChosenRemedy, chooseRemedy, withDerived } from '../../core/plan/overlay.ts';
import { type Frame, outputArea } from '../../core/plan/task-plan.ts';
import { isClusterWant } from '../../facts/index.ts';
import { type Facts, type FactWant, wantKey } from '../../model/fact.ts';
import { present } from '../../model/present.ts';
import type { PlanContext } from '../../model/run/change.ts';
import type { Failure, Outcome } from '../../model/run/failure.ts';
import type { Mapping } from '../../model/value.ts';
import { NodeSide, type NodeSideOptions } from '../node/node-view.ts';
import { nothingObserved, type Observed, observe } from '../session/observe.ts';
import type { Session } from '../session/session.ts';
import { carriesKmend, type EnginePorts, type HostSetup, type PlaySetup } from './walk-context.ts';

/** What a plan and a walk do in their own way. */
export interface HostViewInput {
  readonly host: string;
  readonly setup: PlaySetup;
  readonly hostSetup: HostSetup;
  readonly ports: Pick<EnginePorts, 'cluster' | 'clock'>;
  readonly session: Session;
  readonly signal: AbortSignal;
  /** Runs whose mark on the node is no other run's. */
  readonly ours: readonly (string | undefined)[];
  readonly when: NodeSideOptions['when'];
  /** The node that this host is, as far as it is known by now. */
  readonly node: () => string | undefined;
  readonly readNode: (nodeSide: NodeSide, hostFacts: Facts) => Promise<Outcome<Facts>>;
  /** Facts that no probe reads. */
  readonly given: () => Facts;
  readonly done: () => PlanContext['done'];
  /** A failure of the host before anything more is read of it. */
  readonly full: () => Failure | undefined;
  readonly readOnlyCommands: Frame['readOnlyCommands'];
}

/**
 * Holds what was observed of a host, what its tasks learned, and the remedy that was chosen for it.
 */
export class HostView {
  readonly input: HostViewInput;
  readonly nodeSide: NodeSide;
  learned: Mapping = {};
  #chosen: ChosenRemedy | undefined;
  #observed: Observed = nothingObserved;
  /** Wants of earlier tasks are read again with every refresh: a plan may rest on them. */
  readonly #wanted = new Map<string, FactWant>();
  /** What was read and given, before `settle`. */
  #raw: Facts = {};
  #facts: Facts = {};
  #isStale = true;

  /** @param chosen the remedy; absent = the one that the first reading calls for */
  constructor(input: HostViewInput, chosen?: ChosenRemedy) {
    this.input = input;
    this.#chosen = chosen;
    const { host, setup, ports, signal, ours, when } = input;
    const { cluster, clock } = ports;
    this.nodeSide = new NodeSide({
      cluster,
      clock,
      byName: setup.askedByName === host,
      ours,
      signal,
      when,
    });
    for (const want of input.setup.wants ?? []) this.#wanted.set(wantKey(want), want);
  }

  get facts(): Facts {
    return this.#facts;
  }

  get raw(): Facts {
    return this.#raw;
  }

  get chosen(): ChosenRemedy {
    return this.#chosen ?? chooseRemedy(this.#facts);
  }

  choose(chosen: ChosenRemedy): void {
    this.#chosen = chosen;
    this.#facts = withDerived(this.#raw, chosen);
  }

  /** What was read may no longer be true: an effect was carried out. */
  invalidate(): void {
    this.#isStale = true;
  }

  /** Reads facts where they are stale or where something is wanted that nobody asked for yet. */
  async refresh(wants: readonly FactWant[] = []): Promise<Failure | undefined> {
    const full = this.input.full();
    if (full !== undefined) return full;
    const asked = this.#asked;
    const missing = wants.filter((want) => !asked.has(wantKey(want)));
    if (!this.#isStale && missing.length === 0) return undefined;
    const ofHost = missing.filter((want) => !isClusterWant(want));
    const observed = await this.#observe(ofHost);
    if (!observed.ok) return observed.failure;
    this.#observed = observed.value;
    const node = await this.#readNode(missing);
    if (!node.ok) return node.failure;
    this.#raw = { ...observed.value.facts, ...this.input.given(), ...node.value };
    this.#isStale = false;
    this.choose(this.#chosen ?? chooseRemedy(withDerived(this.#raw, undefined)));
    return undefined;
  }

  async #observe(missing: readonly FactWant[]): Promise<Outcome<Observed>> {
    if (!this.#isStale && missing.length === 0) return { ok: true, value: this.#observed };
    const all = [...this.#wanted.values(), ...missing];
    const outcome = await observe(
      this.input.session,
      all,
      this.#isStale ? nothingObserved : this.#observed,
    );
    // The output of a command is asked for by its own task again, not with every refresh.
    if (outcome.ok)
      for (const want of all) if (want.area !== outputArea) this.#wanted.set(wantKey(want), want);
    return outcome;
  }

  async #readNode(wants: readonly FactWant[]): Promise<Outcome<Facts>> {
    const { nodeSide } = this;
    const { node, readNode, done } = this.input;
    const hostFacts = this.#observed.facts;
    const facts = await readNode(nodeSide, hostFacts);
    if (!facts.ok) return facts;
    const { cordoned, rebooted } = done();
    const forecast = await nodeSide.forecast(wants, node() ?? '', hostFacts, {
      again: this.#isStale,
      taken: cordoned || rebooted,
    });
    return forecast.ok ? { ok: true, value: { ...facts.value, ...nodeSide.forecasts } } : forecast;
  }

  get #asked(): ReadonlySet<string> {
    return new Set([...this.#observed.asked, ...this.nodeSide.asked]);
  }

  get frame(): Frame {
    const { host, setup, hostSetup, ports, node, done, readOnlyCommands } = this.input;
    return {
      facts: this.#facts,
      asked: this.#asked,
      extraVars: setup.extraVars,
      learned: this.learned,
      playVars: setup.play.vars,
      variables: hostSetup.variables,
      readOnlyCommands,
      context: {
        host,
        ...present({ node: node(), files: setup.files }),
        hasCluster: ports.cluster !== undefined,
        carriesKmend: carriesKmend(this.#facts, setup),
        acceptPartial: setup.play.partial === 'accept',
        acceptNoRollback: setup.play.rollout.rollback === 'none',
        done: done(),
      },
    };
  }
}
