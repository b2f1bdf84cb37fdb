// Plans one host: walks its tasks over its facts, and lays the promises of each task over them for
// the next.

import {
  damageWords,
  graveDamage,
  readDamage,
  repairOf,
} from '../../facts/areas/packages/damage.ts';
import { isVolatile, leftOpen } from '../../facts/index.ts';
import { nearest } from '../../model/diagnostic.ts';
import { type Facts, type FactWant, known } from '../../model/fact.ts';
import {
  type BlockTask,
  branchesOf,
  type ModuleTask,
  moduleTasksOf,
  type OncePart,
  type Task,
} from '../../model/playbook.ts';
import { present } from '../../model/present.ts';
import {
  type AnyModule,
  type Change,
  type ModulePlan,
  type PlanContext,
  packagesIn,
} from '../../model/run/change.ts';
import type { Effect } from '../../model/run/effect.ts';
import type { HostPlan, OncePlan, TaskPlan } from '../../model/run/plan.ts';
import { isMapping, type Mapping, unknown, type Value } from '../../model/value.ts';
import { drainSeconds, secondsOf } from './estimate.ts';
import { type ChosenRemedy, foresee, withDerived } from './overlay.ts';
import { refusalOf, several } from './refusal.ts';
import { type IsSecretName, learnedSecrets } from './secrets.ts';
import { shownText } from './shown.ts';
import { summary, unplanned } from './summary.ts';
import { judge } from './task/condition.ts';
import { type Evaluation, type Frame, scopeOf } from './task/frame.ts';
import { changesHost, notNotified, unlessNotified } from './task/notified.ts';
import { riskOf } from './task/once.ts';
import type { TaskVars } from './task/scope.ts';
import { evaluateTask, loopItems, roundLayer } from './task-plan.ts';

export interface HostInput {
  readonly host: string;
  readonly tasks: readonly Task[];
  readonly frame: Frame;
  readonly modules: ReadonlyMap<string, AnyModule>;
  readonly chosen: ChosenRemedy;
  readonly zone?: string;
  readonly isWanted: (task: Task) => boolean;
  readonly isSecret: IsSecretName;
  /** Called with texts that must be masked from now on. */
  readonly hide: (texts: readonly string[]) => void;
  /** A variable of the host as the inventory writes it; absent where plans are not shared. */
  readonly written?: (name: string) => Value | undefined;
  readonly foresee?: (facts: Facts, changes: readonly Change[], promises: Facts) => Facts;
}

export type HostPlanning =
  | { readonly kind: 'plan'; readonly plan: HostPlan }
  | { readonly kind: 'needs'; readonly wants: readonly FactWant[] };

interface Walk {
  frame: Frame;
  readonly tasks: TaskPlan[];
  readonly wants: FactWant[];
  readonly reads: Set<string>;
  readonly effects: Change[];
  /** Tasks that change something, surely or perhaps, and blocks that are entered. */
  readonly happens: Map<string, 'yes' | 'perhaps'>;
  /** The probe did not run as root. */
  readonly rootless: boolean;
  /** The first task that may change the host in a way that no module promises. */
  open?: string;
  refused: HostPlan['refused'];
  /** The tasks with `run_once`; absent while they are planned. */
  readonly once?: OnceWalk;
}

/** They are planned beside the others: which host does them is decided when all are planned. */
interface OnceWalk extends Pick<Walk, 'reads' | 'effects' | 'refused'> {
  /** Behind those of a part that were planned already. */
  readonly frames: Partial<Record<OncePart, Frame>>;
  readonly learns: string[];
  refused: HostPlan['refused'];
}

/** What planning the tasks of a host gives; hosts of which the same was read share it. */
export type Work =
  | Extract<HostPlanning, { kind: 'needs' }>
  | {
      readonly kind: 'work';
      readonly plan: Pick<
        HostPlan,
        'tasks' | 'risk' | 'accepts' | 'refused' | 'once' | 'estimate' | 'drain' | 'warnings'
      >;
      /** Names of the facts that were read. */
      readonly reads: ReadonlySet<string>;
    };

