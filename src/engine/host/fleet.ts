// Reads many hosts, and changes none: their facts, or their plans.

import { type Seen, seenOf, twinsAmong, twinsText } from '../../core/history/orphans.ts';
import { SharedPlans } from '../../core/plan/fleet/shared-plans.ts';
import { withDerived } from '../../core/plan/overlay.ts';
import { planHost, type Share } from '../../core/plan/plan-host.ts';
import { givenFacts } from '../../facts/index.ts';
import { type Facts, type FactWant, known, wantKey } from '../../model/fact.ts';
import type { Target } from '../../model/host.ts';
import { present } from '../../model/present.ts';
import { type Failure, keptOut, type Outcome, ok } from '../../model/run/failure.ts';
import { type HostPlan, hasChanges } from '../../model/run/plan.ts';
import { sameValue } from '../../model/value.ts';
import type { Mask } from '../effects/mask.ts';
import { noNode } from '../node/facts.ts';
import { twoClaims } from '../node/match.ts';
import type { NodeView } from '../node/node-view.ts';
import { type EachHostOptions, type Elsewhere, forEachHost } from '../session/each-host.ts';
import { lastLines, type Observed, observe } from '../session/observe.ts';
import type { Session, SessionPorts } from '../session/session.ts';
import { HostView } from './host-view.ts';
import { type EnginePorts, type HostSetup, type PlaySetup, searchFor } from './walk-context.ts';

export interface FleetOptions extends EachHostOptions {
  /**
   * `check --active`: a script to run before the facts are read a second time. `whyNot`: the first
   * reading shows that it would prove nothing.
   */
  readonly active?: {
    readonly script: string;
    readonly whyNot: (facts: Facts) => string | undefined;
  };
  /**
   * Facts that no probe reads: from the state directory, and declared by the operator. Merged with
   * the facts of the probe before others are derived.
   */
  readonly known?: (host: string, facts: Facts) => Promise<Facts>;
  readonly elsewhere?: Elsewhere<Survey>;
  /** As in `Visit`. */
  readonly keep?: (survey: Survey) => Survey;
}

/** The result of the active probe, where one was requested. */
export type ActiveProbe =
  | { readonly kind: 'answered'; readonly answer: 'off' | 'on' }
  | { readonly kind: 'failed' | 'not_asked'; readonly why: string };

export interface Survey {
  readonly host: string;
  readonly outcome: Outcome<Facts>;
  readonly active?: ActiveProbe;
}

const asFailed = (
  host: string,
  failure: Failure,
): { readonly host: string; readonly outcome: Outcome<never> } => ({
  host,
  outcome: { ok: false, failure },
});

/** All facts of each host, also the derived ones: what `check` shows. */
export function surveyFleet(
  targets: readonly Target[],
  wants: readonly FactWant[],
  options: FleetOptions,
  ports: SessionPorts,
  onHost: (survey: Survey) => void,
): Promise<readonly Survey[]> {
  const whole = async (host: string, facts: Facts): Promise<Facts> =>
    withDerived({ ...facts, ...(await options.known?.(host, facts)) }, undefined);
  const survey = async (session: Session): Promise<Survey> => {
    const { observed, active } = await observeActively(session, wants, options);
    const outcome: Outcome<Facts> = observed.ok
      ? { ok: true, value: await whole(session.target.name, observed.value.facts) }
      : observed;
    return { host: session.target.name, outcome, ...present({ active }) };
  };
  const { elsewhere, keep } = options;
  const visit = { use: survey, failed: asFailed, onHost, ...present({ elsewhere, keep }) };
  return forEachHost(targets, options, ports, visit);
}

/** Reads the facts. After an active probe it reads them again, because its answer is a fact. */
async function observeActively(
  session: Session,
  wants: readonly FactWant[],
  { active }: FleetOptions,
): Promise<{ readonly observed: Outcome<Observed>; readonly active?: ActiveProbe }> {
  const observed = await observe(session, wants);
  if (!observed.ok || active === undefined) return { observed };
  const whyNot = active.whyNot(observed.value.facts);
  if (whyNot !== undefined) return { observed, active: { kind: 'not_asked', why: whyNot } };
  const asked = await session.read(active.script, {
    timeout: 60,
    become: session.target.become !== undefined,
  });
  if (!asked.ok) return { observed, active: { kind: 'failed', why: asked.failure.message } };
  const again = await observe(session, wants);
  const answer = again.ok ? again.value.facts['kmem.active_probe'] : undefined;
  if (answer === 'off' || answer === 'on')
    return { observed: again, active: { kind: 'answered', answer } };
  const { code, stdout, stderr } = asked.value;
  const why = lastLines(code === 0 ? stdout : stderr, 1) || `exit status ${code}`;
  return { observed: again, active: { kind: 'failed', why } };
}

