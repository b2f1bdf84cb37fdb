// The output of `inventory --list/--host/--graph`, `--list-tasks` and `--list-tags`, in the format of
// Ansible's commands.
import { type Checked, type Diagnostic, nearest } from '../../model/diagnostic.ts';
import type { Group, Inventory } from '../../model/host.ts';
import {
  branchesOf,
  type ModuleTask,
  type Play,
  type Playbook,
  type Task,
} from '../../model/playbook.ts';
import { present } from '../../model/present.ts';
import { toJson } from '../../model/text/printable.ts';
import { isList, isMapping, type Mapping, type Value } from '../../model/value.ts';
import { put } from '../text/tree.ts';

/** `ansible-inventory --list` as data, for all hosts or only for the given ones. */
export function inventoryList(inventory: Inventory, only?: readonly string[]): Mapping {
  const wanted = only === undefined ? undefined : new Set(only);
  const isWanted = (host: string): boolean => wanted === undefined || wanted.has(host);
  const hostvars: Record<string, Value> = {};
  for (const host of inventory.hosts.values()) {
    if (isWanted(host.name) && Object.keys(host.vars).length > 0)
      put(hostvars, host.name, host.vars);
  }
  const listed: Record<string, Value> = { _meta: { hostvars, profile: 'inventory_legacy' } };
  for (const group of inventory.groups.values()) {
    const hosts = group.name === 'all' ? [] : group.hosts.filter(isWanted);
    const entry = {
      ...(hosts.length > 0 && { hosts }),
      ...(group.children.length > 0 && { children: group.children }),
    };
    if (Object.keys(entry).length > 0) put(listed, group.name, entry);
  }
  return listed;
}

/**
 * JSON as Python's `json.dumps(sort_keys=True, indent=4)` writes it, because scripts compare it
 * byte by byte.
 */
export const sortedJson = (value: Value): string => toJson(sorted(value), 4);

function sorted(value: Value): Value {
  if (isList(value)) return value.map(sorted);
  if (!isMapping(value)) return value;
  const result: Record<string, Value> = {};
  for (const key of Object.keys(value).sort()) put(result, key, sorted(value[key] ?? null));
  return result;
}

/** The lines of `ansible-inventory --graph [GROUP] [--vars]`. */
export function inventoryGraph(
  inventory: Inventory,
  start = 'all',
  withVars = false,
): Checked<readonly string[]> {
  if (!inventory.groups.has(start)) {
    const guess = nearest(start, inventory.groups.keys());
    const hint = present({ hint: guess && `did you mean \`${guess}\`?` });
    const problem: Diagnostic = {
      code: 'unknown-group',
      severity: 'error',
      summary: `no group is called ${start}`,
      ...hint,
    };
    return { diagnostics: [problem] };
  }
  const lines: string[] = [];
  const line = (depth: number, text: string): void => {
    lines.push(depth === 0 ? text : `${'  |'.repeat(depth)}--${text}`);
  };
  const variables = (vars: Mapping, depth: number): void => {
    if (withVars)
      for (const key of Object.keys(vars).sort())
        line(depth, `{${key} = ${pythonText(vars[key] ?? null)}}`);
  };
  const walk = (group: Group, depth: number): void => {
    line(depth, `@${group.name}:`);
    for (const child of group.children) {
      const below = inventory.groups.get(child);
      if (below !== undefined) walk(below, depth + 1);
    }
    if (group.name !== 'all') {
      for (const host of group.hosts) {
        line(depth + 1, host);
        variables(inventory.hosts.get(host)?.vars ?? {}, depth + 2);
      }
    }
    variables(group.vars, depth + 1);
  };
  const first = inventory.groups.get(start);
  if (first !== undefined) walk(first, 0);
  return { value: lines, diagnostics: [] };
}

const pythonText = (value: Value): string =>
  typeof value === 'string' ? value : pythonLiteral(value);

function pythonLiteral(value: Value): string {
  if (value === null) return 'None';
  if (value === true) return 'True';
  if (value === false) return 'False';
  if (typeof value === 'string')
    return value.includes("'") && !value.includes('"')
      ? `"${value}"`
      : `'${value.replace(/[\\']/g, '\\$&').replaceAll('\n', '\\n')}'`;
  if (isList(value)) return `[${value.map(pythonLiteral).join(', ')}]`;
  if (isMapping(value))
    return `{${Object.entries(value)
      .map(([key, item]) => `${pythonLiteral(key)}: ${pythonLiteral(item)}`)
      .join(', ')}}`;
  return String(value);
}

/** The head of a play in lists: `  play #1 (web): Upgrade	TAGS: [a,b]`. */
const playLine = (play: Play, index: number): string =>
  `  play #${index + 1} (${play.hosts}): ${play.name}\tTAGS: [${play.tags.join(',')}]`;

/**
 * The lines of `ansible-playbook --list-tasks`. The tags of a task include the tags of its blocks
 * and its play.
 */
export function listTasksText(
  playbook: Playbook,
  isWanted: (task: Task) => boolean = () => true,
): readonly string[] {
  const plays = playbook.plays.flatMap((play, index) => [
    '',
    playLine(play, index),
    '    tasks:',
    ...moduleTasks(play.tasks)
      .filter(isWanted)
      .map((task) => `      ${task.name}\tTAGS: [${[...new Set(task.tags)].sort().join(', ')}]`),
  ]);
  return ['', `playbook: ${playbook.file}`, ...plays];
}

/** The lines of `ansible-playbook --list-tags`. */
export function listTagsText(playbook: Playbook): readonly string[] {
  const plays = playbook.plays.flatMap((play, index) => {
    const tags = new Set(moduleTasks(play.tasks).flatMap((task) => task.tags));
    return ['', playLine(play, index), `      TASK TAGS: [${[...tags].sort().join(', ')}]`];
  });
  return ['', `playbook: ${playbook.file}`, ...plays];
}

/** All tasks of a list in order, with the tasks inside blocks. */
const moduleTasks = (tasks: readonly Task[]): readonly ModuleTask[] =>
  tasks.flatMap((task) => (task.kind === 'block' ? moduleTasks(branchesOf(task)) : [task]));
