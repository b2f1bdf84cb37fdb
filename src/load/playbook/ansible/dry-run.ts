// `check_mode` of a task: which commands a plan runs, as Ansible runs them in its dry run.
import type { AnyModule } from '../../../model/run/change.ts';
import { flag } from '../../../model/shape/schema.ts';
import type { DiagnosticsCollector } from '../../text/diagnostics-collector.ts';
import { field } from '../../text/fields.ts';
import { type Entry, entryOf, type MapTree } from '../../text/tree.ts';
import { wayOf } from './better-way.ts';
import { withArgs } from './free-form.ts';

/**
 * A command with `check_mode: false` and `changed_when: false` runs in Ansible's dry run and changes
 * nothing: it is one with `read_only: true`. What is known to change a host stays what it is.
 */
export function markReadOnly(
  collector: DiagnosticsCollector,
  task: MapTree,
  entry: Entry,
  module: AnyModule,
): Entry {
  const isNo = (key: string): boolean => {
    const value = entryOf(task, key)?.value;
    return value?.kind === 'scalar' && value.value === false;
  };
  const way = wayOf(entry);
  const isKnownToChange = way !== undefined && way !== 'ready' && way !== 'cmdline';
  if (!['command', 'shell'].includes(module.name) || isKnownToChange) return entry;
  if (!isNo('check_mode') || !isNo('changed_when')) return entry;
  const { keyAt } = entryOf(task, 'check_mode') ?? entry;
  const yes = { kind: 'scalar', at: keyAt, value: true, text: 'true', style: 'plain' } as const;
  const marked = withArgs(collector, entry, module, {
    key: 'args',
    keyAt,
    value: { kind: 'map', at: keyAt, entries: [{ key: 'read_only', keyAt, value: yes }] },
  });
  collector.note(keyAt, 'read-only', 'a plan runs this command, as a dry run of Ansible does', {
    detail:
      'with `changed_when: false` it counts as one that only reads; `read_only: true` says the same',
  });
  return marked;
}

/**
 * In Ansible `check_mode: false` runs a task in a dry run too, and `true` runs the module's dry run.
 * For a command that only reads both mean the same: a plan runs it. Other commands are refused,
 * because a plan changes nothing.
 */
export function readCheckMode(
  collector: DiagnosticsCollector,
  tree: MapTree,
  module: Entry,
): true | undefined {
  const entry = entryOf(tree, 'check_mode');
  if (entry === undefined || field(collector, tree, 'check_mode', flag) === undefined)
    return undefined;
  if (module.value.kind === 'map' && entryOf(module.value, 'read_only') !== undefined) return true;
  collector.error(
    entry.keyAt,
    'unsupported-keyword',
    'kmend has `check_mode` only on a command or shell task with `read_only: true`',
    {
      hint: 'where it only reads, `changed_when: false` beside `check_mode: false` says so, too; a plan changes nothing, and `kmend plan` is the dry run of all tasks',
    },
  );
  return undefined;
}
