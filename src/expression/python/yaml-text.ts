// Writes YAML for `to_yaml` and `to_nice_yaml`. Does not fold lines: a long text stays on one line.

import { fail } from '../errors.ts';
import { reserve } from '../meter.ts';
import { dictEntries } from './dicts.ts';
import { compareText } from './order.ts';
import { repr, text } from './printing.ts';
import { isDict, isPyList, isTuple, kindOf, type PyValue, typeName } from './py-value.ts';

interface YamlStyle {
  /** Writes a list or mapping of scalars on one line: `{a: 1}`. */
  readonly flowLeaves: boolean;
  readonly indent: number;
  readonly sortKeys: boolean;
}

export function writeYaml(value: PyValue, style: YamlStyle): string {
  const out = isInline(value, style) ? `${inline(value, style)}\n` : block(value, style, 0);
  reserve(out.length);
  return out;
}

type Child = readonly [key: PyValue | undefined, value: PyValue];

/** The entries of a collection; undefined for a scalar. */
function childrenOf(value: PyValue, { sortKeys }: YamlStyle): readonly Child[] | undefined {
  kindOf(value);
  if (isPyList(value)) return value.map((item) => [undefined, item]);
  if (isTuple(value)) return value.items.map((item) => [undefined, item]);
  if (!isDict(value)) return undefined;
  const entries = [...dictEntries(value)];
  return sortKeys ? entries.sort(([a], [b]) => compareText(text(a), text(b))) : entries;
}

/** True for scalars, empty collections, and with `flowLeaves` collections of scalars. */
function isInline(value: PyValue, style: YamlStyle): boolean {
  const children = childrenOf(value, style) ?? [];
  return (
    children.length === 0 ||
    (style.flowLeaves && children.every(([, item]) => childrenOf(item, style) === undefined))
  );
}

function inline(value: PyValue, style: YamlStyle): string {
  const children = childrenOf(value, style);
  if (children === undefined) return scalar(value, false);
  const parts = children.map(([key, item]) => {
    const own = childrenOf(item, style) === undefined ? scalar(item, true) : inline(item, style);
    return key === undefined ? own : `${scalar(key, true)}: ${own}`;
  });
  return isDict(value) ? `{${parts.join(', ')}}` : `[${parts.join(', ')}]`;
}

function block(value: PyValue, style: YamlStyle, depth: number): string {
  if (depth > 100) fail('the value is nested too deeply for YAML');
  const lead = ' '.repeat(depth);
  return (childrenOf(value, style) ?? [])
    .map(([key, item]) => {
      const start = key === undefined ? '-' : `${scalar(key, false)}:`;
      if (isInline(item, style)) return `${lead}${start} ${inline(item, style)}\n`;
      if (key === undefined)
        return (
          lead +
          start.padEnd(style.indent) +
          block(item, style, depth + style.indent).slice(depth + style.indent)
        );
      // A list in a mapping has the same indentation as its key.
      return `${lead}${start}\n${block(item, style, isDict(item) ? depth + style.indent : depth)}`;
    })
    .join('');
}

/** Texts that PyYAML would read as another type. */
const looksTyped =
  /^(?:[-+]?(?:0b[01_]+|0x[\da-fA-F_]+|\d[\d_]*(?::[0-5]?\d)*(?:\.[\d_]*(?:[eE][-+]\d+)?)?|\.\d[\d_]*(?:[eE][-+]\d+)?|\.(?:inf|Inf|INF))|\.(?:nan|NaN|NAN)|~|null|Null|NULL|yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF|<<|=|\d{4}-\d\d?-\d\d?(?:[Tt \t].*)?)?$/;
/** Texts that PyYAML quotes everywhere, and texts that it quotes in a flow collection only. */
const notPlain = /^(?:---|\.\.\.|\s|[#,[\]{}&*!|>'"%@`]|[?:-](?:\s|$))|\s$|:(?:\s|$)|\s#/;
const notPlainInFlow = /[,[\]{}:?]/;
const special = /[^\x20-\x7e\u00a0-\ud7ff\ue000-\ufffd]/;

function scalar(value: PyValue, inFlow: boolean): string {
  kindOf(value);
  if (value === null) return 'null';
  if (typeof value === 'boolean') return value ? 'true' : 'false';
  if (typeof value === 'string') return textScalar(value, inFlow);
  if (isPyList(value) || isTuple(value) || isDict(value))
    return fail(`a ${typeName(value)} cannot be a key in YAML`);
  // YAML 1.1 reads an exponent only after a point.
  return repr(value).replace(/^(-?\d+)e/, '$1.0e');
}

function textScalar(value: string, inFlow: boolean): string {
  if (special.test(value)) return JSON.stringify(value);
  const quoted =
    looksTyped.test(value) || notPlain.test(value) || (inFlow && notPlainInFlow.test(value));
  return quoted ? `'${value.replaceAll("'", "''")}'` : value;
}
