// What modules read of a host by scripts of their own: the want, its answer, and how a failure ends
// the task.

import { type FactView, type FactWant, need } from '../../model/fact.ts';
import type { Reading } from '../../model/facts/values.ts';
import type { ModulePlan } from '../../model/run/change.ts';
import { text } from '../../model/shape/schema.ts';
import type { Mapping } from '../../model/value.ts';

/** Ansible expands `~` and variables in paths. */
export const plainPath = text.regex(
  /^\/[^\0$]*$/,
  'should be an absolute path; `$` is not expanded in it',
);

/** Seconds for a script that reads a file. */
const usualTimeout = 60;

/** @param script POSIX sh without the prelude; it changes nothing, so that a plan may run it */
export const readingWant = (script: string, timeout = usualTimeout): FactWant => ({
  area: 'reading',
  args: { script, timeout },
});

export const answerOf = (script: string, facts: FactView): Reading =>
  need(facts, `reading.${script}`);

/** Nothing to change, and this result for `register`. */
export const readPlan = (result: Mapping): ModulePlan => ({ changes: [], result });

/** It could not be read: the host fails as after a command that failed. */
export const unreadPlan = (why: string, result: Mapping = {}): ModulePlan => ({
  changes: [],
  unmet: { kind: 'exit', evidence: why },
  result: { failed: true, msg: why, ...result },
});

/** The last line of what a script wrote to stderr. */
export const lastWords = ({ stderr }: Reading): string =>
  stderr.trimEnd().split('\n').at(-1)?.slice(0, 500) ?? '';
