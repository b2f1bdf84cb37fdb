// The facts room: what a host is asked, how its answers are read, and what follows from them.
export { derive } from './derive.ts';
export { type DeclaredFacts, givenFacts, type SeenKernel, type SeenKernels } from './given.ts';
export { addReading, baselineOf, type IdReading, readingOf } from './kmem/ids.ts';
export { newAnswer, parsedByTable } from './kmem/kernel-answer.ts';
export { leftOpen } from './kmem/partial.ts';
export { longestAnswer } from './limits.ts';
export { forecastFact, isClusterWant } from './node.ts';
export { outputsIn } from './outputs.ts';
export { withPrelude } from './prelude.ts';
export { buildProbe, parseProbe } from './probe.ts';
export { areas, checkWants, factDefs, lifetimeOf, wantsNamedIn } from './registry.ts';
export { isVolatile } from './volatile.ts';
