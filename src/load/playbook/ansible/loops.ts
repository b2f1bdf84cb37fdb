// Ansible's older loops (`with_items` and its family), written as the expression that `loop` takes.
import { hasTemplate } from '../../../expression/index.ts';
import type { DiagnosticsCollector } from '../../text/diagnostics-collector.ts';
import type { Entry, MapTree, Tree } from '../../text/tree.ts';

/** Its terms as expressions: one for each item of a list, else the one that is written. */
type Kind = (terms: readonly string[], isList: boolean) => string;

/** A list as it is, anything else as a list of one. */
const listOf = (term: string): string =>
  `(${term} if ${term} is sequence and ${term} is not string and ${term} is not mapping else [${term}])`;

/** Lists among the items give their own items. */
const items: Kind = (terms, isList) =>
  isList
    ? `[] + ${terms.map(listOf).join(' + ')}`
    : `${listOf(terms[0] ?? '[]')} | flatten(levels=1, skip_nulls=false)`;
const joined = ([first = '[]', ...others]: readonly string[], filter: string): string =>
  `${first} | ${filter}(${others.join(', ')})`;
const whole: Kind = (terms, isList) => (isList ? `[${terms.join(', ')}]` : (terms[0] ?? '[]'));

const kinds: ReadonlyMap<string, Kind> = new Map<string, Kind>([
  ['with_items', items],
  ['with_list', whole],
  ['with_flattened', (terms) => `[${terms.join(', ')}] | flatten`],
  ['with_fileglob', (...all) => `query('fileglob', *(${items(...all)}))`],
  ['with_file', (...all) => `query('file', *(${items(...all)}))`],
  ['with_dict', ([first = '{}']) => `${first} | dict2items`],
  ['with_together', (terms) => joined(terms, 'zip_longest')],
  ['with_nested', (terms) => joined(terms, 'product')],
  ['with_cartesian', (terms) => joined(terms, 'product')],
  ['with_subelements', (terms) => joined(terms, 'subelements')],
  [
    'with_indexed_items',
    (terms, isList) => {
      const all = `(${items(terms, isList)})`;
      return `range(0, ${all} | length) | zip(${all})`;
    },
  ],
]);

/** Kinds that kmend does not have, with what to do instead. */
export const refusedLoop = (key: string): string | undefined => {
  if (!key.startsWith('with_') || kinds.has(key)) return undefined;
  if (key === 'with_sequence')
    return 'use `loop: "{{ range(1, 6) }}"`, which ends before its last number';
  return key === 'with_first_found'
    ? 'name the files: use `loop:` with a list, or `vars_files` for variables'
    : 'use `loop:` with a list';
};

export interface Loop {
  readonly written: Entry;
  /** What an older loop means; absent = as it is written. */
  readonly value?: string;
}

export const olderLoops: readonly string[] = [...kinds.keys()];

export const isOlderLoop = (key: string): boolean => kinds.has(key);

/** The loop of a task: `loop` itself, or an older one as what it means. */
export function loopOf(collector: DiagnosticsCollector, tree: MapTree): Loop | undefined {
  const all = tree.entries.filter(({ key }) => key === 'loop' || kinds.has(key));
  const [written, second] = all;
  if (written === undefined) return undefined;
  if (second !== undefined)
    collector.error(
      second.keyAt,
      'said-twice',
      `a task has one loop, this one has ${all.map(({ key }) => key).join(' and ')}`,
    );
  const kind = kinds.get(written.key);
  if (kind === undefined) return { written };
  const { value } = written;
  const isList = value.kind === 'list';
  const terms = isList ? value.items.map(expressionOf) : [expressionOf(value)];
  return { written, value: `{{ ${kind(terms, isList)} }}` };
}

/** What a tree of values and templates is, as an expression. */
function expressionOf(tree: Tree): string {
  if (tree.kind === 'list') return `[${tree.items.map(expressionOf).join(', ')}]`;
  if (tree.kind === 'map')
    return `{${tree.entries.map(({ key, value }) => `${quoted(key)}: ${expressionOf(value)}`).join(', ')}}`;
  const { value } = tree;
  if (typeof value !== 'string') return value === null ? 'none' : String(value);
  if (!hasTemplate(value)) return quoted(value);
  const parts = partsOf(value);
  if (parts.length === 3 && parts[0]?.trim() === '' && parts[2]?.trim() === '')
    return `(${parts[1]})`;
  return `(${parts
    .map((part, index) => (index % 2 === 1 ? `(${part})` : quoted(part)))
    .join(' ~ ')})`;
}

/** A text as a literal. A backslash in one is a backslash, as Ansible has it. */
function quoted(text: string): string {
  if (!text.includes('"')) return `"${text}"`;
  if (!text.includes("'")) return `'${text}'`;
  return `(${text
    .split('"')
    .map((part) => `"${part}"`)
    .join(` ~ '"' ~ `)})`;
}

/** Text and expressions in turns, the text first. */
function partsOf(template: string): readonly string[] {
  const [text = '', ...others] = template.split('{{');
  return [
    text,
    ...others.flatMap((one) => {
      const end = one.indexOf('}}');
      return end < 0 ? [one, ''] : [one.slice(0, end), one.slice(end + 2)];
    }),
  ];
}
