// What expressions of a task see: the layers that a walk adds to a host's own variables, and facts under their nested names.
import type { Scope } from '../expression/index.ts';
import type { Facts } from '../model/fact.ts';
import { isMapping, type Mapping, type Value } from '../model/value.ts';

/** Thrown out of a lookup when a variable's own template cannot be rendered; caught where an expression is evaluated. */
export class VariableError extends Error {}

/** What lies above the variables that the inventory gives a host, from the strongest to the weakest. */
export interface VariableLayers {
  /** `-e`: they always win. */
  readonly extraVars?: Mapping;
  /** `register` and `set_fact`. */
  readonly registered?: Mapping;
  /** Task, then blocks from the inside out. */
  readonly taskVars?: readonly Mapping[];
  readonly playVars?: Mapping;
  readonly facts?: Mapping;
}

/** All that expressions of one host see, under these layers; templates in variables are rendered when they are read. */
export type Variables = (layers: VariableLayers) => Scope;

/** Facts as the nested names that expressions use: `kernel.release` is found under `kernel`. Facts with arguments are not shown. */
export function nestFacts(facts: Facts): Mapping {
  const tree: Record<string, Value> = {};
  for (const [name, value] of Object.entries(facts)) {
    if (/^(package|service|path)\./.test(name)) continue;
    const words = name.split('.');
    const leaf = words.pop();
    let branch = tree;
    for (const word of words) {
      const next = branch[word];
      const copy: Record<string, Value> = isMapping(next) ? { ...next } : {};
      branch[word] = copy;
      branch = copy;
    }
    if (leaf !== undefined) branch[leaf] = value;
  }
  return tree;
}
