// A practice fleet in a process of its own: `kmend lab up`, `list` and `down`.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createFleet, type FleetOptions } from './fleet.ts';

export interface LabInfo {
  readonly pid: number;
  /** Kernel's start time of that process: a later process may have the same number. */
  readonly started: string;
  readonly inventoryFile: string;
  readonly hosts: readonly {
    readonly name: string;
    readonly address: string;
    readonly port: number;
    readonly flavour: string;
  }[];
}

/** Milliseconds from SIGTERM to SIGKILL. */
const stopTime = 10_000;

const infoFile = (dir: string): string => join(dir, 'lab.json');

/**
 * Field 22 of /proc/PID/stat, or '' without such a process. The program's name in parentheses
 * before it may contain blanks.
 */
function startTime(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return '';
  }
}

/** Undefined where the file is not there: the fleet removes it when it ends, at any moment. */
function readOr(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** The fleet of this directory, if its process runs. */
function labInfo(dir: string): LabInfo | undefined {
  const text = readOr(infoFile(dir));
  if (text === undefined) return undefined;
  const info = JSON.parse(text) as LabInfo;
  return info.started !== '' && startTime(info.pid) === info.started ? info : undefined;
}

/** Runs a fleet in this process until the signal fires. For the process that `labUp` starts. */
export async function serveLab(options: FleetOptions, signal: AbortSignal): Promise<void> {
  const fleet = await createFleet(options);
  const info: LabInfo = {
    pid: process.pid,
    started: startTime(process.pid),
    inventoryFile: fleet.inventoryFile,
    hosts: fleet.hosts.map(({ name, address, port, spec }) => ({
      name,
      address,
      port,
      flavour: spec.flavour,
    })),
  };
  // Renamed into place: `labUp` waits for this file, and must never read half of it.
  writeFileSync(`${infoFile(options.dir)}.new`, `${JSON.stringify(info, undefined, 2)}\n`);
  renameSync(`${infoFile(options.dir)}.new`, infoFile(options.dir));
  await new Promise<void>((done) =>
    signal.aborted ? done() : signal.addEventListener('abort', () => done(), { once: true }),
  );
  rmSync(infoFile(options.dir), { force: true });
  await fleet.close();
}

export interface LabUpOptions {
  /** The command that runs `serveLab` for the same directory. */
  readonly command: string;
  readonly args: readonly string[];
  /** Milliseconds that the fleet may take to start; default 20,000. */
  readonly timeLimit?: number;
}

/** Starts a fleet in the background and waits until it is up. A running fleet stays as it is. */
export async function labUp(
  dir: string,
  options: LabUpOptions,
): Promise<{ readonly info: LabInfo; readonly wasUp: boolean }> {
  const running = labInfo(dir);
  if (running) return { info: running, wasUp: true };
  mkdirSync(dir, { recursive: true });
  rmSync(infoFile(dir), { force: true });
  const log = openSync(join(dir, 'lab.log'), 'w');
  const child = spawn(options.command, options.args, {
    detached: true,
    stdio: ['ignore', log, log],
  });
  child.on('error', () => undefined); // it has no pid then
  child.unref();
  const timeLimit = options.timeLimit ?? 20_000;
  for (let waited = 0; waited < timeLimit && isRunning(child); waited += 50) {
    const info = labInfo(dir);
    if (info) return { info, wasUp: false };
    await sleep(50);
  }
  await stop(child);
  throw new Error(
    `the practice fleet did not start; ${join(dir, 'lab.log')} says:\n${readFileSync(join(dir, 'lab.log'), 'utf8').slice(-2000)}`,
  );
}

const isRunning = (child: ChildProcess): boolean =>
  child.pid !== undefined && child.exitCode === null && child.signalCode === null;

/** A process that did not start its fleet in time would serve it later, unknown to everybody. */
async function stop(child: ChildProcess): Promise<void> {
  child.kill('SIGTERM');
  for (let waited = 0; waited < stopTime && isRunning(child); waited += 50) await sleep(50);
  if (isRunning(child)) child.kill('SIGKILL');
}

/** The hosts and whether each one answers now. Undefined when no fleet is up. */
export async function labList(
  dir: string,
): Promise<readonly (LabInfo['hosts'][number] & { readonly answers: boolean })[] | undefined> {
  const info = labInfo(dir);
  return (
    info &&
    Promise.all(
      info.hosts.map(async (host) => ({
        ...host,
        answers: await answers(host.address, host.port),
      })),
    )
  );
}

const answers = (address: string, port: number): Promise<boolean> =>
  new Promise((done) => {
    const socket = connect({ host: address, port, timeout: 1000 });
    const end = (value: boolean) => () => {
      socket.destroy();
      done(value);
    };
    socket.once('connect', end(true)).once('error', end(false)).once('timeout', end(false));
  });

/** Stops the fleet; false when none was up. Its files stay, for the operator to read. */
export async function labDown(dir: string): Promise<boolean> {
  const info = labInfo(dir);
  if (!info) return false;
  process.kill(info.pid, 'SIGTERM');
  for (let waited = 0; waited < stopTime && labInfo(dir); waited += 50) await sleep(50);
  if (startTime(info.pid) === info.started && labInfo(dir)) process.kill(info.pid, 'SIGKILL');
  return true;
}
