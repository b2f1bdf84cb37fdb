// Writes YAML for `to_yaml` and `to_nice_yaml`; lines are not folded, so long texts stay on one line.

import { fail } from '../errors.ts';
import { reserve } from '../meter.ts';
import { dictEntries } from './dicts.ts';
import { compareText } from './order.ts';
import { repr, text } from './printing.ts';
import { type Cell, isDict, isListCell, isTuple, kindOf, typeName } from './py-value.ts';

interface YamlStyle {
  /** Lists and mappings that hold only scalars go on one line: `{a: 1}`. */
  readonly flowLeaves: boolean;
  readonly indent: number;
  readonly sortKeys: boolean;
}

export function writeYaml(value: Cell, style: YamlStyle): string {
  const items = childrenOf(value, style);
  const out =
    items === undefined
      ? `${scalar(value)}\n`
      : items.length === 0 || isLeaf(value, style)
        ? `${flow(value, style)}\n`
        : block(value, style, 0);
  reserve(out.length);
  return out;
}

type Child = readonly [key: string | undefined, value: Cell];

/** The entries of a collection; undefined for a scalar. */
function childrenOf(value: Cell, { sortKeys }: YamlStyle): readonly Child[] | undefined {
  kindOf(value);
  if (isListCell(value)) return value.map((item) => [undefined, item]);
  if (isTuple(value)) return value.items.map((item) => [undefined, item]);
  if (!isDict(value)) return undefined;
  const entries = dictEntries(value).map(([key, item]) => [scalar(key), item] as const);
  return sortKeys ? entries.sort(([a], [b]) => compareText(a, b)) : entries;
}

const isLeaf = (value: Cell, style: YamlStyle): boolean =>
  style.flowLeaves && (childrenOf(value, style) ?? []).every(([, item]) => childrenOf(item, style) === undefined);

function flow(value: Cell, style: YamlStyle): string {
  const children = childrenOf(value, style);
  if (children === undefined) return scalar(value);
  const parts = children.map(([key, item]) => (key === undefined ? flow(item, style) : `${key}: ${flow(item, style)}`));
  return isDict(value) ? `{${parts.join(', ')}}` : `[${parts.join(', ')}]`;
}

function block(value: Cell, style: YamlStyle, depth: number): string {
  if (depth > 100) fail('the value is nested too deeply for YAML');
  const lead = ' '.repeat(depth);
  return (childrenOf(value, style) ?? [])
    .map(([key, item]) => {
      const inner = childrenOf(item, style);
      const inline = inner === undefined || inner.length === 0 || isLeaf(item, style);
      if (key === undefined) {
        const dash = '-'.padEnd(style.indent);
        return inline
          ? `${lead}- ${flow(item, style)}\n`
          : `${lead}${dash}${block(item, style, depth + style.indent).slice(depth + style.indent)}`;
      }
      if (inline) return `${lead}${key}: ${flow(item, style)}\n`;
      // A list in a mapping stands at the same depth as its key.
      return `${lead}${key}:\n${block(item, style, isDict(item) ? depth + style.indent : depth)}`;
    })
    .join('');
}

/** Texts that would be read as something else, or as no plain scalar at all, are quoted. */
const looksTyped =
  /^(?:[-+]?(?:0b[01_]+|0x[\da-fA-F_]+|[\d][\d_]*(?::[0-5]?\d)*(?:\.[\d_]*)?(?:[eE][-+]?\d+)?|\.\d[\d_]*|\.(?:inf|Inf|INF))|\.(?:nan|NaN|NAN)|~|null|Null|NULL|yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF|<<|=|\d{4}-\d\d?-\d\d?.*)?$/;
const needsQuotes = /^[\s?:,[\]{}#&*!|>'"%@`-]|[\s]$|: |:$| #|[,[\]{}]/;
const special = /[^\x20-\x7e\u00a0-\ud7ff\ue000-\ufffd]/;

function scalar(value: Cell): string {
  kindOf(value);
  if (value === null) return 'null';
  if (typeof value === 'boolean') return value ? 'true' : 'false';
  if (typeof value === 'string') return textScalar(value);
  if (isListCell(value) || isTuple(value) || isDict(value)) return fail(`a ${typeName(value)} cannot be a key in YAML`);
  return repr(value);
}

function textScalar(value: string): string {
  if (special.test(value)) return JSON.stringify(value);
  const isWord = /^-[^\s-]/.test(value) && !needsQuotes.test(value.slice(1));
  return looksTyped.test(value) || (needsQuotes.test(value) && !isWord) ? `'${text(value).replaceAll("'", "''")}'` : value;
}
