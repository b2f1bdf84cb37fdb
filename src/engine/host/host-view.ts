// What is known of one host: its facts, those of its node, and the frame in which its tasks are
// planned. Plan and walk share it.

import { type ChosenRemedy, chooseRemedy, settled, withRemedy } from '../../core/plan/overlay.ts';
import type { Frame } from '../../core/plan/task/frame.ts';
import { isClusterWant, looksIn, withoutLook } from '../../facts/index.ts';
import { type Facts, type FactWant, wantKey } from '../../model/fact.ts';
import { present } from '../../model/present.ts';
import type { PlanContext } from '../../model/run/change.ts';
import type { Failure, Outcome } from '../../model/run/failure.ts';
import type { Mapping } from '../../model/value.ts';
import { NodeView, type NodeViewOptions } from '../node/node-view.ts';
import { localSession } from '../session/local-session.ts';
import {
  isBesideProbe,
  nothingObserved,
  type Observed,
  observe,
  observeBeside,
  observeHere,
} from '../session/observe.ts';
import type { Session } from '../session/session.ts';
import { carriesKmend, type EnginePorts, type HostSetup, type PlaySetup } from './walk-context.ts';

/** Milliseconds for which the answers of the repositories count, if nothing can change them. */
const looksCount = 600_000;

/** What differs between a plan and a walk. */
export interface HostViewInput {
  readonly host: string;
  readonly setup: PlaySetup;
  readonly hostSetup: HostSetup;
  readonly ports: Pick<EnginePorts, 'cluster' | 'clock' | 'localHost'>;
  readonly session: Session;
  readonly signal: AbortSignal;
  /** Runs whose ownership of the node counts as our own. */
  readonly ours: readonly (string | undefined)[];
  readonly when: NodeViewOptions['when'];
  /** The node of this host, once it is known. */
  readonly node: () => string | undefined;
  readonly readNode: (nodeView: NodeView, hostFacts: Facts) => Promise<Outcome<Facts>>;
  /** Facts that no probe reads. */
  readonly given: () => Facts;
  readonly done: () => PlanContext['done'];
  /** A failure that forbids to read more of this host: its quota is used up. */
  readonly full: () => Failure | undefined;
  readonly readOnlyCommands: Frame['readOnlyCommands'];
}

/** Holds what was observed of a host, what its tasks registered, and its remedy. */
export class HostView {
  readonly input: HostViewInput;
  readonly nodeView: NodeView;
  learned: Mapping = {};
  #chosen: ChosenRemedy | undefined;
  #observed: Observed = nothingObserved;
  /** What tasks wanted to know of the machine that runs kmend. */
  #local: Observed = nothingObserved;
  /** Wants of earlier tasks are read again with every refresh, because the plan may need them. */
  readonly #wanted = new Map<string, FactWant>();
  /** Facts before `settle`. */
  #raw: Facts = {};
  #facts: Facts = {};
  #isStale = true;
  #keepsLooks = false;
  /** When all facts were read, with the repositories. */
  #askedAt = 0;

