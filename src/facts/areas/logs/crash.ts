// Area crash: what is left of earlier boots (crash dumps, kernel logs), and whether one of them ended by the leak. Asked for by `check` only.
import type { Facts } from '../../../model/fact.ts';
import { scriptText } from '../../../model/text/script-text.ts';
import type { Area } from '../../area.ts';
import { readFields } from '../../fields.ts';
import { judgePast } from '../../kmem/past.ts';
import { kernelGreps } from '../../kmem/symptoms.ts';
import boots from './crash.awk';
import crash from './crash.sh';
import { readBoots, sourcesOf } from './earlier-boots.ts';

/** Who may announce a shutdown: of systemd the first process alone, because the manager of a user's session reaches the same target at each logout. */
const shutdownTags = '(systemd(\\[1\\])?|(systemd-[a-z]+|shutdown|r?syslogd|journal)(\\[[0-9]+\\])?|kernel):';
/** How systemd of el7 and later, SysV, rsyslog and the kernel announce it. */
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
  facts: [
    {
      name: 'crash.verdict',
      lifetime: 'disk',
      summary:
        'died (an earlier boot ended by the leak), died_unshown (one crashed or broke off, and nothing shows why), seen (only symptoms in an earlier boot), none, or unknown where nothing could be read',
      example: 'died',
    },
    {
      name: 'crash.on',
      lifetime: 'disk',
      summary: 'day (UTC) of that death or of the last symptom; empty for none',
      example: '2018-11-05',
    },
    {
      name: 'crash.evidence',
      lifetime: 'disk',
      summary: 'where that is written, and which symptoms are there; empty for none',
      example: 'crash dump of 2018-11-05 10:24: SLUB node -1, NULL pointer dereference in ip6mr_sk_done',
    },
    {
      name: 'crash.boots',
      lifetime: 'disk',
      summary:
        'earlier boots by what is left of them (source: dump, pstore, journal or messages), the newest first: boot id where known, its kernel, when and how the log ended (crash, abrupt, planned, unknown), symptoms with count, time and last line',
      example: [
        {
          source: 'dump',
          place: '/var/crash/127.0.0.1-2018-11-05-10:24:33/vmcore-dmesg.txt',
          boot: '',
          kernel: '3.10.0-862.el7.x86_64',
          at: 1_541_413_473,
          ended: 'crash',
          symptoms: [
            { kind: 'slub_memcg', count: 3, at: 1_541_413_401, line: 'cache: sock_inode_cache(158:8aff71103b35), object size: 632' },
          ],
        },
      ],
    },
    {
      name: 'crash.sources',
      lifetime: 'disk',
      summary: 'what there is to read of earlier boots: read, absent, denied or cut (not all of it was read)',
      example: { dump: 'read', pstore: 'absent', journal: 'absent', messages: 'read' },
    },
  ],
  script: scriptText(crash, { program }),
  maxBytes: 262_144,
  parse: (text): Facts => {
    const fields = readFields(text);
    const boots = readBoots(text, fields);
    const sources = sourcesOf(fields);
    return {
      ...judgePast(boots, sources),
      'crash.boots': boots.map((boot) => ({ ...boot, symptoms: boot.symptoms.map((symptom) => ({ ...symptom })) })),
      'crash.sources': sources,
    };
  },
};
