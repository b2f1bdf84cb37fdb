// Compiles and evaluates in one step, for tests.
import {
  compile,
  compileTemplate,
  type Mode,
  type Result,
  scopeOf,
} from '../../src/expression/index.ts';
import type { Mapping } from '../../src/model/value.ts';

/** Evaluates an expression; an error of compiling counts like an error of the run. */
export function outcome(source: string, mode: Mode | 'text', vars: Mapping): Result {
  const compiled = mode === 'text' ? compileTemplate(source) : compile(source, mode);
  if (compiled.kind === 'problem') return { kind: 'error', message: compiled.message };
  return compiled.evaluate(scopeOf(vars));
}

/** The value, or the kind of a result without value: `error` or `unknown`. */
export function shown(source: string, mode: Mode | 'text', vars: Mapping): unknown {
  const result = outcome(source, mode, vars);
  return result.kind === 'value' ? result.value : result.kind;
}
