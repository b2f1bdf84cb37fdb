// The plan of one host: its list of tasks walked over facts, each task's promises laid over them
// for the next. Pure.

import {
  damageWords,
  graveDamage,
  readDamage,
  repairOf,
} from '../../facts/areas/packages/damage.ts';
import { isVolatile, leftOpen } from '../../facts/index.ts';
import { nearest } from '../../model/diagnostic.ts';
import { type Facts, type FactWant, known } from '../../model/fact.ts';
import type { BlockTask, ModuleTask, Task } from '../../model/playbook.ts';
import { present } from '../../model/present.ts';
import {
  type AnyModule,
  type Change,
  type ModulePlan,
  type PlanContext,
  packagesIn,
  type Unmet,
} from '../../model/run/change.ts';
import type { HostPlan, PlannedChange, TaskPlan } from '../../model/run/plan.ts';
import { highestRisk, type Risk } from '../../model/run/risk.ts';
import { isMapping, type Mapping, unknown, type Value } from '../../model/value.ts';
import { judge } from './condition.ts';
import { secondsOf } from './estimate.ts';
import { type ChosenRemedy, foresee, withDerived } from './overlay.ts';
import { type IsSecretName, learnedSecrets } from './secrets.ts';
import { type Evaluation, evaluateTask, type Frame, loopItems, scopeOf } from './task-plan.ts';

export interface HostInput {
  readonly host: string;
  readonly tasks: readonly Task[];
  readonly frame: Frame;
  readonly modules: ReadonlyMap<string, AnyModule>;
  readonly chosen: ChosenRemedy;
  readonly zone?: string;
  readonly isWanted: (task: Task) => boolean;
  readonly isSecret: IsSecretName;
  /** Is given what was learned and must not be shown. */
  readonly hide: (texts: readonly string[]) => void;
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
  /** The probe ran as somebody else than root. */
  readonly rootless: boolean;
  refused: HostPlan['refused'];
}

/** Plans every task. Where facts are missing, says which; the caller reads them and asks again. */
export function planHost(input: HostInput): HostPlanning {
  const first = acceptingFacts(input);
  const walk: Walk = {
    frame: { ...input.frame, facts: first },
    tasks: [],
    wants: [],
    reads: new Set(),
    effects: [],
    rootless: first['user.root'] === false,
    refused: undefined,
  };
  planTasks(input.tasks, [], input, walk);
  if (walk.wants.length > 0) return { kind: 'needs', wants: walk.wants };
  const damage = judgeDamage(input, walk);
  const tries = known(first, 'kmem.tries', '');
  const accepts =
    walk.refused === undefined && input.frame.context.acceptPartial && needsRemedy(input.chosen)
      ? leftOpen(walk.frame.facts)
      : [];
  const shown = walk.tasks.filter((task) => task.status === 'change' || task.status === 'later');
  return {
    kind: 'plan',
    plan: {
      host: input.host,
      tasks: walk.tasks,
      risk: highestRisk(shown.map((task) => task.risk)),
      verdict: known(first, 'kmem.verdict', 'unknown'),
      remedy: input.chosen.remedy,
      remedyWhy: input.chosen.why,
      ...(tries === '' ? {} : { tries }),
      ...(accepts.length === 0 ? {} : { accepts }),
      ...present({ zone: input.zone, node: input.frame.context.node, refused: walk.refused }),
      reads: readsOf(first, walk.reads),
      estimate: secondsOf(walk.effects.flatMap((change) => change.effects)),
      warnings: [...walk.tasks.flatMap((task) => task.warnings ?? []), ...damage],
    },
  };
}

const readsOf = (facts: Mapping, names: ReadonlySet<string>): Mapping =>
  Object.fromEntries(
    [...names]
      .filter((name) => Object.hasOwn(facts, name) && !isVolatile(name))
      .map((name) => [name, facts[name] ?? null]),
  );

/**
 * A play that proves its hosts calls none of them done whose runtime, kubelet or kernel package is
 * not whole, also where its conditions skip every task. Other packages are warnings.
 */
function judgeDamage(input: HostInput, walk: Walk): readonly string[] {
  const proof = flatten(input.tasks).find((task) => moduleOf(task, input.modules).proves === true);
  const { facts } = walk.frame;
  const damaged = readDamage(known(facts, 'packages.damaged'));
  if (proof === undefined || damaged.length === 0 || walk.refused !== undefined) return [];
  const manager = known(facts, 'packages.manager', '');
  const grave = graveDamage(damaged, manager);
  if (grave !== undefined) refuse(proof, grave.why, walk, grave.hint);
  return grave === undefined ? [`${damageWords(damaged)}; ${repairOf(damaged, manager)}`] : [];
}

/**
 * Until the tasks are planned, all that asks now counts as accepted: a host that has the remedy
 * already is judged as its proof will judge it.
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

function planTasks(
  tasks: readonly Task[],
  vars: readonly Mapping[],
  input: HostInput,
  walk: Walk,
): void {
  for (const task of tasks) {
    if (walk.refused !== undefined || walk.wants.length > 0) return;
    if (task.kind === 'block') planBlock(task, vars, input, walk);
    else if (input.isWanted(task)) planTask(task, [task.vars, ...vars], input, walk);
  }
}

/**
 * The `when` of a block is decided once, at its door; facts that change inside do not reopen the
 * question.
 */
