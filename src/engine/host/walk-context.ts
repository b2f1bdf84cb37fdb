// What a host's walk works with: its inputs, and the little that changes on the way.

import { type ChosenRemedy, chooseAnew, settle } from '../../core/plan/overlay.ts';
import type { Variables } from '../../core/plan/scope.ts';
import type { IsSecretName } from '../../core/plan/secrets.ts';
import { type Frame, outputArea } from '../../core/plan/task-plan.ts';
import { turnOf } from '../../core/run-state/lock-out.ts';
import { awayUntil, type HostState, hostState, hostStates, type RunState } from '../../core/run-state/state.ts';
import { type DeclaredFacts, givenFacts, isClusterWant, newAnswer } from '../../facts/index.ts';
import { type Facts, type FactWant, wantKey } from '../../model/fact.ts';
import type { Target } from '../../model/host.ts';
import type { PackageFiles } from '../../model/package-file.ts';
import type { ModuleTask, Play, Task } from '../../model/playbook.ts';
import { present } from '../../model/present.ts';
import type { AnyModule, PlanContext } from '../../model/run/change.ts';
import type { Event, EventBody } from '../../model/run/event.ts';
import type { Failure, Outcome } from '../../model/run/failure.ts';
import type { HostPlan } from '../../model/run/plan.ts';
import type { Mapping } from '../../model/value.ts';
import type { DoorContext } from '../effects/effect-context.ts';
import type { Secrets } from '../effects/mask.ts';
import type { NodeSearch } from '../node/facts.ts';
import type { HostIdentity } from '../node/match.ts';
import { NodeSide } from '../node/node-view.ts';
import { crashingBefore } from '../node/ready.ts';
import type { Cluster } from '../ports/cluster.ts';
import type { FenceToken } from '../ports/fence.ts';
import type { Clock, Here } from '../ports/local.ts';
import type { KeptOutput } from '../ports/store.ts';
import type { Transport } from '../ports/transport.ts';
import { nothingObserved, type Observed, observe } from '../session/observe.ts';
import { openSession, type Session } from '../session/session.ts';

export interface EnginePorts {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly cluster?: Cluster;
  /** Absent where nothing is ever run on this machine (plans). */
  readonly here?: Here;
}

/** A host as the caller resolved it from the inventory. */
export interface HostSetup {
  readonly target: Target;
  /** Inventory variables and the magic ones. */
  readonly variables: Variables;
  /** The inventory's `node_name`. */
  readonly node?: string;
  readonly zone?: string;
  /** What the operator declares of its kernel and its programs. */
  readonly declared?: DeclaredFacts;
}

/** One play on one fleet, as the caller set it up. */
export interface PlaySetup {
  readonly play: Play;
  readonly modules: ReadonlyMap<string, AnyModule>;
  readonly hosts: ReadonlyMap<string, HostSetup>;
  readonly extraVars: Mapping;
  /** Masks what is shown and kept. */
  readonly secrets: Secrets;
  /** Is a variable of this name secret? */
  readonly isSecret: IsSecretName;
  /** The package files that its tasks name. */
  readonly files?: PackageFiles;
  readonly isWanted: (task: Task) => boolean;
  /** Facts beside the base ones that its expressions name. */
  readonly wants?: readonly FactWant[];
  /** Boot id of the machine that runs kmend; empty = not known. */
  readonly ownBootId: string;
  /** The one host that a person asked for by its name (`--limit HOST`). */
  readonly askedByName?: string;
  /** Plans run all read-only commands of the play, not only those that it marks. */
  readonly runReadOnly?: boolean;
  /** A run whose hosts and nodes a person lets this one take over. */
  readonly takeover?: string;
  /** Every host of the pool, also those that `--limit` leaves out, as the inventory knows it: for the pool's missing capacity. */
  readonly pool?: readonly HostIdentity[];
  /** The same hosts by where they are reached: for the slots that other runs have among them. */
  readonly addresses: () => ReadonlyMap<string, string>;
  /** Every host of the inventory: no two of them are one node of the cluster. */
  readonly known?: readonly HostIdentity[];
}

