// Area memory: how much the slab caches hold.
import { unknown } from '../../../model/value.ts';
import type { Area } from '../../area.ts';
import { wholeNumber } from '../../fields.ts';

export const memoryArea: Area = {
  name: 'memory',
  facts: [
    { name: 'memory.slab_kb', lifetime: 'boot', summary: 'Slab of /proc/meminfo, kB', example: 412_000 },
    { name: 'memory.sunreclaim_kb', lifetime: 'boot', summary: 'SUnreclaim of /proc/meminfo, kB: a trend, not a level', example: 361_276 },
  ],
  script: `printf '%s\\n' "$S"`,
  maxBytes: 65_536,
  parse: (text) => {
    const kilobytes = (name: string): number | undefined => wholeNumber(new RegExp(`^${name}:\\s*(\\d+) kB`, 'm').exec(text)?.[1] ?? '');
    const missing = unknown('/proc/meminfo could not be read');
    return {
      'memory.slab_kb': kilobytes('Slab') ?? missing,
      'memory.sunreclaim_kb': kilobytes('SUnreclaim') ?? missing,
    };
  },
};
