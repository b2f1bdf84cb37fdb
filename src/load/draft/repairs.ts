// What becomes of a task that kmend does not load as it is.
import type { Diagnostic } from '../../model/diagnostic.ts';
import { isMapping, type Value } from '../../model/value.ts';
import { refusedInPlay, refusedInTask } from '../playbook/keywords.ts';
import { type Entry, plainOf } from '../text/tree.ts';
import { type Outcome, undecided } from './account.ts';
import { withoutStatements } from './control-statements.ts';
import { equivalents } from './equivalents.ts';
import type { Item } from './old-file.ts';
import { type Around, isReadElsewhere, type OldTask, uses } from './old-task.ts';

/** Keywords that may go: what kmend does is stricter, or no host notices. */
const mayGo: Readonly<Record<string, string>> = {
  become_exe: refusedInTask.become_exe ?? '',
  become_flags: refusedInTask.become_flags ?? '',
  check_mode: 'a plan changes nothing',
  debugger: refusedInTask.debugger ?? '',
  delegate_facts: refusedInTask.delegate_facts ?? '',
  gather_facts: 'facts are always there',
  ignore_unreachable: 'a host that cannot be reached counts as failed',
};
/** Of a play. */
const mayGoInPlay: Readonly<Record<string, string>> = {
  ...mayGo,
  fact_path: refusedInPlay.fact_path ?? '',
  force_handlers: 'a host that failed keeps what was notified: a resume runs its handlers',
  validate_argspec: 'kmend does not read argument specs',
};

/** What only follows from another error. */
const follows = /^(?:bad-argument|undefined|unknown-name)$/;

/** The question that the errors of a task ask. */
export function questionOf(errors: readonly Diagnostic[]): string {
  const first = errors.filter(({ code }) => !follows.test(code));
  const texts = (first.length > 0 ? first : errors).map(({ summary, hint }) =>
    hint === undefined ? summary : `${summary}: ${hint}`,
  );
  return [...new Set(texts)]
    .slice(0, 2)
    .join('; ')
    .replaceAll(/\{(?=[{%#])/g, '{ ');
}

/** A key of a play or block, or an entry of `roles`, that does not load. */
export function keyOutcome({ key, isOfPlay }: Item, errors: readonly Diagnostic[]): Outcome {
  const name = key?.key ?? '';
  const why = (isOfPlay ? mayGoInPlay : mayGo)[name];
  return why === undefined ? undecided(questionOf(errors)) : { fate: 'dropped', why };
}

/** Undefined where only a person can say. */
export function repaired(task: OldTask, around: Around, isKnown: boolean): Outcome | undefined {
  const equivalent = Object.hasOwn(equivalents, task.module) ? equivalents[task.module] : undefined;
  const waited = waitedFor(task, around);
  if (waited !== undefined) return waited;
  if (!isKnown) return equivalent?.(task);
  const gone = Object.entries(mayGo).filter(
    ([key]) => key in task.keys && !(key === 'check_mode' && task.keys.check_mode !== false),
  );
  const set = withoutControl(task.tree.entries);
  if (gone.length === 0 && Object.keys(set).length === 0) return undefined;
  const why = [
    ...gone.map(([key, reason]) => `without \`${key}\`: ${reason}`),
    ...(Object.keys(set).length === 0 ? [] : [noStatements]),
  ].join('; ');
  return { fate: 'kept', why, edit: { without: gone.map(([key]) => key), set } };
}

/** Keys whose texts have `{% if %}`, without it. */
function withoutControl(entries: readonly Entry[]): Record<string, Value> {
  const set: Record<string, Value> = {};
  const rewrite = (value: Value): Value => {
    if (typeof value === 'string') return withoutStatements(value) ?? value;
    if (Array.isArray(value)) return value.map(rewrite);
    return isMapping(value)
      ? Object.fromEntries(Object.entries(value).map(([key, one]) => [key, rewrite(one)]))
      : value;
  };
  for (const { key, value } of entries) {
    const before = plainOf(value);
    const after = rewrite(before);
    if (JSON.stringify(after) !== JSON.stringify(before)) set[key] = after;
  }
  return set;
}

const noStatements = '`{% if %}` is an expression now';

/** A key of a play or block as it can be loaded. */
export function repairedKey({ key }: Item): Outcome | undefined {
  const set = key === undefined ? {} : withoutControl([key]);
  return Object.keys(set).length === 0
    ? undefined
    : { fate: 'kept', why: noStatements, edit: { set } };
}

/** `poll: 0` with a later `async_status`: kmend waits for the step where it stands. */
function waitedFor(task: OldTask, around: Around): Outcome | undefined {
  const { register, poll } = task.keys;
  if (task.module === 'async_status') {
    const step = around.tasks.find(
      (one) => typeof one.keys.register === 'string' && uses(task, one.keys.register),
    );
    return step === undefined || isReadElsewhere(task, around)
      ? undefined
      : { fate: 'replaced', by: step.module, why: 'kmend waits for the step where it stands' };
  }
  const isWaitedFor =
    String(poll) === '0' &&
    typeof register === 'string' &&
    around.tasks.some((one) => one.module === 'async_status' && uses(one, register));
  return isWaitedFor
    ? {
        fate: 'kept',
        why: 'without `poll: 0`: kmend waits for it here',
        edit: { without: ['poll'] },
      }
    : undefined;
}
