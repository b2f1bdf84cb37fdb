// Statements that put tasks of other files in their place: imports, includes and roles. This part
// finds the files; `task.ts` reads the tasks in them.
import { present } from '../../model/present.ts';
import type { Mapping } from '../../model/value.ts';
import type { DiagnosticsCollector } from '../text/diagnostics-collector.ts';
import { dirOf } from '../text/reader.ts';
import { renderEarly } from '../text/static-templates.ts';
import { type Entry, entryOf, type MapTree, type Tree } from '../text/tree.ts';
import { candidates, type OpenedTree } from './files/project-files.ts';
import { type Around, findRole, type RoleParts } from './files/roles.ts';

export type SpliceKind = 'import_tasks' | 'include_tasks' | 'import_role' | 'include_role';

const kinds: readonly SpliceKind[] = [
  'import_tasks',
  'include_tasks',
  'import_role',
  'include_role',
];

/** The statement of a task that is one. */
export function spliceOf(
  tree: MapTree,
): { readonly kind: SpliceKind; readonly entry: Entry } | undefined {
  for (const entry of tree.entries) {
    const word = entry.key.replace(/^ansible\.(?:builtin|legacy)\./, '');
    const kind = kinds.find((one) => one === word);
    if (kind !== undefined) return { kind, entry };
  }
  return undefined;
}

/** `import_tasks: FILE` or a mapping with these keys, as a mapping. Undefined = reported. */
export function spliceArguments(
  collector: DiagnosticsCollector,
  { kind, entry }: { readonly kind: SpliceKind; readonly entry: Entry },
): MapTree | undefined {
  const ofRole = kind.endsWith('_role');
  const first = ofRole ? 'name' : 'file';
  const known = ofRole
    ? ['name', 'tasks_from', 'defaults_from', 'vars_from', 'handlers_from', 'allow_duplicates']
    : ['file'];
  const more = [
    ...(kind.startsWith('include_') ? ['apply'] : []),
    ...(ofRole ? ['public', 'rolespec_validate'] : []),
  ];
  const { value } = entry;
  if (value.kind === 'scalar' && value.value !== null && !ofRole)
    return {
      kind: 'map',
      at: value.at,
      entries: [{ key: 'file', keyAt: value.at, value }],
    };
  if (value.kind !== 'map' || entryOf(value, first) === undefined) {
    collector.error(entry.keyAt, 'bad-value', `\`${kind}\` needs the ${first} of what it reads`, {
      hint: ofRole ? `\`${kind}: {name: ROLE}\`` : `\`${kind}: FILE\``,
    });
    return undefined;
  }
  for (const { key, keyAt } of value.entries)
    if (![...known, ...more].includes(key))
      collector.error(keyAt, 'unknown-key', `\`${kind}\` has no key \`${key}\``, {
        hint: `it has ${[...known, ...more].join(', ')}`,
      });
  return value;
}

/** The text of an argument with its templates rendered; undefined where there is none, or reported. */
export function earlyText(
  collector: DiagnosticsCollector,
  args: MapTree,
  key: string,
  early: Mapping,
): { readonly text: string; readonly at: number } | undefined {
  const entry = entryOf(args, key);
  if (entry === undefined) return undefined;
  const before = collector.diagnostics.length;
  const value: Tree = renderEarly(collector, entry.value, early);
  if (collector.diagnostics.length > before) return undefined;
  if (value.kind === 'scalar' && value.value !== null && value.text.trim() !== '')
    return { text: value.text.trim(), at: entry.value.at };
  collector.error(entry.value.at, 'bad-value', `\`${key}\` should be a name`);
  return undefined;
}

/** The file of an import or include: beside the file that names it, in its role, or in the project. */
export function openTasks(
  collector: DiagnosticsCollector,
  args: MapTree,
  around: Around,
): OpenedTree | undefined {
  const name = earlyText(collector, args, 'file', around.early);
  if (name === undefined) return undefined;
  const { files, roles, root, trail } = around;
  const role = roles.at(-1);
  const paths = candidates(
    [...(role === undefined ? [] : [`${role.path}/tasks`]), dirOf(trail.at(-1) ?? root), root],
    name.text,
  );
  const path = files.find(paths);
  if (path === undefined) {
    collector.error(name.at, 'missing-file', `there is no file ${name.text}`, {
      hint: `looked for ${paths.join(', ')}`,
    });
    return undefined;
  }
  if (trail.includes(path)) {
    collector.error(name.at, 'cyclic-import', `${path} leads to itself`, {
      detail: [...trail.slice(trail.indexOf(path)), path].join(' -> '),
    });
    return undefined;
  }
  return files.tree(path, { collector, at: name.at, what: 'tasks' });
}

/** The parts of the role that a statement names. */
export function openRole(
  collector: DiagnosticsCollector,
  args: MapTree,
  around: Around,
): RoleParts | undefined {
  const name = earlyText(collector, args, 'name', around.early);
  if (name === undefined) return undefined;
  const part = (key: string): string | undefined =>
    earlyText(collector, args, key, around.early)?.text;
  return findRole(name.text, { collector, at: name.at, what: 'tasks' }, around, {
    ...present({
      tasks: part('tasks_from'),
      handlers: part('handlers_from'),
      defaults: part('defaults_from'),
      vars: part('vars_from'),
    }),
  });
}
