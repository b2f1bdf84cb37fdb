// Area log: what the kernel log says about the leak, and the journal of the programs that make cgroups.
import type { Area } from '../../area.ts';
import { readFields } from '../../fields.ts';
import { readSymptoms, symptomPatterns } from '../../kmem/symptoms.ts';

/** How many lines of the journal are searched, and how many matches are kept. */
const [journalLines, keptLines] = [2000, 50];

/** Prints the last lines that match, with a key before each. */
const keeping = (key: string, pattern: string): string => `awk '/kernel: .*Linux version [0-9]/ {n = 0}
/${pattern.replaceAll('/', '\\/')}/ {l[n++ % ${keptLines}] = substr($0, 1, 1000)}
END {for (i = n > ${keptLines} ? n - ${keptLines} : 0; i < n; i++) print "${key} " l[i % ${keptLines}]}'`;

export const kernelLogArea: Area = {
  name: 'log',
  facts: [
    {
      name: 'kmem.symptoms',
      lifetime: 'boot',
      summary:
        'lines by kind, and who wrote them (kernel: its log; runtime: docker, containerd, cri-o or the kubelet): how many, and the last one',
      example: [{ kind: 'slub_memcg', from: 'kernel', count: 3, line: 'cache: kmalloc-192(12:0f3a5e0e), object size: 192' }],
    },
    { name: 'kmem.log_read', lifetime: 'boot', summary: 'the kernel log could be read; false where dmesg is refused', example: true },
  ],
  // The kernel does not log that no cgroup can be made; the programs that make them do.
  // Where there is no journal, /var/log/messages has their lines, also those of earlier boots: the first line of a kernel resets the count.
  script: `{ dmesg || echo '@denied'; } | ${keeping('log', `^@denied$|${symptomPatterns.kernel}`)}
if early; then
  if has journalctl; then
    $T journalctl -u docker -u containerd -u kubelet -u crio -b -n ${journalLines} -o cat --no-pager | ${keeping('runtime', symptomPatterns.runtime)}
  elif [ -r "$R/var/log/messages" ]; then
    tail -c 2000000 "$R/var/log/messages" | ${keeping('runtime', symptomPatterns.runtime)}
  fi
fi`,
  maxBytes: 65_536,
  parse: (text) => {
    const fields = readFields(text);
    const [kernel, runtime] = [fields.all('log'), fields.all('runtime')];
    return { 'kmem.symptoms': readSymptoms({ kernel, runtime }), 'kmem.log_read': !kernel.includes('@denied') };
  },
};