/** Does the work, or gives that of a host of which the same was read. */
export type Share = (input: HostInput, make: (input: HostInput) => Work) => Work;

/** Plans every task. If facts are missing, returns which: the caller reads them and asks again. */
export function planHost(given: HostInput, share?: Share): HostPlanning {
  const facts = acceptingFacts(given);
  const input = { ...given, frame: { ...given.frame, facts } };
  const work = share === undefined ? planWork(input) : share(input, planWork);
  if (work.kind === 'needs') return work;
  const { tasks, risk, accepts, refused, once, estimate, drain, warnings } = work.plan;
  const tries = known(facts, 'kmem.tries', '');
  return {
    kind: 'plan',
    plan: {
      host: input.host,
      tasks,
      risk,
      verdict: known(facts, 'kmem.verdict', 'unknown'),
      remedy: input.chosen.remedy,
      remedyWhy: input.chosen.why,
      ...(tries === '' ? {} : { tries }),
      ...present({ accepts, zone: input.zone, node: input.frame.context.node, refused, once }),
      reads: readsOf(facts, work.reads),
      estimate,
      ...present({ drain }),
      warnings,
    },
  };
}

function planWork(input: HostInput): Work {
  const { facts } = input.frame;
  const walk: Walk = {
    frame: input.frame,
    tasks: [],
    wants: [],
    reads: new Set(),
    effects: [],
    happens: new Map(),
    rootless: facts['user.root'] === false,
    refused: undefined,
    once: { reads: new Set(), effects: [], refused: undefined, frames: {}, learns: [] },
  };
  planTasks(input.tasks, [], input, walk);
  if (walk.wants.length > 0) return { kind: 'needs', wants: walk.wants };
  const damage = judgeDamage(input, walk);
  const accepts =
    walk.refused === undefined && input.frame.context.acceptPartial && needsRemedy(input.chosen)
      ? leftOpen(walk.frame.facts)
      : [];
  const effects = effectsOf(walk.effects);
  return {
    kind: 'work',
    reads: walk.reads,
    plan: {
      tasks: walk.tasks,
      risk: riskOf(walk.tasks),
      ...(accepts.length === 0 ? {} : { accepts }),
      ...present({ refused: walk.refused, once: oncePlan(facts, walk) }),
      estimate: secondsOf(effects),
      ...present({ drain: drainSeconds(effects) }),
      warnings: [...walk.tasks.flatMap((task) => task.warnings ?? []), ...damage],
    },
  };
}

const effectsOf = (changes: readonly Change[]): readonly Effect[] =>
  changes.flatMap((change) => change.effects);

function oncePlan(facts: Facts, { tasks, once }: Walk): OncePlan | undefined {
  if (once === undefined || !tasks.some((task) => task.once !== undefined)) return undefined;
  const { reads, effects, learns, refused } = once;
  return {
    seconds: secondsOf(effectsOf(effects)),
    reads: readsOf(facts, reads),
    learns,
    ...present({ refused }),
  };
}

const readsOf = (facts: Mapping, names: ReadonlySet<string>): Mapping =>
  Object.fromEntries(
    [...names]
      .filter((name) => Object.hasOwn(facts, name) && !isVolatile(name))
      .map((name) => [name, facts[name] ?? null]),
  );

/**
 * In a play that proves its hosts, a damaged runtime, kubelet or kernel package refuses the host,
 * even if all conditions skip their tasks. Other damaged packages give warnings.
 */
function judgeDamage(input: HostInput, walk: Walk): readonly string[] {
  const proof = moduleTasksOf(input.tasks).find(
    (task) => moduleOf(task, input.modules).proves === true,
  );
  const { facts } = walk.frame;
  const damaged = readDamage(known(facts, 'packages.damaged'));
  if (proof === undefined || damaged.length === 0 || walk.refused !== undefined) return [];
  const manager = known(facts, 'packages.manager', '');
  const grave = graveDamage(damaged, manager);
  if (grave !== undefined) refuse(proof, grave.why, walk, grave.hint);
  return grave === undefined ? [`${damageWords(damaged)}; ${repairOf(damaged, manager)}`] : [];
}

