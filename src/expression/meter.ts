// Limits the cost of one evaluation: a broken template must not block the controller or fill its
// memory.
import { fail } from './errors.ts';

/** One unit is a character produced, an item visited or a step of a regular expression. */
const allowance = 20_000_000;
/** Longest text and list that an expression may produce. */
export const longest = 4_000_000;

let left = allowance;
let depth = 0;

/** Runs one evaluation. A nested one (a variable that is a template) shares the outer allowance. */
export function metered<T>(run: () => T): T {
  if (depth === 0) left = allowance;
  if (depth >= 40) fail('variables refer to each other more than 40 levels deep');
  depth += 1;
  try {
    return run();
  } finally {
    depth -= 1;
  }
}

export function spend(units: number): void {
  left -= units;
  if (left < 0) fail('the expression takes too much work and was stopped');
}

/** Called before a text or list of this size is produced. */
export function reserve(size: number): void {
  if (size > longest) fail(`the result would be too large (${size} characters or items)`);
  spend(Math.max(0, size));
}
