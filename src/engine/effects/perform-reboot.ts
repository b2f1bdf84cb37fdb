// Reboots a host: the old boot id is journalled, the reboot is sent once, and full logins on new
// connections watch for a new boot id. Only a new boot id proves the reboot.
import type { RebootEffect } from '../../model/run/effect.ts';
import { type Failure, type Outcome, ok } from '../../model/run/failure.ts';
import { notEmpty } from '../node/empty.ts';
import { lastLines } from '../session/observe.ts';
import {
  type EffectContext,
  type EffectPlace,
  failing,
  interrupted,
  type Performed,
} from './effect-context.ts';
import {
  escalate,
  fallBack,
  type Late,
  type Locked,
  lockHolder,
  reportProgress,
  withoutAge,
} from './escalate.ts';
import { bootScript, exitCodes, rebootScript } from './host-scripts.ts';
import { checkOwnership, onHold } from './ownership.ts';
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

/** Milliseconds between the starts of two attempts. No back-off: it would only extend the outage. */
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
  // After a resume the reboot may have been sent already: the host is read first.
  const sent = place.resumed ? 'unknown' : await send(effect, place, context);
  if (typeof sent === 'object') return failing(sent, { data: { sent: false } });
  const began = context.unhindered();
  const seen = await watch(effect, place, underway(effect, old, sent, began), context);
  if (!seen.ok) return failing(seen.failure);
  const seconds = Math.round((context.unhindered() - began) / 100) / 10;
  const stable = await stays(effect, seen.value.id, context);
  if (stable !== undefined) return failing(stable);
  return { result: { ok: true, data: { previousBootId: old, bootId: seen.value.id, seconds } } };
}

/** Seconds to wait for the package manager by default, and between two attempts. */
const [defaultLockTimeout, retryEvery] = [600, 2];

/**
 * Sends the reboot. Sending twice reboots once, because the script marks the boot in which it was
 * sent. The same script refuses while packages are changed; then it is sent again for a limited
 * time.
 */
async function send(
  effect: RebootEffect,
  place: EffectPlace,
  context: EffectContext,
): Promise<'sent' | 'unknown' | Failure> {
  const { session, clock, signal, unhindered } = context;
  const become = session.target.become !== undefined;
  const limit = effect.lockTimeout ?? defaultLockTimeout;
  const until = unhindered() + limit * 1000;
  let reported = '';
  for (;;) {
    const lost = await lostNode(context);
    if (lost !== undefined) return lost;
    const outcome = await session.once({
      script: rebootScript(context.token, place.effect),
      become,
      timeout: 60,
    });
    // A host that goes down at once may not answer: the boot id or the mark shows whether the reboot
    // was sent.
    if (!outcome.ok) return outcome.failure.transport === true ? 'unknown' : outcome.failure;
    if (outcome.value.code === 0) return 'sent';
    const output = lastLines(outcome.value.stderr, 2);
    if (outcome.value.code === exitCodes.fenced) return fencedBy(output);
    if (outcome.value.code !== exitCodes.locked) {
      const own = ownFailure(outcome.value);
      return {
        ...own,
        kind: 'exit',
        message: `the reboot was not sent: ${own?.message ?? 'no output'}`,
        detail: output,
      };
    }
    if (unhindered() >= until) return stillLocked(lockHolder(output), limit);
    if (signal.aborted)
      return interrupted(
        'the run was ended while the reboot waits for the package manager: it was not sent',
      );
    const holder = withoutAge(lockHolder(output));
    if (holder !== reported)
      await reportProgress(`the reboot waits, up to ${limit} s: ${holder}`, place, context);
    reported = holder;
    await clock.sleep(retryEvery * 1000, signal);
  }
}

const stillLocked = (holder: string, waited: number): Failure => ({
  kind: 'blocked',
  message: `not rebooted: after ${Math.round(waited)} s packages are still being changed: ${holder}`,
  hint: 'wait for it to end, or end it, then: kmend resume RUN --retry HOST; or raise `lock_timeout` of the reboot task',
});

/**
 * Why the node must not be rebooted now: somebody uncordoned it after the drain or holds it, or a
 * pod came to it.
 */
async function lostNode(context: EffectContext): Promise<Failure | undefined> {
  const { cluster, node } = context;
  if (cluster === undefined || node === undefined) return undefined;
  const { cordoned, drained, mayLeave } = context.done();
  if (!cordoned) return onHold(context);
  const lost = await checkOwnership(node, { ...context, cluster });
  return (
    lost ?? (drained && mayLeave !== true ? notEmpty(node, { ...context, cluster }) : undefined)
  );
}

/**
 * Tries a full login on a new connection every half second. sshd would penalise connections without
 * a login.
 */
async function watch(
  effect: RebootEffect,
  place: EffectPlace,
  first: Underway,
  context: EffectContext,
): Promise<Outcome<Boot>> {
  const { clock, signal, unhindered } = context;
  let reboot = first;
  let reported = '';
  for (;;) {
    const started = clock.now();
    const boot = await readBoot(context, 20);
    reboot = withMark(reboot, boot);
    const step = nextStep(reboot, boot, unhindered(), signal.aborted);
    if (step.kind === 'back') return ok(step.boot);
    if (step.kind === 'give_up') return { ok: false, failure: step.failure };
    const sent =
      step.kind === 'wait' ? undefined : await carryOut(step, effect, place, reboot.old, context);
    if (sent === 'late') continue;
    if (typeof sent === 'string') reboot = afterStep(reboot, sent, unhindered());
    else if (sent !== undefined && !('holder' in sent)) return { ok: false, failure: sent };
    else if (sent !== undefined && sent.holder !== reported) {
      reported = sent.holder;
      await reportProgress(`no escalation is sent: ${reported}`, place, context);
    }
    await clock.sleep(Math.max(0, attemptEvery - (clock.now() - started)), signal);
  }
}

type Carried = Parameters<typeof afterStep>[1] | Late | Locked | Failure;

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

/** The boot id, if it is well-formed, and the mark of a reboot. */
function bootLines(stdout: string): readonly [id: string | undefined, mark: string | undefined] {
  const [id = '', mark] = stdout.slice(0, 1000).split('\n');
  return [/^[\w-]{1,64}$/.exec(id.trim())?.[0], mark?.trim()];
}

/** Watches the new boot for `stableFor` seconds: another boot id, or a lost host, is a boot loop. */
async function stays(
  effect: RebootEffect,
  id: string,
  context: EffectContext,
): Promise<Failure | undefined> {
  const until = context.clock.now() + effect.stableFor * 1000;
  while (context.clock.now() < until) {
    if (context.signal.aborted)
      return interrupted('the run was ended before the new boot had lasted for its time');
    await context.clock.sleep(Math.min(1000, until - context.clock.now()), context.signal);
    const outcome = await context.session.read(bootScript, { timeout: 20, become: false });
    const [now] = outcome.ok ? bootLines(outcome.value.stdout) : [];
    if (now !== undefined && now !== id)
      return {
        kind: 'boot_loop',
        message: `booted again within ${effect.stableFor} s of the reboot (boot id ${id}, then ${now})`,
        hint: 'it may panic at boot: check its console',
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
        hint: 'it may panic at boot: check its console',
      };
  }
  return undefined;
}