  /** @param chosen the remedy; absent = the one that the first reading calls for */
  constructor(input: HostViewInput, chosen?: ChosenRemedy) {
    this.input = input;
    this.#chosen = chosen;
    const { host, setup, ports, signal, ours, when } = input;
    const { cluster, clock } = ports;
    this.nodeView = new NodeView({
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
    this.#facts = withRemedy(this.#facts, chosen);
  }

  /**
   * The facts may be stale: an effect was performed.
   * @param keepsLooks what the repositories answered still counts: the effect cannot change them
   */
  invalidate(keepsLooks = false): void {
    this.#isStale = true;
    this.#local = nothingObserved;
    this.#keepsLooks &&= keepsLooks;
  }

  /** Reads the facts if they are stale or if some of these wants are new. */
  async refresh(wants: readonly FactWant[] = []): Promise<Failure | undefined> {
    const full = this.input.full();
    if (full !== undefined) return full;
    const asked = this.#asked;
    const missing = wants.filter((want) => !asked.has(wantKey(want)));
    if (!this.#isStale && missing.length === 0) return undefined;
    const unread = await this.#readHere(missing.filter(({ local }) => local === true));
    if (unread !== undefined) return unread;
    const ofHost = missing.filter((want) => want.local !== true && !isClusterWant(want));
    const observed = await this.#observe(ofHost);
    if (!observed.ok) return observed.failure;
    this.#observed = observed.value;
    const node = await this.#readNode(missing);
    if (!node.ok) return node.failure;
    this.#raw = { ...observed.value.facts, ...this.input.given(), ...node.value };
    this.#isStale = false;
    const { facts, chosen } = settled(this.#raw, this.#chosen);
    this.#facts = facts;
    this.#chosen = chosen;
    return undefined;
  }

  async #readHere(wants: readonly FactWant[]): Promise<Failure | undefined> {
    const { ports, session, signal } = this.input;
    if (wants.length === 0 || ports.localHost === undefined) return undefined;
    const here = localSession(ports.localHost, session.target, signal);
    const observed = await observeHere(here, wants, this.#local);
    if (!observed.ok) return observed.failure;
    this.#local = observed.value;
    return undefined;
  }

  async #observe(missing: readonly FactWant[]): Promise<Outcome<Observed>> {
    if (!this.#isStale && missing.length === 0) return { ok: true, value: this.#observed };
    const isMore = !this.#isStale && missing.every(isBesideProbe);
    const all = isMore ? missing : [...this.#wanted.values(), ...missing];
    const { now } = this.input.ports.clock;
    const isKept = this.#keepsLooks && now() - this.#askedAt < looksCount;
    const outcome = await (isMore
      ? observeBeside(this.input.session, all, this.#observed)
      : this.#isStale && isKept
        ? this.#observeKept(all)
        : observe(this.input.session, all, this.#isStale ? nothingObserved : this.#observed));
    if (outcome.ok && this.#isStale && !isKept) this.#askedAt = now();
    if (outcome.ok) this.#keepsLooks = true;
    // Only the task itself asks for what is beside the probe again, not every refresh.
    if (outcome.ok)
      for (const want of all) if (!isBesideProbe(want)) this.#wanted.set(wantKey(want), want);
    return outcome;
  }

  /** Reads all but what the repositories have answered already. */
  #observeKept(all: readonly FactWant[]): Promise<Outcome<Observed>> {
    const { facts } = this.#observed;
    const less = all.map((want) => withoutLook(want, facts));
    const asked = all.filter((want, index) => less[index] !== want).map(wantKey);
    return observe(this.input.session, less, { facts: looksIn(facts), asked: new Set(asked) });
  }

  async #readNode(wants: readonly FactWant[]): Promise<Outcome<Facts>> {
    const { nodeView } = this;
    const { node, readNode, done } = this.input;
    const hostFacts = this.#observed.facts;
    const facts = await readNode(nodeView, hostFacts);
    if (!facts.ok) return facts;
    const { cordoned, rebooted } = done();
    const forecast = await nodeView.forecast(wants, node() ?? '', hostFacts, {
      again: this.#isStale,
      taken: cordoned || rebooted,
    });
    return forecast.ok ? { ok: true, value: { ...facts.value, ...nodeView.forecasts } } : forecast;
  }

  get #asked(): ReadonlySet<string> {
    return new Set([...this.#observed.asked, ...this.nodeView.asked, ...this.#local.asked]);
  }

  get frame(): Frame {
    const { host, setup, hostSetup, ports, node, done, readOnlyCommands } = this.input;
    const { localHost } = ports;
    return {
      ...(localHost && {
        local: { facts: this.#local.facts, user: localHost.user, cwd: localHost.cwd() },
      }),
      facts: this.#facts,
      asked: this.#asked,
      extraVars: setup.extraVars,
      learned: this.learned,
      playVars: setup.play.vars,
      ...present({ playDefaults: setup.play.defaults }),
      host,
      variables: hostSetup.variables,
      readOnlyCommands,
      user: present({ become: hostSetup.target.become, login: hostSetup.target.user }),
      context: {
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
