// The practice fleet: hosts in this process, each with a port on loopback, a directory tree, a
// power button and faults to set.
import { execFile } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import ssh2 from 'ssh2';
import { quote } from '../src/model/text/quote.ts';
import type { World } from './emulated/answer.ts';
import { emulatedTools } from './emulated/index.ts';
import { boot } from './host/boot.ts';
import { type Call, type Reply, serveCalls } from './host/calls.ts';
import { createHostServer, type HostServer, loopback } from './host/host-server.ts';
import { control, fault, type Machine, put, putName, remove } from './host/machine.ts';
import { age, makeHost } from './host/make-host.ts';
import { killProcesses } from './host/processes.ts';
import { inventoryOf, knownHostsOf } from './inventory.ts';
import { newKeyPair } from './keys.ts';
import { choosePorts } from './ports.ts';
import type { FaultName, Faults, HostSpec } from './spec.ts';
import { environment, putTools } from './tools.ts';

export interface FleetOptions {
  /** Everything of the fleet lies below it; what was there is removed. */
  readonly dir: string;
  readonly hosts: readonly HostSpec[];
  /** Seconds that a reboot takes; default 1. */
  readonly downSeconds?: number;
  /** Port of the first host; the others follow. 0 (default) = any free ones. */
  readonly port0?: number;
}

export interface FleetHost {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly spec: HostSpec;
  /** The host's tree on this machine: what `/` is to it. */
  readonly root: string;
  /** How often it has booted, and what runs now. */
  readonly boots: () => number;
  readonly bootId: () => string;
  readonly kernel: () => string;
  readonly isUp: () => boolean;
}

export interface Fleet {
  readonly dir: string;
  /** YAML: addresses, ports, key and known hosts of all hosts. */
  readonly inventoryText: string;
  /** The same in a file; it names `known_hosts` beside it. */
  readonly inventoryFile: string;
  readonly knownHostsText: string;
  /** Private key that logs in to every host. */
  readonly keyFile: string;
  readonly hosts: readonly FleetHost[];
  /**
   * Cuts the power and gives it back after the host's down time, also to one that never came back.
   */
  readonly power: (name: string) => void;
  /** Sets a fault; `undefined` takes it away. */
  readonly set: <K extends FaultName>(name: string, what: K, value: Faults[K] | undefined) => void;
  readonly close: () => Promise<void>;
}

/** One host with its moving parts. */
interface Member {
  readonly machine: Machine;
  readonly port: number;
  readonly server: HostServer;
  hostKey: string;
  up: boolean;
  /** Raised at each power cut: what waits for an older one gives up. */
  power: number;
}

const newKey = (): string => newKeyPair().private;

export async function createFleet(options: FleetOptions): Promise<Fleet> {
  const dir = resolve(options.dir);
  const roots = options.hosts.map((spec) => join(dir, spec.name, 'root'));
  killProcesses(roots);
  rmSync(join(dir, 'calls'), { recursive: true, force: true });
  mkdirSync(dir, { recursive: true });
  const tools = putTools(dir);
  const keyFile = join(dir, 'id');
  const key = newKeyPair();
  writeFileSync(keyFile, key.private, { mode: 0o600 });
  const allowed = ssh2.utils.parseKey(key.public);
  if (allowed instanceof Error) throw allowed;
  const ports = await choosePorts(options.hosts.length, options.port0 ?? 0);
  const members = options.hosts.map((spec, i): Member => {
    const [machine, port, hostKey] = [
      makeHost(spec, join(dir, spec.name)),
      ports[i] ?? 0,
      newKey(),
    ];
    const env = environment(machine, tools);
    const server = createHostServer({
      machine,
      port,
      hostKey,
      allowed,
      env,
      forwardsTo: (there) => ports.includes(there),
    });
    return { machine, port, server, hostKey, up: false, power: 0 };
  });
  const member = (name: string): Member => {
    const found = members.find(({ machine }) => machine.spec.name === name);
    if (!found) throw new Error(`the practice fleet has no host ${name}`);
    return found;
  };
  const downSeconds = options.downSeconds ?? 1;
  const world = makeWorld(members, downSeconds);
  const calls = serveCalls(join(dir, 'calls'), (call) => serve(members, world, call));
  for (const one of members) await powerUp(one, age.booted, world);
  const knownHosts = join(dir, 'known_hosts');
  const inventoryText = inventoryOf(options.hosts, ports, keyFile, knownHosts);
  writeFileSync(knownHosts, knownHostsOf(members));
  writeFileSync(join(dir, 'inventory.yaml'), inventoryText);

  return {
    dir,
    inventoryText,
    inventoryFile: join(dir, 'inventory.yaml'),
    knownHostsText: knownHostsOf(members),
    keyFile,
    hosts: members.map((one) => ({
      name: one.machine.spec.name,
      address: loopback,
      port: one.port,
      spec: one.machine.spec,
      root: one.machine.root,
      boots: () => one.machine.boots,
      bootId: () => one.machine.running.bootId,
      kernel: () => one.machine.running.kernel,
      isUp: () => one.up,
    })),
    power: (name) => {
      const one = member(name);
      one.machine.faults.delete('never');
      cycle(one, downSeconds, world);
    },
    set: (name, what, value) => setFault(member(name).machine, what, value),
    close: async () => {
      for (const one of members) powerDown(one);
      calls.close();
      killProcesses(roots);
      await sleep(0);
    },
  };
}

