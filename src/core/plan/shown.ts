// What a plan shows of a task: its changes and texts, hidden under `no_log`.
import type { Task } from '../../model/playbook.ts';
import { present } from '../../model/present.ts';
import type { Change } from '../../model/run/change.ts';
import type { PlannedChange } from '../../model/run/plan.ts';
import { withoutNamedSecrets } from './secrets.ts';

export const hiddenText = '(hidden by no_log)';

export const shownChange = (change: Change): PlannedChange => ({
  sign: change.sign,
  what: change.what,
  ...present({ before: change.before, after: change.after, diff: shownDiff(change.diff) }),
  risk: change.risk,
});

const shownDiff = (diff: string | undefined): string | undefined =>
  diff?.split('\n').map(withoutNamedSecrets).join('\n');

/** With `no_log` the change itself may be secret. */
export const hiddenChange = (change: Change): PlannedChange => ({
  sign: change.sign,
  what: hiddenText,
  risk: change.risk,
});

/** Conditions, messages and notes of a `no_log` task contain its values. */
export const shownText = (task: Task, text: string): string =>
  task.noLog === true ? hiddenText : text;

export const shownHint = (task: Task, hint: string | undefined): string | undefined =>
  task.noLog === true ? undefined : hint;
