// Tasks that another machine does for a host: `delegate_to`, `local_action` and `connection: local`.
import {
  isHere,
  notHere,
  ownSlot,
  pathHere,
  pathKeysHere,
} from '../../../core/plan/task/delegate.ts';
import { hasTemplate } from '../../../expression/index.ts';
import type { ModuleTask } from '../../../model/playbook.ts';
import type { AnyModule } from '../../../model/run/change.ts';
import { filled } from '../../../model/shape/schema.ts';
import type { Mapping, Value } from '../../../model/value.ts';
import type { DiagnosticsCollector } from '../../text/diagnostics-collector.ts';
import { field } from '../../text/fields.ts';
import { checkTemplates, type Names } from '../../text/names.ts';
import { type Entry, entryOf, type MapTree, type ScalarTree, type Tree } from '../../text/tree.ts';

type Delegate = NonNullable<ModuleTask['delegate']>;

/** The same task with its module as key, and `delegate_to`. */
export function withoutLocalAction(tree: MapTree): MapTree {
  const action = entryOf(tree, 'local_action');
  const module = action && moduleOf(action);
  if (module === undefined) return tree;
  const { keyAt } = module;
  const here: Entry = { key: 'delegate_to', keyAt, value: scalar('localhost', keyAt) };
  const entries = tree.entries.flatMap((one) => (one === action ? [module, here] : [one]));
  return { ...tree, entries };
}

const scalar = (text: string, at: number): ScalarTree => ({
  kind: 'scalar',
  at,
  value: text,
  text,
  style: 'double',
});

/** `command uptime`, or a mapping of which `module` is the name, perhaps with the text behind it. */
function moduleOf({ value, keyAt }: Entry): Entry | undefined {
  if (value.kind === 'list') return undefined;
  const named = value.kind === 'map' ? entryOf(value, 'module')?.value : value;
  if (named?.kind !== 'scalar') return undefined;
  const [, key = '', rest = ''] = /^\s*(\S+)\s*([\s\S]*)$/.exec(named.text) ?? [];
  if (key === '') return undefined;
  const text = scalar(rest, named.at + named.text.length - rest.length);
  const others =
    value.kind === 'map' ? value.entries.filter(({ key: one }) => one !== 'module') : [];
  if (others.length === 0)
    return { key, keyAt, value: rest === '' ? { ...text, value: null, style: 'plain' } : text };
  const cmd: readonly Entry[] = rest === '' ? [] : [{ key: 'cmd', keyAt, value: text }];
  const args: Tree = { kind: 'map', at: value.at, entries: [...cmd, ...others] };
  return { key, keyAt, value: args };
}

/** What a task or block says, or what is around it. `becomes`: its own `become`. */
export function delegateField(
  collector: DiagnosticsCollector,
  tree: MapTree,
  names: Names,
  { becomes, around }: { readonly becomes?: boolean; readonly around?: Delegate },
): Delegate | undefined {
  const connection = field(collector, tree, 'connection', filled);
  if (connection !== undefined && connection !== 'local')
    collector.error(
      entryOf(tree, 'connection')?.keyAt ?? tree.at,
      'unsupported-keyword',
      `kmend has no \`connection: ${connection}\` on a task`,
      { hint: 'kmend reaches hosts over ssh; `connection: local` is this machine' },
    );
  const entry = entryOf(tree, 'delegate_to');
  if (entry !== undefined) checkTemplates(collector, entry.value, names);
  const to =
    field(collector, tree, 'delegate_to', filled) ??
    (connection === 'local' ? 'localhost' : around?.to);
  if (to === undefined) return undefined;
  const does = becomes ?? around?.becomes;
  return { to, ...(does === true ? { becomes: true } : {}) };
}

/**
 * Where `k8s_drain` runs, and as whom, says which kubeconfig Ansible reads. The cluster of kmend is that
 * of `--kubeconfig`, which this machine reaches.
 */
export function onCluster<Common extends Pick<ModuleTask, 'delegate' | 'become' | 'becomeUser'>>(
  collector: DiagnosticsCollector,
  { key, keyAt }: Entry,
  common: Common,
): Common {
  if (!/(?:^|\.)k8s_drain$/.test(key)) return common;
  const { delegate, become, becomeUser, ...others } = common;
  if (delegate !== undefined)
    collector.note(keyAt, 'no-effect', `${key}: \`delegate_to\` changes nothing`, {
      detail: 'the machine that runs kmend reaches the cluster of `--kubeconfig`',
    });
  return others as Common;
}

/** Reports a task that is delegated to another host, or whose module is for hosts only. */
export function checkDelegate(
  collector: DiagnosticsCollector,
  { to }: Delegate,
  { name, delegable }: AnyModule,
  at: number,
): void {
  if (hasTemplate(to)) return;
  if (!isHere(to))
    collector.error(at, 'unsupported-keyword', `\`delegate_to: ${to}\` is another host`, {
      hint: ownSlot,
    });
  else if (delegable === undefined)
    collector.error(at, 'unsupported-keyword', notHere(name), {
      hint: 'on this machine run `command`, `shell`, `uri`, `wait_for`, `stat`, `slurp`, `find`, `copy`, `template`, `file`, or do it before the run',
    });
}

/**
 * The arguments as they are checked, and what of them was written otherwise: files of this machine may
 * have relative paths.
 */
export function pathsOfHere(
  tree: Tree,
  { delegable }: AnyModule,
  delegate: Delegate | undefined,
): { readonly placed: Tree; readonly written: Mapping } {
  if (delegate === undefined || delegable !== 'files' || tree.kind !== 'map')
    return { placed: tree, written: {} };
  const written: Record<string, Value> = {};
  const entries = tree.entries.map((entry): Entry => {
    const { key, value } = entry;
    const isPath = pathKeysHere.includes(key) && value.kind === 'scalar';
    if (!isPath || hasTemplate(value.text) || value.text === '') return entry;
    if (value.text.startsWith('~')) return entry;
    written[key] = value.text;
    const text = pathHere(value.text, '');
    return { ...entry, value: { ...value, value: text, text } };
  });
  return { placed: { ...tree, entries }, written };
}

/** Says that the `become` of a play is for hosts. */
export function noteInherited(
  collector: DiagnosticsCollector,
  { to }: Delegate,
  { delegable }: AnyModule,
  at: number,
): void {
  if (!isHere(to) || delegable === undefined || delegable === 'anywhere') return;
  collector.note(at, 'no-effect', '`become` of the play is for hosts: this task does not become', {
    detail:
      'on this machine it runs as the user of kmend; `become: false` on the task says the same',
  });
}
