// A host's walk: connect, read, plan the whole anew, compare with what was approved, then task by
// task. Ends in `host.done` or `host.failed`.

import { leftBehindOn } from '../../core/history/left-behind.ts';
import { judge } from '../../core/plan/condition.ts';
import { driftOf } from '../../core/plan/drift.ts';
import { shownText } from '../../core/plan/plan-host.ts';
import { scopeOf } from '../../core/plan/task-plan.ts';
import { provenBy } from '../../core/run-state/fold-host.ts';
import { isUntaken } from '../../core/run-state/lock-out.ts';
import { blockEntered } from '../../core/run-state/state.ts';
import { known } from '../../model/fact.ts';
import type { BlockTask, Task } from '../../model/playbook.ts';
import { present } from '../../model/present.ts';
import type { Proven } from '../../model/run/event.ts';
import { type Failure, type FailureKind, unhandled } from '../../model/run/failure.ts';
import type { HostPlan } from '../../model/run/plan.ts';
import type { Mapping } from '../../model/value.ts';
import { cutShort } from '../effects/effect-context.ts';
import { heldNode } from '../effects/ownership.ts';
import { notBack } from '../effects/reboot-step.ts';
import { closeFence } from './fences.ts';
import { planInRounds, setupOf } from './fleet.ts';
import { HostWalk } from './host-walk.ts';
import { type HostSetup, type RunContext, searchFor } from './walk-context.ts';
import { proveAgain, walkTask } from './walk-task.ts';

interface Bad {
  readonly failure: Failure;
  readonly task?: string;
}

/** Why a host's signal fired: its deadline, and not the end of the run. */
export const expired = 'deadline';

export async function walkHost(
  host: string,
  plan: HostPlan,
  setup: HostSetup,
  run: RunContext,
  signal: AbortSignal,
): Promise<void> {
  const walk = new HostWalk(host, plan, setup, run, signal);
  const judged = (bad: Bad): Bad => (signal.aborted ? stoppedNow(bad, walk) : bad);
  try {
    const bad = await attempt(walk);
    await (bad === undefined ? succeed(walk) : fail(walk, judged(bad)));
  } catch (error) {
    if (run.isOver()) throw error;
    await recordFailed(walk, judged({ failure: unhandled(`the answers of ${host}`, error) }));
  } finally {
    walk.session.close();
  }
}

/** After a stop nothing that failed is believed: what is under way was let go of. */
const stoppedNow = (bad: Bad, walk: HostWalk): Bad =>
  walk.signal.reason === expired
    ? tooLate(bad, walk)
    : { ...bad, failure: { ...cutShort(bad.failure.message) } };

const tooLate = (bad: Bad, walk: HostWalk): Bad => ({
  ...bad,
  failure: {
    kind: 'timeout',
    message: `took longer than its deadline of ${walk.run.setup.play.rollout.deadline.host ?? 0} s`,
    detail: bad.failure.message,
  },
});

async function attempt(walk: HostWalk): Promise<Bad | undefined> {
  const trouble = await firstLook(walk);
  if (trouble !== undefined) return { failure: trouble };
  await recordFacts(walk);
  await walk.recordKernel();
  restore(walk);
  const go = await mayStart(walk);
  if (go !== 'go') return go === 'already mended' ? undefined : { failure: go };
  if (walk.state.remedy === undefined)
    await walk.run.record(
      {
        type: 'remedy.chosen',
        host: walk.host,
        remedy: walk.view.chosen.remedy,
        why: walk.view.chosen.why,
      },
      true,
    );
  const bad = await walkTasks(walk.run.setup.play.tasks, [], walk);
  if (bad !== undefined) return bad;
  const failure = await proveAgain(walk);
  return failure === undefined ? undefined : { failure };
}

/** Milliseconds between two looks at a host that may be booting. */
const lookEvery = 500;

/**
 * The first look. A host that a crash left in the middle of its reboot may still be away: it has
 * the time that its reboot has.
 */
async function firstLook(walk: HostWalk): Promise<Failure | undefined> {
  const { clock } = walk.run.ports;
  const rebooting = walk.state.inFlight.find((started) => started.kind === 'reboot');
  const began = clock.now();
  for (;;) {
    const trouble = await walk.freshen();
    if (rebooting === undefined || trouble?.transport !== true || walk.signal.aborted)
      return trouble;
    const waited = (clock.now() - began) / 1000;
    if (waited >= rebooting.timeout) return notBack(waited, trouble);
    await clock.sleep(lookEvery, walk.signal);
  }
}

