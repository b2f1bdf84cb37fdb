// Masking: known secrets never reach a journal, a screen or a report, wherever they turn up in
// data.
import { withoutUrlSecrets } from '../../core/plan/secrets.ts';

export type Mask = <T>(data: T) => T;

/** Secrets that are known so far. What is learned later is masked from then on. */
export interface Secrets {
  readonly learn: (texts: Iterable<string>) => void;
  readonly mask: Mask;
  /**
   * Hides known secrets, and leaves URLs as they are: for what is not data, such as a page of the
   * documentation.
   */
  readonly hide: (text: string) => string;
  /** Secrets of one host beside all others: what a host says hides nothing of other hosts. */
  readonly of: (host: string) => Secrets;
}

/** Shorter ones would mask half of all text. */
const shortest = 4;
const longestOfHost = 4096;
const mostOfHost = 1000;

export function knownSecrets(): Secrets {
  const words = new Words();
  const hosts = new Map<string, Secrets>();
  const mask: Mask = (data) => masked(data, (text) => withoutUrlSecrets(words.hide(text)));
  return {
    learn: (texts) => words.add(texts),
    mask,
    hide: words.hide,
    of: (host) => {
      const known = hosts.get(host) ?? ofHost(mask);
      hosts.set(host, known);
      return known;
    },
  };
}

function ofHost(outer: Mask): Secrets {
  const words = new Words();
  let count = 0;
  const own: Secrets = {
    learn: (texts) => {
      for (const text of texts)
        if (text.length <= longestOfHost && count++ < mostOfHost) words.add([text]);
    },
    mask: (data) => outer(masked(data, words.hide)),
    hide: words.hide,
    of: () => own,
  };
  return own;
}

/**
 * Words by their first four characters and their length, so that a text is read once, however many
 * there are.
 */
class Words {
  readonly #byStart = new Map<string, Map<number, Set<string>>>();
  readonly #known = new Set<string>();
  #longest = 0;

  add(texts: Iterable<string>): void {
    for (const text of texts) {
      if (this.#known.has(text)) continue;
      this.#known.add(text);
      for (const form of formsOf(text)) this.#put(form);
    }
  }

  #put(word: string): void {
    const start = word.slice(0, shortest);
    const lengths = this.#byStart.get(start) ?? new Map<number, Set<string>>();
    lengths.set(word.length, (lengths.get(word.length) ?? new Set()).add(word));
    this.#byStart.set(start, lengths);
    this.#longest = Math.max(this.#longest, word.length);
  }

