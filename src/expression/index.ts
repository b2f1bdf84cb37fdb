// Jinja2 expressions as Ansible reads them, over plain data: no disk, no clock, no prototypes.
export type { Scope } from './compile.ts';
export { type Compiled, compile, type Mode, type SyntaxProblem } from './expression.ts';
export type { FreeName } from './names.ts';
export { startingWith } from './regex/index.ts';
export { filterNames, testNames } from './registry.ts';
export type { Result } from './result.ts';
export { nestFacts, scopeOf } from './scope.ts';
export { compileTemplate, hasTemplate, renderDeep, renderParts, type Template } from './template.ts';