/**
 * Until the tasks are planned, every program that accounts now counts as accepted. So a host that
 * has the remedy already is judged as its proof will judge it.
 */
function acceptingFacts({ frame, chosen }: HostInput): Facts {
  if (!frame.context.acceptPartial || !needsRemedy(chosen)) return frame.facts;
  return withDerived(
    {
      ...frame.facts,
      'kmem.accepted': leftOpen(frame.facts).map(({ key, name }) => ({ key, name })),
    },
    chosen,
  );
}

const needsRemedy = ({ remedy }: ChosenRemedy): boolean =>
  remedy !== 'none' && remedy !== 'default_kernel';

function planTasks(tasks: readonly Task[], vars: TaskVars, input: HostInput, walk: Walk): void {
  for (const task of tasks) {
    if (walk.refused !== undefined || walk.wants.length > 0) return;
    const { once: part } = task;
    if (part !== undefined && walk.once !== undefined)
      planOnce({ task, part, once: walk.once }, vars, input, walk);
    else if (task.kind === 'block') planBlock(task, vars, input, walk);
    else if (input.isWanted(task)) planTask(task, [task, ...vars], input, walk);
  }
}

/**
 * Plans it as if this host did it. No other task builds on that: what it registers is known in the
 * run, and what it changes is changed on one host only.
 */
function planOnce(
  { task, part, once }: { readonly task: Task; readonly part: OncePart; readonly once: OnceWalk },
  vars: TaskVars,
  input: HostInput,
  walk: Walk,
): void {
  if (once.refused !== undefined) return;
  const { once: _once, ...rest } = walk;
  const { reads, effects, frames } = once;
  const own: Walk = { ...rest, reads, effects, frame: frames[part] ?? walk.frame };
  const from = walk.tasks.length;
  planTasks([task], vars, input, own);
  frames[part] = own.frame;
  once.refused = own.refused;
  if (own.refused !== undefined) noteRefused(task, own.refused.why, from, input, walk);
  for (const inner of moduleTasksOf([task])) {
    if (!input.isWanted(inner)) continue;
    const module = moduleOf(inner, input.modules);
    const planned = walk.tasks.slice(from).find(({ id }) => id === inner.id);
    const idle = planned?.status === 'same' || planned?.status === 'skip';
    if (part === 'before' && idle && learnedNames(inner, module).length > 0)
      once.learns.push(inner.id);
    learnLater(inner, module, walk);
  }
}

/** The plan has the task that refuses the host: all other hosts wait for it. */
function noteRefused(task: Task, why: string, from: number, input: HostInput, walk: Walk): void {
  const planned = walk.tasks.slice(from);
  if (planned.at(-1)?.status === 'unmet') return;
  const next = moduleTasksOf([task]).find(
    (inner) => input.isWanted(inner) && !planned.some(({ id }) => id === inner.id),
  );
  if (next !== undefined) walk.tasks.push(unplanned(next, 'unmet', why, 'none'));
}

/**
 * The `when` of a block is decided once, before its first task. Facts that change inside do not
 * change the decision.
 */
function planBlock(block: BlockTask, vars: TaskVars, input: HostInput, walk: Walk): void {
  const inner = [block, ...vars];
  const judged =
    unlessNotified(block, walk.happens) ??
    judge(
      block.when,
      scopeOf(walk.frame, inner, (name) => walk.reads.add(name)),
    );
  if (judged.kind === 'true' || judged.kind === 'unknown')
    walk.happens.set(block.id, judged.kind === 'true' ? 'yes' : 'perhaps');
  if (judged.kind === 'true') return planBranches(block, inner, input, walk);
  if (judged.kind === 'wrong')
    return refuse(
      block,
      shownText(block, judged.message),
      walk,
      `${judged.place.file}:${judged.place.line}:${judged.place.column}`,
    );
  if (judged.kind === 'unknown')
    return planLater(branchesOf(block), shownText(block, judged.why), inner, input, walk);
  const { source } = judged;
  const why = source === notNotified ? source : `block skipped, not: ${shownText(block, source)}`;
  for (const task of moduleTasksOf([block]))
    if (input.isWanted(task)) walk.tasks.push(unplanned(task, 'skip', why, 'none'));
}

