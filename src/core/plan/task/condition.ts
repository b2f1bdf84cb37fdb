// Evaluates conditions and templates of a task: true, false, not known yet, or an error with its
// place.
import {
  compile,
  type RenderedPiece,
  type Result,
  renderDeep,
  renderPieces,
  type Scope,
} from '../../../expression/index.ts';
import type { Place } from '../../../model/diagnostic.ts';
import type { Condition } from '../../../model/playbook.ts';
import type { Value } from '../../../model/value.ts';
import { VariableError } from './scope.ts';

export type Judged =
  | { readonly kind: 'true' }
  | { readonly kind: 'false'; readonly source: string }
  | { readonly kind: 'unknown'; readonly why: string }
  | { readonly kind: 'wrong'; readonly message: string; readonly place: Place };

/** All must hold; the first one that does not decides. */
export function judge(conditions: readonly Condition[], scope: Scope): Judged {
  for (const condition of conditions) {
    const judged = judgeOne(condition, scope);
    if (judged.kind !== 'true') return judged;
  }
  return { kind: 'true' };
}

function judgeOne(condition: Condition, scope: Scope): Judged {
  const compiled = compile(condition.source, 'condition');
  if (compiled.kind === 'problem')
    return { kind: 'wrong', message: compiled.message, place: condition.place };
  const result = guarded(() => compiled.evaluate(scope));
  if (result.kind === 'unknown') return { kind: 'unknown', why: result.why };
  if (result.kind === 'error')
    return {
      kind: 'wrong',
      message: `${condition.source}: ${result.message}`,
      place: condition.place,
    };
  return result.value === true ? { kind: 'true' } : { kind: 'false', source: condition.source };
}

/** `cause`: a variable that could not be read, which may know its own place. */
export type Rendered =
  | Exclude<Result, { kind: 'error' }>
  | (Extract<Result, { kind: 'error' }> & { readonly cause?: VariableError });

export const render = (value: Value, scope: Scope): Rendered =>
  guarded(() => renderDeep(value, scope));

/** A text part by part, or why it cannot be rendered. */
export const renderedPieces = (
  source: string,
  scopeOf: (source: string) => Scope,
): readonly RenderedPiece[] | Exclude<Rendered, { kind: 'value' }> =>
  guarded(() => renderPieces(source, scopeOf));

/** What an evaluation gives, where a variable that it reads may be unreadable. */
export function guarded<T>(evaluate: () => T): T | Extract<Rendered, { kind: 'error' }> {
  try {
    return evaluate();
  } catch (error) {
    if (error instanceof VariableError)
      return { kind: 'error', message: error.message, cause: error };
    throw error;
  }
}
