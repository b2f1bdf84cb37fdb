// The store room: the state directory with runs, journals, locks and commands to running processes.
export { postCommand, takeCommands } from './control.ts';
export { JournalError, JournalWriteError } from './journal.ts';
export { createStore, runDirectory, verifyJournal } from './store.ts';