/**
 * A rescue is shown as later, with the highest risk of its tasks: it is approved with the rest. A
 * block that is known to fail is planned with its rescue.
 */
function planBranches(block: BlockTask, vars: TaskVars, input: HostInput, walk: Walk): void {
  const { tasks, rescue, always } = block;
  planTasks(tasks, vars, input, walk);
  const isUnmet = walk.refused !== undefined && walk.tasks.at(-1)?.status === 'unmet';
  if (rescue !== undefined && (walk.refused === undefined || isUnmet)) {
    walk.refused = undefined;
    const last = walk.tasks.at(-1);
    if (isUnmet && last !== undefined)
      walk.tasks.splice(-1, 1, { ...last, status: 'later', why: `fails: ${last.why ?? ''}` });
    const why = laterValue(`${block.name} has failed`);
    walk.frame = {
      ...walk.frame,
      learned: { ...walk.frame.learned, ansible_failed_task: why, ansible_failed_result: why },
    };
    if (isUnmet) planTasks(rescue, vars, input, walk);
    else planLater(rescue, 'a rescue: only if its block fails', vars, input, walk);
  }
  if (always !== undefined) planTasks(always, vars, input, walk);
}

/** Plans tasks of which only the run knows whether it comes to them. */
function planLater(
  tasks: readonly Task[],
  why: string,
  vars: TaskVars,
  input: HostInput,
  walk: Walk,
): void {
  for (const task of tasks) {
    if (walk.refused !== undefined) return;
    if (task.kind === 'block') planLater(branchesOf(task), why, [task, ...vars], input, walk);
    else if (!input.isWanted(task)) continue;
    else if (task.missing !== undefined) planTask(task, [task, ...vars], input, walk);
    else {
      const planned = laterTask(task, why, input);
      walk.tasks.push(planned);
      noteAltered(planned, walk);
      if (task.changedWhen !== false) walk.happens.set(task.id, 'perhaps');
      learnLater(task, moduleOf(task, input.modules), walk);
    }
  }
}

/** One round of a task, and what its loop sets in it. */
type Round = Evaluation & { readonly item?: Mapping };

const isMet = (round: Evaluation): boolean =>
  round.kind === 'plan' && round.plan.unmet === undefined;

/** With `until`, what fails to be read now may be read in the run. */
function untilRead(task: ModuleTask, round: Evaluation): Evaluation {
  if (task.until === undefined || round.kind !== 'plan' || round.plan.unmet?.kind !== 'exit')
    return round;
  return {
    kind: 'later',
    why: `"until" does not hold yet: ${round.plan.unmet.evidence}`,
    risk: 'none',
  };
}

function planTask(task: ModuleTask, vars: TaskVars, input: HostInput, walk: Walk): void {
  const module = moduleOf(task, input.modules);
  // What a `no_log` task reads of a file, and the output of its command, must not be in a plan.
  let readsFacts = false;
  const onRead = (name: string): void => {
    readsFacts = true;
    if (task.noLog !== true || !/^(?:output|file)\./.test(name)) walk.reads.add(name);
  };
  const loop =
    task.loop === undefined ? { items: [{}] } : loopItems(task, scopeOf(walk.frame, vars, onRead));
  if (!('items' in loop)) return finishTask(task, [loop], module, input, walk);
  const rounds: Round[] = [];
  for (const item of loop.items) {
    const layers = [roundLayer(item), ...vars];
    const evaluated = evaluateTask(task, module, walk.frame, layers, onRead);
    walk.frame.recording?.settle(!isMet(evaluated));
    const round = untilRead(task, evaluated);
    rounds.push({ ...round, item });
    if (round.kind === 'needs') walk.wants.push(...round.wants);
    if (round.kind !== 'plan') continue;
    advance(round.plan, input, walk);
    input.hide(learnedSecrets(round.plan.sets ?? {}, task.noLog, input.isSecret));
  }
  if (readsFacts && isOpen(rounds, task, walk)) return postpone(task, input, walk);
  finishTask(task, rounds, module, input, walk);
}

