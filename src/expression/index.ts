// Evaluates Jinja2 expressions as Ansible does, over plain data: without disk, clock or prototypes.
export type { Scope } from './language/compile.ts';
export { type Compiled, compile, type Mode, type SyntaxProblem } from './language/expression.ts';
export { isUnavailable } from './language/globals.ts';
export type { FreeName } from './language/names.ts';
export type { Result } from './language/result.ts';
export { nestFacts, scopeOf } from './language/scope.ts';
export { compileFile, type FileTemplate } from './language/statements.ts';
export {
  compileTemplate,
  hasTemplate,
  type RenderedPiece,
  renderDeep,
  renderParts,
  renderPieces,
  type Template,
} from './language/template.ts';
export { isLookupKey, type Lookup, lookupKey, lookupNames } from './lookups.ts';
export { strip } from './python/text-methods.ts';
export {
  attempted,
  expand,
  patternProblem,
  regex,
  search,
  startingWith,
  substitute,
} from './regex/index.ts';
export { filterNames, testNames } from './registry.ts';