export interface Planned {
  readonly host: string;
  readonly outcome: Outcome<HostPlan>;
  /** Absent if the host could not be read. */
  readonly seen?: Seen;
}

/** Hosts that count as no node, each with the reason. */
export type Disputed = ReadonlyMap<string, string>;

export interface PlanOptions extends EachHostOptions {
  readonly elsewhere?: (disputed: Disputed) => Elsewhere<Planned>;
}

/**
 * Plans each host from fresh facts, over one connection. Hosts that turn out to be the same node are
 * planned again, without the node.
 */
export async function planFleet(
  hosts: readonly string[],
  setup: PlaySetup,
  options: PlanOptions,
  ports: EnginePorts,
  onHost: (planned: Planned) => void,
): Promise<readonly Planned[]> {
  const since = ports.clock.now();
  const plan = (
    names: readonly string[],
    disputed: Disputed,
    see: typeof onHost,
  ): Promise<readonly Planned[]> =>
    planHosts(names, { setup, ports, since, disputed }, options, see);
  const planned = await plan(hosts, new Map(), onHost);
  const disputed = disputes(planned);
  if (disputed.size === 0) return withoutTwins(planned);
  const again = new Map(
    (await plan([...disputed.keys()], disputed, () => undefined)).map((one) => [one.host, one]),
  );
  return withoutTwins(planned.map((one) => again.get(one.host) ?? one));
}

/** Plans each host by itself: whether two of them are one machine is not judged. */
export function planHosts(
  names: readonly string[],
  given: PlanInput,
  options: PlanOptions,
  onHost: (planned: Planned) => void,
): Promise<readonly Planned[]> {
  const share = new SharedPlans().work;
  const plan = async (session: Session): Promise<Planned> => ({
    host: session.target.name,
    ...(await planOne(session, given, options.signal, share)),
  });
  const targets = names.map((name) => setupOf(given.setup, name).target);
  const elsewhere = options.elsewhere?.(given.disputed);
  const visit = { use: plan, failed: asFailed, onHost, ...present({ elsewhere }) };
  return forEachHost(targets, options, given.ports, visit);
}

/** Refuses all names of one machine: one walk would reboot it in the middle of the other. */
function withoutTwins(planned: readonly Planned[]): readonly Planned[] {
  const twins = twinsAmong(planned.flatMap(({ seen }) => seen ?? [])).filter(
    ({ by }) => by === 'boot',
  );
  const why = new Map(
    twins.flatMap((group) => group.hosts.map((host) => [host, twinsText(group)] as const)),
  );
  return planned.map((one) => refusedPlan(one, 'which machine it is', why.get(one.host)));
}

/** Adds a refusal to the plan of a host; without a reason the plan stays as it is. */
export function refusedPlan(
  planned: Planned,
  task: string,
  why: string | undefined,
  hint?: string,
): Planned {
  const { outcome } = planned;
  if (why === undefined || !outcome.ok) return planned;
  const refused = { task, why, ...present({ hint }) };
  return { ...planned, outcome: ok({ ...outcome.value, refused }) };
}

/** Hosts that were reached at an address of the same node, each with the reason. */
function disputes(planned: readonly Planned[]): Disputed {
  const byNode = new Map<string, readonly string[]>();
  for (const { host, outcome } of planned) {
    const node = outcome.ok ? outcome.value.node : undefined;
    if (node !== undefined) byNode.set(node, [...(byNode.get(node) ?? []), host]);
  }
  const found = [...byNode].flatMap(([node, hosts]) =>
    hosts.length === 1
      ? []
      : hosts.map(
          (host, at) => [host, twoClaims(host, node, hosts[at === 0 ? 1 : 0] ?? '')] as const,
        ),
  );
  return new Map(found);
}

export function setupOf(setup: PlaySetup, host: string): HostSetup {
  const found = setup.hosts.get(host);
  if (found === undefined) throw new Error(`no setup for host ${host}`);
  return found;
}

