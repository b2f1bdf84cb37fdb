// Plain YAML for files that are not ours to judge (a kubeconfig) and for files that we write (an
// inventory of a cluster's nodes).
import { parse as parseText, stringify as stringifyData } from 'yaml';
import type { Value } from '../../model/value.ts';
import { deepest, tooDeep } from './yaml.ts';

/**
 * The data of a YAML text; throws the package's own error, which names line and column. Deep
 * nesting would exhaust the stack and end the process.
 */
export function parsePlain(text: string): unknown {
  if (tooDeep(text) !== undefined) throw new Error(`nested more than ${deepest} deep`);
  return parseText(text);
}

export const stringifyPlain = (data: Value): string => stringifyData(data, { lineWidth: 140 });
