// A host's walk: connect, read the facts, plan the host again, compare with the approved plan, then
// perform task by task. Ends in `host.done` or `host.failed`.

import { drainedByCommand, leftBehindOn } from '../../core/history/left-behind.ts';
import { driftOf } from '../../core/plan/drift.ts';
import { shownText } from '../../core/plan/shown.ts';
import { judge } from '../../core/plan/task/condition.ts';
import { scopeOf } from '../../core/plan/task/frame.ts';
import { asIn, isOwner } from '../../core/plan/task/once.ts';
import type { TaskVars } from '../../core/plan/task/scope.ts';
import { provenBy } from '../../core/run-state/fold-host.ts';
import { isUntaken } from '../../core/run-state/lock-out.ts';
import { isDueOn, learnedForAll } from '../../core/run-state/once.ts';
import { blockEntered, isNotified } from '../../core/run-state/state.ts';
import { known } from '../../model/fact.ts';
import { type BlockTask, moduleTasksOf, type Task } from '../../model/playbook.ts';
import { present } from '../../model/present.ts';
import type { Proven } from '../../model/run/event.ts';
import { type Failure, type FailureKind, unhandled } from '../../model/run/failure.ts';
import type { HostPlan } from '../../model/run/plan.ts';
import { interrupted } from '../effects/effect-context.ts';
import { onHold } from '../effects/ownership.ts';
import { clearSpool } from '../effects/perform-run.ts';
import { notBack } from '../effects/reboot-step.ts';
import { HandedOver } from '../hand-over.ts';
import { type Failed, walkBranches } from './branches.ts';
import { closeFence } from './fences.ts';
import { planInRounds, setupOf } from './fleet.ts';
import { HostWalk } from './host-walk.ts';
import { carriesKmend, type HostSetup, type RunContext, searchFor } from './walk-context.ts';
import { proveAgain, walkTask } from './walk-task.ts';

/** Abort reason of a host's signal: its own deadline has passed. */
export const expired = 'deadline';

export async function walkHost(
  host: string,
  plan: HostPlan,
  setup: HostSetup,
  run: RunContext,
  signal: AbortSignal,
): Promise<void> {
  const walk = new HostWalk(host, plan, setup, run, signal);
  const judged = (failed: Failed): Failed => (signal.aborted ? stoppedBy(failed, walk) : failed);
  try {
    const failed = await attempt(walk);
    await (failed === undefined ? succeed(walk) : fail(walk, judged(failed)));
  } catch (error) {
    if (run.isOver() || error instanceof HandedOver) throw error;
    await recordFailed(walk, judged({ failure: unhandled(`the answers of ${host}`, error) }));
  } finally {
    walk.session.close();
  }
}

/** After a stop, a failure may come from the stop itself: it is recorded as interrupted. */
const stoppedBy = (failed: Failed, walk: HostWalk): Failed =>
  walk.signal.reason === expired
    ? tooLate(failed, walk)
    : { ...failed, failure: { ...interrupted(failed.failure.message) } };

const tooLate = (failed: Failed, walk: HostWalk): Failed => ({
  ...failed,
  failure: {
    kind: 'timeout',
    message: `took longer than its deadline of ${walk.run.setup.play.rollout.deadline.host ?? 0} s`,
    detail: failed.failure.message,
  },
});

async function attempt(walk: HostWalk): Promise<Failed | undefined> {
  const unread = await firstReading(walk);
  if (unread !== undefined) return { failure: unread };
  await recordFacts(walk);
  if (carriesKmend(walk.facts, walk.run.setup) && (await walk.run.leaveOwn(walk.host)))
    throw new HandedOver(`${walk.host} is the machine of this process`);
  await walk.recordKernel();
  restore(walk);
  const go = await mayStart(walk);
  if (go !== 'go') return go === 'nothing to do' ? undefined : { failure: go };
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
  const failed = await walkTasks(walk.run.setup.play.tasks, [], walk);
  if (failed !== undefined) return failed;
  await endPrelude(walk);
  const failure = await proveAgain(walk);
  return failure === undefined ? undefined : { failure };
}

/** Milliseconds between two attempts to read a host that may be booting. */
const readEvery = 500;

/**
 * The first reading. After a crash a host may still be rebooting: kmend waits for it as long as its
 * reboot may take.
 */
