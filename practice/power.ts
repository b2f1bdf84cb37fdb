// Power and faults of the practice hosts: hosts go down and come up again, by themselves or by hand.
import { setTimeout as sleep } from 'node:timers/promises';
import type { World } from './emulated/answer.ts';
import { boot } from './host/boot.ts';
import type { HostServer } from './host/host-server.ts';
import { control, fault, type Machine, put, putName, remove } from './host/machine.ts';
import { killProcesses } from './host/processes.ts';
import { newKeyPair } from './keys.ts';
import type { FaultName } from './spec.ts';

/** One host with its parts that change while the fleet runs. */
export interface Member {
  readonly machine: Machine;
  readonly port: number;
  readonly server: HostServer;
  hostKey: string;
  up: boolean;
  /** Counts power cuts: work of an earlier power-on stops when it sees another number. */
  power: number;
}

export const newHostKey = (): string => newKeyPair().private;

/** Sets or removes a fault. Emulated tools in sh read theirs from files beside the tree. */
export function setFault(machine: Machine, what: FaultName, value: unknown): void {
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

export async function powerUp(one: Member, daysAgo: number, world: World): Promise<void> {
  const { machine, server } = one;
  if (machine.boots > 0) machine.faults.delete('lock'); // no transaction outlives a reboot
  if (machine.faults.has('newkey') && machine.boots > 0) {
    machine.faults.delete('newkey');
    one.hostKey = newHostKey();
    server.newKey(one.hostKey);
  }
  if (!boot(machine, daysAgo)) return;
  for (const [name, value] of machine.faults) setFault(machine, name, value);
  if (machine.spec.closed) return;
  const power = one.power;
  await server.open();
  one.up = true;
  const loop = fault(machine, 'loop');
  if (loop && loop.times > 0 && machine.boots > 1) {
    machine.faults.set('loop', { ...loop, times: loop.times - 1 });
    setTimeout(() => one.power === power && world.reboot(machine), loop.seconds * 1000).unref();
  }
}

export function powerDown(one: Member): void {
  one.power += 1;
  one.up = false;
  one.server.cut();
  killProcesses([one.machine.root]);
}

/** Takes a host down, and up again after its down time, except where the fault `never` is set. */
export function cycle(one: Member, downSeconds: number, world: World): void {
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
 * Milliseconds from the call of `reboot` to the power cut. systemd needs time too, and the client
 * must get its answer.
 */
const shutdownTime = 150;

export function makeWorld(
  members: readonly Member[],
  downSeconds: number,
  source: World['source'],
): World {
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
    source,
  };
  return world;
}