function planBlock(block: BlockTask, vars: readonly Mapping[], input: HostInput, walk: Walk): void {
  const inner = [block.vars, ...vars];
  const judged = judge(
    block.when,
    scopeOf(walk.frame, inner, (name) => walk.reads.add(name)),
  );
  if (judged.kind === 'true') return planTasks(block.tasks, inner, input, walk);
  if (judged.kind === 'wrong')
    return refuse(
      block,
      shownText(block, judged.message),
      walk,
      `${judged.place.file}:${judged.place.line}:${judged.place.column}`,
    );
  for (const task of flatten(block.tasks)) {
    if (!input.isWanted(task)) continue;
    const why =
      judged.kind === 'false'
        ? `block skipped, not: ${shownText(block, judged.source)}`
        : shownText(block, judged.why);
    walk.tasks.push(
      judged.kind === 'false' ? unplanned(task, 'skip', why, 'none') : laterTask(task, why, input),
    );
    if (judged.kind !== 'false') learnLater(task, moduleOf(task, input.modules), walk);
  }
}

const flatten = (tasks: readonly Task[]): readonly ModuleTask[] =>
  tasks.flatMap((task) => (task.kind === 'block' ? flatten(task.tasks) : [task]));

function planTask(task: ModuleTask, vars: readonly Mapping[], input: HostInput, walk: Walk): void {
  const module = moduleOf(task, input.modules);
  // What a `no_log` command printed stands in no plan.
  const onRead = (name: string): void => {
    if (task.noLog !== true || !name.startsWith('output.')) walk.reads.add(name);
  };
  const loop = loopItems(task, scopeOf(walk.frame, vars, onRead));
  if (!('items' in loop)) return finishTask(task, [loop], module, input, walk);
  const rounds: Evaluation[] = [];
  for (const item of loop.items) {
    const round = evaluateTask(task, module, walk.frame, [item, ...vars], onRead);
    rounds.push(round);
    if (round.kind === 'needs') walk.wants.push(...round.wants);
    if (round.kind !== 'plan') continue;
    advance(round.plan, input, walk);
    input.hide(learnedSecrets(round.plan.sets ?? {}, task.noLog, input.isSecret));
  }
  finishTask(task, rounds, module, input, walk);
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
 * Lays the promises of a planned change over the facts, and remembers what a run would have done by
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
      : foresee(frame.facts, plan.changes, plan.promises ?? {}, input.chosen);
  const learned = plan.sets === undefined ? frame.learned : { ...frame.learned, ...plan.sets };
  walk.frame = {
    ...frame,
    facts,
    learned,
    context: {
      ...frame.context,
      done: doneAfter(frame.context.done, kinds, packagesIn(plan.changes)),
    },
  };
}

/**
 * What the door lets nobody but root do: better known before a drain than at the first change after
 * it.
 */
const needsRoot = (plan: ModulePlan): boolean =>
  plan.changes.some((change) =>
    change.effects.some(
      ({ kind }) => kind === 'run' || kind === 'write' || kind === 'copy' || kind === 'reboot',
    ),
  );

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
    replaced: kinds.has('reboot') ? [] : [...(done.replaced ?? []), ...packages],
  };
}

function finishTask(
  task: ModuleTask,
  rounds: readonly Evaluation[],
  module: AnyModule,
  input: HostInput,
  walk: Walk,
): void {
  const refusals = rounds.flatMap((round) => refusalOf(round, task, walk) ?? []);
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
  if (planned.status === 'later') learnLater(task, module, walk);
  else if (task.register !== undefined) learn(task, task.register, planned, rounds, input, walk);
}

interface Refusal {
  readonly why: string;
  readonly hint?: string | undefined;
  readonly isUnmet?: true;
}

/** Why a round of a task must not be begun on this host. */
function refusalOf(round: Evaluation, task: ModuleTask, walk: Walk): Refusal | undefined {
  if (round.kind === 'wrong')
    return {
      why: shownText(task, round.message),
      hint: `${round.place.file}:${round.place.line}:${round.place.column}`,
    };
  if (round.kind !== 'plan') return undefined;
  const { plan } = round;
  if (walk.rootless && needsRoot(plan))
    return {
      why: 'changing a host needs root',
      hint: 'log in as root, or set become: true in the play (or -b)',
    };
  if (plan.refuse !== undefined)
    return { why: shownText(task, plan.refuse.why), hint: shownHint(task, plan.refuse.hint) };
  if (plan.unmet === undefined || isExcused(plan.unmet, task)) return undefined;
  return {
    why: shownText(task, plan.unmet.evidence),
    hint: shownHint(task, plan.unmet.hint),
    isUnmet: true,
  };
}

/** Of a loop every item that fails is named at once, so that one correction is enough. */
const several = (texts: readonly string[]): string => {
  const all = [...new Set(texts)];
  return all.length <= 10
    ? all.join('; ')
    : `${all.slice(0, 10).join('; ')}; and ${all.length - 10} more`;
};

