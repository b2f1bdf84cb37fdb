// Outputs of the probe as operators save them: from terminals, in Windows files, with a host's name
// before each line, inside the JSON of a tool, several in one file. This file restores the plain
// outputs.
import { present } from '../../model/present.ts';

export interface Output {
  /**
   * The host of this output, where the file names it: by a prefix of its lines or a key of its
   * JSON.
   */
  readonly host?: string;
  /** For `parseProbe`. */
  readonly text: string;
}

/**
 * The outputs in a file, in order. Where nothing is recognised it is one output with the whole
 * text, so that `parseProbe` can report why.
 */
export function outputsIn(text: string): readonly Output[] {
  const plain = plainText(text);
  const found = fromJson(plain) ?? framesIn(plain.split('\n'));
  return found.length === 0 ? [{ text: plain }] : found;
}

/**
 * UTF-16 (a redirect in PowerShell) has a NUL after each ASCII character. CR and colours come from
 * terminals.
 */
const plainText = (text: string): string =>
  text
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must go
    .replace(/^[\ufeff\ufffd]+|\u0000|\u001b\[[0-9;?]*[A-Za-z]/g, '')
    .replace(/(?<!\r)\r+(?=\n|$)/g, '')
    .replace(/(@@kmend \w+(?: \d+)*(?: cut)?)[ \t\r]+(?=\n|$)/g, '$1');

interface Frame {
  readonly prefix: string;
  readonly lines: string[];
}

/**
 * Lines from each begin mark to the next one with the same prefix. `pdsh` and similar tools mix the
 * lines of their hosts.
 */
function framesIn(lines: readonly string[]): readonly Output[] {
  const open = new Map<string, Frame>();
  const frames: Frame[] = [];
  const prefixes = prefixesOf(lines);
  for (const line of lines) {
    const begins = line.search(/@@kmend begin \d/);
    const prefix = begins < 0 ? prefixes.of(line) : prefixes.known(line.slice(0, begins));
    if (begins >= 0) {
      const frame = { prefix, lines: [line.slice(begins)] };
      open.set(prefix, frame);
      frames.push(frame);
    } else open.get(prefix)?.lines.push(line.slice(prefix.length));
  }
  return frames.map((frame) => ({
    ...hostOf(frame.prefix),
    text: `\n${frame.lines.join('\n')}\n`,
  }));
}

/** A longer prefix is no name of a host. */
const longestPrefix = 300;

interface Prefixes {
  /**
   * The prefix of a line. The longest wins, so that `node-1: ` is not taken for `node-10: `; the
   * empty prefix matches every line.
   */
  readonly of: (line: string) => string;
  /** The prefix itself where it is the prefix of a host, else the empty text. */
  readonly known: (prefix: string) => string;
}

/**
 * The prefixes before the marks: the empty text, or the common prefix of all lines of a host. A
 * text before the first mark only is a prompt.
 */
function prefixesOf(lines: readonly string[]): Prefixes {
  const before = (mark: string): ReadonlySet<string> =>
    new Set(
      lines.flatMap((line) => (line.includes(mark) ? [line.slice(0, line.indexOf(mark))] : [])),
    );
  const ends = before('@@kmend done ');
  const named = [...before('@@kmend begin ')].filter(
    (prefix) => prefix.trim() !== '' && prefix.length <= longestPrefix && ends.has(prefix),
  );
  // Grouped by length: a file of a thousand hosts has few lengths. Tools remove the blank at the
  // end of an empty line.
  const trimmed = new Map(named.map((prefix) => [prefix.trimEnd(), prefix]));
  const lengths = [...new Set([...trimmed.keys()].map((prefix) => prefix.length))].sort(
    (a, b) => b - a,
  );
  return {
    of: (line) => {
      const length =
        lengths.find((one) => one <= line.length && trimmed.has(line.slice(0, one))) ?? 0;
      return trimmed.get(line.slice(0, length)) ?? '';
    },
    known: (prefix) => (trimmed.get(prefix.trimEnd()) === prefix ? prefix : ''),
  };
}

/** `node-a1: `, `[node-a1] `, `node-a1 | `. */
function hostOf(prefix: string): { readonly host?: string } {
  const host = /[A-Za-z0-9][\w.-]*/.exec(prefix)?.[0];
  return host === undefined ? {} : { host };
}

/** Depth at which a tool may have the output of a host. */
const deepest = 20;

/**
 * Outputs in the JSON of a tool: `{"stdout": "..."}`, also below names of hosts; `undefined` where
 * the text is no JSON.
 */
function fromJson(text: string): readonly Output[] | undefined {
  if (!/^\s*[[{]/.test(text)) return undefined;
  try {
    return stdoutsIn(JSON.parse(text), undefined, 0);
  } catch {
    return undefined;
  }
}

function stdoutsIn(value: unknown, key: string | undefined, depth: number): readonly Output[] {
  if (typeof value !== 'object' || value === null || depth > deepest) return [];
  const { stdout } = value as { readonly stdout?: unknown };
  if (typeof stdout === 'string')
    return framesIn(plainText(stdout).split('\n')).map((output) => ({
      ...present({ host: key }),
      ...output,
    }));
  return Object.entries(value).flatMap(([name, inner]) =>
    stdoutsIn(inner, Array.isArray(value) ? undefined : name, depth + 1),
  );
}