/**
 * A check of the host that does not hold now may hold once a task before it has run, whose effects the
 * plan does not know. What fails by variables alone fails then, too.
 */
function isOpen(rounds: readonly Round[], task: ModuleTask, { open, rootless }: Walk): boolean {
  if (open === undefined) return false;
  const refusals = rounds.flatMap((round) => refusalOf(round, task, rootless) ?? []);
  return refusals.length > 0 && refusals.every(({ isUnmet }) => isUnmet === true);
}

function postpone(task: ModuleTask, input: HostInput, walk: Walk): void {
  const planned = laterTask(task, `known only after the task "${walk.open}"`, input);
  walk.tasks.push(planned);
  const happens = changesHost(task, planned);
  if (happens !== undefined) walk.happens.set(task.id, happens);
  noteAltered(planned, walk);
  learnLater(task, moduleOf(task, input.modules), walk);
}

function moduleOf(task: ModuleTask, modules: ReadonlyMap<string, AnyModule>): AnyModule {
  const module = modules.get(task.module);
  if (module === undefined)
    throw new Error(
      `no module ${task.module} (nearest: ${nearest(task.module, modules.keys()) ?? 'none'}); the loader should have said so`,
    );
  return module;
}

/**
 * Lays the promises of planned changes over the facts, and notes what the run would have done by
 * then.
 */
function advance(plan: ModulePlan, input: HostInput, walk: Walk): void {
  const kinds = new Set(
    plan.changes.flatMap((change) => change.effects.map((effect) => effect.kind)),
  );
  walk.effects.push(...plan.changes);
  const { frame } = walk;
  const facts =
    plan.changes.length === 0
      ? frame.facts
      : foreseeIn(input)(frame.facts, plan.changes, plan.promises ?? {});
  const { promisesHere } = plan;
  const local = promisesHere &&
    frame.local && { ...frame.local, facts: { ...frame.local.facts, ...promisesHere } };
  const learned = plan.sets === undefined ? frame.learned : { ...frame.learned, ...plan.sets };
  walk.frame = {
    ...frame,
    facts,
    learned,
    ...present({ local }),
    context: {
      ...frame.context,
      done: doneAfter(frame.context.done, kinds, packagesIn(plan.changes)),
    },
  };
}

const foreseeIn = ({ foresee: given, chosen }: HostInput): NonNullable<HostInput['foresee']> =>
  given ?? ((facts, changes, promises) => foresee(facts, changes, promises, chosen));

function doneAfter(
  done: PlanContext['done'],
  kinds: ReadonlySet<string>,
  packages: readonly string[],
): PlanContext['done'] {
  return {
    cordoned:
      (done.cordoned || kinds.has('cordon') || kinds.has('drain')) && !kinds.has('uncordon'),
    drained: (done.drained || kinds.has('drain')) && !kinds.has('uncordon'),
    rebooted: done.rebooted || kinds.has('reboot'),
    newBoot: done.newBoot === true,
    replaced: kinds.has('reboot') ? [] : [...(done.replaced ?? []), ...packages],
    ...present({ acted: done.acted, altered: done.altered }),
  };
}

