// The facts room: the questions to a host, the parsers of its answers, and the facts that follow.

export { factDefs, isVolatile, lifetimeOf } from '../model/facts/table.ts';
export type { Area } from './area.ts';
export { forecastFact, isClusterWant } from './areas/host/node.ts';
export { looksIn, withoutLook } from './areas/packages/package.ts';
export { derive, deriveLazily, mayFollow } from './derive.ts';
export { type DeclaredFacts, givenFacts, type SeenKernel, type SeenKernels } from './given.ts';
export { addReading, baselineOf, readingOf } from './kmem/ids.ts';
export { newAnswer, parsedByTable } from './kmem/kernel-answer.ts';
export { leftOpen } from './kmem/partial.ts';
export { longestAnswer } from './limits.ts';
export { outputsIn } from './probe/outputs.ts';
export { withPrelude } from './probe/prelude.ts';
export { buildProbe, parseProbe } from './probe/probe.ts';
export { areas, checkWants, wantsNamedIn } from './probe/registry.ts';
