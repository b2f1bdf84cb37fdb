// Roles: where one is found, and what is in it.
import { present } from '../../../model/present.ts';
import type { Mapping, Value } from '../../../model/value.ts';
import { dirOf, join } from '../../text/reader.ts';
import { entryOf, put, type Tree } from '../../text/tree.ts';
import {
  candidates,
  type FileVariables,
  type OpenedTree,
  type ProjectFiles,
  type Written,
} from './project-files.ts';

/** Where the names of other files are looked for. */
export interface Around {
  readonly files: ProjectFiles;
  /** Directory of the playbook. */
  readonly root: string;
  /** The files that led to the one that is read, which is the last. */
  readonly trail: readonly string[];
  /** The roles that led to this place, the innermost last. */
  readonly roles: readonly FoundRole[];
  /** Variables that are known before any host is contacted. */
  readonly early: Mapping;
  /** Those of `-e`, which always win. */
  readonly given: Mapping;
}

export interface FoundRole {
  readonly name: string;
  readonly path: string;
}

export interface RoleParts {
  readonly role: FoundRole;
  /** Its variables of each strength, with the files that they are in. */
  readonly defaults: RoleVariables;
  readonly vars: RoleVariables;
  readonly tasks?: OpenedTree;
  readonly handlers?: OpenedTree;
  /** Entries as in `roles`: these roles come before it. */
  readonly dependencies?: { readonly from: OpenedTree; readonly list: Tree };
  /** It may come twice in a play. */
  readonly allowDuplicates: boolean;
}

export interface RoleVariables {
  readonly vars: Mapping;
  readonly opened: readonly OpenedTree[];
}

/** The names of files in a role, without their endings. Absent = `main`. */
export interface RoleFiles {
  readonly tasks?: string;
  readonly handlers?: string;
  readonly defaults?: string;
  readonly vars?: string;
}

const endings = ['.yml', '.yaml', '', '.json'] as const;

/** Directories with programs for Ansible itself, which kmend does not run. */
const programs = [
  ...['library', 'module_utils', 'action_plugins', 'callback_plugins', 'connection_plugins'],
  ...['filter_plugins', 'lookup_plugins', 'test_plugins', 'vars_plugins'],
];

/** Reads a role by its name. Undefined = it is not there, which is reported. */
export function findRole(
  name: string,
  written: Written,
  around: Around,
  from: RoleFiles = {},
): RoleParts | undefined {
  const path = pathOf(name, written, around);
  if (path === undefined) return undefined;
  const { collector, at } = written;
  if (around.roles.some((role) => role.path === path)) {
    collector.error(at, 'cyclic-import', `the role ${name} leads to itself`, {
      detail: [...around.roles.map((role) => role.name), name].join(' -> '),
    });
    return undefined;
  }
  const own = programs.filter((one) => around.files.list(join(path, one)) !== undefined);
  if (own.length > 0)
    collector.error(at, 'role-programs', `the role ${name} brings programs for Ansible`, {
      detail: own.map((one) => join(path, one)).join(', '),
      hint: 'kmend runs its own modules and filters only',
    });
  const meta = mainOf('meta', undefined, path, written, around.files);
  const dependencies = meta?.tree?.kind === 'map' ? entryOf(meta.tree, 'dependencies') : undefined;
  const duplicates =
    meta?.tree?.kind === 'map' ? entryOf(meta.tree, 'allow_duplicates')?.value : undefined;
  return {
    role: { name, path },
    defaults: variablesOf('defaults', from.defaults, path, written, around.files),
    vars: variablesOf('vars', from.vars, path, written, around.files),
    allowDuplicates: duplicates?.kind === 'scalar' && duplicates.value === true,
    ...present({
      tasks: mainOf('tasks', from.tasks, path, written, around.files),
      handlers: mainOf('handlers', from.handlers, path, written, around.files),
      dependencies: meta && dependencies && { from: meta, list: dependencies.value },
    }),
  };
}

function pathOf(
  name: string,
  { collector, at }: Written,
  { files, root, roles }: Around,
): string | undefined {
  const outer = roles.at(-1);
  const directories = [
    join(root, 'roles'),
    ...files.rolesPath,
    ...(outer === undefined ? [] : [`${outer.path}/..`]),
    root,
  ];
  const inCollection = /^(\w+)\.(\w+)\.(\w+)$/.exec(name);
  const paths = [
    ...(inCollection === null ? [] : [collectionRole(root, inCollection)]),
    ...candidates(directories, name),
  ];
  const path = paths.find((one) => files.list(one) !== undefined);
  if (path !== undefined) return path;
  collector.error(at, 'missing-role', `there is no role ${name}`, {
    detail: `looked for ${paths.join(', ')}`,
    hint: inCollection
      ? '`ansible-galaxy collection install -p collections` beside the playbook brings its collection there'
      : 'roles are in `roles/` beside the playbook, or where `roles_path` of ansible.cfg says; `ansible-galaxy role install -p roles` brings them there',
  });
  return undefined;
}

/** A role of a collection that is beside the playbook. */
const collectionRole = (
  root: string,
  [, namespace = '', collection = '', role = '']: RegExpExecArray,
): string => join(root, `collections/ansible_collections/${namespace}/${collection}/roles/${role}`);

/** The file of a part of a role. One that the statement names must exist. */
function mainOf(
  part: string,
  named: string | undefined,
  role: string,
  written: Written,
  files: ProjectFiles,
): OpenedTree | undefined {
  const path = fileOf(part, named, role, written, files);
  return path === undefined ? undefined : files.tree(path, { ...written, what: part });
}

function fileOf(
  part: string,
  named: string | undefined,
  role: string,
  { collector, at }: Written,
  files: ProjectFiles,
): string | undefined {
  const directory = join(role, part);
  const paths = candidates([directory], named ?? 'main', endings);
  const path = files.find(paths);
  if (path === undefined && named !== undefined)
    collector.error(at, 'missing-file', `there is no file ${named} in ${directory}`, {
      hint: `it has ${files.list(directory)?.join(', ') ?? 'no files'}`,
    });
  return path;
}

/** Variables of a role: one file, or all files of the directory `main`. */
function variablesOf(
  part: 'defaults' | 'vars',
  named: string | undefined,
  role: string,
  written: Written,
  files: ProjectFiles,
): RoleVariables {
  const directory = join(join(role, part), named ?? 'main');
  const below = files.list(directory);
  const single = below === undefined ? fileOf(part, named, role, written, files) : undefined;
  const paths =
    below?.map((name) => join(directory, name)) ?? (single === undefined ? [] : [single]);
  const read = paths.map((path) => files.variables(path, { ...written, what: 'variables' }));
  return { vars: merged(read), opened: read.flatMap(({ opened }) => opened ?? []) };
}

/** Later ones replace earlier ones. */
function merged(read: readonly FileVariables[]): Mapping {
  const vars: Record<string, Value> = {};
  for (const one of read)
    for (const [name, value] of Object.entries(one.vars)) put(vars, name, value);
  return vars;
}

/**
 * Where Ansible looks for a file that a task names: in the roles around it, beside the file of the
 * task, and beside the playbook; each time in this folder first.
 */
export function searched(
  { roles, trail, root }: Around,
  folder: 'files' | 'templates' | 'vars',
  name: string,
): readonly string[] {
  const bases = [...roles.map(({ path }) => path).reverse(), dirOf(trail.at(-1) ?? root), root];
  const isInside = name.split('/')[0] === folder;
  return candidates(
    bases.flatMap((base) => (isInside ? [base] : [join(base, folder), base])),
    name,
  );
}
