// What reading a task needs to know, and the keys that tasks, blocks and imports share.
import type { Condition, ModuleTask } from '../../model/playbook.ts';
import { present } from '../../model/present.ts';
import type { AnyModule } from '../../model/run/change.ts';
import { filled, flag, listOf } from '../../model/shape/schema.ts';
import type { Mapping, Value } from '../../model/value.ts';
import { conditions, field, tagsField, varsField } from '../text/fields.ts';
import { checkTemplates, guardedNames, type Names, withVars } from '../text/names.ts';
import { earlyField } from '../text/static-templates.ts';
import { entryOf, type MapTree } from '../text/tree.ts';
import { sameUsers } from './ansible/accepted.ts';
import { delegateField } from './ansible/delegate.ts';
import { environmentOf } from './environment.ts';
import { lookupsIn } from './files/lookups.ts';
import type { Around } from './files/roles.ts';
import type { HandlerList } from './handlers.ts';
import { type OnceContext, readRunOnce } from './run-once.ts';

export interface TaskContext extends OnceContext {
  readonly modules: ReadonlyMap<string, AnyModule>;
  /** Grows: later tasks may use the names of `register` and `set_fact`, and of roles. */
  readonly learned: Set<string>;
  /** Tags of the play and the enclosing blocks: their tasks inherit them. */
  readonly tags: readonly string[];
  /** Users of the play: a task may name the same ones. */
  readonly users: { readonly becomeUser?: string; readonly remoteUser?: string };
  /** `become` and `become_user` of the play or an enclosing block, which tasks inherit. */
  readonly become?: boolean;
  readonly becomeUser?: string;
  /** `delegate_to` of an enclosing block, which its tasks inherit. */
  readonly delegate?: NonNullable<ModuleTask['delegate']>;
  /** `no_log` of an enclosing block, which its tasks inherit. */
  readonly noLog?: boolean;
  /** `ignore_errors` of an enclosing block, which its tasks inherit. */
  readonly ignoreErrors?: boolean;
  /** `environment` of the play and the enclosing blocks, from the outside in. */
  readonly environment?: readonly Value[];
  /** `notify` of the enclosing blocks. */
  readonly notify?: readonly string[];
  readonly around: Around;
  /** Conditions of the imports around: each task asks them again. */
  readonly inherited: readonly Condition[];
  /** Conditions of all blocks, includes and roles around. */
  readonly guards: readonly Condition[];
  /** Tags of each include around: its tasks run only where it is wanted itself. */
  readonly enteredBy: readonly (readonly string[])[];
  readonly played: PlayedRoles;
}

/** What the roles of one play leave behind. */
export interface PlayedRoles {
  /** Roles of `roles` and of dependencies that were read, with their parameters. */
  readonly seen: Set<string>;
  /** Variables that all tasks of the play see. */
  readonly defaults: Record<string, Value>;
  readonly vars: Record<string, Value>;
  /** Handlers by the directory of their role, in the order in which they were read. */
  readonly handlers: Map<string, HandlerList>;
}

/** Reads the keys that tasks and blocks share, and extends the names for the keys inside. */
export function readCommon(
  context: TaskContext,
  tree: MapTree,
  names: Names,
  id: string,
  defaultName: string,
) {
  const { collector } = context;
  sameUsers(collector, tree, context.users);
  const { vars: ownVars, tree: varsTree } = varsField(collector, tree);
  const vars = { ...ownVars, ...ownLookups(context, tree, ownVars) };
  const inner = withVars(names, [...Object.keys(vars), ...context.learned]);
  const when = conditions(collector, entryOf(tree, 'when'), inner);
  const guarded = withVars(inner, guardedNames(when));
  if (varsTree !== undefined) checkTemplates(collector, varsTree, guarded);
  const nameEntry = entryOf(tree, 'name');
  if (nameEntry !== undefined) checkTemplates(collector, nameEntry.value, guarded);
  const surroundings = entryOf(tree, 'environment');
  if (surroundings !== undefined) checkTemplates(collector, surroundings.value, guarded);
  const place = collector.source.placeAt(tree.entries[0]?.keyAt ?? tree.at);
  const early = { ...context.around.early, ...vars, ...context.around.given };
  const ownBecome = earlyField(collector, tree, 'become', flag, early);
  const around = present({ becomes: ownBecome, around: context.delegate });
  readRunOnce(context, tree, id);
  const common = {
    id,
    name: field(collector, tree, 'name', filled) ?? defaultName,
    when: [...context.inherited, ...when],
    tags: [...new Set([...context.tags, ...tagsField(collector, tree)])],
    vars,
    ...present({
      ignoreErrors: field(collector, tree, 'ignore_errors', flag) ?? context.ignoreErrors,
      become: ownBecome ?? context.become,
      delegate: delegateField(collector, tree, guarded, around),
      becomeUser: earlyField(collector, tree, 'become_user', filled, early) ?? context.becomeUser,
      noLog: field(collector, tree, 'no_log', flag) ?? context.noLog,
      environment: environmentOf(context, surroundings),
      notify: notified(context, tree, early),
      enteredBy: context.enteredBy.length > 0 ? context.enteredBy : undefined,
    }),
    place,
  };
  return { common, inner: guarded };
}

/** Lookups of a task or block itself: those of the tasks in it are theirs. */
const ownLookups = ({ collector, around }: TaskContext, tree: MapTree, vars: Mapping): Mapping =>
  lookupsIn(
    { ...tree, entries: tree.entries.filter(({ key }) => !branches.includes(key)) },
    { collector, around, early: [{ ...around.early, ...vars, ...around.given }] },
  );

const branches = ['block', 'rescue', 'always'];

/** Names of handlers, with those of the blocks around. */
function notified(
  { collector, notify }: TaskContext,
  tree: MapTree,
  early: Mapping,
): readonly string[] | undefined {
  const own = earlyField(collector, tree, 'notify', texts, early);
  return own === undefined ? notify : [...(notify ?? []), ...own];
}

/** A text, or a list of texts. */
export const texts = listOf(filled);

/** The context of the tasks in a block. */
export const within = (
  context: TaskContext,
  {
    when,
    tags,
    noLog,
    ignoreErrors,
    become,
    becomeUser,
    environment,
    notify,
    delegate,
    vars,
  }: ReturnType<typeof readCommon>['common'],
): TaskContext => ({
  ...context,
  tags,
  guards: [...context.guards, ...when],
  ...present({ noLog, ignoreErrors, become, becomeUser, environment, notify, delegate }),
  around: {
    ...context.around,
    early: { ...context.around.early, ...vars, ...context.around.given },
  },
});
