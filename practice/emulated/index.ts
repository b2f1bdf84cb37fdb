// All emulated tools that run in the fleet's process, by name.
import { fillNewGroup } from '../host/cgroups.ts';
import { done, type EmulatedTool } from './answer.ts';
import { aptCache, aptGet, aptMark, dpkg, dpkgQuery } from './apt.ts';
import { editenv, grubby, mkconfig, scriptCheck, setDefault, updateGrub } from './boot-loader.ts';
import { powerOff, reboot, shutdown, systemctl } from './power.ts';
import { needsRestarting, rpm } from './rpm.ts';
import { yum } from './yum.ts';

/** The kernel's side of `mkdir` in the memory tree: it fills the new folders with files. */
const mkdir: EmulatedTool = (machine, args) => {
  for (const word of args)
    if (word.startsWith(`${machine.root}/sys/fs/cgroup/`))
      fillNewGroup(machine, word.slice(machine.root.length));
  return done();
};

export const emulatedTools: ReadonlyMap<string, EmulatedTool> = new Map<string, EmulatedTool>([
  ['yum', yum],
  ['rpm', rpm],
  ['needs-restarting', needsRestarting],
  ['grubby', grubby],
  ['grub2-mkconfig', mkconfig],
  ['grub-mkconfig', mkconfig],
  ['update-grub', updateGrub],
  ['grub2-script-check', scriptCheck],
  ['grub-script-check', scriptCheck],
  ['grub2-editenv', editenv],
  ['grub-editenv', editenv],
  ['grub2-set-default', setDefault],
  ['apt-get', aptGet],
  ['apt-cache', aptCache],
  ['apt-mark', aptMark],
  ['dpkg', dpkg],
  ['dpkg-query', dpkgQuery],
  ['systemctl', systemctl],
  ['reboot', reboot],
  ['shutdown', shutdown],
  ['poweroff', powerOff],
  ['halt', powerOff],
  ['mkdir', mkdir],
]);