export interface PlanInput {
  readonly setup: PlaySetup;
  readonly ports: EnginePorts;
  /** When the plan began: its hosts share what they read of the cluster since. */
  readonly since: number;
  readonly disputed: Disputed;
}

/** What a plan has done so far. */
const nothingDone = { drained: false, rebooted: false, cordoned: false };

async function planOne(
  session: Session,
  { setup, ports, since, disputed }: PlanInput,
  signal: AbortSignal,
  share: Share,
): Promise<{ readonly outcome: Outcome<HostPlan>; readonly seen?: Seen }> {
  const host = session.target.name;
  const hostSetup = setupOf(setup, host);
  const noClaim = disputed.get(host);
  let found: Facts | undefined;
  const readNode = async (nodeView: NodeView, hostFacts: Facts): Promise<Outcome<Facts>> => {
    if (found !== undefined) return ok(found);
    const search = searchFor(hostSetup, setup, session.dialled(), hostFacts);
    const node = noClaim === undefined ? await nodeView.find(search) : ok(noNode(noClaim));
    if (node.ok) found = node.value;
    return node;
  };
  const view = new HostView({
    host,
    setup,
    hostSetup,
    ports,
    session,
    signal,
    ours: [setup.takeover],
    when: { kind: 'plan', since },
    node: () => nameOf(found ?? {}, 'node.name'),
    readNode,
    given: () => givenFacts(hostSetup.declared),
    done: () => nothingDone,
    full: () => undefined,
    readOnlyCommands: setup.runReadOnly === true ? 'all' : 'marked',
  });
  const failure = await view.refresh();
  if (failure !== undefined) return { outcome: { ok: false, failure } };
  const planned = await planInRounds(view, hostSetup.zone ?? nameOf(view.raw, 'node.zone'), share);
  return {
    outcome: planned.ok ? ok(lockedOut(planned.value, view.raw)) : planned,
    seen: seenOf(host, view.raw),
  };
}

/**
 * What an operator did to the node: a hold refuses the host, and the plan mentions a cordon. Neither
 * matters for a host that needs no change.
 */
function lockedOut(plan: HostPlan, facts: Facts): HostPlan {
  if (!hasChanges(plan)) return plan;
  const hold = nameOf(facts, 'node.hold');
  if (hold !== undefined) {
    const { message: why, hint } = keptOut(plan.node ?? '', hold);
    return { ...plan, refused: { task: 'hold', why, ...present({ hint }) } };
  }
  return facts['node.unschedulable'] === true && facts['node.owner'] === ''
    ? { ...plan, cordoned: true }
    : plan;
}

/** A name among the facts; undefined = none, or it could not be read. */
const nameOf = (facts: Facts, name: 'node.name' | 'node.zone' | 'node.hold'): string | undefined =>
  known(facts, name, '') || undefined;

/** Leaves out facts that hold a secret: drift is judged by the resulting changes instead. */
function shownPlan(plan: HostPlan, mask: Mask): HostPlan {
  const shown = mask(plan);
  if (shown.reads === plan.reads) return shown;
  const reads = Object.fromEntries(
    Object.entries(plan.reads).filter(
      ([name, value]) => mask(name) === name && sameValue(mask(value), value),
    ),
  );
  return mask({ ...plan, reads });
}

/**
 * Plans a host, reads the facts that modules want, and plans again: what a task wants may depend on
 * facts and on earlier tasks.
 */
export async function planInRounds(
  view: HostView,
  zone: string | undefined,
  share?: Share,
): Promise<Outcome<HostPlan>> {
  const { host, setup, hostSetup } = view.input;
  const secrets = setup.secrets.of(host);
  const asked = new Set<string>();
  for (;;) {
    const input = {
      host,
      tasks: setup.play.tasks,
      frame: view.frame,
      modules: setup.modules,
      chosen: view.chosen,
      ...present({ zone }),
      isWanted: setup.isWanted,
      isSecret: setup.isSecret,
      hide: secrets.learn,
      ...present({ written: hostSetup.written }),
    };
    const planning = planHost(input, share);
    if (planning.kind === 'plan')
      return { ok: true, value: shownPlan(planning.plan, secrets.mask) };
    const again = planning.wants.find((want) => asked.has(wantKey(want)));
    if (again !== undefined)
      throw new Error(`a module wants ${again.area} again, which was just read`);
    for (const want of planning.wants) asked.add(wantKey(want));
    const failure = await view.refresh(planning.wants);
    if (failure !== undefined) return { ok: false, failure };
  }
}
