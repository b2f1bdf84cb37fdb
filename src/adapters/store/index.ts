// The store room: the state directory with runs, journals, locks and commands to running processes.
export { commandsFor, postCommand } from './control.ts';
export { judgeHolder, ownHolder } from './locks/holder.ts';
export { writing } from './owned.ts';
export { packagesIn, runDirectory } from './paths.ts';
export { prunedRuns, pruneRuns } from './prune.ts';
export { readRuns } from './run-index.ts';
export { createStore } from './store.ts';
