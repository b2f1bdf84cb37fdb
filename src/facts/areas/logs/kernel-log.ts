// Area log: what the kernel log says about the leak, and the journal of the programs that make cgroups.
import { scriptText } from '../../../model/text/script-text.ts';
import type { Area } from '../../area.ts';
import { readFields } from '../../fields.ts';
import { readSymptoms, symptomPatterns } from '../../kmem/symptoms.ts';
import keepLines from './keep-lines.awk';
import kernelLog from './kernel-log.sh';

const keeping = (key: string, pattern: string): string => scriptText(keepLines, { pattern: pattern.replaceAll('/', '\\/'), key });

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
  script: scriptText(kernelLog, {
    log: keeping('log', `^@denied$|${symptomPatterns.kernel}`),
    runtime: keeping('runtime', symptomPatterns.runtime),
  }),
  maxBytes: 65_536,
  parse: (text) => {
    const fields = readFields(text);
    const [kernel, runtime] = [fields.all('log'), fields.all('runtime')];
    return { 'kmem.symptoms': readSymptoms({ kernel, runtime }), 'kmem.log_read': !kernel.includes('@denied') };
  },
};