const recordFacts = (walk: HostWalk): Promise<unknown> => {
  const { facts, host } = walk;
  const verdict = known(facts, 'kmem.verdict', 'unknown');
  const read = {
    type: 'facts.read',
    host,
    verdict,
    evidence: known(facts, 'kmem.evidence', ''),
    ...present({ bootId: known(facts, 'boot.id') }),
  } as const;
  return walk.run.record(read, false);
};

/** After a resume: what finished tasks registered and set is known again. */
function restore(walk: HostWalk): void {
  for (const done of walk.state.tasks)
    walk.view.learned = { ...walk.view.learned, ...(done.sets ?? {}) };
}

/**
 * The whole plan is made anew on fresh facts before anything is touched. A host in the middle of
 * its walk (resume) is past that.
 */
async function mayStart(walk: HostWalk): Promise<'go' | 'already mended' | Failure> {
  if (walk.state.remedy !== undefined) return 'go';
  const other = (await otherNode(walk)) ?? (await heldNode(walk.door));
  if (other !== undefined) return other;
  walk.chooseAnew();
  const fresh = await planInRounds(walk.view, setupOf(walk.run.setup, walk.host).zone);
  if (!fresh.ok) return fresh.failure;
  if (fresh.value.refused !== undefined) {
    const { why, hint, task } = fresh.value.refused;
    return { kind: 'refused', message: `${task}: ${why}`, ...present({ hint }) };
  }
  const untried = triedByCanary(fresh.value, walk);
  if (untried !== undefined) return untried;
  const compared = driftOf(walk.plan, fresh.value, walk.facts, { strict: walk.run.strict });
  if (compared.kind === 'drift')
    return {
      kind: 'drift',
      message: `not what the plan was made from: ${compared.what.join('; ')}`,
      hint: 'make a new plan',
    };
  // A host that this run has touched before (`resolve --as retry`) is walked all the same: its
  // proof and its uncordon are still to come.
  if (compared.kind === 'already_remediated') return walk.state.touched ? 'go' : 'already mended';
  if (compared.kind === 'subset')
    await walk.run.record(
      { type: 'drift.noted', host: walk.host, what: compared.differences },
      false,
    );
  return 'go';
}

/** Only a canary may find out whether a kernel obeys the argument. */
function triedByCanary({ tries }: HostPlan, walk: HostWalk): Failure | undefined {
  const { wave } = walk.run.state();
  if (tries === undefined || (wave?.canary === true && walk.state.wave === wave.id))
    return undefined;
  return {
    kind: 'refused',
    message: `no canary of this run has shown whether kernel ${tries} obeys cgroup.memory=nokmem`,
    hint: 'kmem_kernels says `try`: the canary must have a host of that kernel, and `verify_kmem` among its tasks',
  };
}

/**
 * A host that is another node than the plan says must not be touched: the drain and the reboot
 * would hit two machines.
 */
async function otherNode(walk: HostWalk): Promise<Failure | undefined> {
  if (walk.run.ports.cluster === undefined) return undefined;
  const { setup } = walk.run;
  const found = await walk.view.nodeSide.find(
    searchFor(setupOf(setup, walk.host), setup, walk.session.dialled(), walk.facts),
  );
  if (!found.ok) return found.failure;
  const now = known(found.value, 'node.name', '');
  const planned = walk.plan.node ?? '';
  if (now === planned) return undefined;
  const why = known(found.value, 'node.why', '');
  if (why !== '')
    return { kind: 'refused', message: why, hint: `the plan was made for node ${planned}` };
  const said = (name: string): string => (name === '' ? 'no node' : `node ${name}`);
  return {
    kind: 'drift',
    message: `this host is ${said(now)} now, the plan was made for ${said(planned)}`,
    hint: 'make a new plan',
  };
}

async function walkTasks(
  tasks: readonly Task[],
  vars: readonly Mapping[],
  walk: HostWalk,
): Promise<Bad | undefined> {
  for (const task of tasks) {
    const bad =
      task.kind === 'block' ? await walkBlock(task, vars, walk) : await step(task, vars, walk);
    if (bad !== undefined) return bad;
  }
  return undefined;
}

async function step(
  task: Exclude<Task, BlockTask>,
  vars: readonly Mapping[],
  walk: HostWalk,
): Promise<Bad | undefined> {
  if (!walk.run.setup.isWanted(task)) return undefined;
  if (walk.signal.aborted)
    return { failure: stopped('the run was ended', task.name), task: task.name };
  if (walk.run.mayContinue(walk.host) === 'hold')
    return { failure: stopped('the run holds its hosts', task.name), task: task.name };
  const failure = await walkTask(task, [task.vars, ...vars], walk);
  return failure === undefined ? undefined : { failure, task: task.name };
}

