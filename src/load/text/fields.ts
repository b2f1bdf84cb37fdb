// Reads and checks the keys of a play, block or task one by one.
import type { Condition } from '../../model/playbook.ts';
import { asArgs, type Schema } from '../../model/shape/schema.ts';
import type { Mapping } from '../../model/value.ts';
import { type DiagnosticsCollector, didYouMean } from './diagnostics-collector.ts';
import { fitTree } from './fit.ts';
import { conditionOf, type Names } from './names.ts';
import { type Entry, entryOf, type MapTree, mappingOf, type Tree } from './tree.ts';

/**
 * The value of a key by its schema. A wrong value is reported, and gives undefined; so is a
 * template, since nothing renders these keys.
 */
export function field<T>(
  collector: DiagnosticsCollector,
  map: MapTree,
  key: string,
  schema: Schema<T>,
): T | undefined {
  const entry = entryOf(map, key);
  if (entry === undefined) return undefined;
  if (entry.value.kind === 'scalar' && entry.value.value === null) {
    collector.error(entry.keyAt, 'missing-value', `\`${key}\` has no value`, {
      hint: 'give one, or leave the key out',
    });
    return undefined;
  }
  const before = collector.diagnostics.length;
  const { data } = fitTree(collector, entry.value, asArgs(schema), `\`${key}\``);
  if (data === undefined && collector.diagnostics.length === before)
    collector.error(entry.value.at, 'no-template', `\`${key}\` cannot be a template`, {
      hint: 'write the value itself',
    });
  return data;
}

/** `vars`: a mapping whose names expressions can use. */
export function varsField(
  collector: DiagnosticsCollector,
  map: MapTree,
): { readonly tree?: MapTree; readonly vars: Mapping } {
  const entry = entryOf(map, 'vars');
  if (entry === undefined || (entry.value.kind === 'scalar' && entry.value.value === null))
    return { vars: {} };
  if (entry.value.kind !== 'map') {
    collector.error(entry.value.at, 'bad-value', '`vars` should be a mapping of names to values', {
      hint: 'without dashes: `name: value`',
    });
    return { vars: {} };
  }
  for (const { key, keyAt } of entry.value.entries) {
    if (!/^[A-Za-z_]\w*$/.test(key))
      collector.error(keyAt, 'variable-name', `\`${key}\` cannot be the name of a variable`, {
        hint: 'letters, digits and _',
      });
  }
  warnLosses(collector, entry.value, 'vars');
  return { tree: entry.value, vars: mappingOf(entry.value) };
}

function warnLosses(collector: DiagnosticsCollector, tree: Tree, name: string): void {
  if (tree.kind === 'map')
    for (const entry of tree.entries) warnLosses(collector, entry.value, entry.key);
  else if (tree.kind === 'list') for (const item of tree.items) warnLosses(collector, item, name);
  else if (
    tree.style === 'plain' &&
    typeof tree.value === 'number' &&
    String(tree.value) !== tree.text
  ) {
    collector.warn(
      tree.at,
      'value-loses-characters',
      `\`${name}\`: ${tree.text} is read as ${tree.value}`,
      {
        hint: 'put it in quotes if it is text',
      },
    );
  }
}

/** One condition, or a list of conditions that must all hold. */
export function conditions(
  collector: DiagnosticsCollector,
  entry: Entry | undefined,
  names: Names,
): readonly Condition[] {
  if (entry === undefined) return [];
  const items = entry.value.kind === 'list' ? entry.value.items : [entry.value];
  return items.flatMap((item) => {
    if (
      item.kind === 'scalar' &&
      (typeof item.value === 'string' || typeof item.value === 'boolean') &&
      item.text.trim() !== ''
    ) {
      const text = typeof item.value === 'boolean' ? String(item.value) : item.text;
      return [conditionOf(collector, { ...item, text }, names)];
    }
    collector.error(
      item.at,
      'bad-condition',
      `\`${entry.key}\` should be an expression, true or false`,
      {
        hint: "write for example `when: kmem.verdict == 'on'`",
      },
    );
    return [];
  });
}

/** `changed_when` and `failed_when` may also be just true or false. */
export function verdictField(
  collector: DiagnosticsCollector,
  entry: Entry | undefined,
  names: Names,
): readonly Condition[] | boolean | undefined {
  if (entry === undefined) return undefined;
  if (entry.value.kind === 'scalar' && typeof entry.value.value === 'boolean')
    return entry.value.value;
  return conditions(collector, entry, names);
}

/** `tags`: a list, or a text with commas between the tags. */
export function tagsField(collector: DiagnosticsCollector, map: MapTree): readonly string[] {
  const entry = entryOf(map, 'tags');
  if (entry === undefined) return [];
  const items = entry.value.kind === 'list' ? entry.value.items : [entry.value];
  return items.flatMap((item) => {
    if (item.kind === 'scalar' && item.text !== '')
      return item.text
        .split(',')
        .map((tag) => tag.trim())
        .filter((tag) => tag !== '');
    collector.error(item.at, 'bad-value', '`tags` should be a text or a list of texts');
    return [];
  });
}

/** Reports each key that Ansible has and kmend does not have, and each unknown key. */
export function refuseKeys(
  collector: DiagnosticsCollector,
  entries: readonly Entry[],
  what: string,
  known: readonly string[],
  refused: Readonly<Record<string, string>>,
): void {
  for (const { key, keyAt } of entries) {
    if (known.includes(key)) continue;
    const instead = Object.hasOwn(refused, key) ? refused[key] : undefined;
    if (instead !== undefined)
      collector.error(keyAt, 'unsupported-keyword', `kmend has no \`${key}\` on a ${what}`, {
        hint: instead,
      });
    else
      collector.error(
        keyAt,
        'unknown-key',
        `a ${what} has no key \`${key}\``,
        didYouMean(key, known),
      );
  }
}