function finishTask(
  task: ModuleTask,
  rounds: readonly Round[],
  module: AnyModule,
  input: HostInput,
  walk: Walk,
): void {
  const refusals = rounds.flatMap((round) => refusalOf(round, task, walk.rootless) ?? []);
  if (refusals.length > 0) {
    const why = several(refusals.map((one) => one.why));
    if (refusals.some(({ isUnmet }) => isUnmet === true))
      walk.tasks.push(unplanned(task, 'unmet', why, 'none'));
    return refuse(
      task,
      why,
      walk,
      several(refusals.flatMap(({ hint }) => hint ?? [])) || undefined,
    );
  }
  const planned = summary(task, rounds, module);
  walk.tasks.push(planned);
  const happens = changesHost(task, planned);
  if (happens !== undefined) walk.happens.set(task.id, happens);
  noteAltered(planned, walk);
  if (rounds.some((round) => round.kind === 'plan' && !round.convergent)) noteOpen(planned, walk);
  if (planned.status === 'later') learnLater(task, module, walk);
  else learn(task, planned, rounds, input, walk);
}

/**
 * Behind a task that changes the host, or may, the plan does not know what is read. Effects on the
 * cluster and waits change nothing on the host: they have a risk of their own.
 */
function noteAltered(planned: TaskPlan, walk: Walk): void {
  const { name, risk, status } = planned;
  if ((status !== 'change' && status !== 'later') || risk === 'none') return;
  if (status === 'later') noteOpen(planned, walk);
  const { context, altered } = walk.frame;
  walk.frame = {
    ...walk.frame,
    context: {
      ...context,
      done: { ...context.done, acted: true, ...(risk === 'evict' ? {} : { altered: true }) },
    },
    ...(risk === 'evict' ? {} : { altered: altered ?? name }),
  };
}

/** What the task leaves on the host is not known: no module promises it. */
function noteOpen({ name, risk, status }: TaskPlan, walk: Walk): void {
  const isChange = status === 'change' || status === 'later';
  if (isChange && risk !== 'none' && risk !== 'evict') walk.open ??= name;
}

function refuse(task: Task, why: string, walk: Walk, hint?: string): void {
  walk.refused = { task: task.name, why, ...present({ hint }) };
}

const laterTask = (task: ModuleTask, why: string, input: HostInput): TaskPlan =>
  unplanned(task, 'later', why, input.modules.get(task.module)?.maxRisk ?? 'none');

const laterValue = (task: string): Value => unknown(`known only after the task "${task}"`);

const learnedNames = (task: ModuleTask, module: AnyModule): readonly string[] => [
  ...(module.setsNames ?? []),
  ...(module.setsArgs === true && isMapping(task.args) ? Object.keys(task.args) : []),
  ...(task.register === undefined ? [] : [task.register]),
];

/** What a task planned as `later` would set is unknown, not undefined. */
function learnLater(task: ModuleTask, module: AnyModule, walk: Walk): void {
  const learned = Object.fromEntries(
    learnedNames(task, module).map((name) => [name, laterValue(task.name)]),
  );
  walk.frame = { ...walk.frame, learned: { ...walk.frame.learned, ...learned } };
}

/**
 * The value of a registered name in a plan: known where nothing will run, unknown where something
 * will.
 */
function learn(
  task: ModuleTask,
  planned: TaskPlan,
  rounds: readonly Round[],
  input: HostInput,
  walk: Walk,
): void {
  const { register: name } = task;
  if (name === undefined) return;
  const value: Value =
    planned.status === 'same' || planned.status === 'skip'
      ? {
          changed: false,
          failed: false,
          skipped: planned.status === 'skip',
          ...resultOf(task, rounds),
        }
      : laterValue(planned.name);
  walk.frame = { ...walk.frame, learned: { ...walk.frame.learned, [name]: value } };
  input.hide(learnedSecrets({ [name]: value }, task.noLog, input.isSecret));
}

/** A loop registers the list of its rounds, as in a run. */
function resultOf(task: ModuleTask, rounds: readonly Round[]): Mapping {
  if (task.loop !== undefined) return { results: rounds.map(roundResult) };
  const [only] = rounds;
  return only?.kind === 'plan' ? (only.plan.result ?? {}) : {};
}

const roundResult = (round: Round): Mapping => ({
  changed: false,
  failed: false,
  ...(round.kind === 'skip' ? { skipped: true } : {}),
  ...(round.kind === 'plan' ? round.plan.result : {}),
  ...round.item,
});
