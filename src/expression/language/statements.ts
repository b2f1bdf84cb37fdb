// Compiles template files: what Jinja2 has beside expressions (`{% if %}`, `{% for %}`, `{% set %}`,
// `{% raw %}`), with Ansible's rules for blanks and line ends.
import { fail, SourceError } from '../errors.ts';
import { longest, reserve, spend } from '../meter.ts';
import { truthy } from '../python/order.ts';
import { isOmit, type PyValue, touch } from '../python/py-value.ts';
import { walk } from '../python/sequences.ts';
import type { Run, Scope } from './compile.ts';
import {
  asProblem,
  type Compiled,
  cached,
  compileTokens,
  type SyntaxProblem,
} from './expression.ts';
import { type Token, tokenize } from './lexer.ts';
import type { FreeName } from './names.ts';
import { resultOf } from './result.ts';
import { hasTemplate, nextOpening, printed } from './template.ts';

/** A template file. Its value is its whole text. */
export type FileTemplate = Compiled;

export interface BlankRules {
  /** The first line end behind a statement is removed. Default true, as in Ansible. */
  readonly trimBlocks?: boolean;
  /** Blanks before a statement are removed, from the beginning of its line. Default false. */
  readonly lstripBlocks?: boolean;
}

const cache = new Map<string, FileTemplate | SyntaxProblem>();

/** Compiles the text of a template file. Where it has templates, all line ends become `\n`, as in Jinja2. */
export function compileFile(
  source: string,
  { trimBlocks = true, lstripBlocks = false }: BlankRules = {},
): FileTemplate | SyntaxProblem {
  return cached(cache, `${trimBlocks} ${lstripBlocks} ${source}`, () => {
    try {
      if (!hasTemplate(source))
        return {
          kind: 'expression',
          names: [],
          lookups: [],
          evaluate: () => ({ kind: 'value', value: source }),
        };
      // Jinja2 drops the last line end; Ansible puts it back.
      const text = source.replace(/\r\n?/g, '\n').replace(/\n$/, '');
      return fileTemplate(chunksOf(text, { trimBlocks, lstripBlocks }), endsOf(source));
    } catch (error) {
      return asProblem(error);
    }
  });
}

// ---- The text in chunks ----

type Chunk =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'output'; readonly tokens: readonly Token[] }
  | {
      readonly kind: 'statement';
      readonly word: string;
      /** Behind the word, to the end. */
      readonly tokens: readonly Token[];
      readonly offset: number;
    };

function chunksOf(source: string, rules: Required<BlankRules>): readonly Chunk[] {
  const chunks: Chunk[] = [];
  let at = 0;
  for (let start = nextOpening(source, at); start >= 0; start = nextOpening(source, at)) {
    const kind = source.slice(start, start + 2);
    const sign = signAt(source, start + 2);
    const strips = rules.lstripBlocks && kind !== '{{';
    chunks.push({
      kind: 'text',
      text: before(source.slice(at, start), sign, strips, isLineStart(source, at)),
    });
    const inside = start + 2 + sign.length;
    const raw = kind === '{%' ? rawAt(source, start, rules) : undefined;
    if (raw !== undefined) {
      chunks.push({ kind: 'text', text: raw.text });
      at = raw.end;
    } else if (kind === '{#') {
      const end = source.indexOf('#}', inside);
      if (end < 0) throw new SourceError('the comment is not closed: `#}` is missing', start);
      at = behind(source, end + 2, end > inside ? (source[end - 1] ?? '') : '', rules.trimBlocks);
    } else {
      const close = kind === '{{' ? '}}' : '%}';
      const { tokens, end } = tokenize(source, inside, { escapes: true, close });
      const closing = signAt(source, end);
      chunks.push(kind === '{{' ? { kind: 'output', tokens } : statementOf(tokens, start));
      at = behind(source, end + closing.length + 2, closing, rules.trimBlocks && kind === '{%');
    }
  }
  return [...chunks, { kind: 'text', text: source.slice(at) }];
}

