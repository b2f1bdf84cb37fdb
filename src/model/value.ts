// Plain data: what variables, facts and arguments are made of; and the one value that is not known
// yet.

export type Value =
  | null
  | boolean
  | number
  | string
  | readonly Value[]
  | { readonly [key: string]: Value };

/** A mapping of plain data, as YAML or JSON gives it. */
export type Mapping = { readonly [key: string]: Value };

/**
 * A value that cannot be known now, with the reason: a read that was refused, or a fact that a
 * planned reboot makes stale. It is plain data (`{"$unknown": "needs root"}`) so that a journal and
 * a plan file can carry it. Unknown in, unknown out.
 */
export type Unknown = { readonly $unknown: string };

export const unknown = (why: string): Unknown => ({ $unknown: why });

export const isUnknown = (value: Value | undefined): value is Unknown =>
  isMapping(value) && typeof value.$unknown === 'string' && Object.keys(value).length === 1;

export const isMapping = (value: unknown): value is Mapping =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * A value that ansible-vault encrypted, as Ansible writes it in JSON. It is plain data, so whoever
 * does not open it carries it on as it is.
 */
export type Sealed = { readonly __ansible_vault: string };

export const isSealed = (value: Value | undefined): value is Sealed =>
  isMapping(value) && typeof value.__ansible_vault === 'string' && Object.keys(value).length === 1;

export const isList = (value: Value | undefined): value is readonly Value[] => Array.isArray(value);

/** Equal by content: mappings compare without regard to the order of their keys. */
export function sameValue(a: Value | undefined, b: Value | undefined): boolean {
  if (a === b) return true;
  if (isList(a) && isList(b))
    return a.length === b.length && a.every((item, index) => sameValue(item, b[index]));
  if (!isMapping(a) || !isMapping(b)) return false;
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && sameValue(a[key], b[key]))
  );
}
