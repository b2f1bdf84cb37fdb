// Area cgroup: every memory cgroup with its limit and what its kernel-memory files answer, told apart as read, EIO, empty, denied and gone.
import type { Facts } from '../model/fact.ts';
import { unknown } from '../model/value.ts';
import type { Area } from './area.ts';
import { readFields, wholeNumber } from './fields.ts';
import { type Group, readV1Groups, readV2Groups, samplesOf } from './groups.ts';
import { witnessesOf } from './kmem/witnesses.ts';

/** Lines of the walk that are kept: five a group on v1 (EIO takes two), so about 2,400 groups. What is more makes the answer `capped`. */
const maxLines = 12_000;

/** Groups that the fact carries; the counts are over all of them. */
const maxGroups = 60;

export const cgroupArea: Area = {
  name: 'cgroup',
  facts: [
    { name: 'cgroup.version', lifetime: 'boot', summary: 'v1, v2, hybrid (v1 controllers beside a v2 tree) or none', example: 'v1' },
    { name: 'cgroup.memory', lifetime: 'boot', summary: 'where the memory controller is: v1, v2 or absent', example: 'v1' },
    {
      name: 'kmem.samples',
      lifetime: 'boot',
      summary:
        'non-root memory cgroups by what their slabinfo answered (failed: any other error, failed_why names it; absent: groups without that file); how many have a memory limit from the kubelet or a runtime (limited) and answered EIO (limited_off), and how many of those are containers (containers, containers_off) or below kubepods (kubelet_limited); how many the kubelet, docker and others made, and how many of theirs could be read (kubelet_read); whether the walk was capped',
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
      name: 'kmem.witnesses',
      lifetime: 'boot',
      summary:
        'non-root memory cgroups by who made them (a row of the creator table) and what they answered: limited (no, yes, later = limited after it was made), caches (slabinfo has lines behind its header), charged (kernel memory is in use), procs (it has a process), and how many there are of that kind',
      example: [{ row: 'pod-container', state: 'eio', limited: 'yes', caches: false, charged: false, procs: true, count: 12 }],
    },
    {
      name: 'kmem.groups',
      lifetime: 'boot',
      summary: 'the groups themselves, the most telling first, at most 60',
      example: [{ path: 'docker', limit: 0, state: 'eio', lines: 0, usage: 0, created_after_boot: true, by: 'docker', procs: 0 }],
    },
    { name: 'kmem.root_usage', lifetime: 'boot', summary: 'memory.kmem.usage_in_bytes of the root group; 0 when absent', example: 0 },
    {
      name: 'kmem.slab_entries',
      lifetime: 'boot',
      summary: 'entries cache(id:name) in /sys/kernel/slab: one per cache of every accounted group, dead ones too',
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
  /*
   * Two finds with a grep each, not a process a group (busybox's find can do one -exec only). GNU grep names the file that it could not read and why (the root group gives
   * EIO on every el7 host); busybox's takes EIO for an empty file. So on 3.x kernels, where a real slabinfo is never empty, and where grep has
   * reported no EIO at all, what it calls empty is read again, one by one, with cat.
   * Symbolic links are followed by name (no -type): the practice fleet makes EIO with them.
   */
  script: `c=$R/sys/fs/cgroup m=$c/memory
if [ ! -e "$m/memory.limit_in_bytes" ]; then
  while read -r _ d t o _; do case $t:,$o, in cgroup:*,memory,*) m=$R$d;; esac; done <"$R/proc/mounts"
fi
[ ! -e "$c/cgroup.controllers" ] || { echo unified; IFS= read -r l <"$c/cgroup.controllers"; printf 'controllers %s\\n' "$l"; }
[ ! -d "$c/unified" ] || echo hybrid
for d in "$c"/*/; do [ ! -e "$d/cgroup.procs" ] || [ -e "$c/cgroup.controllers" ] || { echo v1; break; }; done
if [ -e "$m/memory.limit_in_bytes" ]; then
  printf 'memory v1\\nroot %s\\n' "$m"
  o=$({ find "$m" \\( -name memory.kmem.slabinfo -o -name cgroup.procs \\) -exec grep -c '' /dev/null {} +
    find "$m" \\( -name memory.limit_in_bytes -o -name memory.kmem.usage_in_bytes \\) -exec grep '' /dev/null {} +; } 2>&1 | sed -e 's/^/at /' -e ${maxLines}q)
  printf '%s\\n' "$o"
  IFS= read -r k <"$R/proc/sys/kernel/osrelease" || k=$(uname -r)
  case $k:$o in *'slabinfo: Input/output error'*) ;; 3.*"memory.kmem.slabinfo:0
"*|3.*memory.kmem.slabinfo:0)
    printf '%s\\n' "$o" | sed -n 's/^at \\(.*memory\\.kmem\\.slabinfo\\):0$/\\1/p' | while IFS= read -r f; do
      if ( exec 3<"$f" ) 2>/dev/null; then
        case $(cat "$f" 2>&1 >/dev/null) in *'Input/output error'*|*'I/O error'*) s=eio;; '') s=empty;; *) s=failed;; esac
      elif [ -e "$f" ]; then s=denied; else s=gone; fi
      printf 'again %s %s\\n' $s "$f"
    done;;
  esac
elif [ -e "$c/cgroup.controllers" ]; then
  printf 'memory v2\\nroot %s\\n' "$c"
  { find "$c" \\( -name memory.stat -o -name memory.max \\) -exec grep -E '^((kernel|slab|slab_reclaimable|slab_unreclaimable) [0-9]+|max|[0-9]+)$' /dev/null {} +
    find "$c" -name cgroup.procs -exec grep -c '' /dev/null {} +; } 2>&1 | sed -e 's/^/at /' -e ${maxLines}q
fi
set -- "$R"/sys/kernel/slab/*'('*:*
if [ -e "$1" ]; then
  printf '%s\\n' "$@" | awk '{n++; s = $0; sub(/.*\\//, "", s); sub(/^[^(]*\\(/, "", s); sub(/:.*/, "", s); if (!(s in ids)) {ids[s]; k++}} END {print "slab " n + 0 " " k + 0}'
else echo slab 0 0; fi
while read -r s _ n _; do case $s in memory) echo "live $n";; esac; done <"$R/proc/cgroups"`,
  maxBytes: 2_000_000,
  parse: (text, { cut }): Facts => {
    const fields = readFields(text);
    const lines = fields.all('at');
    const memory = fields.text('memory') || 'absent';
    const capped = cut || lines.length >= maxLines;
    const root = fields.text('root');
    const { groups, rootUsage, absent } =
      memory === 'v2' ? { groups: readV2Groups(lines, root), rootUsage: 0, absent: 0 } : readV1Groups(lines, fields.all('again'), root);
    // The root is counted in /proc/cgroups, too. (On v2 it counts dying groups as well, and other controllers'.)
    const told = memory === 'v1' ? (wholeNumber(fields.text('live')) ?? 0) - 1 : 0;
    const walked = groups.filter((group) => group.state !== 'gone').length;
    const live = capped ? Math.max(told, walked) : walked;
    const [entries, ids] = fields.text('slab').split(' ').map(wholeNumber);
    return {
      'cgroup.version': versionOf(fields),
      'cgroup.memory': memory,
      'kmem.samples': samplesOf(groups, capped, absent),
      'kmem.witnesses': witnessesOf(groups),
      'kmem.groups': mostTelling(groups).map((group) => ({ ...group })),
      'kmem.root_usage': rootUsage,
      'kmem.slab_entries': entries ?? (cut ? unknown('the list of cgroups is too long') : 0),
      'kmem.slab_ids': ids ?? 0,
      'kmem.dead_groups': Math.max(0, (ids ?? 0) - Math.max(groups.filter(mayHoldId).length, capped ? told : 0)),
      'kmem.live_groups': live,
    };
  },
};

function versionOf(fields: ReturnType<typeof readFields>): string {
  if (fields.has('unified')) return 'v2';
  if (fields.has('hybrid')) return 'hybrid';
  return fields.has('v1') || fields.text('memory') === 'v1' ? 'v1' : 'none';
}

/** A live group that has caches in /sys/kernel/slab, or may have: nobody could look. */
const mayHoldId = ({ state, lines }: Group): boolean => (state === 'read' ? lines > 2 : state === 'denied' || state === 'failed');

const weight: Readonly<Record<Group['state'], number>> = { read: 0, denied: 1, failed: 2, empty: 3, eio: 4, gone: 5 };

/** Readable ones first, then charged, then limited ones: nothing that reads on may be missing when the list is cut. */
const mostTelling = (groups: readonly Group[]): readonly Group[] =>
  [...groups]
    .sort(
      (a, b) =>
        weight[a.state] - weight[b.state] ||
        Number(b.usage > 0) - Number(a.usage > 0) ||
        Number(b.limit > 0) - Number(a.limit > 0) ||
        (a.path < b.path ? -1 : 1),
    )
    .slice(0, maxGroups);
