// The reboot: old boot id journalled first, sent once, watched by full logins on new connections,
// true only with a new boot id.
import type { RebootEffect } from '../../model/run/effect.ts';
import { type Failure, type Outcome, ok } from '../../model/run/failure.ts';
import { notEmpty } from '../node/empty.ts';
import { lastLines } from '../session/observe.ts';
import {
  cutShort,
  type EffectContext,
  type EffectPlace,
  failing,
  type Performed,
} from './effect-context.ts';
import {
  escalate,
  fallBack,
  type Locked,
  lockHolder,
  reportProgress,
  withoutAge,
} from './escalate.ts';
import { bootScript, exitCodes, rebootScript } from './host-scripts.ts';
import { checkOwnership, heldNode } from './ownership.ts';
import { fencedBy, ownFailure } from './perform-run.ts';
import {
  afterStep,
  type Boot,
  nextStep,
  type SentStep,
  type Underway,
  underway,
  withMark,
} from './reboot-step.ts';

/**
 * Milliseconds between the starts of two attempts: no back-off, each back-off step is time that a
 * node is away for nothing.
 */
const attemptEvery = 500;

export async function performReboot(
  effect: RebootEffect,
  place: EffectPlace,
  context: EffectContext,
): Promise<Performed> {
  const old = place.bootId;
  if (old === undefined)
    return failing({
      kind: 'parse',
      message: 'the boot id before the reboot is not known: a reboot could not be proven',
      hint: 'is /proc/sys/kernel/random/boot_id there?',
    });
  // A reboot that may have been sent before (resume) is looked at first; one that surely was not is
  // sent at once.
  const sent = place.resumed ? 'unknown' : await send(effect, place, context);
  if (typeof sent === 'object') return failing(sent, { data: { sent: false } });
  const began = context.clock.now();
  const seen = await watch(effect, place, underway(effect, old, sent, began), context);
  if (!seen.ok) return failing(seen.failure);
  const seconds = Math.round((context.clock.now() - began) / 100) / 10;
  const stable = await stays(effect, seen.value.id, context);
  if (stable !== undefined) return failing(stable);
  return { result: { ok: true, data: { previousBootId: old, bootId: seen.value.id, seconds } } };
}

/** Seconds, for plans that do not say it, and between two questions. */
const [lockTimeout, askEvery] = [600, 2];

/**
 * Sends it. Sending twice reboots once: the mark that the script leaves says that this boot's
 * reboot was sent. Whoever changes packages is waited for, for a bounded time: the script that asks
 * is the one that sends.
 */
async function send(
  effect: RebootEffect,
  place: EffectPlace,
  context: EffectContext,
): Promise<'sent' | 'unknown' | Failure> {
  const { session, clock, signal } = context;
  const become = session.target.become !== undefined;
  const limit = effect.lockTimeout ?? lockTimeout;
  const until = clock.now() + limit * 1000;
  let reported = '';
  for (;;) {
    const lost = await lostNode(context);
    if (lost !== undefined) return lost;
    const outcome = await session.once({
      script: rebootScript(context.token, place.effect),
      become,
      timeout: 60,
    });
    // A host that goes down at once may cut the answer off; the boot id or the mark then says
    // whether the reboot was sent.
    if (!outcome.ok) return outcome.failure.transport === true ? 'unknown' : outcome.failure;
    if (outcome.value.code === 0) return 'sent';
    const said = lastLines(outcome.value.stderr, 2);
    if (outcome.value.code === exitCodes.fenced) return fencedBy(said);
    if (outcome.value.code !== exitCodes.locked) {
      const own = ownFailure(outcome.value);
      return {
        ...own,
        kind: 'exit',
        message: `the reboot was not sent: ${own?.message ?? 'it said no more'}`,
        detail: said,
      };
    }
    if (clock.now() >= until) return stillLocked(lockHolder(said), limit);
    if (signal.aborted)
      return cutShort(
        'the run was ended while the reboot waits for the package manager: it was not sent',
      );
    const holder = withoutAge(lockHolder(said));
    if (holder !== reported)
      await reportProgress(`the reboot waits, up to ${limit} s: ${holder}`, place, context);
    reported = holder;
    await clock.sleep(askEvery * 1000, signal);
  }
}

const stillLocked = (holder: string, waited: number): Failure => ({
  kind: 'blocked',
  message: `not rebooted: after ${Math.round(waited)} s packages are still being changed: ${holder}`,
  hint: 'wait for it to end, or end it, then: kmend resume RUN --retry HOST; or raise `lock_timeout` of the reboot task',
});

