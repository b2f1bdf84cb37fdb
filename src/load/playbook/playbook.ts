// Reads the YAML text of a playbook into plays, and reports every problem at its place.
import { type Checked, type Diagnostic, hasErrors } from '../../model/diagnostic.ts';
import type { Inventory } from '../../model/host.ts';
import {
  type Condition,
  moduleTasksOf,
  type Play,
  type Playbook,
  type Rollout,
  type Task,
} from '../../model/playbook.ts';
import { present } from '../../model/present.ts';
import type { AnyModule } from '../../model/run/change.ts';
import { asArgs, filled, flag, oneOf } from '../../model/shape/schema.ts';
import type { Mapping, Value } from '../../model/value.ts';
import { collectorOf, type DiagnosticsCollector } from '../text/diagnostics-collector.ts';
import { conditions, field, refuseKeys, tagsField, varsField } from '../text/fields.ts';
import { fitTree } from '../text/fit.ts';
import { checkTemplates, factNames, type Names, withVars } from '../text/names.ts';
import { dirOf, type Reader } from '../text/reader.ts';
import { sourceOf } from '../text/source.ts';
import { earlyField, renderEarly } from '../text/static-templates.ts';
import { type Entry, entryOf, type MapTree, put, type Tree } from '../text/tree.ts';
import type { Vault } from '../text/vault.ts';
import { parseYaml } from '../text/yaml.ts';
import { withoutUnused } from './ansible/accepted.ts';
import type { TaskContext } from './context.ts';
import { reportCycles } from './cycles.ts';
import { environmentOf } from './environment.ts';
import { lookupsAmong, lookupsIn, lookupsOf } from './files/lookups.ts';
import { candidates, type ProjectFiles, projectFiles } from './files/project-files.ts';
import type { Around } from './files/roles.ts';
import { flushAt, handlersOf, withHandlers } from './handlers.ts';
import { playKeys, refusedInPlay, unusedInPlay } from './keywords.ts';
import { matchHosts, namesOf, readHosts } from './play/hosts.ts';
import { readRollout } from './play/rollout-keys.ts';
import { withOnce } from './run-once.ts';
import { readRoles } from './spliced.ts';
import { readTasks } from './task.ts';

