// What expressions of a task see: the layers that a walk adds to a host's own variables, and facts
// under their nested names.
import { nestFacts, type Scope } from '../../expression/index.ts';
import type { Facts } from '../../model/fact.ts';
import type { Mapping } from '../../model/value.ts';

/**
 * Thrown out of a lookup when a variable's own template cannot be rendered; caught where an
 * expression is evaluated.
 */
export class VariableError extends Error {}

/**
 * What lies above the variables that the inventory gives a host, from the strongest to the weakest.
 */
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

/**
 * All that expressions of one host see, under these layers; templates in variables are rendered
 * when they are read.
 */
export type Variables = (layers: VariableLayers) => Scope;

/**
 * Facts as the nested names that expressions use. Facts with arguments (`package.*`) are not shown:
 * modules ask for those.
 */
export const shownFacts = (facts: Facts): Mapping =>
  nestFacts(
    Object.fromEntries(
      Object.entries(facts).filter(([name]) => !/^(package|service|path|forecast)\./.test(name)),
    ),
  );
