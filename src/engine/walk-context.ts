// What a host's walk works with: its inputs, and the little that changes on the way.
import { type ChosenRemedy, settle } from '../core/overlay.ts';
import type { Variables } from '../core/scope.ts';
import { type HostState, hostState, type RunState } from '../core/state.ts';
import type { Frame } from '../core/task-plan.ts';
import type { AnyModule, PlanContext } from '../model/change.ts';
import type { Event, EventBody } from '../model/event.ts';
import { type Facts, type FactWant, wantKey } from '../model/fact.ts';
import type { Failure } from '../model/failure.ts';
import type { Target } from '../model/host.ts';
import type { HostPlan } from '../model/plan.ts';
import type { Play, Task } from '../model/playbook.ts';
import type { Mapping } from '../model/value.ts';
import type { DoorContext } from './door.ts';
import type { FenceToken } from './host-scripts.ts';
import { nothingObserved, type Observed, observe } from './observe.ts';
import type { Clock, Cluster, Transport } from './ports.ts';
import { openSession, type Session } from './session.ts';

export interface EnginePorts {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly cluster?: Cluster;
}

/** A host as the caller resolved it from the inventory. */
export interface HostSetup {
  readonly target: Target;
  /** Inventory variables and the magic ones. */
  readonly variables: Variables;
  readonly node?: string;
  readonly zone?: string;
}

/** One play on one fleet, as the caller set it up. */
export interface PlaySetup {
  readonly play: Play;
  readonly modules: ReadonlyMap<string, AnyModule>;
  readonly hosts: ReadonlyMap<string, HostSetup>;
  readonly extraVars: Mapping;
  readonly isWanted: (task: Task) => boolean;
  /** Boot id of the machine that runs kmend; empty = not known. */
  readonly ownBootId: string;
}

/** A run under way. */
export interface RunContext {
  readonly setup: PlaySetup;
  readonly ports: EnginePorts;
  readonly token: FenceToken;
  readonly record: (body: EventBody, sync: boolean) => Promise<Event>;
  readonly state: () => RunState;
  /** Fires at once when the run must stop now. */
  readonly signal: AbortSignal;
  /** May this host go on to its next task? Otherwise it stops here, in a state that it names. */
  readonly mayContinue: (host: string) => 'go' | 'hold';
  /** Differences from the saved plan make the host `drift` even where they take no more risk. */
  readonly strict: boolean;
}

/** Holds a host's walk: the session, what was observed, what was learned. */
export class HostWalk {
  readonly host: string;
  readonly plan: HostPlan;
  readonly run: RunContext;
  readonly session: Session;
  readonly chosen: ChosenRemedy;
  learned: Mapping = {};
  #observed: Observed = nothingObserved;
  #facts: Facts = {};
  #stale = true;
  readonly #signal: AbortSignal;
  readonly #setup: HostSetup;

  constructor(host: string, plan: HostPlan, setup: HostSetup, run: RunContext, signal: AbortSignal) {
    this.host = host;
    this.plan = plan;
    this.run = run;
    this.#signal = signal;
    this.#setup = setup;
    this.chosen = { remedy: plan.remedy, why: plan.remedyWhy };
    this.session = openSession(setup.target, run.setup.play.rollout.retries.transport, run.ports, signal);
  }

  get signal(): AbortSignal {
    return this.#signal;
  }

  get facts(): Facts {
    return this.#facts;
  }

  get state(): HostState {
    const state = hostState(this.run.state(), this.host);
    if (state === undefined) throw new Error(`${this.host} is not of this run`);
    return state;
  }

  /** What was read may no longer be true: an effect was carried out. */
  spoil(): void {
    this.#stale = true;
  }

  /** Reads facts where they are stale or where something is wanted that nobody asked for yet. */
  async freshen(wants: readonly FactWant[] = []): Promise<Failure | undefined> {
    const missing = wants.filter((want) => !this.#observed.asked.has(wantKey(want)));
    if (!this.#stale && missing.length === 0) return undefined;
    const all = [...this.#wanted.values(), ...missing];
    const outcome = await observe(this.session, all, this.#stale ? nothingObserved : this.#observed);
    if (!outcome.ok) return outcome.failure;
    for (const want of missing) this.#wanted.set(wantKey(want), want);
    this.#observed = outcome.value;
    this.#facts = settle(outcome.value.facts, this.chosen);
    this.#stale = false;
    return undefined;
  }
  /** Wants of earlier tasks are read again with every refresh: a plan may rest on them. */
  readonly #wanted = new Map<string, FactWant>();

  /** What this run did here, by the journal: also across a resume. */
  get done(): PlanContext['done'] {
    const { cordoned, drained, rebooted, uncordoned } = this.state.marks;
    return { cordoned: cordoned && !uncordoned, drained: drained && !uncordoned, rebooted };
  }

  get frame(): Frame {
    const { setup, ports } = this.run;
    const host = this.#setup;
    const context: PlanContext = {
      host: this.host,
      ...(host.node === undefined ? {} : { node: host.node }),
      hasCluster: ports.cluster !== undefined,
      acceptPartial: setup.play.partial === 'accept',
      done: this.done,
    };
    return {
      facts: this.#facts,
      asked: this.#observed.asked,
      extraVars: setup.extraVars,
      learned: this.learned,
      playVars: setup.play.vars,
      variables: this.#setup.variables,
      context,
    };
  }

  get door(): DoorContext {
    const { run } = this;
    return {
      host: this.host,
      session: this.session,
      clock: run.ports.clock,
      ...(run.ports.cluster === undefined ? {} : { cluster: run.ports.cluster }),
      token: run.token,
      ownBootId: run.setup.ownBootId,
      record: run.record,
      signal: this.#signal,
      facts: () => this.#facts,
      refresh: () => {
        this.spoil();
        return this.freshen();
      },
      done: () => this.done,
    };
  }
}
