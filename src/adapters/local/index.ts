// The local room: this machine's disk, clock, terminal and signals, behind the ports.
export { systemClock } from './clock.ts';
export { diskFiles, diskReader, enterDirectory } from './disk.ts';
export { type Download, download } from './download.ts';
export { readInput } from './input.ts';
export { localHost } from './local-host.ts';
export { operatorOf } from './operator.ts';
export { type Inspected, type InspectedFile, inspectPackage } from './package-file.ts';
export { packageRoot } from './package-root.ts';
export { progressLines } from './progress.ts';
export { listenForSignals, type Signals } from './signals.ts';
export { terminalAsker } from './terminal-asker.ts';
export { type Trust, trustOf } from './trust.ts';
export { decryptVault } from './vault/decrypt.ts';
