// Area machine: which machine this is, how long it has been up, and who we are on it.
import { scriptText } from '../../../model/text/script-text.ts';
import { unknown } from '../../../model/value.ts';
import type { Area } from '../../area.ts';
import { readFields, wholeNumber } from '../../fields.ts';
import machine from './machine.sh';

export const machineArea: Area = {
  name: 'machine',
  facts: [
    {
      name: 'machine.id',
      lifetime: 'disk',
      summary: '/etc/machine-id; empty when there is none',
      example: '0d1f2a3b4c5d6e7f8091a2b3c4d5e6f7',
    },
    { name: 'machine.arch', lifetime: 'disk', summary: 'uname -m', example: 'x86_64' },
    { name: 'host.name', lifetime: 'disk', summary: 'the host name as the kernel knows it', example: 'node-a1' },
    { name: 'user.root', lifetime: 'boot', summary: 'the probe ran as root', example: true },
    {
      name: 'clock.epoch',
      lifetime: 'boot',
      summary: "the host's own clock when it was asked, seconds since 1970",
      example: 1_795_000_000,
    },
    { name: 'boot.id', lifetime: 'boot', summary: "the kernel's random boot id", example: '3d2023fb-c846-4e82-95ef-bce27dc2ac93' },
    { name: 'boot.uptime', lifetime: 'boot', summary: 'seconds since boot', example: 86_400 },
    { name: 'boot.time', lifetime: 'boot', summary: "when it booted by the host's own clock, seconds since 1970", example: 1_794_913_600 },
    {
      name: 'host.blocked',
      lifetime: 'boot',
      summary: 'processes in uninterruptible sleep (state D) at that moment: a few come and go, many that stay hold up a shutdown',
      example: 0,
    },
    { name: 'host.blocked_by', lifetime: 'boot', summary: 'the first five of them', example: ['java (pid 4711)'] },
  ],
  script: scriptText(machine),
  maxBytes: 65_536,
  parse: (text) => {
    const fields = readFields(text);
    const clock = wholeNumber(fields.text('clock'));
    const uptime = wholeNumber(fields.text('uptime'));
    const blocked = wholeNumber(fields.text('blocked'));
    const noClock = unknown('the host did not say its time');
    const noUptime = unknown('/proc/uptime could not be read');
    return {
      'machine.id': fields.text('machine').trim(),
      'machine.arch': fields.text('arch'),
      'host.name': fields.text('host').trim(),
      'user.root': fields.text('uid') === '0',
      'clock.epoch': clock ?? noClock,
      'boot.id': fields.text('boot').trim() || unknown('the boot id could not be read'),
      'host.blocked': blocked ?? unknown('this probe did not count them'),
      'host.blocked_by': fields.all('stuck'),
      'boot.uptime': uptime ?? noUptime,
      'boot.time': clock === undefined ? noClock : uptime === undefined ? noUptime : clock - uptime,
    };
  },
};
