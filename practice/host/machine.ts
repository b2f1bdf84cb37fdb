// One practice host: its directory tree, its running system, and small file operations for the
// other files here.
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { FaultName, Faults, HostSpec } from '../spec.ts';

/**
 * A memory group that is or was accounted in this boot: it keeps its id in the kernel until the
 * next one.
 */
export interface AccountedGroup {
  readonly id: number;
  readonly name: string;
}

/** What ends with a boot. */
export interface Running {
  readonly bootId: string;
  /** Epoch seconds, by the host's own clock. */
  readonly bootTime: number;
  readonly kernel: string;
  readonly cmdline: string;
  readonly units: Set<string>;
  /** Id of the next memory group, and those that were ever accounted. */
  nextGroup: number;
  accounted: readonly AccountedGroup[];
}

export interface Machine {
  readonly spec: HostSpec;
  /**
   * Its folder: `root` is the tree (KMEND_ROOT); `ctl` has the state of the emulated kernel and
   * firmware.
   */
  readonly dir: string;
  readonly root: string;
  readonly faults: Map<FaultName, unknown>;
  running: Running;
  /** How often it has booted. */
  boots: number;
}

/** The value of a fault that is set. */
export const fault = <K extends FaultName>(machine: Machine, name: K): Faults[K] | undefined =>
  // The map is only filled through `set`, whose signature ties name and value.
  machine.faults.get(name) as Faults[K] | undefined;

/** A path of the host as a path of this machine. */
export const at = (machine: Machine, path: string): string => join(machine.root, path);

export function put(machine: Machine, path: string, text: string, mode = 0o644): void {
  const file = at(machine, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text, { mode });
}

/** The text of a file of the host; empty when it is not there. */
export function read(machine: Machine, path: string): string {
  return existsSync(at(machine, path)) ? readFileSync(at(machine, path), 'utf8') : '';
}

export const has = (machine: Machine, path: string): boolean => existsSync(at(machine, path));

export const remove = (machine: Machine, path: string): void =>
  rmSync(at(machine, path), { recursive: true, force: true });

export function link(machine: Machine, path: string, target: string): void {
  const file = at(machine, path);
  mkdirSync(dirname(file), { recursive: true });
  rmSync(file, { force: true });
  symlinkSync(target, file);
}

/**
 * State of the emulated kernel and firmware. It is outside the tree, because no program of a host
 * reads it as a file.
 */
export function control(machine: Machine, name: string, text: string | undefined): void {
  const file = join(machine.dir, 'ctl', name);
  mkdirSync(dirname(file), { recursive: true });
  if (text === undefined) rmSync(file, { force: true });
  else writeFileSync(file, text);
}

/** Epoch seconds by the host's own clock, which may be wrong. */
export const hostClock = (machine: Machine): number =>
  Math.floor(Date.now() / 1000) + (fault(machine, 'clock') ?? 0);

/** A sleeping process, with its name in both files that have it. */
export function putName(machine: Machine, pid: number, name: string): void {
  put(machine, `/proc/${pid}/comm`, `${name}\n`);
  put(machine, `/proc/${pid}/stat`, `${pid} (${name}) S 1 ${pid} ${pid} 0 -1 4194560\n`);
}
