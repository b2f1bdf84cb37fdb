// Parses YAML text into a tree with places, and collects every problem.
import {
  type Alias,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type Pair,
  parseDocument,
  type Scalar,
  type YAMLMap,
} from 'yaml';
import type { Checked, Diagnostic } from '../../model/diagnostic.ts';
import { present } from '../../model/present.ts';
import { resolvePlain } from './scalar.ts';
import { type Source, sourceOf } from './source.ts';
import type { Entry, MapTree, ScalarTree, Tree } from './tree.ts';
import { isVaultText } from './vault.ts';

/** No playbook nests deeper, and deeper nesting would exhaust the stack of every reader. */
export const deepest = 200;
/** Most errors that are reported for one file. */
const mostErrors = 100;
/** Most nodes that aliases may expand to: more is an attack ("billion laughs"). */
const largest = 1_000_000;

/** A tree with what could be read; no value when the text is empty or too broken. */
export function parseYaml(source: Source): Checked<Tree> {
  const deep = tooDeep(source.text);
  if (deep !== undefined) {
    return {
      diagnostics: [
        {
          code: 'too-deep',
          severity: 'error',
          place: source.placeAt(deep),
          summary: `nested more than ${deepest} deep`,
        },
      ],
    };
  }
  let document: ReturnType<typeof parseDocument>;
  const { stackTraceLimit } = Error;
  try {
    // A text may have a million errors, and no code reads their stacks.
    Error.stackTraceLimit = 0;
    // `failsafe` gives every scalar as text, because types follow our own rules. The library's
    // check for equal keys takes quadratic time, so it is off.
    document = parseDocument(source.text, {
      version: '1.1',
      schema: 'failsafe',
      uniqueKeys: false,
      prettyErrors: false,
    });
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    return {
      diagnostics: [
        {
          code: 'yaml-syntax',
          severity: 'error',
          place: source.placeAt(0),
          summary: 'this YAML cannot be read',
          detail,
        },
      ],
    };
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
  const diagnostics: Diagnostic[] = syntaxErrors(document.errors, source);
  const builder = new Builder(source, diagnostics);
  const tree = document.contents === null ? undefined : builder.tree(document.contents, 0);
  return { ...(tree && { value: tree }), diagnostics };
}

// The parser recurses: ten thousand brackets would end the process before it applies any limit.
export function tooDeep(text: string): number | undefined {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 91 || code === 123) {
      if (++depth > 4 * deepest) return at;
    } else if (code === 93 || code === 125) depth = Math.max(0, depth - 1);
  }
  const run = new RegExp(`(?:[-?:][ \\t]+){${deepest},}`).exec(text);
  if (run !== null) return run.index;
  const indent = new RegExp(`^ {${20 * deepest},}`, 'm').exec(text);
  return indent?.index;
}

const syntaxHints: Readonly<Record<string, string>> = {
  TAB_AS_INDENT: 'indent with blanks',
  BAD_SCALAR_START: 'put the value in quotes',
  BLOCK_AS_IMPLICIT_KEY:
    'a value with `: ` in it needs quotes; or the indentation of this line is wrong',
  BAD_DQ_ESCAPE: 'use single quotes, in which a backslash is just a backslash',
  MULTIPLE_DOCS: 'keep one document in a file',
};

function syntaxErrors(
  errors: readonly { code: string; pos: [number, number]; message: string }[],
  source: Source,
): Diagnostic[] {
  // One error causes others on the same line: only the first of a line is reported.
  const lines = new Set<number>();
  const reported: Diagnostic[] = [];
  for (const error of errors) {
    const place = source.placeAt(error.pos[0]);
    if (reported.length >= mostErrors) break;
    if (lines.has(place.line)) continue;
    lines.add(place.line);
    const hint = templateHint(source.text, error.pos[0]) ?? syntaxHints[error.code];
    const code =
      error.code === 'TAB_AS_INDENT'
        ? 'tab'
        : error.code === 'MULTIPLE_DOCS'
          ? 'several-documents'
          : 'yaml-syntax';
    const summary =
      code === 'several-documents'
        ? 'this file holds more than one YAML document'
        : error.message.replace(/[.;]?$/, '').split(';')[0];
    reported.push({
      code,
      severity: 'error',
      place,
      summary: summary ?? error.message,
      ...present({ hint }),
    });
  }
  return reported;
}

