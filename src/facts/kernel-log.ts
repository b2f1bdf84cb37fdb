// Area log: what the kernel log says about the leak.
import type { Area } from './area.ts';
import { readFields } from './fields.ts';
import { readSymptoms, symptomPattern } from './kmem/symptoms.ts';

export const kernelLogArea: Area = {
  name: 'log',
  facts: [
    {
      name: 'kmem.symptoms',
      lifetime: 'boot',
      summary: 'lines of the kernel log by kind: how many, and the last one',
      example: [{ kind: 'slub_memcg', count: 3, line: 'SLUB: Unable to allocate memory on node -1 (gfp=0x20)' }],
    },
    { name: 'kmem.log_read', lifetime: 'boot', summary: 'the kernel log could be read; false where dmesg is refused', example: true },
  ],
  // Most logs hold nothing of it: then nothing more is started.
  script: `o=$({ $T dmesg || echo '@denied'; } | grep -E '^@denied$|${symptomPattern}')
[ -z "$o" ] || printf '%s\\n' "$o" | tail -n 400 | sed 's/^/log /'`,
  maxBytes: 65_536,
  parse: (text) => {
    const lines = readFields(text).all('log');
    return { 'kmem.symptoms': readSymptoms(lines), 'kmem.log_read': !lines.includes('@denied') };
  },
};
