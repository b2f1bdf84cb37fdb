// `lookup()` and `query()`: what they ask of the machine of kmend is read while a playbook is loaded, and an
// expression finds it in its scope.
import { isList, type Mapping, type Value } from '../model/value.ts';
import { fail } from './errors.ts';

export const lookupNames: readonly string[] = ['lookup', 'query', 'q'];

/** One call, with its arguments evaluated. */
export interface Lookup {
  /** Without the collection: `file`. */
  readonly plugin: string;
  readonly terms: readonly Value[];
  readonly options: Mapping;
  /** Whether a plugin that fails gives nothing (`errors='ignore'`). */
  readonly lenient: boolean;
  /** It gives a list, as `query` does. */
  readonly wantsList: boolean;
}

/** A call as data; its first argument is the name of the plugin. */
export function lookupOf(
  name: string,
  [plugin, ...terms]: readonly Value[],
  named: Mapping,
): Lookup {
  const { wantlist, errors, ...options } = named;
  return {
    plugin:
      typeof plugin === 'string'
        ? plugin.replace(/^ansible\.(?:builtin|legacy)\./, '')
        : fail(`${name}() needs the name of what is looked up first`),
    terms,
    options,
    lenient: errors === 'ignore' || errors === 'warn',
    wantsList: name !== 'lookup' || wantlist === true,
  };
}

/** The name under which a scope has the result of a lookup: no variable can be called so. */
export const lookupKey = ({ plugin, terms, options }: Lookup): string =>
  `lookup ${JSON.stringify([plugin, terms, Object.entries(options).sort()])}`;

/** Results are data: braces in them are text, and never a template. */
export const isLookupKey = (name: string): boolean => name.startsWith('lookup [');

/** What the expression gets of a result; null where it failed. */
export function lookedUp(lookup: Lookup, result: Value | undefined): Value {
  const { wantsList, plugin, terms } = lookup;
  if (result === undefined)
    return fail(
      `lookup(${[plugin, ...terms].map((one) => `'${one}'`).join(', ')}) is not available here: only what a playbook looks up while it is loaded`,
    );
  if (!isList(result)) return wantsList ? [] : null;
  const [only] = result;
  if (wantsList || result.length === 0) return result;
  return result.length === 1 && only !== undefined ? only : result.join(',');
}
