// The composition root: builds the real world, runs one command line, sets the exit code.
import { readFileSync } from 'node:fs';
import {
  decryptVault,
  diskFiles,
  diskReader,
  download,
  enterDirectory,
  inspectPackage,
  listenForSignals,
  localHost,
  operatorOf,
  packageRoot,
  progressLines,
  readInput,
  type Signals,
  systemClock,
  terminalAsker,
  trustOf,
} from './adapters/local/index.ts';
import { isDatabase } from './app/session/flags.ts';
import { gatheredWrites } from './cli/terminal/gathered.ts';
import type { OpenView, World } from './cli/world.ts';
import { knownSecrets } from './engine/effects/mask.ts';
import type { PodWitness } from './engine/ports/store.ts';
import { harmless } from './model/text/printable.ts';
import { foldLine, printable, widthOf } from './screens/layout.ts';

declare const __KMEND_VERSION__: string;

const orEmpty = (path: string): string => {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return '';
  }
};

/**
 * `NO_COLOR` turns colours off everywhere, as agreed on no-color.org. `FORCE_COLOR` turns them on
 * where standard output is no terminal.
 */
function hasColour({ NO_COLOR, FORCE_COLOR, TERM }: NodeJS.ProcessEnv): boolean {
  if ((NO_COLOR ?? '') !== '') return false;
  if ((FORCE_COLOR ?? '') !== '') return FORCE_COLOR !== '0' && FORCE_COLOR !== 'false';
  return process.stdout.isTTY === true && TERM !== 'dumb';
}

/**
 * The size of the terminal now. Node's own numbers are those of the last SIGWINCH that it handled: a
 * view that is drawn before that, on a terminal which has folded its rows already, leaves a rest.
 */
function terminalSize(): { readonly columns?: number; readonly rows?: number } {
  const { stdout }: { stdout: NodeJS.WriteStream & { readonly _handle?: unknown } } = process;
  const handle = stdout._handle as { getWindowSize?(size: number[]): number } | undefined;
  const size: number[] = [];
  if (handle?.getWindowSize?.(size) !== 0) return stdout;
  const [columns = stdout.columns, rows = stdout.rows] = size;
  return { columns, rows };
}

/** The live view that is open. It has the lower part of the terminal. */
let view: OpenView | undefined;

const progress = progressLines(process.stderr, widthOf);

const gathered = gatheredWrites();
process.on('exit', gathered.flush);

/** The only way to print: control characters in text of hosts are escaped here. */
const port =
  (stream: NodeJS.WriteStream) =>
  (line: string): void => {
    // On a terminal a row of progress may follow in the same turn.
    if (!stream.isTTY) return gathered.write(stream, `${printable(line)}\n`);
    progress.hide();
    if (view === undefined) stream.write(`${printable(line)}\n`);
    else view.above(printable(line));
  };

/** A terminal gets lines that are folded at its width. JSON stays one line. */
const foldingPort = (stream: NodeJS.WriteStream): ((line: string) => void) => {
  const print = port(stream);
  return (line) => {
    const isFolded = stream.isTTY === true && !line.startsWith('{');
    for (const part of isFolded ? foldLine(line, stream.columns) : [line]) print(part);
  };
};

/** Where kmend runs as a pod: its API server says which other pods are dead. */
const podsAround = async (env: NodeJS.ProcessEnv): Promise<PodWitness | undefined> =>
  env.KUBERNETES_SERVICE_HOST === undefined
    ? undefined
    : (await import('./adapters/kube/index.ts')).createPodWitness({
        env,
        clock: systemClock,
        bootId: orEmpty('/proc/sys/kernel/random/boot_id'),
      });

/** Ports that few commands open: each is loaded when it is asked for. */
const outsidePorts = (signals: Signals) =>
  ({
    webServer: async (needs) => {
      signals.listen();
      return (await import('./adapters/web/index.ts')).createWebServer(needs);
    },
    notifier: async () =>
      (await import('./adapters/outside/notify.ts')).createNotifier({ env: process.env }),
    forwarder: async (target, warn) =>
      (await import('./adapters/outside/notify.ts')).createForwarder(target, warn),
    forecaster: async () =>
      (await import('./adapters/local/forecast/forecaster.ts')).createForecaster(systemClock.now),
    gates: async (cluster) =>
      (await import('./adapters/outside/gates.ts')).createGates(cluster, { env: process.env }),
  }) satisfies Partial<World>;

