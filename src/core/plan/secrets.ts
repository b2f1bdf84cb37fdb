// What counts as secret: values under names that say so, and passwords and tokens in URLs.
import { isMapping, isSealed, type Mapping } from '../../model/value.ts';

export type IsSecretName = (name: string) => boolean;

const secretEnding =
  /(?:^|[^a-z])(?:pass(?:word|wd|phrase|code)?|pwd|pw|token|secret|credentials?|(?:api|access|secret|private|encryption|signing|license)_?key|authori[sz]ation|cookie|bearer)\d*$/;

/** Spells `dbPassword` as `db_password`. */
const plainName = (name: string): string =>
  name
    .replace(/([a-z\d])([A-Z])/g, '$1_$2')
    .replaceAll('-', '_')
    .toLowerCase();

/** @param patterns further names; `*` at the beginning or the end matches anything */
export function secretNames(patterns: readonly string[] = []): IsSecretName {
  const known = new Map<string, boolean>();
  return (name) => {
    const answer =
      known.get(name) ??
      (secretEnding.test(plainName(name)) || patterns.some((pattern) => matches(pattern, name)));
    known.set(name, answer);
    return answer;
  };
}

function matches(pattern: string, name: string): boolean {
  const core = pattern.replace(/^\*|\*$/g, '');
  if (pattern.length > 1 && pattern.startsWith('*') && pattern.endsWith('*'))
    return name.includes(core);
  if (pattern.startsWith('*')) return name.endsWith(core);
  return pattern.endsWith('*') ? name.startsWith(core) : name === core;
}

/**
 * Texts under secret names, and secret parts of URLs, anywhere in plain data. A text may be a
 * template.
 */
export function secretTexts(
  data: unknown,
  isSecret: IsSecretName,
  below = false,
): readonly string[] {
  if (typeof data === 'string') return below ? [data, ...secretsInUrls(data)] : secretsInUrls(data);
  if (typeof data === 'number') return below && Math.abs(data) > 999 ? [String(data)] : [];
  if (Array.isArray(data)) return data.flatMap((item) => secretTexts(item, isSecret, below));
  if (!isMapping(data) || isSealed(data)) return [];
  return Object.entries(data).flatMap(([name, value]) =>
    secretTexts(value, isSecret, below || isSecret(name)),
  );
}

const textsIn = (data: unknown): readonly string[] =>
  typeof data === 'string'
    ? [data]
    : typeof data === 'object' && data !== null
      ? Object.values(data).flatMap(textsIn)
      : [];

/**
 * Texts of a task result that must be masked from now on: all of it under `no_log`, otherwise those
 * under secret names.
 */
export const learnedSecrets = (
  learned: Mapping,
  noLog: boolean | undefined,
  isSecret: IsSecretName,
): readonly string[] =>
  noLog === true
    ? textsIn(learned)
        .flatMap((text) => text.split('\n'))
        .filter((line) => line.length >= 8)
    : secretTexts(learned, isSecret);

export const isTemplate = (text: string): boolean => text.includes('{{') || text.includes('{%');

/** A line of a file, as a diagnostic shows it: without what follows the name of a secret. */
export function withoutNamedSecrets(line: string): string {
  const isSecret = secretNames();
  const found = [...line.matchAll(/([\w-]{1,64})["']?(?: {0,4}[:=] {0,4}| {1,4})/g)].find(
    ([, name = '']) => isSecret(name),
  );
  return found === undefined ? line : `${line.slice(0, found.index + found[0].length)}***`;
}

// The length of parameter names is limited, so that each character of a text is tried a bounded
// number of times.
const login = /(:\/\/[^\s/@:]*:)([^\s/@]+)(?=@)/g;
const parameter = /([?&])([^=&\s?#"']{1,64})(=)([^&\s#"'`<>]+)/g;
const isSecretParameter = (name: string): boolean =>
  /^(?:sig|x-.*-signature|signature|auth|key|code)$/i.test(name) ||
  secretEnding.test(plainName(name));

/** `https://user:***@host/?token=***` */
export const withoutUrlSecrets = (text: string): string =>
  text.includes('://') || text.includes('?')
    ? text
        .replace(login, '$1***')
        .replace(parameter, (whole, mark: string, name: string, equals: string) =>
          isSecretParameter(name) ? `${mark}${name}${equals}***` : whole,
        )
    : text;

function secretsInUrls(text: string): readonly string[] {
  if (!text.includes('://')) return [];
  const logins = [...text.matchAll(login)].map(([, , password = '']) => password);
  const parameters = [...text.matchAll(parameter)].flatMap(([, , name = '', , value = '']) =>
    isSecretParameter(name) ? [value] : [],
  );
  return [...logins, ...parameters].flatMap((part) =>
    isTemplate(part) || part === '***' ? [] : [part, decoded(part)],
  );
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
