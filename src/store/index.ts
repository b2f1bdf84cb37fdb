// The store room: the state directory with runs, journals, locks and commands to running processes.
export { postCommand, takeCommands } from './control.ts';
export { DamagedError, JournalError, StateRefusal, StateWriteError, writing } from './errors.ts';
export { createStore, runDirectory, scanEvents } from './store.ts';
