// Decides what becomes of each item of all files, by rules and by what the loader refuses.
import type { Diagnostic } from '../../model/diagnostic.ts';
import { ansibleName } from '../playbook/ansible/modules.ts';
import { type Edit, type Outcome, undecided } from './account.ts';
import type { Item, OldFile } from './old-file.ts';
import { type Around, fixedVars, type OldTask, oldTask, uses } from './old-task.ts';
import { keyOutcome, questionOf, repaired, repairedKey } from './repairs.ts';
import { rewriteOf } from './rewrites.ts';
import type { Decided } from './write-draft.ts';

/** How far a task is from what was written; each error takes it one further. */
const stages = ['rewritten', 'written', 'repaired', 'undecided', 'stuck'] as const;
type Stage = (typeof stages)[number];

interface State {
  stage: Stage;
  /** What the loader says against it. */
  errors: readonly Diagnostic[];
}

const keepsPlay = ['hosts', 'name'];

export class Decisions {
  private readonly states = new Map<Item, State>();
  private readonly tasks = new Map<Item, OldTask>();
  private readonly files: OldFile[] = [];
  private readonly modules: ReadonlyMap<string, unknown>;

  constructor(modules: ReadonlyMap<string, unknown>) {
    this.modules = modules;
  }

  add(file: OldFile): void {
    this.files.push(file);
    for (const item of file.items) {
      const task = item.what === 'task' ? oldTask(file, item) : undefined;
      if (task !== undefined) this.tasks.set(item, task);
      this.states.set(item, { stage: 'rewritten', errors: [] });
    }
  }

  /** Takes errors of the loader into account. False where nothing more can be done. */
  refuse(item: Item, errors: readonly Diagnostic[]): boolean {
    const state = this.states.get(item);
    if (state === undefined || keepsPlay.includes(item.key?.key ?? '')) return false;
    const around = this.around();
    const steps = stages.slice(stages.indexOf(state.stage) + 1);
    const before = JSON.stringify(this.outcomeOf(item, state, around));
    if (state.errors.length === 0 || isWritten(this.outcomeOf(item, state, around)))
      state.errors = errors;
    for (const stage of steps) {
      if (stage === 'stuck') continue;
      state.stage = stage;
      if (JSON.stringify(this.outcomeOf(item, state, around)) !== before) return true;
    }
    return false;
  }

  private around(): Around {
    return {
      tasks: [...this.tasks.values()],
      vars: fixedVars(this.files),
      playbook: this.files[0]?.path ?? '',
      stays: ({ item }) => this.states.get(item)?.stage !== 'rewritten',
    };
  }

  /** What becomes of each item now. */
  all(): ReadonlyMap<OldFile, readonly Decided[]> {
    const around = this.around();
    const outcomes = new Map<Item, Outcome>();
    for (const [item, state] of this.states)
      outcomes.set(item, this.outcomeOf(item, state, around));
    this.keepReaders(outcomes, around);
    this.dropNotes(outcomes);
    this.dropNotices(outcomes);
    return new Map(
      this.files.map((file) => [
        file,
        file.items.map((item): Decided => {
          const task = this.tasks.get(item);
          const outcome = outcomes.get(item) ?? { fate: 'kept' };
          return { item, outcome, ...(task && { task }) };
        }),
      ]),
    );
  }

  private outcomeOf(item: Item, { stage, errors }: State, around: Around): Outcome {
    const task = this.tasks.get(item);
    if (task === undefined) return keyOrRest(item, stage, errors);
    const rewritten = rewriteOf(task, around);
    if (stage === 'rewritten')
      return rewritten === undefined || rewritten.fate === 'undecided'
        ? { fate: 'kept' }
        : rewritten;
    if (stage === 'written') return { fate: 'kept' };
    const repair = stage === 'repaired' ? repaired(task, around, this.isKnown(task)) : undefined;
    if (repair !== undefined) return repair;
    return rewritten?.fate === 'undecided' ? rewritten : undecided(questionOf(errors));
  }

