// Area cgroup: what the kernel-memory files of all memory cgroups answer, counted on the host by creator, limit and answer.
import type { Facts } from '../../../model/fact.ts';
import { scriptText } from '../../../model/text/script-text.ts';
import { unknown } from '../../../model/value.ts';
import type { Area } from '../../area.ts';
import { readFields, wholeNumber } from '../../fields.ts';
import { idHolders, readExamples, readExplicit, readWitnesses, samplesOf, type Witness } from '../../kmem/groups.ts';
import cgroup from './cgroup.sh';
import { rowFunction, walkProgram } from './cgroup-walk.ts';

export const cgroupArea: Area = {
  name: 'cgroup',
  facts: [
    { name: 'cgroup.version', lifetime: 'boot', summary: 'v1, v2, hybrid (v1 controllers beside a v2 tree) or none', example: 'v1' },
    { name: 'cgroup.memory', lifetime: 'boot', summary: 'where the memory controller is: v1, v2 or absent', example: 'v1' },
    {
      name: 'kmem.samples',
      lifetime: 'boot',
      summary:
        'non-root memory cgroups by what their slabinfo answered (failed: any other error, failed_why names it; absent: groups without that file); how many have a memory limit from the kubelet or a runtime since they were made (limited) and answered EIO (limited_off), and how many of those are containers (containers, containers_off) or below kubepods (kubelet_limited); how many the kubelet, docker and others made, and how many of theirs could be read (kubelet_read); whether the walk was capped',
      example: {
        read: 0,
        eio: 11,
        empty: 0,
        denied: 0,
        failed: 0,
        gone: 0,
        absent: 0,
        total: 11,
        limited: 6,
        limited_off: 6,
        containers: 4,
        containers_off: 4,
        kubelet: 7,
        docker: 2,
        other: 2,
        capped: false,
      },
    },
    {
      name: 'kmem.groups',
      lifetime: 'boot',
      summary: 'examples of the groups, the most informative first, at most 40; lines and procs are counted up to 3',
      example: [{ path: 'docker', row: 'docker-parent', limit: 0, state: 'eio', lines: 0, usage: 0, procs: 0, by: 'docker' }],
    },
    {
      name: 'kmem.witnesses',
      lifetime: 'boot',
      summary:
        'all non-root memory cgroups in buckets of equal ones: row of the creator, what slabinfo answered, limited (later: the limit came after the group was made), caches behind the header, kernel memory charged, a process in it, explicit (a kernel-memory limit of its own, or of a group above it)',
      example: [{ row: 'docker', state: 'eio', limited: 'yes', caches: false, charged: false, procs: true, count: 4 }],
    },
    {
      name: 'kmem.unknown_limited',
      lifetime: 'boot',
      summary: 'memory-limited groups whose creator is not known, at most 5: they are no samples',
      example: ['batch/job-7'],
    },
    {
      name: 'kmem.explicit',
      lifetime: 'boot',
      summary:
        "accounted groups with a kernel-memory limit of their own (memory.kmem.limit_in_bytes below the largest value), at most 5: somebody asked for it; the container's name where docker's files say it",
      example: [{ path: `system.slice/docker-${'8a'.repeat(32)}.scope`, limit: 67_108_864, name: 'redis' }],
    },
    { name: 'kmem.files', lifetime: 'boot', summary: 'the memory hierarchy has memory.kmem files', example: true },
    { name: 'kmem.root_usage', lifetime: 'boot', summary: 'memory.kmem.usage_in_bytes of the root group; 0 when absent', example: 0 },
    {
      name: 'kmem.slab_entries',
      lifetime: 'boot',
      summary:
        'entries cache(id:name) in /sys/kernel/slab: one per cache of every accounted group, dead ones too; counted before kernel 4.5',
      example: 42,
    },
    { name: 'kmem.slab_ids', lifetime: 'boot', summary: 'different ids among them: accounted groups that have a cache', example: 3 },
    {
      name: 'kmem.dead_groups',
      lifetime: 'boot',
      summary: 'about how many of those are gone but not freed (of 65,534 ids); where reads were refused or capped, at least so many',
      example: 0,
    },
    {
      name: 'kmem.live_groups',
      lifetime: 'boot',
      summary: 'non-root memory cgroups that exist: those that were walked, and by /proc/cgroups where the walk was capped',
      example: 12,
    },
  ],
  script: scriptText(cgroup, { rowFunction, walkProgram }),
  maxBytes: 200_000,
  inParts: true,
  parse: (text, { cut }): Facts => {
    const fields = readFields(text);
    // The line of /proc/cgroups begins with the same word.
    const memory = fields.all('memory').find((value) => value === 'v1' || value === 'v2') ?? 'absent';
    const [entries, ids, slabEnded] = fields.text('slab').split(' ').map(wholeNumber);
    const capped = memory !== 'absent' && (cut || isCapped(fields.number('ended', 255)) || isCapped(slabEnded));
    const uncounted = capped && ids === undefined ? unknown('the probe was ended before slab entries were counted') : undefined;
    const witnesses = [...readWitnesses(fields.all('w')), ...unreadable(fields.number('strange'))];
    const absent = fields.number('absent');
    // The root is counted in /proc/cgroups, too. (On v2 it counts dying groups as well, and other controllers'.)
    const told = memory === 'v1' ? Math.max(0, (wholeNumber(/^memory\s+\d+\s+(\d+)/m.exec(text)?.[1] ?? '') ?? 0) - 1) : 0;
    const samples = samplesOf(witnesses, { gone: fields.number('gone'), absent, capped, why: fields.text('why') });
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
      'kmem.dead_groups': uncounted ?? Math.max(0, (ids ?? 0) - Math.max(idHolders(witnesses), capped ? told : 0)),
      'kmem.live_groups': capped ? Math.max(told, walked) : walked,
    };
  },
};

/** The exit status of a walk that did not come to its end. */
const isCapped = (status: number | undefined): boolean => status === undefined || status >= 124;

/** Lines of unknown form: something could not be read. */
const unreadable = (lines: number): readonly Witness[] =>
  lines === 0 ? [] : [{ row: 'unknown', state: 'failed', limited: 'no', caches: false, charged: false, procs: false, count: 1 }];

function versionOf(fields: ReturnType<typeof readFields>): string {
  if (fields.has('unified')) return 'v2';
  if (fields.has('hybrid')) return 'hybrid';
  return fields.has('v1') || fields.all('memory').includes('v1') ? 'v1' : 'none';
}