/** `ignore_errors`, or an exit status that `failed_when` will judge. */
const isExcused = (unmet: Unmet, task: ModuleTask): boolean =>
  task.ignoreErrors === true || (unmet.kind === 'exit' && task.failedWhen !== undefined);

function refuse(task: Task, why: string, walk: Walk, hint?: string): void {
  walk.refused = { task: task.name, why, ...present({ hint }) };
}

/**
 * Many rounds of a loop become one line: it changes if one of them does, is later if one of them
 * is.
 */
function summary(task: ModuleTask, rounds: readonly Evaluation[], module: AnyModule): TaskPlan {
  const plans = rounds.flatMap((round) => (round.kind === 'plan' ? [round.plan] : []));
  const changes = plans.flatMap((plan) =>
    plan.changes.map((change) =>
      task.noLog === true ? hiddenChange(change) : shownChange(change),
    ),
  );
  const later = rounds.find((round) => round.kind === 'later');
  const said = task.noLog === true ? [] : plans;
  const notes = said.flatMap((plan) => (plan.note === undefined ? [] : [plan.note]));
  const warnings = said.flatMap((plan) => plan.warnings ?? []);
  const alternatives = said.flatMap((plan) => plan.alternatives ?? []);
  const extra = {
    ...(warnings.length === 0 ? {} : { warnings }),
    ...(alternatives.length === 0 ? {} : { alternatives }),
  };
  if (later !== undefined && later.kind === 'later')
    return {
      ...unplanned(
        task,
        'later',
        shownText(task, later.why),
        highestRisk([later.risk ?? module.maxRisk, ...changes.map((c) => c.risk)]),
      ),
      changes,
      ...extra,
    };
  if (changes.length > 0) {
    const why = notes.length === 0 ? {} : { why: notes.join('; ') };
    return {
      id: task.id,
      name: task.name,
      module: task.module,
      status: 'change',
      changes,
      risk: highestRisk(changes.map((c) => c.risk)),
      ...why,
      ...extra,
    };
  }
  const skipped = rounds.length > 0 && rounds.every((round) => round.kind === 'skip');
  const [firstRound] = rounds;
  if (skipped && firstRound?.kind === 'skip')
    return unplanned(task, 'skip', shownText(task, firstRound.why), 'none');
  return { ...unplanned(task, 'same', notes.join('; '), 'none'), ...extra };
}

export const shownChange = (change: Change): PlannedChange => ({
  sign: change.sign,
  what: change.what,
  ...present({ before: change.before, after: change.after }),
  risk: change.risk,
});

export const hiddenText = '(hidden by no_log)';

/** `no_log`: what is changed may itself be the secret. */
export const hiddenChange = (change: Change): PlannedChange => ({
  sign: change.sign,
  what: hiddenText,
  risk: change.risk,
});

/** Conditions, messages and notes of a `no_log` task hold its values. */
export const shownText = (task: Task, text: string): string =>
  task.noLog === true ? hiddenText : text;

const shownHint = (task: Task, hint: string | undefined): string | undefined =>
  task.noLog === true ? undefined : hint;

const unplanned = (
  task: ModuleTask,
  status: TaskPlan['status'],
  why: string,
  risk: Risk,
): TaskPlan => ({
  id: task.id,
  name: task.name,
  module: task.module,
  status,
  changes: [],
  risk,
  ...(why === '' ? {} : { why }),
});

const laterTask = (task: ModuleTask, why: string, input: HostInput): TaskPlan =>
  unplanned(task, 'later', why, input.modules.get(task.module)?.maxRisk ?? 'none');

const laterValue = (task: string): Value => unknown(`known only after the task "${task}"`);

/** What a task would set is not known where it is planned as later: it is not undefined either. */
function learnLater(task: ModuleTask, module: AnyModule, walk: Walk): void {
  const names = [
    ...(module.setsArgs === true && isMapping(task.args) ? Object.keys(task.args) : []),
    ...(task.register === undefined ? [] : [task.register]),
  ];
  const learned = Object.fromEntries(names.map((name) => [name, laterValue(task.name)]));
  walk.frame = { ...walk.frame, learned: { ...walk.frame.learned, ...learned } };
}

/**
 * What a registered name holds in a plan: known where nothing will run, unknown where something
 * will.
 */
function learn(
  task: ModuleTask,
  name: string,
  planned: TaskPlan,
  rounds: readonly Evaluation[],
  input: HostInput,
  walk: Walk,
): void {
  const value: Value =
    planned.status === 'same' || planned.status === 'skip'
      ? { changed: false, failed: false, skipped: planned.status === 'skip', ...resultOf(rounds) }
      : laterValue(planned.name);
  walk.frame = { ...walk.frame, learned: { ...walk.frame.learned, [name]: value } };
  input.hide(learnedSecrets({ [name]: value }, task.noLog, input.isSecret));
}

function resultOf(rounds: readonly Evaluation[]): Mapping {
  const [only] = rounds;
  return rounds.length === 1 && only?.kind === 'plan' ? (only.plan.result ?? {}) : {};
}