  private isKnown({ entry }: OldTask): boolean {
    const { name, from } = ansibleName(entry.key);
    return this.modules.has(from?.module ?? name);
  }

  /** A task whose result another one reads does not go. */
  private keepReaders(outcomes: Map<Item, Outcome>, around: Around): void {
    for (const [item, task] of this.tasks) {
      const outcome = outcomes.get(item);
      const { register } = task.keys;
      if (!isGone(outcome) || typeof register !== 'string') continue;
      const isRead = around.tasks.some(
        (other) =>
          other !== task &&
          other.module !== 'debug' &&
          !isGone(outcomes.get(other.item)) &&
          uses(other, register),
      );
      if (isRead)
        outcomes.set(
          item,
          undecided(`other tasks read its result (\`${register}\`): what do they need?`),
        );
    }
  }

  /** A note of the output of a task that has none now. */
  private dropNotes(outcomes: Map<Item, Outcome>): void {
    const silent = [...this.tasks].flatMap(
      ([
        item,
        {
          keys: { register },
        },
      ]) => {
        const outcome = outcomes.get(item);
        return typeof register === 'string' && (isGone(outcome) || isSilent(outcome))
          ? [register]
          : [];
      },
    );
    for (const [item, task] of this.tasks)
      if (
        task.module === 'debug' &&
        outcomes.get(item)?.fate !== 'undecided' &&
        silent.some((name) => uses(task, name, true))
      )
        outcomes.set(item, {
          fate: 'dropped',
          why: 'it shows the output of a command that is replaced; the report has what was done',
        });
  }

  /** Nothing notifies a handler that is gone. */
  private dropNotices(outcomes: Map<Item, Outcome>): void {
    const handlers = [...this.tasks.values()].filter(({ item }) => item.isHandler);
    const topics = (task: OldTask): readonly string[] => [task.label, ...listOf(task.keys.listen)];
    const there = new Set(
      handlers.filter(({ item }) => !isGone(outcomes.get(item))).flatMap(topics),
    );
    const gone = handlers.flatMap(topics).filter((name) => !there.has(name));
    for (const [item, task] of this.tasks) {
      const outcome = outcomes.get(item);
      const names = listOf(task.keys.notify);
      const left = names.filter((name) => !gone.includes(name));
      if (left.length === names.length || isGone(outcome) || outcome?.fate === 'undecided')
        continue;
      if (outcome === undefined || outcome.fate === 'dropped') continue;
      outcomes.set(item, { ...outcome, edit: withNotify(outcome.edit ?? {}, left) });
    }
  }
}

/** What is no task with a module: keys of plays and blocks, roles, and what cannot be read. */
function keyOrRest(item: Item, stage: Stage, errors: readonly Diagnostic[]): Outcome {
  const repair = stage === 'repaired' ? repairedKey(item) : undefined;
  if (repair !== undefined) return repair;
  if (stage !== 'undecided') return { fate: 'kept' };
  return item.what === 'task' ? undecided(questionOf(errors)) : keyOutcome(item, errors);
}

const withNotify = (edit: Edit, left: readonly string[]): Edit => ({
  ...edit,
  ...(left.length === 0
    ? { without: [...(edit.without ?? []), 'notify'] }
    : { set: { ...edit.set, notify: left } }),
});

const isGone = (outcome: Outcome | undefined): boolean =>
  outcome?.fate === 'dropped' || (outcome?.fate === 'replaced' && outcome.edit === undefined);

/** Another module does it, which has no output of a command. */
const isSilent = (outcome: Outcome | undefined): boolean =>
  outcome?.fate === 'replaced' && outcome.by !== 'shell' && outcome.by !== 'command';

const isWritten = (outcome: Outcome): boolean =>
  outcome.fate === 'kept' && outcome.edit === undefined;

const listOf = (value: unknown): readonly string[] =>
  typeof value === 'string' ? [value] : Array.isArray(value) ? value.map(String) : [];