/** Faults that stand-ins in sh see, as files beside the tree. */
function setFault(machine: Machine, what: FaultName, value: unknown): void {
  if (value === undefined || value === false) machine.faults.delete(what);
  else machine.faults.set(what, value);
  if (what === 'full') control(machine, 'full', value ? '' : undefined);
  if (what === 'clock')
    control(machine, 'clock', typeof value === 'number' ? `${value}\n` : undefined);
  if (what === 'sudo') control(machine, 'sudo', `${value ?? 'nopasswd'}\n`);
  if (what === 'lock' && value) {
    putName(machine, 4711, 'yum');
    put(machine, '/var/run/yum.pid', '4711\n');
  }
  if (what === 'lock' && !value) {
    remove(machine, '/proc/4711');
    remove(machine, '/var/run/yum.pid');
  }
}

// ---- power ----

async function powerUp(one: Member, daysAgo: number, world: World): Promise<void> {
  const { machine, server } = one;
  if (machine.boots > 0) machine.faults.delete('lock'); // nobody's transaction outlives a reboot
  if (machine.faults.has('newkey') && machine.boots > 0) {
    machine.faults.delete('newkey');
    one.hostKey = newKey();
    server.newKey(one.hostKey);
  }
  if (!boot(machine, daysAgo)) return;
  for (const [name, value] of machine.faults) setFault(machine, name, value);
  if (machine.spec.closed) return;
  const power = one.power;
  await openPort(one, power);
  one.up = true;
  const loop = fault(machine, 'loop');
  if (loop && loop.times > 0 && machine.boots > 1) {
    machine.faults.set('loop', { ...loop, times: loop.times - 1 });
    setTimeout(() => one.power === power && world.reboot(machine), loop.seconds * 1000).unref();
  }
}

/** The port was ours a moment ago; somebody may have taken it while the host was down. */
async function openPort(one: Member, power: number): Promise<void> {
  for (let tries = 0; one.power === power; tries++) {
    try {
      return await one.server.open();
    } catch (error) {
      if (tries >= 50) throw error;
      await sleep(100);
    }
  }
}

function powerDown(one: Member): void {
  one.power += 1;
  one.up = false;
  one.server.cut();
  killProcesses([one.machine.root]);
}

function cycle(one: Member, downSeconds: number, world: World): void {
  powerDown(one);
  if (fault(one.machine, 'never')) return;
  const power = one.power;
  const down = fault(one.machine, 'down') ?? downSeconds;
  setTimeout(
    () => one.power === power && void powerUp(one, 0, world),
    Math.min(down * 1000, 2 ** 31 - 1),
  ).unref();
}

/**
 * Milliseconds between `reboot` being asked for and the end of everything: systemd takes its time
 * too, and the answer must get out.
 */
const shutdownTime = 150;

function makeWorld(members: readonly Member[], downSeconds: number): World {
  const of = (machine: Machine): Member | undefined =>
    members.find((one) => one.machine === machine);
  const later = (machine: Machine, act: (one: Member) => void): void => {
    const one = of(machine);
    const power = one?.power;
    setTimeout(() => one && one.power === power && act(one), shutdownTime).unref();
  };
  const world: World = {
    reboot: (machine) => later(machine, (one) => cycle(one, downSeconds, world)),
    powerOff: (machine) => later(machine, powerDown),
    pause: async (machine, seconds) => {
      const power = of(machine)?.power;
      await sleep(seconds * 1000);
      return of(machine)?.power === power;
    },
    source: (machine, files, names) => source(machine, files, names),
  };
  return world;
}

/** Sourced by a real shell: the defaults files are shell, with all that this allows. */
function source(
  machine: Machine,
  files: readonly string[],
  names: readonly string[],
): Promise<readonly string[]> {
  const reads = files
    .map((file) => `for f in ${quote(machine.root)}${file}; do [ ! -r "$f" ] || . "$f"; done`)
    .join('\n');
  const prints = names.map((name) => `printf '%s\\0' "$${name}"`).join('\n');
  return new Promise((resolve) => {
    execFile(
      '/bin/sh',
      ['-c', `${reads}\n${prints}`],
      { env: { PATH: '/usr/bin:/bin' } },
      (_error, out) => resolve(out.split('\0')),
    );
  });
}

async function serve(
  members: readonly Member[],
  world: World,
  call: Call,
): Promise<Reply | undefined> {
  const one = members.find(({ machine }) => machine.root === call.root);
  const standIn = emulatedTools.get(call.program);
  if (!one || !standIn) return { code: 127, err: `${call.program}: not found\n` };
  const power = one.power;
  const reply = await standIn(one.machine, call.args, world);
  return one.power === power ? reply : undefined;
}
