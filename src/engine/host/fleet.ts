// The fleet, read-only: the facts of many hosts, or their plans.

import { type Seen, seenOf, twinsAmong, twinsText } from '../../core/history/orphans.ts';
import { type ChosenRemedy, chooseRemedy, settle } from '../../core/plan/overlay.ts';
import { planHost } from '../../core/plan/plan-host.ts';
import type { Frame } from '../../core/plan/task-plan.ts';
import { givenFacts, isClusterWant } from '../../facts/index.ts';
import { type Facts, type FactWant, wantKey } from '../../model/fact.ts';
import type { Target } from '../../model/host.ts';
import { present } from '../../model/present.ts';
import { type Failure, keptOut, type Outcome, ok } from '../../model/run/failure.ts';
import { type HostPlan, hasChanges } from '../../model/run/plan.ts';
import { sameValue } from '../../model/value.ts';
import type { Mask } from '../effects/mask.ts';
import { noNode } from '../node/facts.ts';
import { twoClaims } from '../node/match.ts';
import { NodeSide } from '../node/node-view.ts';
import { type EachHostOptions, forEachHost } from '../session/each-host.ts';
import { lastLines, type Observed, observe } from '../session/observe.ts';
import type { Session, SessionPorts } from '../session/session.ts';
import { carriesKmend, type EnginePorts, type HostSetup, type PlaySetup, searchFor } from './walk-context.ts';

