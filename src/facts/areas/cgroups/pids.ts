// Area pids: what limits the number of processes where kernel memory is not accounted. Read by `check`, and for a play that names such a fact.
import { unknown, type Value } from '../../../model/value.ts';
import type { Area } from '../../area.ts';
import { type Fields, readFields, wholeNumber } from '../../fields.ts';
import { creatorRows, type Level } from '../../kmem/creators.ts';
import { kubeletSetting } from '../programs/kubelet.ts';

const keysOf = (level: Level): string => creatorRows.flatMap((row) => (row.level === level ? [row.key] : [])).join(' ');

/**
 * Counts pods and containers by the shape of their paths, as the walk over memory groups does. A container is limited by its pod too; what a
 * group further up allows is shared by all, and protects no pod from another.
 */
const countProgram = `BEGIN {
  M = ENVIRON["M"] "/./"
  split("${keysOf('pod')}", A, " "); for (i in A) pod[A[i]]
  split("${keysOf('container')}", B, " "); for (i in B) box[B[i]]
}
index($0, M) == 1 && match($0, /\\/pids\\.max:[^:]*$/) {
  max[substr($0, length(M) + 1, RSTART - length(M) - 1)] = substr($0, RSTART + 10)
}
END {
  for (p in max) {
    r = rowOf(p); q = p; sub(/\\/[^\\/]*$/, "", q)
    if (r in pod) { pods++; if (max[p] == "max") free++ }
    else if (r in box) { boxes++; if (max[p] == "max" && !((rowOf(q) in pod) && (q in max) && max[q] != "max")) bare++ }
  }
  print "counts " pods + 0, free + 0, boxes + 0, bare + 0
}`;

export const pidsArea: Area = {
  name: 'pids',
  facts: [
    { name: 'pids.controller', lifetime: 'boot', summary: 'where the pids controller is: v1, v2 or absent', example: 'v1' },
    {
      name: 'pids.kernel_max',
      lifetime: 'boot',
      summary: 'kernel.pid_max: processes and threads of the whole host; 0 when not known',
      example: 32_768,
    },
    { name: 'pids.pods', lifetime: 'boot', summary: 'pods that have a pids.max', example: 14 },
    { name: 'pids.pods_unlimited', lifetime: 'boot', summary: 'how many of them have no limit of their own', example: 12 },
    { name: 'pids.containers', lifetime: 'boot', summary: 'containers that have a pids.max', example: 31 },
    {
      name: 'pids.containers_unlimited',
      lifetime: 'boot',
      summary: 'how many of them are limited neither by themselves nor by their pod',
      example: 28,
    },
    {
      name: 'pids.pod_limit',
      lifetime: 'disk',
      summary: "the kubelet's --pod-max-pids, else podPidsLimit of its configuration; -1 where neither sets a limit",
      example: 1024,
    },
    {
      name: 'pids.pod_limit_gate',
      lifetime: 'disk',
      summary: 'the feature gate SupportPodPidsLimit as it is configured: true, false, or empty; kubelets before 1.14 need true',
      example: '',
    },
    {
      name: 'pids.system_reserved',
      lifetime: 'disk',
      summary: "the kubelet's --system-reserved, else systemReserved of its configuration; empty for none",
      example: 'cpu=200m,memory=1Gi,pid=1000',
    },
    { name: 'pids.kube_reserved', lifetime: 'disk', summary: 'the same for --kube-reserved', example: 'memory=500Mi' },
  ],
  // `$U` and `$C` are of the area kubelet: its process, and its configuration file. `$A0` is of the area cgroup: the awk function `rowOf`.
  script: `line "$R/proc/sys/kernel/pid_max" kernel_max
d=$R/sys/fs/cgroup/pids z=v1
if [ ! -d "$d" ]; then
  d=$R/sys/fs/cgroup z=''
  if grep -qw pids "$d/cgroup.controllers"; then z=v2; fi
fi
if [ -n "$z" ]; then
  echo "controller $z"
  $T2 find "$d/." -name pids.max -exec grep '' /dev/null {} + | M=$d awk "$A0"'${countProgram}'
fi
if [ -n "$U" ]; then
  $T tr '\\000' '\\n' <"$R/proc/$U/cmdline" | grep -E -A 1 '(pod-max-pids|system-reserved|kube-reserved|feature-gates|kubelet-arg)(=|$)' | sed 's/^/arg /'
fi
flags
[ ! -e "$C" ] || [ -r "$C" ] || echo config_denied
if [ -r "$C" ]; then
  s=''
  while IFS= read -r l || [ -n "$l" ]; do
    case $l in
      podPidsLimit:*|systemReserved:*|kubeReserved:*|featureGates:*) s=\${l%%:*}; printf 'config %s\\n' "$l";;
      \\ *) [ -z "$s" ] || printf 'inner %s %s\\n' "$s" "$l";;
      *) s='';;
    esac
  done <"$C"
fi`,
  maxBytes: 262_144,
  parse: (text, { cut }) => {
    const fields = readFields(text);
    const counts = fields.text('counts').split(' ').map(wholeNumber);
    const count = (index: number): Value => counts[index] ?? (cut ? unknown('the pids groups could not be counted in time') : 0);
    const limit = kubeletSetting('pod-max-pids', 'podPidsLimit', fields);
    const gates = reservation('feature-gates', 'featureGates', fields);
    const known = (value: Value): Value =>
      fields.has('config_denied') ? unknown("the kubelet's configuration may be read by root only") : value;
    return {
      'pids.controller': fields.text('controller') || 'absent',
      'pids.kernel_max': fields.number('kernel_max'),
      'pids.pods': count(0),
      'pids.pods_unlimited': count(1),
      'pids.containers': count(2),
      'pids.containers_unlimited': count(3),
      'pids.pod_limit': known(limitOf(limit)),
      'pids.pod_limit_gate': known(/(?:^|,)SupportPodPidsLimit=(true|false)/.exec(gates)?.[1] ?? ''),
      'pids.system_reserved': known(reservation('system-reserved', 'systemReserved', fields)),
      'pids.kube_reserved': known(reservation('kube-reserved', 'kubeReserved', fields)),
    };
  },
};

/** 0 and less mean no limit. */
function limitOf(setting: string | undefined): number {
  const limit = Number(setting);
  return Number.isInteger(limit) && limit > 0 ? limit : -1;
}

/** `cpu=200m,memory=1Gi`, from the flag or from a mapping of the configuration, in block or in flow style. */
function reservation(flag: string, key: string, fields: Fields): string {
  const set = kubeletSetting(flag, key, fields);
  if (set?.includes('=')) return set;
  const flow = fields.all('config').find((line) => line.startsWith(`${key}:`)) ?? '';
  const block = fields.all('inner').flatMap((line) => (line.startsWith(`${key} `) ? [line.slice(key.length)] : []));
  const entries = [...flow.slice(key.length + 1).split(/[{},]/), ...block].map((entry) =>
    /^\s*["']?([\w.-]+)["']?:\s*["']?([^\s"'#]+)/.exec(entry),
  );
  return entries.flatMap((entry) => (entry === null ? [] : [`${entry[1]}=${entry[2]}`])).join(',');
}
