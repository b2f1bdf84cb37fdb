// Tasks of Ansible's package managers that name no package, or all of them: an update of everything,
// a removal of what is needed no more, or only new package lists.
import { hasTemplate } from '../../../expression/index.ts';
import { type Entry, entryOf, type MapTree, type ScalarTree, type Tree } from '../../text/tree.ts';
import type { AnsibleModule } from './modules.ts';

const textOf = (tree: MapTree, key: string): string | undefined => {
  const value = entryOf(tree, key)?.value;
  return value?.kind === 'scalar' ? value.text : undefined;
};

const off = /^(?:no|off|false|none|~|)$/i;

const isOn = (tree: MapTree, ...keys: readonly string[]): boolean =>
  keys.some((key) => {
    const text = textOf(tree, key);
    return text !== undefined && !off.test(text);
  });

const nameKeys = ['name', 'pkg', 'package'];
const has = (tree: MapTree, keys: readonly string[]): boolean =>
  keys.some((key) => entryOf(tree, key) !== undefined);

/** `name: '*'`, alone or as the only one of a list. */
function isAll(tree: MapTree): boolean {
  const value = nameKeys.map((key) => entryOf(tree, key)?.value).find((one) => one !== undefined);
  const only = value?.kind === 'list' && value.items.length === 1 ? value.items[0] : value;
  return only?.kind === 'scalar' && only.text === '*';
}

/** The arguments of a task that is `os_update`, still by Ansible's names; undefined for others. */
export function updateOf({ update }: AnsibleModule, tree: MapTree): MapTree | undefined {
  if (update === undefined) return undefined;
  const isUpgrade = isOn(tree, 'upgrade');
  const isLatest = isAll(tree) && textOf(tree, 'state') === 'latest';
  // Without a name Ansible takes no notice of the state.
  const ofName = has(tree, nameKeys) && !isLatest ? [] : [...nameKeys, 'state'];
  const others = tree.entries.filter(({ key }) => ![...ofName, 'upgrade'].includes(key));
  const written = entryOf(tree, 'upgrade');
  if (isUpgrade || isLatest)
    return withRefresh({
      ...tree,
      entries: [
        ...(isUpgrade && written !== undefined
          ? [written]
          : update.upgrade === undefined
            ? []
            : [entry('upgrade', 'yes', tree.at)]),
        ...others.map(inList),
      ],
    });
  const isAlone = !has(tree, [...nameKeys, 'deb', 'list']);
  const isOther = isOn(
    tree,
    'autoremove',
    'update_cache',
    'update-cache',
    'expire-cache',
    'cache_valid_time',
  );
  if (!isAlone || !isOther) return undefined;
  return withRefresh({ ...tree, entries: [entry('upgrade', 'none', tree.at), ...others] });
}

/** The age of the lists asks for them, as in Ansible. */
function withRefresh(tree: MapTree): MapTree {
  const keys = ['update_cache', 'update-cache', 'expire-cache'];
  return !isOn(tree, 'cache_valid_time') || has(tree, keys)
    ? tree
    : { ...tree, entries: [...tree.entries, entry('update_cache', 'true', tree.at, true)] };
}

const scalar = (text: string, at: number, value: ScalarTree['value'] = text): ScalarTree => ({
  kind: 'scalar',
  at,
  value,
  text,
  style: 'plain',
});
const entry = (key: string, text: string, at: number, value?: ScalarTree['value']): Entry => ({
  key,
  keyAt: at,
  value: scalar(text, at, value),
});

/** `exclude: "kernel*,docker*"` is a list. */
function inList(written: Entry): Entry {
  const { key, value } = written;
  if (key !== 'exclude' || value.kind !== 'scalar' || hasTemplate(value.text)) return written;
  const items: readonly Tree[] = value.text.split(',').map((part) => scalar(part.trim(), value.at));
  return { ...written, value: { kind: 'list', at: value.at, items } };
}
