// Area memory: how much the slab caches hold.
import { unknown } from '../model/value.ts';
import type { Area } from './area.ts';
import { readFields, wholeNumber } from './fields.ts';

export const memoryArea: Area = {
  name: 'memory',
  facts: [
    { name: 'memory.slab_kb', lifetime: 'boot', summary: 'Slab of /proc/meminfo, kB', example: 412_000 },
    { name: 'memory.sunreclaim_kb', lifetime: 'boot', summary: 'SUnreclaim of /proc/meminfo, kB: a trend, not a level', example: 361_276 },
  ],
  script: `while read -r k v _; do case $k in Slab:) echo "slab $v";; SUnreclaim:) echo "unreclaim $v"; break;; esac; done <"$R/proc/meminfo"`,
  maxBytes: 256,
  parse: (text) => {
    const fields = readFields(text);
    const missing = unknown('/proc/meminfo could not be read');
    return {
      'memory.slab_kb': wholeNumber(fields.text('slab')) ?? missing,
      'memory.sunreclaim_kb': wholeNumber(fields.text('unreclaim')) ?? missing,
    };
  },
};
