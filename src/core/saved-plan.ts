// A saved plan against the inputs of now: what makes it stale, by name. Pure; digests come in.
import type { Plan } from '../model/plan.ts';

/** Sentences, one a difference; empty = the plan may be applied. */
export function staleness(plan: Plan, tool: string, inputs: Readonly<Record<string, string>>): readonly string[] {
  const differences: string[] = [];
  if (plan.tool !== tool) differences.push(`it was made by kmend ${plan.tool}, this is ${tool}`);
  for (const [name, digest] of Object.entries(plan.inputs)) {
    if (inputs[name] === undefined) differences.push(`${name} is not there any more`);
    else if (inputs[name] !== digest) differences.push(`${name} has changed`);
  }
  for (const name of Object.keys(inputs)) if (plan.inputs[name] === undefined) differences.push(`${name} is new`);
  return differences;
}

/** Is this the text of a saved plan? `undefined` = it is not, for whatever reason. */
export function parsePlan(text: string): Plan | undefined {
  try {
    const data: unknown = JSON.parse(text);
    if (typeof data !== 'object' || data === null || !('schema' in data) || data.schema !== 'kmend.plan/1') return undefined;
    // Its digests are compared before anything is done with it, and no effect is ever taken from it.
    return data as Plan;
  } catch {
    return undefined;
  }
}
