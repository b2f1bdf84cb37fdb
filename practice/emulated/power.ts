// reboot, shutdown, poweroff and systemctl's verbs that change something.
import { startUnit, stopUnit, unitExists } from '../host/boot.ts';
import { remakeContainers } from '../host/cgroups.ts';
import { fault, link, type Machine, remove } from '../host/machine.ts';
import { done, type EmulatedTool, failed, unsupported, type World } from './answer.ts';

function goDown(machine: Machine, world: World): void {
  if (!fault(machine, 'noreboot')) world.reboot(machine);
}

export const reboot: EmulatedTool = (machine, _args, world) => {
  goDown(machine, world);
  return done();
};

export const shutdown: EmulatedTool = (machine, args, world) => {
  if (args.some((word) => /^-[a-zA-Z]*r/.test(word) || word === '--reboot')) goDown(machine, world);
  else world.powerOff(machine);
  return done();
};

export const powerOff: EmulatedTool = (machine, _args, world) => {
  world.powerOff(machine);
  return done();
};

const wanted = (unit: string): string =>
  `/etc/systemd/system/multi-user.target.wants/${unit}.service`;

type Verb = (machine: Machine, unit: string) => string | undefined;

const start: Verb = (machine, unit) => {
  if (!unitExists(machine, unit)) return `Failed to start ${unit}.service: Unit not found.`;
  if (machine.running.units.has(unit)) return undefined;
  if (!startUnit(machine, unit))
    return `Job for ${unit}.service failed because the control process exited with error code.`;
  if (unit === 'docker') remakeContainers(machine);
  return undefined;
};
const stop: Verb = (machine, unit) => {
  if (!unitExists(machine, unit))
    return `Failed to stop ${unit}.service: Unit ${unit}.service not loaded.`;
  stopUnit(machine, unit);
  if (unit === 'docker') remakeContainers(machine);
  return undefined;
};
const restart: Verb = (machine, unit) => {
  if (machine.running.units.has(unit)) stop(machine, unit);
  return start(machine, unit);
};
const nothing: Verb = () => undefined;

const verbs: Readonly<Record<string, Verb>> = {
  start,
  stop,
  restart,
  'try-restart': (machine, unit) =>
    machine.running.units.has(unit) ? restart(machine, unit) : undefined,
  'reload-or-restart': restart,
  enable: (machine, unit) => {
    link(machine, wanted(unit), `../../../../usr/lib/systemd/system/${unit}.service`);
    return undefined;
  },
  disable: (machine, unit) => {
    remove(machine, wanted(unit));
    return undefined;
  },
  'daemon-reload': nothing,
  'reset-failed': nothing,
  mask: nothing,
  unmask: nothing,
};

export const systemctl: EmulatedTool = (machine, args, world) => {
  const [verb = '', ...rest] = args.filter((word) => !word.startsWith('-'));
  if (verb === 'reboot' || verb === 'kexec') return reboot(machine, rest, world);
  if (verb === 'poweroff' || verb === 'halt') return powerOff(machine, rest, world);
  const act = Object.hasOwn(verbs, verb) ? verbs[verb] : undefined;
  if (!act) return unsupported('systemctl', args);
  for (const unit of rest.length > 0 ? rest : ['']) {
    const problem = act(machine, unit.replace(/\.service$/, ''));
    if (problem !== undefined) return failed(problem.includes('not found') ? 5 : 1, `${problem}\n`);
  }
  return done();
};
