// Area machine: the identity of the machine, its uptime, and the user of this session.
import { scriptText } from '../../../model/text/script-text.ts';
import { unknown } from '../../../model/value.ts';
import type { Area } from '../../area.ts';
import { readFields, wholeNumber } from '../../fields.ts';
import machine from './machine.sh';

export const machineArea: Area = {
  name: 'machine',
  script: scriptText(machine),
  differs: true,
  quick: 'last',
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