function makeWorld(signals: Signals, err: World['err']): World {
  const env = process.env;
  const { home, who } = operatorOf(env);
  const trust = trustOf(env, process.argv[1] ?? '');
  const reader = diskReader(trust);
  return {
    version: __KMEND_VERSION__,
    out: foldingPort(process.stdout),
    data: port(process.stdout),
    err,
    progress: progress.show,
    endProgress: progress.end,
    isTerminal: process.stdout.isTTY === true && env.TERM !== 'dumb',
    colour: hasColour(env),
    width: () => terminalSize().columns ?? Number(env.COLUMNS ?? 140),
    height: () => terminalSize().rows ?? 24,
    view: (next) => {
      view = next;
    },
    env,
    cwd: process.cwd(),
    enter: enterDirectory,
    home,
    who,
    ownBootId: orEmpty('/proc/sys/kernel/random/boot_id'),
    program: process.argv[1] ?? '',
    packageRoot: packageRoot(process.argv[1] ?? ''),
    secrets: knownSecrets(),
    reader,
    decryptVault,
    readInput,
    trust,
    files: diskFiles,
    clock: systemClock,
    localHost,
    inspectPackage,
    download,
    asker: terminalAsker(
      { input: process.stdin, output: process.stderr },
      signals.stop,
      () => view?.ask,
    ),
    stop: signals.stop,
    kill: signals.kill,
    underWay: (work) => {
      signals.listen();
      return signals.underWay(work);
    },
    modules: async () => (await import('./modules/index.ts')).modules,
    store: async ({ state, stateDir }) =>
      isDatabase(state)
        ? (await import('./adapters/postgres/index.ts')).createPostgresStore(state, {
            packagePath: (await import('./adapters/store/index.ts')).packagesIn(stateDir),
          })
        : (await import('./adapters/store/index.ts')).createStore(
            state,
            systemClock.now,
            await podsAround(env),
            trust.judge,
          ),
    stateDatabase: () => import('./adapters/postgres/index.ts'),
    transport: async (needs) => {
      signals.listen();
      return (await import('./adapters/ssh/index.ts')).createTransport({ ...needs, home, env });
    },
    cluster: async ({ kubeconfigs, ...needs }) => {
      signals.listen();
      const { createCluster, readKubeconfigs } = await import('./adapters/kube/index.ts');
      const { parsePlain } = await import('./load/text/yaml-data.ts');
      const files = readKubeconfigs(kubeconfigs, reader.readText);
      if (!files.ok) return files;
      return createCluster({
        kubeconfigs: files.value,
        parseYaml: parsePlain,
        env,
        clock: systemClock,
        judge: trust.judge,
        ...needs,
      });
    },
    kubeconfigPaths: async (flag) =>
      (await import('./adapters/kube/index.ts')).kubeconfigPaths(env, home, flag),
    inventoryFromNodes: async (nodes) => {
      const { inventoryFromNodes } = await import('./adapters/kube/index.ts');
      return (await import('./load/text/yaml-data.ts')).stringifyPlain(inventoryFromNodes(nodes));
    },
    ...outsidePorts(signals),
  };
}

process.stdout.on('resize', () => view?.changed());
// A closed pipe (`kmend runs | head`) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

// Node prints an uncaught error. Its message may hold text of a host, so it is made harmless; its
// frames stay.
process.on('uncaughtExceptionMonitor', (error) => {
  if (!(error instanceof Error)) return;
  const { message, stack = message } = error;
  const places = stack.slice(stack.indexOf(message) + message.length).split('\n');
  error.stack =
    harmless(`${error.name}: ${message}`) + places.map((place) => `\n${harmless(place)}`).join('');
});

async function main(): Promise<void> {
  const { runCommandLine } = await import('./cli/program.ts');
  const err = foldingPort(process.stderr);
  const signals = listenForSignals(err, (exit) => process.exit(exit));
  const exit = await runCommandLine(process.argv.slice(2), makeWorld(signals, err));
  process.exitCode = signals.exit() ?? exit;
  // A child of a gate or a plugin may hold a pipe open. After a signal kmend does not wait for it.
  if (signals.stop.aborted) setTimeout(() => process.exit(), 200).unref();
}

void main();