const stopped = (why: string, next: string): Failure => cutShort(`${why}; next would be: ${next}`);

/**
 * Decided once, at the door; the decision is journalled, and after a resume the journal's word
 * stands.
 */
async function walkBlock(
  block: BlockTask,
  vars: readonly Mapping[],
  walk: HostWalk,
): Promise<Bad | undefined> {
  const inner = [block.vars, ...vars];
  const known = blockEntered(walk.state, block.id);
  if (known !== undefined) return known ? walkTasks(block.tasks, inner, walk) : undefined;
  const trouble = await walk.freshen();
  if (trouble !== undefined) return { failure: trouble, task: block.name };
  const judged = judge(block.when, scopeOf(walk.frame, inner));
  if (judged.kind === 'wrong')
    return {
      failure: { kind: 'refused', message: shownText(block, judged.message) },
      task: block.name,
    };
  if (judged.kind === 'unknown')
    return {
      failure: { kind: 'parse', message: `cannot decide: ${shownText(block, judged.why)}` },
      task: block.name,
    };
  const entered = judged.kind === 'true';
  const why = judged.kind === 'false' ? { why: `not: ${shownText(block, judged.source)}` } : {};
  await walk.run.record(
    { type: 'block.entered', host: walk.host, task: block.id, entered, ...why },
    true,
  );
  return entered ? walkTasks(block.tasks, inner, walk) : undefined;
}

/**
 * `host.done` closes the fence on the host; a bad end of a host that was touched leaves it open
 * until a person resolves it.
 */
async function succeed(walk: HostWalk): Promise<void> {
  const { state, host, run } = walk;
  if (state.touched || state.effects > 0) await closeFence(walk.session, run, host);
  const changed = state.tasks.some((task) => task.status === 'changed');
  const proven = provenAtEnd(state);
  await run.record({ type: 'host.done', host, changed, proven }, true);
}

/**
 * A proof that was asked for and did not come, its failure ignored, is no proof: the run says so in
 * the end.
 */
function provenAtEnd({ proof, unproven }: HostWalk['state']): Proven {
  if (unproven !== undefined) return 'provisional';
  return proof === undefined ? 'not_asked' : provenBy(proof);
}

async function fail(walk: HostWalk, bad: Bad): Promise<void> {
  const { state, host, run } = walk;
  // Nothing but harmless effects were begun, or all was undone: the fence must hold up no later
  // run.
  const over =
    bad.failure.kind === 'kept_out'
      ? isUntaken(state)
      : !state.touched && bad.failure.resumable !== true;
  if (state.effects > 0 && over) await closeFence(walk.session, run, host);
  await recordFailed(walk, bad);
}

async function recordFailed(walk: HostWalk, bad: Bad): Promise<void> {
  const { state, host, run } = walk;
  const task = bad.task === undefined ? {} : { task: bad.task };
  await run.record(
    {
      type: 'host.failed',
      host,
      ...task,
      failure: bad.failure,
      touched: state.touched,
      state: safeState(walk, bad),
    },
    true,
  );
}

/** A host that nobody drained is in service, unless its failure says otherwise. */
const outOfService: Partial<Record<FailureKind, string>> = {
  unreachable: 'out of reach',
  boot_loop: 'booting again and again',
};

/** Where the host was left, in words that a person can act on. */
function safeState(walk: HostWalk, bad: Bad): string {
  const { marks, touched, inFlight, oldBootIds } = walk.state;
  if (!touched) return 'untouched';
  const booted = marks.rebooted ? ', rebooted' : oldBootIds.length > 0 ? ', a reboot was sent' : '';
  const under = inFlight[0] === undefined ? '' : `, while: ${inFlight[0].what}`;
  return `${service(walk, bad)}${booted}${under}`;
}

function service(walk: HostWalk, { failure, task }: Bad): string {
  const { marks, tasks } = walk.state;
  const drained = leftBehindOn(walk.state).length === 0 ? 'drained' : 'emptied in part';
  if (marks.cordoned && !marks.uncordoned)
    return marks.drained ? `${drained} and cordoned` : 'cordoned';
  if (marks.drained && !marks.uncordoned) return drained;
  const out = outOfService[failure.kind];
  if (out !== undefined) return out;
  if (tasks.some(({ sets }) => sets?.kmend_drain === 'command'))
    return 'drained by a command of the play';
  // A drain that is no cluster's and failed: nobody but its author knows how far it came.
  const evicting = walk.plan.tasks.some(({ name, risk }) => name === task && risk === 'evict');
  return evicting && !marks.cordoned && failure.kind !== 'refused'
    ? 'perhaps drained in part'
    : 'in service';
}
