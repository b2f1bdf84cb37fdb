// Plain YAML without places: for files of other programs (a kubeconfig) and files that kmend writes
// (an inventory of a cluster's nodes).
import { parse as parseText, stringify as stringifyData } from 'yaml';
import type { Value } from '../../model/value.ts';
import { deepest, tooDeep } from './yaml.ts';

/**
 * The data of a YAML text. Throws the package's own error, which names line and column. Deep
 * nesting is refused first: it would exhaust the stack and end the process.
 */
export function parsePlain(text: string): unknown {
  if (tooDeep(text) !== undefined) throw new Error(`nested more than ${deepest} deep`);
  return parseText(text);
}

export const stringifyPlain = (data: Value): string => stringifyData(data, { lineWidth: 140 });