const signAt = (source: string, at: number): string => {
  const sign = source[at] ?? '';
  return sign === '-' || sign === '+' ? sign : '';
};

const isLineStart = (source: string, at: number): boolean => at === 0 || source[at - 1] === '\n';

/** The text before a tag, without the blanks that its sign, or the rule, takes away. */
function before(text: string, sign: string, strips: boolean, startsLine: boolean): string {
  if (sign === '-') return text.trimEnd();
  if (sign === '+' || !strips) return text;
  const line = text.lastIndexOf('\n') + 1;
  return (line > 0 || startsLine) && text.slice(line).trim() === '' ? text.slice(0, line) : text;
}

/** Where the text goes on behind a tag. */
function behind(source: string, end: number, sign: string, trims: boolean): number {
  if (sign === '-') {
    const rest = source.slice(end);
    return end + rest.length - rest.trimStart().length;
  }
  return trims && sign !== '+' && source[end] === '\n' ? end + 1 : end;
}

const rawBegin = /\{%[-+]?\s*raw\s*(-?)%\}/y;
const rawEnd = /\{%([-+]?)\s*endraw\s*([-+]?)%\}/g;

function rawAt(
  source: string,
  start: number,
  rules: Required<BlankRules>,
): { readonly text: string; readonly end: number } | undefined {
  rawBegin.lastIndex = start;
  const [opening, trims = ''] = rawBegin.exec(source) ?? [];
  if (opening === undefined) return undefined;
  const from = behind(source, start + opening.length, trims, false);
  rawEnd.lastIndex = from;
  const found = rawEnd.exec(source);
  if (found === null) throw new SourceError(missingEnd('raw'), start);
  const [closing, sign = '', after = ''] = found;
  return {
    text: before(
      source.slice(from, found.index),
      sign,
      rules.lstripBlocks,
      isLineStart(source, from),
    ),
    end: behind(source, found.index + closing.length, after, rules.trimBlocks),
  };
}

const missingEnd = (word: string): string =>
  `\`{% ${word} %}\` is not closed: \`{% end${word} %}\` is missing`;

function statementOf(tokens: readonly Token[], offset: number): Chunk {
  const [first, ...rest] = tokens;
  if (first?.kind !== 'name') throw new SourceError('a statement begins with its name', offset);
  return { kind: 'statement', word: first.text, tokens: rest, offset };
}

// ---- The chunks as steps ----

interface Output {
  text: string;
  /** What was written, in pieces; of a single one the value. */
  pieces: number;
  only: PyValue;
}
/** What the template has set, where it is now. */
type Own = Map<string, PyValue>;
type Step = (scope: Scope, own: Own, out: Output) => void;

/** Units of work of a round of a loop: it makes a scope. At most 400,000 rounds. */
const roundCost = 50;

/** Deepest nesting of statements. */
const deepest = 50;

const hint =
  'a template has `if`, `for`, `set` with a value, and `raw`; expressions may do the rest';

/** Reads the chunks once, from the first to the last. */
class Reader {
  readonly names: FreeName[] = [];
  /** What a condition asks about, so that the rest may use it. */
  readonly asked: string[] = [];
  readonly #chunks: readonly Chunk[];
  #at = 0;
  #depth = 0;

  constructor(chunks: readonly Chunk[]) {
    this.#chunks = chunks;
  }

