// A fleet that stands for a while in a process of its own: what is behind `kmend lab up`, `list`
// and `down`.
import { spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createFleet, type FleetOptions } from './fleet.ts';

export interface LabInfo {
  readonly pid: number;
  /** Kernel's start time of that process: the same number may later be another process. */
  readonly started: string;
  readonly inventoryFile: string;
  readonly hosts: readonly {
    readonly name: string;
    readonly address: string;
    readonly port: number;
    readonly flavour: string;
  }[];
}

const infoFile = (dir: string): string => join(dir, 'lab.json');

/**
 * Field 22 of /proc/PID/stat; the words in parentheses before it may hold blanks. Empty when there
 * is no such process.
 */
function startTime(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return '';
  }
}

/** The fleet that stands under this directory, if its process lives. */
function labInfo(dir: string): LabInfo | undefined {
  if (!existsSync(infoFile(dir))) return undefined;
  const info = JSON.parse(readFileSync(infoFile(dir), 'utf8')) as LabInfo;
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
  // Renamed into place: whoever waits for it never reads half of it.
  writeFileSync(`${infoFile(options.dir)}.new`, `${JSON.stringify(info, undefined, 2)}\n`);
  renameSync(`${infoFile(options.dir)}.new`, infoFile(options.dir));
  await new Promise<void>((done) =>
    signal.aborted ? done() : signal.addEventListener('abort', () => done(), { once: true }),
  );
  rmSync(infoFile(options.dir), { force: true });
  await fleet.close();
}

export interface LabUpOptions {
  /** The program and words that end up in `serveLab` for the same directory. */
  readonly command: string;
  readonly args: readonly string[];
  /** Milliseconds to wait for it; default 20,000. */
  readonly patience?: number;
}

/**
 * Starts a fleet in the background and waits until it stands. One that stands already is left as it
 * is.
 */
export async function labUp(
  dir: string,
  options: LabUpOptions,
): Promise<{ readonly info: LabInfo; readonly wasUp: boolean }> {
  const standing = labInfo(dir);
  if (standing) return { info: standing, wasUp: true };
  mkdirSync(dir, { recursive: true });
  rmSync(infoFile(dir), { force: true });
  const log = openSync(join(dir, 'lab.log'), 'w');
  const child = spawn(options.command, options.args, {
    detached: true,
    stdio: ['ignore', log, log],
  });
  let ended = false;
  child.on('error', () => (ended = true));
  child.on('exit', () => (ended = true));
  child.unref();
  for (let waited = 0; waited < (options.patience ?? 20_000) && !ended; waited += 50) {
    const info = labInfo(dir);
    if (info) return { info, wasUp: false };
    await sleep(50);
  }
  throw new Error(
    `the practice fleet did not start; its own words are in ${join(dir, 'lab.log')}:\n${readFileSync(join(dir, 'lab.log'), 'utf8').slice(-2000)}`,
  );
}

/** The hosts and whether each one answers now. Undefined when no fleet stands there. */
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

/** Ends the fleet; false when none stood there. Its files stay for a look. */
export async function labDown(dir: string): Promise<boolean> {
  const info = labInfo(dir);
  if (!info) return false;
  process.kill(info.pid, 'SIGTERM');
  for (let waited = 0; waited < 10_000 && labInfo(dir); waited += 50) await sleep(50);
  if (startTime(info.pid) === info.started && labInfo(dir)) process.kill(info.pid, 'SIGKILL');
  return true;
}
