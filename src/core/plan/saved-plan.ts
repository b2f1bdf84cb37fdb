// Compares a saved plan with its current inputs: what makes it stale, by name. The caller computes
// the digests.
import { failed, type Outcome, ok } from '../../model/run/failure.ts';
import type { Plan } from '../../model/run/plan.ts';
import { plan as planShape } from '../../model/shape/plan-shape.ts';
import { dataIn } from '../../model/shape/shape.ts';
import { isMapping } from '../../model/value.ts';

/** One sentence for each difference; empty = the plan may be applied. */
export function staleness(
  plan: Plan,
  tool: string,
  inputs: Readonly<Record<string, string>>,
): readonly string[] {
  const differences: string[] = [];
  if (plan.tool !== tool) differences.push(`it was made by kmend ${plan.tool}, this is ${tool}`);
  for (const [name, digest] of Object.entries(plan.inputs)) {
    if (inputs[name] === undefined) differences.push(`${name} is not there any more`);
    else if (inputs[name] !== digest) differences.push(`${name} has changed`);
  }
  for (const name of Object.keys(inputs))
    if (plan.inputs[name] === undefined) differences.push(`${name} is new`);
  return differences;
}

/**
 * Reads a saved plan, or says what is wrong with it. The caller compares its digests before it uses
 * it, and never takes effects from it.
 */
export function parsePlan(text: string): Outcome<Plan> {
  const data = dataIn(text);
  if (data === undefined) return failed('parse', 'it is not JSON');
  if (!isMapping(data) || data.schema !== 'kmend.plan/1')
    return failed('parse', 'it has no `"schema": "kmend.plan/1"`');
  const wrong = planShape(data, '');
  return wrong === undefined ? ok(data as unknown as Plan) : failed('parse', wrong);
}
