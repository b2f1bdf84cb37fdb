// The world of a command line in a test: the real disk, clock, store and SSH; output is kept, and
// signals are sent by calling.
import { setMaxListeners } from 'node:events';
import { kubeconfigPaths } from '../../src/adapters/kube/index.ts';
import { createForecaster } from '../../src/adapters/local/forecast/forecaster.ts';
import {
  decryptVault,
  diskFiles,
  diskReader,
  download,
  enterDirectory,
  inspectPackage,
  localHost,
  systemClock,
  trustOf,
} from '../../src/adapters/local/index.ts';
import { createGates } from '../../src/adapters/outside/gates.ts';
import { createForwarder, createNotifier } from '../../src/adapters/outside/notify.ts';
import * as postgres from '../../src/adapters/postgres/index.ts';
import { createTransport } from '../../src/adapters/ssh/index.ts';
import { createStore, packagesIn } from '../../src/adapters/store/index.ts';
import { createWebServer } from '../../src/adapters/web/index.ts';
import { isDatabase } from '../../src/app/session/flags.ts';
import { runCommandLine } from '../../src/cli/program.ts';
import type { World } from '../../src/cli/world.ts';
import { knownSecrets } from '../../src/engine/effects/mask.ts';
import { modules } from '../../src/modules/index.ts';
import { printable } from '../../src/screens/layout.ts';

export interface CommandResult {
  readonly exit: number;
  readonly out: string;
  readonly err: string;
}

export interface RunningCommand {
  readonly result: Promise<CommandResult>;
  /** What was printed so far. */
  readonly out: () => string;
  /** As a first and a second signal would. */
  readonly stop: (signal: string) => void;
  readonly kill: () => void;
}

/** Changes to the world of one command. */
export type WorldChanges = Partial<World> & { readonly home: string };

/** The world of a command, and how to see and to end it. */
export interface TestWorld extends Omit<RunningCommand, 'result'> {
  readonly world: World;
  readonly err: () => string;
}

export function testWorld(changes: WorldChanges): TestWorld {
  const out: string[] = [];
  const err: string[] = [];
  const stop = new AbortController();
  const kill = new AbortController();
  setMaxListeners(0, stop.signal, kill.signal);
  const { home } = changes;
  const trust = trustOf({}, '');
  const world: World = {
    version: '0.0.0-test',
    out: (line) => void out.push(printable(line)),
    data: (line) => void out.push(printable(line)),
    err: (line) => void err.push(printable(line)),
    progress: () => {},
    endProgress: () => {},
    isTerminal: false,
    colour: false,
    width: () => 140,
    height: () => 40,
    view: () => {},
    env: {},
    cwd: home,
    enter: enterDirectory,
    who: 'eve',
    ownBootId: 'boot id of the machine that runs the test',
    secrets: knownSecrets(),
    reader: diskReader(trust),
    decryptVault,
    readInput: async () => '',
    trust,
    files: diskFiles,
    clock: systemClock,
    localHost,
    inspectPackage,
    download,
    asker: { attended: false, confirm: async () => false, secret: async () => '' },
    stop: stop.signal,
    kill: kill.signal,
    underWay: (work) => work(),
    modules: async () => modules,
    store: async ({ state, stateDir }) =>
      isDatabase(state)
        ? postgres.createPostgresStore(state, { packagePath: packagesIn(stateDir) })
        : createStore(state, systemClock.now, undefined, trust.judge),
    stateDatabase: async () => postgres,
    transport: async (needs) => createTransport({ ...needs, home, env: {} }),
    cluster: async () => {
      throw new Error('no cluster in this test');
    },
    kubeconfigPaths: async (flag) => kubeconfigPaths({}, home, flag),
    inventoryFromNodes: async () => '',
    webServer: createWebServer,
    notifier: async () => createNotifier({ env: process.env }),
    forwarder: async (target, warn) => createForwarder(target, warn),
    forecaster: async () => createForecaster(systemClock.now),
    gates: async (cluster) => createGates(cluster),
    program: '',
    packageRoot: process.cwd(),
    ...changes,
  };
  return {
    world,
    out: () => out.join('\n'),
    err: () => err.join('\n'),
    stop: (signal) => stop.abort(signal),
    kill: () => kill.abort(),
  };
}

export function startCommand(args: readonly string[], changes: WorldChanges): RunningCommand {
  const { world, out, err, stop, kill } = testWorld(changes);
  const result = runCommandLine(args, world).then((exit) => ({ exit, out: out(), err: err() }));
  return { result, out, stop, kill };
}

export const command = (args: readonly string[], changes: WorldChanges): Promise<CommandResult> =>
  startCommand(args, changes).result;