  /** The steps to one of these words, or to the end of the file. `names` grows by what they set. */
  body(names: Set<string>, ends: readonly string[], opener?: { word: string; offset: number }) {
    this.#depth += 1;
    if (this.#depth > deepest)
      throw new SourceError('the statements are nested too deeply', opener?.offset ?? 0);
    const steps: Step[] = [];
    for (;;) {
      const chunk = this.#chunks[this.#at++];
      if (chunk === undefined) {
        if (opener !== undefined) throw new SourceError(missingEnd(opener.word), opener.offset);
        return { steps, end: undefined };
      }
      if (chunk.kind === 'text') steps.push(printing(chunk.text));
      else if (chunk.kind === 'output') steps.push(showing(this.#part(chunk.tokens, names)));
      else if (ends.includes(chunk.word)) {
        this.#depth -= 1;
        return { steps, end: chunk };
      } else steps.push(this.#statement(chunk, names));
    }
  }

  #statement(chunk: Extract<Chunk, { kind: 'statement' }>, names: Set<string>): Step {
    if (chunk.word === 'if') return this.#if(chunk, names);
    if (chunk.word === 'for') return this.#for(chunk, names);
    if (chunk.word === 'set') return this.#set(chunk, names);
    const isStray = /^(?:elif|else|end(?:if|for|raw))$/.test(chunk.word);
    throw isStray
      ? new SourceError(`nothing is open for \`{% ${chunk.word} %}\``, chunk.offset)
      : new SourceError(`\`{% ${chunk.word} %}\` is not supported`, chunk.offset, hint);
  }

  /** An expression, whose names count but for those of the template itself. */
  #part(tokens: readonly Token[], known: ReadonlySet<string>): Run {
    const { run, names } = compileTokens({ tokens }, true);
    for (const one of names) if (!known.has(one.name.split('.', 1)[0] ?? '')) this.names.push(one);
    return run;
  }

  #if(chunk: Extract<Chunk, { kind: 'statement' }>, names: Set<string>): Step {
    const branches: { readonly test: Run; readonly steps: readonly Step[] }[] = [];
    let otherwise: readonly Step[] = [];
    let from = chunk;
    for (;;) {
      const before = this.names.length;
      const test = from.word === 'else' ? undefined : this.#part(from.tokens, names);
      for (const { name, guarded } of this.names.slice(before)) if (guarded) this.asked.push(name);
      if (test === undefined) expectEnd(from);
      const ends = test === undefined ? ['endif'] : ['elif', 'else', 'endif'];
      const { steps, end } = this.body(names, ends, chunk);
      if (test === undefined) otherwise = steps;
      else branches.push({ test, steps });
      if (end === undefined || end.word === 'endif') break;
      from = end;
    }
    return (scope, own, out) => {
      const chosen = branches.find(({ test }) => truthy(test(scope)));
      for (const step of chosen?.steps ?? otherwise) step(scope, own, out);
    };
  }

  #for(chunk: Extract<Chunk, { kind: 'statement' }>, names: Set<string>): Step {
    const { targets, items, filter } = loopParts(chunk);
    const list = this.#part(items, names);
    const inner = new Set([...names, ...targets]);
    const wanted = filter && this.#part(filter, inner);
    const { steps, end } = this.body(new Set([...inner, 'loop']), ['else', 'endfor'], chunk);
    const otherwise =
      end?.word === 'else' ? this.body(new Set(names), ['endfor'], chunk).steps : [];
    return (scope, own, out) => {
      const bound = walk(touch(list(scope))).map((item) => bindings(targets, item));
      const rounds =
        wanted === undefined ? bound : bound.filter((one) => truthy(wanted(within(scope, one))));
      for (const [index, one] of rounds.entries()) {
        spend(roundCost);
        const ownOf = new Map([...one, ['loop', loopOf(index, rounds.length)] as const]);
        const inside = within(scope, ownOf);
        for (const step of steps) step(inside, ownOf, out);
      }
      if (rounds.length === 0) for (const step of otherwise) step(scope, own, out);
    };
  }

  #set({ tokens, offset }: Extract<Chunk, { kind: 'statement' }>, names: Set<string>): Step {
    const [name, equals, ...rest] = tokens;
    if (name?.kind !== 'name' || equals?.text !== '=')
      throw new SourceError(
        'this form of `{% set %}` is not supported',
        offset,
        'write `{% set NAME = VALUE %}`',
      );
    const value = this.#part(rest, names);
    names.add(name.text);
    return (scope, own) => {
      own.set(name.text, value(scope));
    };
  }
}

function expectEnd({ word, tokens, offset }: Extract<Chunk, { kind: 'statement' }>): void {
  if (tokens[0]?.kind !== 'end') throw new SourceError(`\`{% ${word} %}\` takes nothing`, offset);
}