export interface FleetOptions extends EachHostOptions {
  /** Run before the facts are read again, unless the first reading shows that it would prove nothing (`check --active`). */
  readonly active?: { readonly script: string; readonly whyNot: (facts: Facts) => string | undefined };
  /** Facts about a host that no probe reads (what this machine remembers, what the operator declares): merged with what was read, before anything is derived. */
  readonly known?: (host: string, facts: Facts) => Promise<Facts>;
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

const asFailed = (host: string, failure: Failure): { readonly host: string; readonly outcome: Outcome<never> } => ({
  host,
  outcome: { ok: false, failure },
});

/** All facts of each host, derived ones too: what `check` shows. */
export function surveyFleet(
  targets: readonly Target[],
  wants: readonly FactWant[],
  options: FleetOptions,
  ports: SessionPorts,
  onHost: (survey: Survey) => void,
): Promise<readonly Survey[]> {
  const whole = async (host: string, facts: Facts): Promise<Facts> =>
    settle({ ...facts, ...(await options.known?.(host, facts)) }, undefined);
  const survey = async (session: Session): Promise<Survey> => {
    const { observed, active } = await observeActively(session, wants, options);
    const outcome: Outcome<Facts> = observed.ok ? { ok: true, value: await whole(session.target.name, observed.value.facts) } : observed;
    return { host: session.target.name, outcome, ...present({ active }) };
  };
  return forEachHost(targets, options, ports, survey, asFailed, onHost);
}

/** Reads the facts; where the kernel was asked in between, they are read again, because its answer is one of them. */
async function observeActively(
  session: Session,
  wants: readonly FactWant[],
  { active }: FleetOptions,
): Promise<{ readonly observed: Outcome<Observed>; readonly active?: ActiveProbe }> {
  const observed = await observe(session, wants);
  if (!observed.ok || active === undefined) return { observed };
  const whyNot = active.whyNot(observed.value.facts);
  if (whyNot !== undefined) return { observed, active: { kind: 'not_asked', why: whyNot } };
  const asked = await session.read(active.script, { timeout: 60, become: session.target.become !== undefined });
  if (!asked.ok) return { observed, active: { kind: 'failed', why: asked.failure.message } };
  const again = await observe(session, wants);
  const answer = again.ok ? again.value.facts['kmem.active_probe'] : undefined;
  if (answer === 'off' || answer === 'on') return { observed: again, active: { kind: 'answered', answer } };
  const { code, stdout, stderr } = asked.value;
  const why = lastLines(code === 0 ? stdout : stderr, 1) || `exit status ${code}`;
  return { observed: again, active: { kind: 'failed', why } };
}

export interface Planned {
  readonly host: string;
  readonly outcome: Outcome<HostPlan>;
  /** Absent where it could not be read. */
  readonly seen?: Seen;
}

/**
 * Plans each host from fresh facts; the connection is kept for the second round of facts and closed after it. Hosts that turn out to be one
 * node are planned again, without it.
 */
export async function planFleet(
  hosts: readonly string[],
  setup: PlaySetup,
  options: FleetOptions,
  ports: EnginePorts,
  onHost: (planned: Planned) => void,
): Promise<readonly Planned[]> {
  const since = ports.clock.now();
  const planAll = (names: readonly string[], disputed: ReadonlyMap<string, string>, see: typeof onHost): Promise<readonly Planned[]> => {
    const plan = async (session: Session): Promise<Planned> => {
      const host = session.target.name;
      let seen: Seen | undefined;
      const see = (facts: Facts): void => {
        seen = seenOf(host, facts);
      };
      const outcome = await planOne(host, setupOf(setup, host), setup, session, ports, options.signal, disputed.get(host), since, see);
      return { host, outcome, ...present({ seen }) };
    };
    const targets = names.map((name) => setupOf(setup, name).target);
    return forEachHost(targets, options, ports, plan, asFailed, see);
  };
  const planned = await planAll(hosts, new Map(), onHost);
  const disputed = disputes(planned);
  if (disputed.size === 0) return withoutTwins(planned);
  const again = new Map((await planAll([...disputed.keys()], disputed, () => undefined)).map((one) => [one.host, one]));
  return withoutTwins(planned.map((one) => again.get(one.host) ?? one));
}

/** No name of one machine is walked: one walk would reboot it in the middle of the other's. */
function withoutTwins(planned: readonly Planned[]): readonly Planned[] {
  const twins = twinsAmong(planned.flatMap(({ seen }) => seen ?? [])).filter(({ by }) => by === 'boot');
  const why = new Map(twins.flatMap((group) => group.hosts.map((host) => [host, twinsText(group)] as const)));
  return planned.map((one) => refusedPlan(one, 'which machine it is', why.get(one.host)));
}

/** The host with this refusal before all others; without a reason as it is. */
export function refusedPlan(planned: Planned, task: string, why: string | undefined, hint?: string): Planned {
  const { outcome } = planned;
  if (why === undefined || !outcome.ok) return planned;
  const refused = { task, why, ...present({ hint }) };
  return { ...planned, outcome: ok({ ...outcome.value, refused }) };
}

/** Hosts that were reached at an address of the same node: what the inventory alone did not show. By host, with the reason. */
function disputes(planned: readonly Planned[]): ReadonlyMap<string, string> {
  const byNode = new Map<string, readonly string[]>();
  for (const { host, outcome } of planned) {
    const node = outcome.ok ? outcome.value.node : undefined;
    if (node !== undefined) byNode.set(node, [...(byNode.get(node) ?? []), host]);
  }
  const found = [...byNode].flatMap(([node, hosts]) =>
    hosts.length === 1 ? [] : hosts.map((host, at) => [host, twoClaims(host, node, hosts[at === 0 ? 1 : 0] ?? '')] as const),
  );
  return new Map(found);
}

export function setupOf(setup: PlaySetup, host: string): HostSetup {
  const found = setup.hosts.get(host);
  if (found === undefined) throw new Error(`no setup for host ${host}`);
  return found;
}

async function planOne(
  host: string,
  hostSetup: HostSetup,
  setup: PlaySetup,
  session: Session,
  ports: EnginePorts,
  signal: AbortSignal,
  disputed: string | undefined,
  since: number,
  see: (facts: Facts) => void,
): Promise<Outcome<HostPlan>> {
  const named = setup.wants ?? [];
  const first = await observe(session, named);
  if (!first.ok) return first;
  const given = givenFacts(hostSetup.declared);
  const chosen = chooseRemedy(settle({ ...first.value.facts, ...given }, undefined));
  const { cluster, clock } = ports;
  const byName = setup.askedByName === host;
  const side = new NodeSide({ cluster, clock, byName, ours: [setup.takeover], signal, when: { kind: 'plan', since } });
  const search = searchFor(hostSetup, setup, session.dialled(), first.value.facts);
  const found = disputed === undefined ? await side.find(search) : ok(noNode(disputed));
  if (!found.ok) return found;
  see({ ...first.value.facts, ...found.value });
  const node = nameOf(found.value, 'node.name');
  const zone = hostSetup.zone ?? nameOf(found.value, 'node.zone');
  const frame = (observed: Observed): Frame => ({
    facts: settle({ ...observed.facts, ...given, ...found.value, ...side.forecasts }, chosen),
    asked: new Set([...observed.asked, ...side.asked]),
    extraVars: setup.extraVars,
    learned: {},
    playVars: setup.play.vars,
    variables: hostSetup.variables,
    readOnlyCommands: setup.runReadOnly === true ? 'all' : 'marked',
    context: {
      host,
      ...present({ node }),
      hasCluster: ports.cluster !== undefined,
      carriesKmend: carriesKmend(observed.facts, setup),
      acceptPartial: setup.play.partial === 'accept',
      acceptNoWayBack: setup.play.rollout.rollback === 'none',
      ...present({ files: setup.files }),
      done: { drained: false, rebooted: false, cordoned: false },
    },
  });
  const wanted = new Map(named.map((want) => [wantKey(want), want]));
  let observed = first.value;
  const planned = await planInRounds(host, { ...hostSetup, ...present({ zone }) }, setup, chosen, {
    frame: () => frame(observed),
    freshen: async (wants) => {
      const forecast = await side.forecast(wants, node ?? '', observed.facts, { again: false, taken: false });
      if (!forecast.ok) return forecast.failure;
      const ofHost = wants.filter((want) => !isClusterWant(want));
      if (ofHost.length === 0) return undefined;
      for (const want of ofHost) wanted.set(wantKey(want), want);
      const again = await observe(session, [...wanted.values()], observed);
      if (!again.ok) return again.failure;
      observed = again.value;
      return undefined;
    },
  });
  return planned.ok ? ok(lockedOut(planned.value, found.value)) : planned;
}

/** A person's word about the node: a hold refuses the host, and of a cordon the plan says it. A host that needs nothing is left alone anyway. */
function lockedOut(plan: HostPlan, facts: Facts): HostPlan {
  if (!hasChanges(plan)) return plan;
  const hold = nameOf(facts, 'node.hold');
  if (hold !== undefined) {
    const { message: why, hint } = keptOut(plan.node ?? '', hold);
    return { ...plan, refused: { task: 'hold', why, ...present({ hint }) } };
  }
  return facts['node.unschedulable'] === true && facts['node.owner'] === '' ? { ...plan, cordoned: true } : plan;
}

/** A name among facts; undefined for none, or one that could not be read. */
const nameOf = (facts: Facts, name: string): string | undefined => {
  const value = facts[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
};

/** Facts that hold a secret are left out: drift is judged by the changes that follow from them. */
function shownPlan(plan: HostPlan, mask: Mask): HostPlan {
  const reads = Object.fromEntries(
    Object.entries(plan.reads).filter(([name, value]) => mask(name) === name && sameValue(mask(value), value)),
  );
  return mask({ ...plan, reads });
}

export interface Rounds {
  /** The frame over what is known now. */
  readonly frame: () => Frame;
  /** Reads these facts too. */
  readonly freshen: (wants: readonly FactWant[]) => Promise<Failure | undefined>;
}

/**
 * Plans a host; where a module wants more facts they are read, and the host is planned again: what a task wants may depend on facts, and on tasks
 * before it.
 */
export async function planInRounds(
  host: string,
  hostSetup: HostSetup,
  setup: PlaySetup,
  chosen: ChosenRemedy,
  rounds: Rounds,
): Promise<Outcome<HostPlan>> {
  const secrets = setup.secrets.of(host);
  const asked = new Set<string>();
  for (;;) {
    const planning = planHost({
      host,
      tasks: setup.play.tasks,
      frame: rounds.frame(),
      modules: setup.modules,
      chosen,
      ...present({ zone: hostSetup.zone }),
      isWanted: setup.isWanted,
      isSecret: setup.isSecret,
      hide: secrets.learn,
    });
    if (planning.kind === 'plan') return { ok: true, value: shownPlan(planning.plan, secrets.mask) };
    const again = planning.wants.find((want) => asked.has(wantKey(want)));
    if (again !== undefined) throw new Error(`a module wants ${again.area} again, which was just read`);
    for (const want of planning.wants) asked.add(wantKey(want));
    const trouble = await rounds.freshen(planning.wants);
    if (trouble !== undefined) return { ok: false, failure: trouble };
  }
}