export interface PlaybookOptions {
  readonly modules: ReadonlyMap<string, AnyModule>;
  /** Dotted names of all facts. */
  readonly facts: readonly string[];
  /**
   * Without one, or with an empty one, patterns are not checked, and an unknown name may be a
   * variable of a host.
   */
  readonly inventory?: Inventory;
  readonly extraVars?: Mapping;
  /** More names that expressions may use. */
  readonly knownNames?: readonly string[];
  /** For the other files that a playbook names. Without one, there are none. */
  readonly reader?: Reader;
  /** Directories of roles beside those of the playbook. */
  readonly rolesPath?: readonly string[];
  readonly vault?: Vault;
  /** For `lookup`: the environment and the directory of kmend. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
}

/** Reads a playbook. The value is absent when there are errors. */
export function loadPlaybook(
  path: string,
  text: string,
  options: PlaybookOptions,
): Checked<Playbook> {
  const source = sourceOf(path, text);
  const { value: tree, diagnostics: syntax } = parseYaml(source);
  const diagnostics: Diagnostic[] = [...syntax];
  const files = projectFiles(path, options, diagnostics);
  const file: PlaybookFile = {
    path,
    collector: collectorOf(source, diagnostics),
    tree,
    trail: [path],
    vars: {},
    when: [],
    tags: [],
  };
  const plays = readPlays(file, { ...options, files, learned: new Set() }, hasErrors(syntax));
  const { paths: others, outside } = files;
  return {
    ...(!hasErrors(diagnostics) && { value: { file: path, plays, files: others, outside } }),
    diagnostics: inOrder(diagnostics, [path, ...others]),
  };
}

/** Sorted by file, line and column. */
function inOrder(
  diagnostics: readonly Diagnostic[],
  files: readonly string[],
): readonly Diagnostic[] {
  const rank = new Map(files.map((file, index) => [file, index]));
  const rankOf = ({ place }: Diagnostic): number => rank.get(place?.file ?? '') ?? 0;
  return [...diagnostics].sort(
    (a, b) =>
      rankOf(a) - rankOf(b) ||
      (a.place?.line ?? 0) - (b.place?.line ?? 0) ||
      (a.place?.column ?? 0) - (b.place?.column ?? 0),
  );
}

/** A file of plays: the playbook itself, or one that it imports. */
interface PlaybookFile {
  readonly path: string;
  readonly collector: DiagnosticsCollector;
  readonly tree: Tree | undefined;
  /** The files that led to it; it is the last. */
  readonly trail: readonly string[];
  /** What the statement that imports it gives to its plays. */
  readonly vars: Mapping;
  readonly when: readonly Condition[];
  readonly tags: readonly string[];
}

interface Project extends PlaybookOptions {
  readonly files: ProjectFiles;
  /** A later play may use what an earlier play registers. */
  readonly learned: Set<string>;
}

function readPlays(file: PlaybookFile, project: Project, isBroken: boolean): readonly Play[] {
  const { collector, tree } = file;
  // Plays of a broken text would only cause more errors about missing parts.
  if (
    isBroken &&
    collector.diagnostics.some(
      (one) => one.code === 'yaml-syntax' || one.code === 'tab' || one.code === 'too-deep',
    )
  )
    return [];
  if (
    tree === undefined ||
    (tree.kind === 'scalar' && tree.value === null) ||
    (tree.kind === 'list' && tree.items.length === 0)
  ) {
    collector.error(0, 'empty-playbook', 'this playbook has no plays');
    return [];
  }
  if (tree.kind !== 'list') {
    const hint =
      tree.kind === 'map' && entryOf(tree, 'hosts') !== undefined
        ? 'put a dash before the first key and indent the others'
        : 'a playbook begins with `- hosts: ...`';
    collector.error(tree.at, 'playbook-shape', 'a playbook is a list of plays', { hint });
    return [];
  }
  return tree.items.flatMap((item) => {
    const entry = item.kind === 'map' ? importOf(item) : undefined;
    return item.kind === 'map' && entry !== undefined
      ? importedPlays(file, item, entry, project)
      : (readPlay(file, item, project) ?? []);
  });
}

const importOf = (tree: MapTree): Entry | undefined =>
  tree.entries.find(({ key }) => /^(?:ansible\.(?:builtin|legacy)\.)?import_playbook$/.test(key));

/** The plays of another playbook; the keys of the statement are given to each of them. */
function importedPlays(
  file: PlaybookFile,
  tree: MapTree,
  entry: Entry,
  project: Project,
): readonly Play[] {
  const { collector } = file;
  const known = ['name', 'when', 'tags', 'vars', entry.key];
  refuseKeys(collector, tree.entries, 'playbook import', known, {});
  const { vars } = varsField(collector, tree);
  const early = { ...file.vars, ...vars, ...project.extraVars };
  const value = renderEarly(collector, entry.value, early);
  if (value.kind !== 'scalar' || value.value === null) {
    collector.error(entry.value.at, 'bad-value', '`import_playbook` should be the name of a file');
    return [];
  }
  const [path = ''] = candidates([dirOf(file.path)], value.text.trim());
  if (file.trail.includes(path)) {
    const detail = [...file.trail, path].join(' -> ');
    collector.error(entry.value.at, 'cyclic-import', `${path} leads to itself`, { detail });
    return [];
  }
  const names: Names = { vars: new Set(Object.keys(vars)), facts: factNames([]), open: true };
  const opened = project.files.tree(path, { collector, at: entry.value.at, what: 'plays' });
  return opened === undefined
    ? []
    : readPlays(
        {
          ...opened,
          trail: [...file.trail, path],
          vars: { ...file.vars, ...vars },
          when: [...file.when, ...conditions(collector, entryOf(tree, 'when'), names)],
          tags: [...file.tags, ...tagsField(collector, tree)],
        },
        project,
        false,
      );
}

function readPlay(file: PlaybookFile, tree: Tree, options: Project): Play | undefined {
  const { collector } = file;
  if (tree.kind !== 'map') {
    collector.error(tree.at, 'playbook-shape', 'a play is a mapping with `hosts` and `tasks`');
    return undefined;
  }
  refuseKeys(
    collector,
    withoutUnused(collector, tree, unusedInPlay),
    'play',
    playKeys,
    refusedInPlay,
  );
  const { own, vars, around } = playVariables(file, tree, options);
  const { early } = around;
  const hosts = readHosts(collector, tree, early);
  const playHosts = matchHosts(collector, hosts, options.inventory);
  const names = namesOf(options, vars, playHosts);
  const name = field(collector, tree, 'name', filled) ?? hosts?.pattern ?? 'play';
  const rollout = readRollout(collector, tree, early, names, playHosts);
  const tags = [...new Set([...file.tags, ...tagsField(collector, tree)])];
  const become = earlyField(collector, tree, 'become', flag, early);
  const users = present({
    becomeUser: earlyField(collector, tree, 'become_user', filled, early),
    remoteUser:
      field(collector, tree, 'remote_user', filled) ?? field(collector, tree, 'user', filled),
  });
  noteGatherFacts(collector, tree);
  const surroundings = entryOf(tree, 'environment');
  const environment = environmentOf({ collector }, surroundings);
  const context: TaskContext = {
    collector,
    modules: options.modules,
    learned: options.learned,
    tags,
    users,
    ...present({ become, becomeUser: users.becomeUser, environment }),
    oneByOne: isOneByOne(rollout),
    once: new Map(),
    around,
    inherited: file.when,
    guards: [],
    enteredBy: [],
    played: { seen: new Set(), defaults: {}, vars: {}, handlers: new Map() },
  };
  const tasks = withOnce(allTasks(context, tree, names), context.once, collector);
  // These may use what the tasks of the play register, because they are rendered on reading.
  const known = withVars(names, context.learned);
  if (surroundings !== undefined) checkTemplates(collector, surroundings.value, known);
  if (own.tree !== undefined) {
    checkTemplates(collector, own.tree, known);
    reportCycles(collector, own.tree, around.given);
  }
  const { defaults, vars: ofRoles } = context.played;
  return {
    name,
    hosts: hosts?.pattern ?? '',
    // Where a variable of a role is used outside of it, a file is looked up as the play does.
    vars: { ...vars, ...ofRoles, ...lookupsAmong(vars) },
    ...present({
      defaults: Object.keys(defaults).length > 0 ? defaults : undefined,
      become,
      becomeByTask:
        become !== true &&
        moduleTasksOf(tasks).some((task) => task.become === true && task.delegate === undefined)
          ? true
          : undefined,
      becomeMethod: field(collector, tree, 'become_method', oneOf('sudo', 'su', 'doas')),
    }),
    ...users,
    rollout,
    ...present({ partial: field(collector, tree, 'partial', oneOf('accept', 'refuse')) }),
    tags,
    tasks,
    place: collector.source.placeAt(tree.entries[0]?.keyAt ?? tree.at),
  };
}

/** Variables of a play in their order, and what its files and lookups are searched with. */
function playVariables(file: PlaybookFile, tree: MapTree, options: Project) {
  const { collector } = file;
  const own = varsField(collector, tree);
  const given = options.extraVars ?? {};
  const around: Around = {
    files: options.files,
    root: dirOf(file.path),
    trail: file.trail,
    roles: [],
    early: { ...file.vars, ...own.vars, ...given },
    given,
  };
  const looked = lookupsIn(
    { ...tree, entries: tree.entries.filter(({ key }) => !taskLists.includes(key)) },
    { collector, around, early: [around.early] },
  );
  const fromFiles = varsFiles(file, tree, { ...own.vars, ...looked }, around);
  const vars = { ...file.vars, ...own.vars, ...looked, ...fromFiles };
  return { own, vars, around: { ...around, early: { ...vars, ...given } } };
}

/** Whether each host is a batch of its own, as with `serial: 1`. */
const isOneByOne = ({ waves, waveOverlap }: Rollout): boolean =>
  waves.length > 0 &&
  waveOverlap === undefined &&
  waves.every((wave) => 'count' in wave && wave.count === 1);

/** Lists of tasks, whose lookups are those of their tasks. */
const taskLists: readonly string[] = ['pre_tasks', 'roles', 'tasks', 'post_tasks', 'handlers'];

/** Lists of tasks in the order in which Ansible carries them out. */
const lists = ['pre_tasks', 'roles', 'tasks', 'post_tasks'] as const;

/** A play with `tasks` alone numbers them from 0; others put their name before the number. */
function allTasks(context: TaskContext, tree: MapTree, names: Names): readonly Task[] {
  const { collector } = context;
  const place = collector.source.placeAt(tree.entries[0]?.keyAt ?? tree.at);
  const found = lists.flatMap((key) => entryOf(tree, key) ?? []);
  if (found.length === 0)
    collector.error(tree.entries[0]?.keyAt ?? tree.at, 'no-tasks', 'this play has no `tasks`');
  const tasks = found.flatMap(({ key, value }, index) => {
    const known = withVars(names, context.learned);
    const read =
      key === 'roles'
        ? readRoles({ ...context, readTasks }, value, known, 'roles.')
        : readTasks(context, value, known, key === 'tasks' ? '' : `${key}.`);
    const isFlushed = key !== 'roles' || found[index + 1]?.key !== 'tasks';
    return isFlushed ? [...read, flushAt(`handlers.${key}`, { place })] : read;
  });
  const own = entryOf(tree, 'handlers');
  const known = withVars(names, context.learned);
  const ofPlay =
    own === undefined
      ? []
      : handlersOf(
          collector,
          own.value,
          readTasks({ ...context, isHandler: true }, own.value, known, 'handlers.'),
        );
  return withHandlers(tasks, [...context.played.handlers.values(), ofPlay], collector);
}

/** `vars_files`: each a name, or a list of which the first that exists counts. */
function varsFiles(
  { collector, path }: PlaybookFile,
  play: MapTree,
  vars: Mapping,
  around: Around,
): Mapping {
  const entry = entryOf(play, 'vars_files');
  if (entry === undefined) return {};
  const { files, given } = around;
  const early = { ...vars, ...given };
  const value = renderEarly(collector, entry.value, early);
  const read: Record<string, Value> = {};
  for (const item of value.kind === 'list' ? value.items : [value]) {
    const choice = (item.kind === 'list' ? item.items : [item]).flatMap((one) =>
      one.kind === 'scalar' && one.value !== null ? [one.text] : [],
    );
    const paths = choice.flatMap((name) => candidates([dirOf(path), `${dirOf(path)}/vars`], name));
    const found = files.find(paths);
    if (found === undefined)
      collector.error(item.at, 'missing-file', `there is no file ${choice.join(' or ')}`, {
        hint: `looked for ${paths.join(', ')}`,
      });
    else {
      const { vars: own, opened } = files.variables(found, {
        ...{ collector, at: item.at, what: 'variables' },
      });
      const looked = lookupsOf(opened, {
        ...around,
        early: { ...early, ...read, ...own, ...given },
      });
      for (const [name, one] of Object.entries({ ...own, ...looked })) put(read, name, one);
    }
  }
  return read;
}

/** Most plays of Ansible have this key; for kmend it changes nothing. */
function noteGatherFacts(collector: DiagnosticsCollector, play: MapTree): void {
  const entry = entryOf(play, 'gather_facts');
  if (entry === undefined) return;
  fitTree(collector, entry.value, asArgs(flag), '`gather_facts`');
  collector.note(
    entry.keyAt,
    'gather-facts',
    '`gather_facts` changes nothing: facts are always there',
  );
}