/** What is known of a host besides its own word, to find its node by; and that word. */
export const searchFor = ({ target, node }: HostSetup, setup: PlaySetup, dialled: readonly string[], hostFacts: Facts): NodeSearch => ({
  identity: {
    host: target.name,
    ...present({ nodeName: node }),
    addresses: [...(target.address === undefined ? [] : [target.address]), ...dialled],
  },
  known: setup.known ?? [],
  hostFacts,
});

/** A run under way. */
export interface RunContext {
  readonly setup: PlaySetup;
  readonly ports: EnginePorts;
  readonly token: FenceToken;
  readonly record: (body: EventBody, sync: boolean) => Promise<Event>;
  readonly state: () => RunState;
  /** Keeps a long output of a host, without secrets. */
  readonly keepOutput: (host: string, text: string) => Promise<KeptOutput>;
  /** The failure of a host that has made this run write more than its share. */
  readonly overQuota: (host: string) => Failure | undefined;
  /** Fires at once when the run must stop now. */
  readonly signal: AbortSignal;
  /** The run ends by an error of its own: its journal cannot be written, or its hosts were taken over. */
  readonly isOver: () => boolean;
  /** May this host go on to its next task? Otherwise it stops here, in a state that it names. */
  readonly mayContinue: (host: string) => 'go' | 'hold';
  /** Differences from the saved plan make the host `drift` even where they take no more risk. */
  readonly strict: boolean;
  /** Hosts go on only so far that they are in service again: `onlyReturns` in `returning.ts`. */
  readonly onlyReturns?: boolean;
}

/** The machine that runs kmend has its boot id, also seen from a pod on it. */
export const carriesKmend = (facts: Facts, { ownBootId }: PlaySetup): boolean => ownBootId !== '' && facts['boot.id'] === ownBootId;

export interface ProvingTask {
  readonly task: ModuleTask;
  readonly module: AnyModule;
  readonly vars: readonly Mapping[];
}

