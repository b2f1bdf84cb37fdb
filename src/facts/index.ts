// The facts room: what a host is asked, how its answers are read, and what follows from them.
export { derive } from './derive.ts';
export { forecastFact, isClusterWant } from './node.ts';
export { withPrelude } from './prelude.ts';
export { buildProbe, parseProbe } from './probe.ts';
export { areas, factDefs, lifetimeOf } from './registry.ts';
export { isVolatile } from './volatile.ts';
