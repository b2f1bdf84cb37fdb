// Masks known secrets in all data that goes to a journal, a screen or a report.
import { withoutUrlSecrets } from '../../core/plan/secrets.ts';

export type Mask = <T>(data: T) => T;

/** The secrets that are known so far. */
export interface Secrets {
  readonly learn: (texts: Iterable<string>) => void;
  readonly mask: Mask;
  /** Masks known secrets but no URLs: for text that is not data, such as documentation. */
  readonly hide: (text: string) => string;
  /** Secrets of one host beside the common ones. They mask nothing of other hosts. */
  readonly of: (host: string) => Secrets;
}

/** Shorter secrets would mask half of all text. */
const shortest = 4;
const longestOfHost = 4096;
const mostOfHost = 1000;

export function knownSecrets(): Secrets {
  const forms = new SecretForms();
  const hosts = new Map<string, Secrets>();
  const mask: Mask = (data) => masked(data, (text) => withoutUrlSecrets(forms.hide(text)));
  return {
    learn: (texts) => forms.add(texts),
    mask,
    hide: forms.hide,
    of: (host) => {
      const known = hosts.get(host) ?? ofHost(mask);
      hosts.set(host, known);
      return known;
    },
  };
}

function ofHost(outer: Mask): Secrets {
  const forms = new SecretForms();
  let count = 0;
  const own: Secrets = {
    learn: (texts) => {
      for (const text of texts)
        if (text.length <= longestOfHost && count++ < mostOfHost) forms.add([text]);
    },
    mask: (data) => outer(forms.isEmpty ? data : masked(data, forms.hide)),
    hide: forms.hide,
    of: () => own,
  };
  return own;
}

/**
 * Forms of secrets by their first four characters and their length: a text is read once, whatever
 * their number.
 */
class SecretForms {
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

  #put(form: string): void {
    const start = form.slice(0, shortest);
    const lengths = this.#byStart.get(start) ?? new Map<number, Set<string>>();
    lengths.set(form.length, (lengths.get(form.length) ?? new Set()).add(form));
    this.#byStart.set(start, lengths);
    this.#longest = Math.max(this.#longest, form.length);
  }

  get isEmpty(): boolean {
    return this.#longest === 0;
  }

  readonly hide = (text: string): string => {
    if (this.isEmpty) return text;
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

  /** A truncated text may end within a secret: after `...`, or with at least half of a secret. */
  #cutAt(
    text: string,
    at: number,
    end: number,
    lengths: ReadonlyMap<number, ReadonlySet<string>>,
  ): number {
    if (end - at >= this.#longest) return 0;
    const rest = text.slice(at, end);
    const isCut = end < text.length;
    for (const [length, forms] of lengths) {
      if (length <= rest.length || (!isCut && rest.length * 2 < length)) continue;
      for (const form of forms) if (form.startsWith(rest)) return rest.length;
    }
    return 0;
  }
}

/** Length of the longest secret at this place: one secret may begin with another. */
function lengthAt(
  at: number,
  text: string,
  lengths: ReadonlyMap<number, ReadonlySet<string>>,
): number {
  let longest = 0;
  for (const [length, forms] of lengths)
    if (length > longest && forms.has(text.slice(at, at + length))) longest = length;
  return longest;
}

const harmlessText = /^(?:true|false|none|null|yes|no|\*+)$/i;

const escapes: readonly ((text: string) => string)[] = [
  (text) => JSON.stringify(text).slice(1, -1),
  // Python's repr of lists and mappings
  (text) => text.replaceAll('\\', '\\\\').replaceAll("'", "\\'"),
  // the two ways of shell quoting
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
 * The forms in which a secret may appear in text: each of its lines, and encoded for URLs, JSON
 * (once or twice), Python, shells and base64.
 */
function formsOf(secret: string): readonly string[] {
  const whole = secret.trim();
  if (whole.length < shortest || harmlessText.test(whole)) return [];
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
 * Base64 of a longer text contains the secret in one of three forms, by its offset modulo 3. Each is
 * listed as the end of that text and without the characters that its neighbours influence.
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

/** Values that kmend itself reads later: a password that equals one of them must not mask them. */
const structural: ReadonlySet<string> = new Set(
  (
    'schema type run host hosts task effect id kind module play playbook inventories limit tags skipTags startAtTask salt tool rollbackOf planId ' +
    'status risk sign verdict remedy proven how as about node zone gate release obeys bootId by file prev severity code canary'
  ).split(' '),
);

/** Data of tasks and hosts: it has no keys of kmend's own. */
const free: ReadonlySet<string> = new Set(['registered', 'sets', 'reads', 'data', 'args', 'facts']);

function masked<T>(data: T, hide: (text: string) => string): T {
  const deep = (value: unknown, isFree: boolean): unknown => {
    if (typeof value === 'string') return hide(value);
    if (typeof value !== 'object' || value === null) return value;
    // What has no secret stays as it is: few data have one.
    if (Array.isArray(value)) {
      const items = value.map((item) => deep(item, isFree));
      return items.some((item, index) => item !== value[index]) ? items : value;
    }
    return within(value as Readonly<Record<string, unknown>>, isFree);
  };
  const within = (before: Readonly<Record<string, unknown>>, isFree: boolean): object => {
    let after: [string, unknown][] | undefined;
    for (const [index, key] of Object.keys(before).entries()) {
      const item: unknown = before[key];
      const isData = isFree || free.has(key);
      const made = isData ? deep(item, true) : kept(key, item);
      const shown = isData ? hide(key) : key;
      if (after === undefined && made === item && shown === key) continue;
      after ??= Object.entries(before).slice(0, index);
      after.push([shown, made]);
    }
    return after === undefined ? before : Object.fromEntries(after);
  };
  const kept = (key: string, value: unknown): unknown => {
    if (key === 'inputs' || (structural.has(key) && isPlain(value))) return value;
    return key === 'rollout' && typeof value === 'object' && value !== null
      ? withMaskedGates(value)
      : deep(value, false);
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