/** `for NAME, NAME in ITEMS if CONDITION` */
function loopParts({ tokens, offset }: Extract<Chunk, { kind: 'statement' }>) {
  const end: Token = { kind: 'end', text: '', offset: tokens.at(-1)?.offset ?? offset };
  const at = tokens.findIndex(({ kind, text }) => kind === 'name' && text === 'in');
  const head = tokens.slice(0, Math.max(0, at)).filter(({ text }) => !'(,)'.includes(text));
  if (at <= 0 || head.length === 0 || head.some(({ kind }) => kind !== 'name'))
    throw new SourceError('a loop is written `{% for NAME in LIST %}`', offset);
  const rest = tokens.slice(at + 1, -1);
  if (rest.at(-1)?.kind === 'name' && rest.at(-1)?.text === 'recursive')
    throw new SourceError('a loop cannot be recursive', offset, hint);
  let depth = 0;
  const split = rest.findIndex(({ kind, text }) => {
    if (kind === 'sign') depth += '([{'.includes(text) ? 1 : ')]}'.includes(text) ? -1 : 0;
    return depth === 0 && kind === 'name' && text === 'if';
  });
  return {
    targets: head.map(({ text }) => text),
    items: [...(split < 0 ? rest : rest.slice(0, split)), end],
    ...(split < 0 ? {} : { filter: [...rest.slice(split + 1), end] }),
  };
}

function bindings(targets: readonly string[], item: PyValue): Own {
  const [only] = targets;
  if (targets.length === 1 && only !== undefined) return new Map([[only, item]]);
  const parts = walk(touch(item));
  if (parts.length !== targets.length)
    fail(`${parts.length} values cannot be given to ${targets.length} names`);
  return new Map(targets.map((name, index) => [name, parts[index] ?? null] as const));
}

const loopOf = (index: number, length: number): PyValue => ({
  index: index + 1,
  index0: index,
  revindex: length - index,
  revindex0: length - index - 1,
  first: index === 0,
  last: index === length - 1,
  length,
});

const within = ({ local, ...scope }: Scope, own: Own): Scope => ({
  ...scope,
  local: (name) => (own.has(name) ? own.get(name) : local?.(name)),
});

function add(out: Output, value: PyValue): void {
  const text = value === null || isOmit(value) ? '' : printed(value);
  if (out.text.length + text.length > longest) fail('the file would be too large');
  reserve(text.length);
  out.text += text;
  out.pieces += 1;
  out.only = value;
}

const printing =
  (text: string): Step =>
  (_, __, out) => {
    if (text !== '') add(out, text);
  };

const showing =
  (run: Run): Step =>
  (scope, _, out) =>
    add(out, run(scope));

/** Number of line ends at the end of a text. */
const endsOf = (text: string): number => text.length - text.replace(/(?<!\n)\n+$/, '').length;

/**
 * The text ends with as many line ends as the template. As in Ansible that does not hold where a
 * single value that is no text is all that was written.
 */
function finished({ text, pieces, only }: Output, ends: number): string {
  if (pieces === 0 || (pieces === 1 && typeof only !== 'string')) return text;
  return text + '\n'.repeat(Math.max(0, ends - endsOf(text)));
}

function fileTemplate(chunks: readonly Chunk[], ends: number): FileTemplate {
  const reader = new Reader(chunks);
  const { steps } = reader.body(new Set(), []);
  const isAsked = (name: string): boolean =>
    reader.asked.some((one) => name === one || name.startsWith(`${one}.`));
  return {
    kind: 'expression',
    lookups: [],
    names: reader.names.map((one) => (isAsked(one.name) ? { ...one, guarded: true } : one)),
    evaluate: (scope) =>
      resultOf(() => {
        const out: Output = { text: '', pieces: 0, only: null };
        const own: Own = new Map();
        const inside = within(scope, own);
        for (const step of steps) step(inside, own, out);
        return finished(out, ends);
      }),
  };
}