function templateHint(text: string, at: number): string | undefined {
  const line = text.slice(text.lastIndexOf('\n', at - 1) + 1, at + 1);
  return /:\s+["']?\{\{/.test(line)
    ? 'put a value that starts with {{ in quotes as a whole'
    : undefined;
}

/** The tree that `&anchor` names, and its number of nodes, which each alias repeats. */
interface Anchored {
  readonly tree: Tree;
  readonly size: number;
}

class Builder {
  private readonly source: Source;
  private readonly diagnostics: Diagnostic[];
  private readonly anchors = new Map<string, Anchored | 'open'>();
  private size = 0;
  private isTooLarge = false;

  constructor(source: Source, diagnostics: Diagnostic[]) {
    this.source = source;
    this.diagnostics = diagnostics;
  }

  tree(node: unknown, depth: number): Tree {
    if (isAlias(node)) return this.alias(node);
    const before = this.size;
    this.size++;
    const anchor = isScalar(node) || isMap(node) || isSeq(node) ? node.anchor : undefined;
    if (anchor !== undefined) this.anchors.set(anchor, 'open');
    const tree = this.plainTree(node, depth);
    if (anchor !== undefined) this.anchors.set(anchor, { tree, size: this.size - before });
    return tree;
  }

  private plainTree(node: unknown, depth: number): Tree {
    if (depth > deepest)
      return this.refuse(offsetOf(node), 'too-deep', `nested more than ${deepest} deep`);
    if (isMap(node)) return this.map(node, depth);
    if (isSeq(node))
      return {
        kind: 'list',
        at: offsetOf(node),
        items: node.items.map((item) => this.tree(item, depth + 1)),
      };
    if (isScalar(node)) return this.scalar(node);
    return { kind: 'scalar', at: offsetOf(node), value: null, text: '', style: 'plain' };
  }

  private map(node: YAMLMap, depth: number): MapTree | ScalarTree {
    if (node.tag !== undefined && node.tag !== 'tag:yaml.org,2002:map') {
      this.refuse(offsetOf(node), 'unknown-tag', `the tag ${node.tag} is not known`);
    }
    const entries: Entry[] = [];
    const merged: Entry[] = [];
    const seen = new Map<string, number>();
    for (const pair of node.items) {
      // `x: {{ y }}` without quotes is reported, then read as the text that was meant. So it causes
      // no other error.
      if (!this.pair(pair, depth, entries, merged, seen))
        return { kind: 'scalar', at: offsetOf(node), ...asMeant(this.source.text, node) };
    }
    const inherited = new Map<string, Entry>();
    for (const entry of merged)
      if (!seen.has(entry.key) && !inherited.has(entry.key)) inherited.set(entry.key, entry);
    return {
      kind: 'map',
      at: offsetOf(node),
      entries: inherited.size === 0 ? entries : [...inherited.values(), ...entries],
    };
  }

  private pair(
    pair: Pair,
    depth: number,
    entries: Entry[],
    merged: Entry[],
    seen: Map<string, number>,
  ): boolean {
    const key = pair.key;
    const value = this.tree(pair.value, depth + 1);
    if (!isScalar(key) && key !== null) {
      const at = offsetOf(key);
      const hint = this.source.text.startsWith('{', at)
        ? 'a value that starts with {{ needs quotes'
        : undefined;
      this.refuse(at, 'key-not-text', 'a key must be plain text', hint);
      return false;
    }
    const name = key === null ? '' : String(key.value ?? '');
    const keyAt = key === null ? value.at : offsetOf(key);
    if (name === '<<' && key?.type === 'PLAIN') {
      this.merge(value, merged);
      return true;
    }
    const first = seen.get(name);
    if (first !== undefined) {
      const line = this.source.placeAt(first).line;
      this.refuse(
        keyAt,
        'duplicate-key',
        `the key \`${name}\` is given twice`,
        `the first is on line ${line}: keep one of the two`,
      );
      return true;
    }
    seen.set(name, keyAt);
    // An empty value has no node of its own: its place is the place of its key.
    const placed =
      pair.value === null || (value.kind === 'scalar' && value.at < keyAt)
        ? { ...value, at: keyAt }
        : value;
    entries.push({ key: name, keyAt, value: placed });
    return true;
  }

  private merge(value: Tree, merged: Entry[]): void {
    const maps = value.kind === 'list' ? value.items : [value];
    for (const map of maps) {
      if (map.kind === 'map') for (const entry of map.entries) merged.push(entry);
      else this.refuse(map.at, 'merge-not-mapping', '`<<` can only merge mappings');
    }
  }

  /** An encrypted value is a mapping with its text, as in JSON of Ansible. */
  private sealed({ at, text }: Pick<ScalarTree, 'at' | 'text'>): MapTree | ScalarTree {
    if (!isVaultText(text))
      return this.refuse(
        at,
        'vault',
        'this is no value that ansible-vault encrypted: it does not begin with $ANSIBLE_VAULT',
        'write what `ansible-vault encrypt_string` prints',
      );
    const value: ScalarTree = { kind: 'scalar', at, value: text, text, style: 'block' };
    const entries = [{ key: '__ansible_vault', keyAt: at, value }];
    return { kind: 'map', at, entries, sealedAt: this.source.placeAt(at) };
  }

  private scalar(node: Scalar): MapTree | ScalarTree {
    const at = offsetOf(node);
    const text = String(node.value ?? '');
    const style = styles[node.type ?? 'PLAIN'] ?? 'plain';
    const known = { kind: 'scalar', at, text, style } as const;
    switch (node.tag) {
      case undefined:
      case '!':
        return {
          ...known,
          value: style === 'plain' && node.tag === undefined ? resolvePlain(text) : text,
        };
      case 'tag:yaml.org,2002:str':
        return { ...known, value: text };
      case 'tag:yaml.org,2002:int':
      case 'tag:yaml.org,2002:float':
      case 'tag:yaml.org,2002:bool':
      case 'tag:yaml.org,2002:null':
        return { ...known, value: resolvePlain(text) };
      case '!unsafe':
        return { ...known, value: withoutTemplates(text) };
      case '!vault':
      case '!vault-encrypted':
        return this.sealed(known);
      default:
        this.refuse(
          at,
          'unknown-tag',
          `the tag ${node.tag} is not known`,
          'known tags: !unsafe, !!str, !!int, !!float, !!bool, !!null',
        );
        return { ...known, value: text };
    }
  }

  private alias(node: Alias): Tree {
    const at = offsetOf(node);
    const anchored = this.anchors.get(node.source);
    if (anchored === undefined)
      return this.refuse(at, 'unknown-anchor', `nothing before this is named &${node.source}`);
    if (anchored === 'open')
      return this.refuse(
        at,
        'recursive-alias',
        `*${node.source} is part of the value that it names`,
      );
    this.size += anchored.size;
    if (this.size <= largest) return anchored.tree;
    if (!this.isTooLarge)
      this.refuse(
        at,
        'alias-bomb',
        `aliases make this file larger than ${largest.toLocaleString('en')} values`,
      );
    this.isTooLarge = true;
    return { kind: 'scalar', at, value: null, text: '', style: 'plain' };
  }

  private refuse(at: number, code: string, summary: string, hint?: string): ScalarTree {
    if (this.diagnostics.length < mostErrors)
      this.diagnostics.push({
        code,
        severity: 'error',
        place: this.source.placeAt(at),
        summary,
        ...present({ hint }),
      });
    return { kind: 'scalar', at, value: null, text: '', style: 'plain' };
  }
}

const styles: Readonly<Record<string, ScalarTree['style']>> = {
  PLAIN: 'plain',
  QUOTE_SINGLE: 'single',
  QUOTE_DOUBLE: 'double',
  BLOCK_LITERAL: 'block',
  BLOCK_FOLDED: 'block',
};

function asMeant(text: string, node: YAMLMap): Omit<ScalarTree, 'kind' | 'at'> {
  const meant = text.slice(node.range?.[0] ?? 0, node.range?.[1] ?? 0);
  return { value: meant, text: meant, style: 'plain' };
}

const offsetOf = (node: unknown): number =>
  typeof node === 'object' && node !== null && 'range' in node && Array.isArray(node.range)
    ? Number(node.range[0])
    : 0;

// Rendering must not change an `!unsafe` text: it becomes a template that renders to that text.
function withoutTemplates(text: string): string {
  if (!/\{[{%#]/.test(text)) return text;
  const parts = text.split(/(')/).filter((part) => part !== '');
  return `{{ ${parts.map((part) => (part === "'" ? '"\'"' : `'${part}'`)).join(' ~ ')} }}`;
}

/**
 * A JSON text as a tree, whose places are all the first character of the file. Much faster than
 * YAML for the output of inventory programs.
 */
function parseJson(source: Source): Checked<Tree> | undefined {
  try {
    return { value: treeOfValue(JSON.parse(source.text)), diagnostics: [] };
  } catch {
    return undefined;
  }
}

/** Plain data as a tree without places. */
export function treeOfValue(value: unknown): Tree {
  if (Array.isArray(value)) return { kind: 'list', at: 0, items: value.map(treeOfValue) };
  if (typeof value === 'object' && value !== null) {
    return {
      kind: 'map',
      at: 0,
      entries: Object.entries(value).map(([key, item]) => ({
        key,
        keyAt: 0,
        value: treeOfValue(item),
      })),
    };
  }
  const scalar =
    typeof value === 'boolean' || typeof value === 'number' || typeof value === 'string'
      ? value
      : null;
  return { kind: 'scalar', at: 0, value: scalar, text: String(scalar ?? ''), style: 'double' };
}

/** Parses a text as JSON where it is JSON, otherwise as YAML. */
export function parseData(
  path: string,
  text: string,
): { readonly source: Source; readonly checked: Checked<Tree> } {
  const source = sourceOf(path, text);
  const json = /^\s*[[{]/.test(text) ? parseJson(source) : undefined;
  return { source, checked: json ?? parseYaml(source) };
}
