// Plain YAML for files that are not ours to judge (a kubeconfig) and for files that we write (an inventory of a cluster's nodes).
import { parse as parseText, stringify as stringifyData } from 'yaml';
import type { Value } from '../model/value.ts';

/** The data of a YAML text; throws the package's own error, which names line and column. */
export const parsePlain = (text: string): unknown => parseText(text);

export const stringifyPlain = (data: Value): string => stringifyData(data, { lineWidth: 140 });
