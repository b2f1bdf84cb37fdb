// Area memory: the size of the slab caches.
import { unknown } from '../../../model/value.ts';
import type { Area } from '../../area.ts';
import { wholeNumber } from '../../fields.ts';

export const memoryArea: Area = {
  name: 'memory',
  script: `printf '%s\\n' "$S"`,
  differs: true,
  quick: true,
  maxBytes: 65_536,
  parse: (text) => {
    const kilobytes = (name: string): number | undefined =>
      wholeNumber(new RegExp(`^${name}:\\s*(\\d+) kB`, 'm').exec(text)?.[1] ?? '');
    const missing = unknown('/proc/meminfo could not be read');
    return {
      'memory.slab_kb': kilobytes('Slab') ?? missing,
      'memory.sunreclaim_kb': kilobytes('SUnreclaim') ?? missing,
    };
  },
};
