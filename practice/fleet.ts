// The practice fleet: hosts in this process, each with a port on loopback, a directory tree, a
// power button and faults to set.
import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import ssh2 from 'ssh2';
import { quote } from '../src/model/text/quote.ts';
import type { World } from './emulated/answer.ts';
import { emulatedTools } from './emulated/index.ts';
import { type Call, type Reply, serveCalls } from './host/calls.ts';
import { createHostServer, loopback } from './host/host-server.ts';
import type { Machine } from './host/machine.ts';
import { age, makeHost } from './host/make-host.ts';
import { killProcesses } from './host/processes.ts';
import { inventoryOf, knownHostsOf } from './inventory.ts';
import { type KeyPair, newKeyPair } from './keys.ts';
import { holdPorts } from './ports.ts';
import {
  cycle,
  type Member,
  makeWorld,
  newHostKey,
  powerDown,
  powerUp,
  setFault,
} from './power.ts';
import type { FaultName, Faults, HostSpec } from './spec.ts';
import { environment, putTools } from './tools.ts';

export interface FleetOptions {
  /** The fleet's directory; its old contents are removed. */
  readonly dir: string;
  readonly hosts: readonly HostSpec[];
  /** Seconds that a reboot takes; default 1. */
  readonly downSeconds?: number;
}

export interface FleetHost {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly spec: HostSpec;
  /** The host's tree on this machine: what `/` is to it. */
  readonly root: string;
  /** Number of boots, and the running system. */
  readonly boots: () => number;
  readonly bootId: () => string;
  readonly kernel: () => string;
  readonly isUp: () => boolean;
}

export interface Fleet {
  readonly dir: string;
  /** YAML: addresses, ports, key and known hosts of all hosts. */
  readonly inventoryText: string;
  /** The same in a file, which names `known_hosts` beside it. */
  readonly inventoryFile: string;
  readonly knownHostsText: string;
  /** Private key that logs in to every host. */
  readonly keyFile: string;
  readonly hosts: readonly FleetHost[];
  /**
   * Cuts the power and switches it on after the host's down time, also for one that never came back.
   */
  readonly power: (name: string) => void;
  /** Sets a fault; `undefined` takes it away. */
  readonly set: <K extends FaultName>(name: string, what: K, value: Faults[K] | undefined) => void;
  readonly close: () => Promise<void>;
}

export async function createFleet(options: FleetOptions): Promise<Fleet> {
  const dir = resolve(options.dir);
  const roots = options.hosts.map((spec) => join(dir, spec.name, 'root'));
  killProcesses(roots);
  mkdirSync(dir, { recursive: true });
  const keyFile = join(dir, 'id');
  const key = newKeyPair();
  writeFileSync(keyFile, key.private, { mode: 0o600 });
  const held = await holdPorts(options.hosts.length);
  const members = makeMembers(options.hosts, dir, held.ports, key);
  const downSeconds = options.downSeconds ?? 1;
  const world = makeWorld(members, downSeconds, source);
  const calls = serveCalls(join(dir, 'calls'), (call) => serve(members, world, call));
  const close = async (): Promise<void> => {
    for (const one of members) powerDown(one);
    held.release();
    calls.close();
    killProcesses(roots);
    await sleep(0);
  };
  try {
    for (const one of members) await powerUp(one, age.booted, world);
    const files = writeInventory(dir, options.hosts, members, keyFile);
    return { dir, ...files, keyFile, ...controlsOf(members, downSeconds, world), close };
  } catch (error) {
    await close(); // an open port would keep the process alive
    throw error;
  }
}

function makeMembers(
  hosts: readonly HostSpec[],
  dir: string,
  ports: readonly number[],
  key: KeyPair,
): readonly Member[] {
  const allowed = ssh2.utils.parseKey(key.public);
  if (allowed instanceof Error) throw allowed;
  const tools = putTools(dir);
  return hosts.map((spec, i) => {
    const machine = makeHost(spec, join(dir, spec.name));
    const [port, hostKey] = [ports[i] ?? 0, newHostKey()];
    const server = createHostServer({
      machine,
      port,
      hostKey,
      allowed,
      env: environment(machine, tools),
      forwardsTo: (target) => ports.includes(target),
    });
    return { machine, port, server, hostKey, up: false, power: 0 };
  });
}

function writeInventory(
  dir: string,
  hosts: readonly HostSpec[],
  members: readonly Member[],
  keyFile: string,
): Pick<Fleet, 'inventoryText' | 'inventoryFile' | 'knownHostsText'> {
  const [knownHosts, inventoryFile] = [join(dir, 'known_hosts'), join(dir, 'inventory.yaml')];
  const ports = members.map(({ port }) => port);
  const inventoryText = inventoryOf(hosts, ports, keyFile, knownHosts);
  const knownHostsText = knownHostsOf(members);
  writeFileSync(knownHosts, knownHostsText);
  writeFileSync(inventoryFile, inventoryText);
  return { inventoryText, inventoryFile, knownHostsText };
}

function controlsOf(
  members: readonly Member[],
  downSeconds: number,
  world: World,
): Pick<Fleet, 'hosts' | 'power' | 'set'> {
  const member = (name: string): Member => {
    const found = members.find(({ machine }) => machine.spec.name === name);
    if (!found) throw new Error(`the practice fleet has no host ${name}`);
    return found;
  };
  return {
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
  };
}

/** A real shell sources the defaults files, because they are shell scripts. */
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
  const tool = emulatedTools.get(call.program);
  if (!one || !tool) return { code: 127, err: `${call.program}: not found\n` };
  const power = one.power;
  const reply = await tool(one.machine, call.args, world);
  return one.power === power ? reply : undefined;
}
