// Outputs of the probe as people bring them home: out of terminals and Windows files, with a host's
// name before each line, inside a tool's JSON, several in one file. Here they become plain outputs
// again.
import { present } from '../../model/present.ts';

export interface Output {
  /**
   * The host that the file names for it, where it does: a prefix of its lines, a key of its JSON.
   */
  readonly host?: string;
  /** For `parseProbe`. */
  readonly text: string;
}

/**
 * The outputs in a file, in its order; one with the whole text where nothing looks like an output,
 * so that `parseProbe` can say why.
 */
export function outputsIn(text: string): readonly Output[] {
  const plain = plainText(text);
  const found = fromJson(plain) ?? framesIn(plain.split('\n'));
  return found.length === 0 ? [{ text: plain }] : found;
}

/**
 * UTF-16 (a redirect in PowerShell) has a NUL in every character of ours; CR and colours are a
 * terminal's.
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
 * Lines from each begin mark on, up to the next of the same prefix: `pdsh` and the like mix the
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

/** A longer one is no name of a host. */
const longestPrefix = 300;

interface Prefixes {
  /**
   * Of a line: the longest first, so that `node-1: ` is not taken for `node-10: `; the empty one
   * takes what is left.
   */
  readonly of: (line: string) => string;
  /** Itself, where lines of a host begin with it. */
  readonly known: (prefix: string) => string;
}

/**
 * What stands before the marks: the empty text, or what all lines of a host begin with. What is
 * only before its first mark is a prompt.
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
  // By their length: a file of a thousand hosts has few lengths. Tools cut the blank at the end of
  // an empty line.
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

/** How far below the top a tool puts the output of a host. */
const deepest = 20;

/**
 * What tools keep of a script's run: `{"stdout": "..."}`, also below the names of hosts. Nothing
 * where the text is no JSON.
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