/** Holds a host's walk: the session, what was observed, what was learned. */
export class HostWalk {
  readonly host: string;
  readonly plan: HostPlan;
  readonly run: RunContext;
  readonly session: Session;
  chosen: ChosenRemedy;
  readonly nodeSide: NodeSide;
  readonly secrets: Secrets;
  learned: Mapping = {};
  /** The task that gave the last proof, and whether the host's disk was changed since. */
  proving: { by?: ProvingTask; alteredSince: boolean } = { alteredSince: false };
  #observed: Observed = nothingObserved;
  /** What was read and given, before `settle`. */
  #raw: Facts = {};
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
    this.secrets = run.setup.secrets.of(host);
    for (const want of run.setup.wants ?? []) this.#wanted.set(wantKey(want), want);
    this.chosen = this.state.remedy ?? { remedy: plan.remedy, why: plan.remedyWhy };
    this.nodeSide = new NodeSide({
      cluster: run.ports.cluster,
      clock: run.ports.clock,
      byName: run.setup.askedByName === host,
      ours: [run.token.run, run.token.takeover],
      signal,
      when: { kind: 'start', say: (text) => void run.record({ type: 'warning', host, text }, false) },
    });
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
    const full = this.run.overQuota(this.host);
    if (full !== undefined) return full;
    const asked = this.#asked;
    const missing = wants.filter((want) => !asked.has(wantKey(want)));
    if (!this.#stale && missing.length === 0) return undefined;
    const all = [...this.#wanted.values(), ...missing.filter((want) => !isClusterWant(want))];
    const ofHost = this.#stale || missing.some((want) => !isClusterWant(want));
    const before = this.#stale ? nothingObserved : this.#observed;
    const outcome = ofHost ? await observe(this.session, all, before) : { ok: true as const, value: before };
    if (!outcome.ok) return outcome.failure;
    // The output of a command is asked for by its own task again, not with every refresh.
    for (const want of all) if (want.area !== outputArea) this.#wanted.set(wantKey(want), want);
    this.#observed = outcome.value;
    const node = await this.#readNode(missing);
    if (!node.ok) return node.failure;
    this.#raw = { ...outcome.value.facts, ...givenFacts(this.#setup.declared, this.run.state().kernels, this.plan.accepts), ...node.value };
    this.#facts = settle(this.#raw, this.chosen);
    this.#stale = false;
    return undefined;
  }

  /** The remedy of the plan, or the one that follows from what this run saw since. For a host whose walk is about to begin. */
  chooseAnew(): void {
    this.chosen = chooseAnew(this.chosen, this.#raw, this.state.touched);
    this.#facts = settle(this.#raw, this.chosen);
  }

  /** An answer of this host's kernel that the table does not have and this run did not record: the next hosts of that build are planned by it. */
  async recordKernel(): Promise<void> {
    const news = newAnswer(this.#facts);
    if (news === undefined) return;
    const known = this.run.state().kernels.get(news.release)?.obeys;
    if (known === 'no' || known === news.obeys) return;
    await this.run.record({ type: 'kernel.seen', host: this.host, ...news }, true);
  }

  /** The cluster's facts. The pods of DaemonSets are looked at between the reboot and the uncordon. */
  async #readNode(wants: readonly FactWant[]): Promise<Outcome<Facts>> {
    const { node } = this.plan;
    const { cordoned, rebooted } = this.done;
    const hostFacts = this.#observed.facts;
    const facts = await this.nodeSide.read(node, hostFacts, rebooted ? crashingBefore(hostStates(this.run.state())) : undefined);
    if (!facts.ok) return facts;
    const taken = cordoned || rebooted;
    const forecast = await this.nodeSide.forecast(wants, node ?? '', hostFacts, { again: this.#stale, taken });
    return forecast.ok ? { ok: true, value: { ...facts.value, ...this.nodeSide.forecasts } } : forecast;
  }

  get #asked(): ReadonlySet<string> {
    return new Set([...this.#observed.asked, ...this.nodeSide.asked]);
  }
  /** Wants of earlier tasks are read again with every refresh: a plan may rest on them. */
  readonly #wanted = new Map<string, FactWant>();

  /** What this run did here, by the journal: also across a resume. */
  get done(): PlanContext['done'] {
    const { cordoned, drained, rebooted, uncordoned } = this.state.marks;
    const { touched, unproven, replaced, results } = this.state;
    return {
      cordoned: cordoned && !uncordoned,
      drained: drained && !uncordoned,
      rebooted,
      touched,
      ...(results.drain?.data?.mayLeave === true ? { mayLeave: true } : {}),
      ...(replaced === undefined || replaced.bootId !== this.#facts['boot.id'] ? {} : { replaced: replaced.names }),
      ...present({ unproven }),
    };
  }

  get frame(): Frame {
    const { setup, ports } = this.run;
    const { node } = this.plan;
    const context: PlanContext = {
      host: this.host,
      ...present({ node }),
      hasCluster: ports.cluster !== undefined,
      carriesKmend: carriesKmend(this.#facts, setup),
      acceptPartial: setup.play.partial === 'accept',
      acceptNoWayBack: setup.play.rollout.rollback === 'none',
      ...present({ files: setup.files }),
      done: this.done,
    };
    return {
      facts: this.#facts,
      asked: this.#asked,
      extraVars: setup.extraVars,
      learned: this.learned,
      playVars: setup.play.vars,
      variables: this.#setup.variables,
      context,
      readOnlyCommands: 'all',
    };
  }

  get door(): DoorContext {
    const { run } = this;
    return {
      host: this.host,
      session: this.session,
      clock: run.ports.clock,
      ...present({ cluster: run.ports.cluster, here: run.ports.here, node: this.plan.node }),
      byName: run.setup.askedByName === this.host,
      takesCordoned: turnOf('cordon', this.state, run.state()) !== 'never',
      token: run.token,
      ownBootId: run.setup.ownBootId,
      record: run.record,
      mask: this.secrets.mask,
      keepOutput: (text) => run.keepOutput(this.host, text),
      signal: this.#signal,
      facts: () => this.#facts,
      refresh: () => {
        this.spoil();
        return this.freshen();
      },
      done: () => this.done,
      awayFor: () => awayUntil(run.state(), run.ports.clock.now()),
    };
  }
}
