// Area cgroup: answers of the kernel-memory files of all memory cgroups, counted on the host by
// creator, limit and answer. It prints the kernel log for the area log.

import type { Facts, FactValue } from '../../../model/fact.ts';
import type { WitnessRow } from '../../../model/facts/values.ts';
import { scriptText } from '../../../model/text/script-text.ts';
import { unknown } from '../../../model/value.ts';
import type { Area } from '../../area.ts';
import { readFields, wholeNumber } from '../../fields.ts';
import {
  idHolders,
  readExamples,
  readExplicit,
  readWitnesses,
  samplesOf,
} from '../../kmem/groups.ts';
import cgroup from './cgroup.sh';
import { isCapped, walkProgram } from './cgroup-walk.ts';

export const cgroupArea: Area = {
  name: 'cgroup',
  script: scriptText(cgroup, { walkProgram }),
  differs: true,
  opens: true,
  maxBytes: 200_000,
  inParts: true,
  parse: (text, { cut }): Facts => {
    const fields = readFields(text);
    // The line of /proc/cgroups begins with the same word.
    const memory =
      fields.all('memory').find((value) => value === 'v1' || value === 'v2') ?? 'absent';
    const [entries, ids, slabEnded] = fields.text('slab').split(' ').map(wholeNumber);
    const capped =
      memory !== 'absent' && (cut || isCapped(fields.number('ended', 255)) || isCapped(slabEnded));
    const uncounted =
      capped && ids === undefined
        ? unknown('the probe was ended before slab entries were counted')
        : undefined;
    const witnesses = [...readWitnesses(fields.all('w')), ...unreadable(fields.number('strange'))];
    const absent = fields.number('absent');
    // /proc/cgroups counts the root group too. On v2 it also counts dying groups and groups of
    // other controllers.
    const reported =
      memory === 'v1'
        ? Math.max(0, (wholeNumber(/^memory\s+\d+\s+(\d+)/m.exec(text)?.[1] ?? '') ?? 0) - 1)
        : 0;
    const samples = samplesOf(witnesses, {
      gone: fields.number('gone'),
      absent,
      capped,
      why: fields.text('why'),
    });
    const walked = witnesses.reduce((sum, { count }) => sum + count, absent);
    return {
      'cgroup.version': versionOf(fields),
      'cgroup.memory': memory,
      'kmem.files': fields.has('files'),
      'kmem.samples': samples,
      'kmem.witnesses': witnesses.map((witness) => ({ ...witness })),
      'kmem.groups': readExamples(fields.all('g')).map((group) => ({ ...group })),
      'kmem.unknown_limited': fields.all('u'),
      'kmem.explicit': readExplicit(fields.all('x')),
      'kmem.root_usage': wholeNumber(fields.text('usage')) ?? 0,
      'kmem.slab_entries': uncounted ?? entries ?? 0,
      'kmem.slab_ids': uncounted ?? ids ?? 0,
      'kmem.dead_groups':
        uncounted ??
        Math.max(0, (ids ?? 0) - Math.max(idHolders(witnesses), capped ? reported : 0)),
      'kmem.live_groups': capped ? Math.max(reported, walked) : walked,
    };
  },
};

/** Lines of unknown form: a group could not be read. */
const unreadable = (lines: number): readonly WitnessRow[] =>
  lines === 0
    ? []
    : [
        {
          row: 'unknown',
          state: 'failed',
          limited: 'no',
          caches: false,
          charged: false,
          procs: false,
          count: 1,
        },
      ];

function versionOf(fields: ReturnType<typeof readFields>): FactValue<'cgroup.version'> {
  if (fields.has('unified')) return 'v2';
  if (fields.has('hybrid')) return 'hybrid';
  return fields.has('v1') || fields.all('memory').includes('v1') ? 'v1' : 'none';
}
