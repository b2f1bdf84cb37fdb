// Area crash: what earlier boots left (crash dumps, kernel logs), and whether one of them ended by
// the leak. Only `check` reads it.
import type { Facts } from '../../../model/fact.ts';
import { scriptText } from '../../../model/text/script-text.ts';
import type { Area } from '../../area.ts';
import { readFields } from '../../fields.ts';
import { judgePast } from '../../kmem/past.ts';
import { kernelGreps } from '../../kmem/symptoms.ts';
import boots from './crash.awk';
import crash from './crash.sh';
import { readBoots, sourcesOf } from './earlier-boots.ts';

/**
 * Programs that may announce a shutdown. Of systemd only the first process may: a user's manager
 * reaches the same target at each logout.
 */
const shutdownTags =
  '(systemd(\\[1\\])?|(systemd-[a-z]+|shutdown|r?syslogd|journal)(\\[[0-9]+\\])?|kernel):';
/** Messages of a shutdown by systemd (el7 and later), SysV, rsyslog and the kernel. */
const shutdown =
  'Reached target (Shutdown|Reboot|Power-Off|System Reboot)|Starting (Reboot|Power-Off)|System is (rebooting|powering down)|systemd-shutdow|shutting down for system|reboot: (Restarting|Power down)|exiting on signal 15|Journal stopped';

const escaped = (pattern: string): string => pattern.replaceAll('/', '\\/');

const program = scriptText(boots, {
  kinds: kernelGreps.length,
  shutdownTags,
  shutdown: escaped(shutdown),
  symptoms: kernelGreps.map(escaped).join('|'),
  kindOf: kernelGreps.map((grep, index) => `/${escaped(grep)}/ ? ${index + 1} : `).join(''),
});

export const crashArea: Area = {
  name: 'crash',
  script: scriptText(crash, { program }),
  opens: true,
  maxBytes: 262_144,
  parse: (text): Facts => {
    const fields = readFields(text);
    const boots = readBoots(text, fields);
    const sources = sourcesOf(fields);
    return {
      ...judgePast(boots, sources),
      'crash.boots': boots.map((boot) => ({
        ...boot,
        symptoms: boot.symptoms.map((symptom) => ({ ...symptom })),
      })),
      'crash.sources': sources,
    };
  },
};