  readonly hide = (text: string): string => {
    if (this.#longest === 0) return text;
    const end = text.endsWith(' ...')
      ? text.length - 4
      : text.endsWith('...')
        ? text.length - 3
        : text.length;
    let result = '';
    let from = 0;
    for (let at = 0; at + shortest <= text.length; at++) {
      const lengths = this.#byStart.get(text.slice(at, at + shortest));
      const length =
        lengths === undefined
          ? 0
          : lengthAt(at, text, lengths) || this.#cutAt(text, at, end, lengths);
      if (length === 0) continue;
      result += `${text.slice(from, at)}***`;
      from = at + length;
      at = from - 1;
    }
    return result + text.slice(from);
  };

  /** A text that was cut may end in the middle of a secret: where it says so, or by half of one. */
  #cutAt(
    text: string,
    at: number,
    end: number,
    lengths: ReadonlyMap<number, ReadonlySet<string>>,
  ): number {
    if (end - at >= this.#longest) return 0;
    const rest = text.slice(at, end);
    const isCut = end < text.length;
    for (const [length, words] of lengths) {
      if (length <= rest.length || (!isCut && rest.length * 2 < length)) continue;
      for (const word of words) if (word.startsWith(rest)) return rest.length;
    }
    return 0;
  }
}

/** The longest: a secret may begin with another one. */
function lengthAt(
  at: number,
  text: string,
  lengths: ReadonlyMap<number, ReadonlySet<string>>,
): number {
  let longest = 0;
  for (const [length, words] of lengths)
    if (length > longest && words.has(text.slice(at, at + length))) longest = length;
  return longest;
}

const harmlessWord = /^(?:true|false|none|null|yes|no|\*+)$/i;

const escapes: readonly ((text: string) => string)[] = [
  (text) => JSON.stringify(text).slice(1, -1),
  // Python's repr, which prints of lists and mappings look like
  (text) => text.replaceAll('\\', '\\\\').replaceAll("'", "\\'"),
  // the two ways of shells
  (text) => text.replaceAll("'", "'\\''"),
  (text) => text.replaceAll("'", `'"'"'`),
];

/** Percent-encoding; RFC 3986 reserves more than `encodeURIComponent` does. */
const encoded = (text: string): string =>
  encodeURIComponent(text.replace(/\p{Surrogate}/gu, '\ufffd')).replace(
    /[!'()*]/g,
    (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`,
  );

/**
 * A secret as it may stand in other text: each of its lines, and as URLs, JSON (once or twice),
 * Python, shells and base64 write it.
 */
function formsOf(secret: string): readonly string[] {
  const whole = secret.trim();
  if (whole.length < shortest || harmlessWord.test(whole)) return [];
  const lines = whole.includes('\n') ? whole.split('\n').map((line) => line.trim()) : [];
  const token = /^(?:bearer|basic|token)\s+(\S+)$/i.exec(whole)?.[1];
  const plain = [
    whole,
    ...(token === undefined ? [] : [token]),
    ...lines.filter((line) => line.length >= 8 && !line.startsWith('-----')),
  ];
  const escaped = plain.flatMap((one) => escapes.map((write) => write(one)));
  const twice = escaped.flatMap((one) => escapes.map((write) => write(one)));
  const forURLs = [encoded(whole), encodeURIComponent(whole.replace(/\p{Surrogate}/gu, '\ufffd'))];
  return [
    ...plain,
    ...escaped,
    ...twice,
    ...forURLs.flatMap((one) => [
      one,
      one.replaceAll('%20', '+'),
      one.replace(/%../g, (code) => code.toLowerCase()),
    ]),
    ...base64Forms(whole),
  ];
}

/**
 * Base64 of a text that holds the secret has one of three, by the place where it begins: as the end
 * of that text, and without what its neighbours decide.
 */
function base64Forms(secret: string): readonly string[] {
  const bytes = new TextEncoder().encode(secret);
  return [0, 1, 2].flatMap((before) => {
    const padded =
      String.fromCharCode(...new Uint8Array(before)) +
      Array.from(bytes, (byte) => String.fromCharCode(byte)).join('');
    const start = Math.ceil((before * 4) / 3);
    const ended = btoa(padded).slice(start);
    const form = ended.slice(0, Math.floor((padded.length * 4) / 3) - start);
    return form.length < 6
      ? []
      : [ended, form].flatMap((one) => [one, one.replaceAll('+', '-').replaceAll('/', '_')]);
  });
}

// ---- Data ----

/**
 * Values by which kmend finds its own things again: a weak password that is a word like them must
 * not change them.
 */
const structural: ReadonlySet<string> = new Set(
  (
    'schema type run host hosts task effect id kind module play playbook inventories limit tags skipTags salt tool rollbackOf planId ' +
    'status risk sign verdict remedy proven how as about node zone gate release obeys bootId by file prev severity code canary'
  ).split(' '),
);

/** What tasks and hosts name as they like: nothing in it is kmend's own. */
const free: ReadonlySet<string> = new Set(['registered', 'sets', 'reads', 'data', 'args', 'facts']);

function masked<T>(data: T, hide: (text: string) => string): T {
  const deep = (value: unknown, isFree: boolean): unknown => {
    if (typeof value === 'string') return hide(value);
    if (Array.isArray(value)) return value.map((item) => deep(item, isFree));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => entry(key, item, isFree)));
  };
  const entry = (key: string, value: unknown, isFree: boolean): readonly [string, unknown] => {
    if (isFree || free.has(key)) return [hide(key), deep(value, true)];
    if (key === 'inputs' || (structural.has(key) && isPlain(value))) return [key, value];
    if (key === 'rollout' && typeof value === 'object' && value !== null)
      return [key, withMaskedGates(value)];
    return [key, deep(value, false)];
  };
  const withMaskedGates = (rollout: object): object =>
    'gates' in rollout && Array.isArray(rollout.gates)
      ? {
          ...rollout,
          gates: rollout.gates.map((gate: object) =>
            'args' in gate ? { ...gate, args: deep(gate.args, true) } : gate,
          ),
        }
      : rollout;
  // The shape is kept: only text inside changes.
  return deep(data, false) as T;
}

const isPlain = (value: unknown): boolean =>
  typeof value === 'string' ||
  (Array.isArray(value) && value.every((item) => typeof item === 'string'));
