// Compiles and evaluates in one step, for tests.
import {
  compile,
  compileTemplate,
  type Mode,
  type Result,
  scopeOf,
} from '../../src/expression/index.ts';
import type { Mapping } from '../../src/model/value.ts';

/** A mistake found while compiling counts as an error like one found while running. */
export function outcome(source: string, mode: Mode | 'text', vars: Mapping): Result {
  const compiled = mode === 'text' ? compileTemplate(source) : compile(source, mode);
  if (compiled.kind === 'problem') return { kind: 'error', message: compiled.message };
  return compiled.evaluate(scopeOf(vars));
}

/** The value, or the word for how it ended. */
export function shown(source: string, mode: Mode | 'text', vars: Mapping): unknown {
  const result = outcome(source, mode, vars);
  return result.kind === 'value' ? result.value : result.kind;
}