async function firstReading(walk: HostWalk): Promise<Failure | undefined> {
  const { clock } = walk.run.ports;
  const rebooting = walk.state.inFlight.find((started) => started.kind === 'reboot');
  const began = clock.now();
  for (;;) {
    const failure = await walk.refresh();
    if (rebooting === undefined || failure?.transport !== true || walk.signal.aborted)
      return failure;
    const waited = (clock.now() - began) / 1000;
    if (waited >= rebooting.timeout) return notBack(waited, failure);
    await clock.sleep(readEvery, walk.signal);
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

/** After a resume: restores what finished tasks registered and set; first those done for all hosts. */
function restore(walk: HostWalk): void {
  walk.view.learned = learnedForAll(walk.run.setup.play.tasks, walk.state, walk.run.state());
  for (const done of walk.state.tasks)
    walk.view.learned = { ...walk.view.learned, ...(done.sets ?? {}) };
}

/**
 * Plans the host again on fresh facts before anything is touched. A resumed host with a remedy has
 * passed this check already.
 */
async function mayStart(walk: HostWalk): Promise<'go' | 'nothing to do' | Failure> {
  if (walk.state.remedy !== undefined) return 'go';
  const other = (await otherNode(walk)) ?? (await onHold(walk.effectContext));
  if (other !== undefined) return other;
  walk.chooseAnew();
  const planned = await planInRounds(walk.view, setupOf(walk.run.setup, walk.host).zone);
  if (!planned.ok) return planned.failure;
  const fresh = asIn(walk.plan, planned.value);
  if (fresh.refused !== undefined) {
    const { why, hint, task } = fresh.refused;
    return { kind: 'refused', message: `${task}: ${why}`, ...present({ hint }) };
  }
  const untried = triedByCanary(fresh, walk);
  if (untried !== undefined) return untried;
  const compared = driftOf(walk.plan, fresh, walk.facts, { strict: walk.run.strict });
  if (compared.kind === 'drift')
    return {
      kind: 'drift',
      message: `not what the plan was made from: ${compared.what.join('; ')}`,
      hint: 'make a new plan',
    };
  // After `resolve --as retry`, a touched host may still need its proof and its uncordon.
  // The other hosts wait for the one that does the tasks with `run_once`.
  if (compared.kind === 'already_remediated')
    return walk.state.touched || isOwner(walk.plan) ? 'go' : 'nothing to do';
  if (compared.kind === 'subset')
    await walk.run.record(
      { type: 'drift.noted', host: walk.host, what: compared.differences },
      false,
    );
  return 'go';
}

/** Only a canary may try whether a kernel obeys the argument. */
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
 * Refuses a host that is another node than planned: the drain and the reboot would hit two
 * machines.
 */
async function otherNode(walk: HostWalk): Promise<Failure | undefined> {
  if (walk.run.ports.cluster === undefined) return undefined;
  const { setup } = walk.run;
  const found = await walk.view.nodeView.find(
    searchFor(setupOf(setup, walk.host), setup, walk.session.dialled(), walk.facts),
  );
  if (!found.ok) return found.failure;
  const now = known(found.value, 'node.name', '');
  const planned = walk.plan.node ?? '';
  if (now === planned) return undefined;
  const why = known(found.value, 'node.why', '');
  if (why !== '')
    return { kind: 'refused', message: why, hint: `the plan was made for node ${planned}` };
  const nodeText = (name: string): string => (name === '' ? 'no node' : `node ${name}`);
  return {
    kind: 'drift',
    message: `this host is ${nodeText(now)} now, the plan was made for ${nodeText(planned)}`,
    hint: 'make a new plan',
  };
}

async function walkTasks(
  tasks: readonly Task[],
  vars: TaskVars,
  walk: HostWalk,
): Promise<Failed | undefined> {
  for (const task of tasks) {
    const failed =
      task.kind === 'block' ? await walkBlock(task, vars, walk) : await step(task, vars, walk);
    if (failed !== undefined) return failed;
  }
  return undefined;
}

async function step(
  task: Exclude<Task, BlockTask>,
  vars: TaskVars,
  walk: HostWalk,
): Promise<Failed | undefined> {
  if (!walk.run.setup.isWanted(task) || !isDueOn(walk.state, task)) return undefined;
  if (task.once === undefined) await endPrelude(walk);
  if (walk.signal.aborted)
    return { failure: stopped('the run was ended', task.name), task: task.name };
  if (walk.run.isLeaving()) throw new HandedOver(`next would be: ${task.name}`);
  if (walk.run.mayContinue(walk.host) === 'hold')
    return { failure: stopped('the run holds its hosts', task.name), task: task.name };
  const failure = await walkTask(task, [task, ...vars], walk);
  return failure === undefined ? undefined : { failure, task: task.name };
}

/** From here on other hosts are started. */
async function endPrelude({ run, host, state }: HostWalk): Promise<void> {
  if (state.prelude === 'owed') await run.record({ type: 'prelude.done', host }, true);
}

const stopped = (why: string, next: string): Failure =>
  interrupted(`${why}; next would be: ${next}`);

/**
 * The `when` of a block is decided once, before its first task, and journalled. A resume reads the
 * decision from the journal.
 */
async function walkBlock(
  block: BlockTask,
  vars: TaskVars,
  walk: HostWalk,
): Promise<Failed | undefined> {
  if (!moduleTasksOf([block]).some((task) => isDueOn(walk.state, task))) return undefined;
  const inner = [block, ...vars];
  const known = blockEntered(walk.state, block.id);
  if (known !== undefined) return known ? walkBranches(block, inner, walk, walkTasks) : undefined;
  const failure = await walk.refresh();
  if (failure !== undefined) return { failure, task: block.name };
  const judged = isNotified(walk.state, block)
    ? judge(block.when, scopeOf(walk.frame, inner))
    : ({ kind: 'false', source: 'notified' } as const);
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
  return entered ? walkBranches(block, inner, walk, walkTasks) : undefined;
}

/**
 * `host.done` closes the fence on the host. If a touched host failed, its fence stays open until an
 * operator resolves the host.
 */
async function succeed(walk: HostWalk): Promise<void> {
  const { state, host, run } = walk;
  if (state.touched || state.effects > 0) await closeFence(walk.session, run, host);
  if (state.results.local !== undefined) await clearSpool(walk.effectContext);
  const changed = state.tasks.some((task) => task.status === 'changed');
  const proven = provenAtEnd(state);
  await run.record({ type: 'host.done', host, changed, proven }, true);
}

/** A proof task that failed with `ignore_errors` proves nothing: the host is provisional. */
function provenAtEnd({ proof, unproven }: HostWalk['state']): Proven {
  if (unproven !== undefined) return 'provisional';
  return proof === undefined ? 'not_asked' : provenBy(proof);
}

async function fail(walk: HostWalk, failed: Failed): Promise<void> {
  const { state, host, run } = walk;
  // Only harmless effects were begun, or all were undone: the fence must not block a later run.
  const isFenceNeedless =
    failed.failure.kind === 'kept_out'
      ? isUntaken(state)
      : !state.touched && failed.failure.resumable !== true;
  if (state.effects > 0 && isFenceNeedless) await closeFence(walk.session, run, host);
  await recordFailed(walk, failed);
}

async function recordFailed(walk: HostWalk, failed: Failed): Promise<void> {
  const { state, host, run } = walk;
  const task = failed.task === undefined ? {} : { task: failed.task };
  await run.record(
    {
      type: 'host.failed',
      host,
      ...task,
      failure: failed.failure,
      touched: state.touched,
      state: safeState(walk, failed),
    },
    true,
  );
}

/** Failures that mean out of service, also for a host that was not drained. */
const outOfService: Partial<Record<FailureKind, string>> = {
  unreachable: 'out of reach',
  boot_loop: 'booting again and again',
};

/** Where the host was left, for the operator. */
function safeState(walk: HostWalk, failed: Failed): string {
  const { marks, touched, inFlight, oldBootIds } = walk.state;
  if (!touched) return 'untouched';
  const booted = marks.rebooted ? ', rebooted' : oldBootIds.length > 0 ? ', a reboot was sent' : '';
  const under = inFlight[0] === undefined ? '' : `, while: ${inFlight[0].what}`;
  return `${service(walk, failed)}${booted}${under}`;
}

function service(walk: HostWalk, { failure, task }: Failed): string {
  const { marks } = walk.state;
  const drained = leftBehindOn(walk.state).length === 0 ? 'drained' : 'emptied in part';
  if (marks.cordoned && !marks.uncordoned)
    return marks.drained ? `${drained} and cordoned` : 'cordoned';
  if (marks.drained && !marks.uncordoned) return drained;
  const out = outOfService[failure.kind];
  if (out !== undefined) return out;
  if (drainedByCommand(walk.state)) return 'drained by a command of the play';
  // A drain by a command of the play: kmend does not know how far it came.
  const evicting = walk.plan.tasks.some(({ name, risk }) => name === task && risk === 'evict');
  return evicting && !marks.cordoned && failure.kind !== 'refused'
    ? 'perhaps drained in part'
    : 'in service';
}
