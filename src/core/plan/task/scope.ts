// The variables that expressions of a task see: the layers that a walk adds to the variables of a
// host, and facts under nested names.
import { nestFacts, type Scope } from '../../../expression/index.ts';
import type { Facts } from '../../../model/fact.ts';
import { remembered } from '../../../model/remembered.ts';
import type { Mapping } from '../../../model/value.ts';

/**
 * Thrown by a lookup when a variable's own template cannot be rendered; caught where an expression
 * is evaluated.
 */
export class VariableError extends Error {}

/** Variables of a task or block, and those of it that are below the inventory's. */
export interface TaskLayer {
  readonly vars: Mapping;
  /** Hosts may have written the values: braces in them are text, and never a template. */
  readonly isData?: boolean;
  readonly defaults?: Mapping;
}

/** Task, then blocks from the inside out. */
export type TaskVars = readonly TaskLayer[];

/**
 * The layers around the inventory variables of a host, from the strongest to the weakest. Defaults
 * are below the inventory.
 */
export interface VariableLayers {
  /** `-e`: they always win. */
  readonly extraVars?: Mapping;
  /** `register` and `set_fact`. */
  readonly registered?: Mapping;
  readonly taskVars?: TaskVars;
  readonly playVars?: Mapping;
  /** Facts as nested mappings: `kernel.release` under `kernel`. */
  readonly facts?: Mapping;
  /** Below the variables of the inventory, and below the defaults of blocks. */
  readonly playDefaults?: Mapping;
  /** `playbook_dir` and `inventory_dir` are absolute, from this working directory. */
  readonly absoluteFrom?: string;
  /** Called with the name of each variable that is looked up. */
  readonly onRead?: (name: string) => void;
}

/**
 * The variables of one host under these layers. Templates in variables are rendered when they are
 * read.
 */
export type Variables = (layers: VariableLayers) => Scope;

/**
 * Facts under the nested names that expressions use, without facts that have arguments
 * (`package.*`): only modules ask for those.
 */
export const shownFacts = (facts: Facts): Mapping => nestFacts(facts, isShown);

const isShown = remembered(
  (name) => !/^(?:package|service|path|file|forecast|output|reading)\./.test(name),
);