/**
 * Somebody who uncordoned our node between drain and reboot, or holds it, wants it left alone, and
 * a pod may have come since: then it is not rebooted.
 */
async function lostNode(context: EffectContext): Promise<Failure | undefined> {
  const { cluster, node } = context;
  if (cluster === undefined || node === undefined) return undefined;
  const { cordoned, drained, mayLeave } = context.done();
  if (!cordoned) return heldNode(context);
  const lost = await checkOwnership(node, { ...context, cluster });
  return (
    lost ?? (drained && mayLeave !== true ? notEmpty(node, { ...context, cluster }) : undefined)
  );
}

/**
 * One attempt every half second, each a new connection that goes on to a full login: connecting and
 * dropping would be punished by sshd.
 */
async function watch(
  effect: RebootEffect,
  place: EffectPlace,
  first: Underway,
  context: EffectContext,
): Promise<Outcome<Boot>> {
  const { clock, signal } = context;
  let reboot = first;
  let reported = '';
  for (;;) {
    const started = clock.now();
    const boot = await readBoot(context, 20);
    reboot = withMark(reboot, boot);
    const step = nextStep(reboot, boot, clock.now(), signal.aborted);
    if (step.kind === 'back') return ok(step.boot);
    if (step.kind === 'give_up') return { ok: false, failure: step.failure };
    const came =
      step.kind === 'look_again'
        ? undefined
        : await carryOut(step, effect, place, reboot.old, context);
    if (typeof came === 'string') reboot = afterStep(reboot, came, clock.now());
    else if (came !== undefined && !('holder' in came)) return { ok: false, failure: came };
    else if (came !== undefined && came.holder !== reported) {
      reported = came.holder;
      await reportProgress(`nothing harder is sent: ${reported}`, place, context);
    }
    await clock.sleep(Math.max(0, attemptEvery - (clock.now() - started)), signal);
  }
}

type Carried = Parameters<typeof afterStep>[1] | Locked | Failure;

async function carryOut(
  step: SentStep,
  effect: RebootEffect,
  place: EffectPlace,
  old: string,
  context: EffectContext,
): Promise<Carried> {
  if (step.kind === 'send') return send(effect, place, context);
  const lost = await lostNode(context);
  if (lost !== undefined) return lost;
  if (step.kind === 'escalate')
    return (await escalate(step.way, step.waited, old, place, context)) ?? 'escalated';
  return (await fallBack(step.fallback, step.why, step.answers, place, context)) ?? 'fell_back';
}

async function readBoot(context: EffectContext, timeout: number): Promise<Outcome<Boot>> {
  const outcome = await context.session.fresh({ script: bootScript, become: false, timeout });
  if (!outcome.ok) return outcome;
  const [id, mark = ''] = bootLines(outcome.value.stdout);
  if (id === undefined)
    return {
      ok: false,
      failure: { kind: 'parse', message: 'no boot id could be read', transport: true },
    };
  const state = mark.split(' ')[2];
  return { ok: true, value: { id, marked: state === id, withheld: state === 'withheld' } };
}

/** The boot id, where it has the shape of one, and the mark of a reboot. */
function bootLines(stdout: string): readonly [id: string | undefined, mark: string | undefined] {
  const [id = '', mark] = stdout.slice(0, 1000).split('\n');
  return [/^[\w-]{1,64}$/.exec(id.trim())?.[0], mark?.trim()];
}

/**
 * A second new boot id inside the stability window is a boot loop; the probe's word is a new
 * connection each time.
 */
async function stays(
  effect: RebootEffect,
  id: string,
  context: EffectContext,
): Promise<Failure | undefined> {
  const until = context.clock.now() + effect.stableFor * 1000;
  while (context.clock.now() < until) {
    if (context.signal.aborted)
      return cutShort('the run was ended before the new boot had lasted for its time');
    await context.clock.sleep(Math.min(1000, until - context.clock.now()), context.signal);
    const outcome = await context.session.read(bootScript, { timeout: 20, become: false });
    const [now] = outcome.ok ? bootLines(outcome.value.stdout) : [];
    if (now !== undefined && now !== id)
      return {
        kind: 'boot_loop',
        message: `booted again within ${effect.stableFor} s of the reboot (boot id ${id}, then ${now})`,
        hint: 'it may panic at boot: look at its console',
      };
    if (
      now === undefined &&
      !outcome.ok &&
      outcome.failure.transport === true &&
      !context.signal.aborted
    )
      return {
        kind: 'boot_loop',
        message: `was back with a new boot id and went away again within ${effect.stableFor} s: ${outcome.failure.message}`,
        hint: 'it may panic at boot: look at its console',
      };
  }
  return undefined;
}
