// Area kernel: the running kernel, the installed ones, and what their System.map says about nokmem.
import type { Facts } from '../../../model/fact.ts';
import type { ByName } from '../../../model/facts/row.ts';
import { scriptText } from '../../../model/text/script-text.ts';
import { unknown } from '../../../model/value.ts';
import type { Area } from '../../area.ts';
import { readFields } from '../../fields.ts';
import kernel from './kernel.sh';

export const kernelArea: Area = {
  name: 'kernel',
  script: scriptText(kernel),
  quick: true,
  maxBytes: 65_536,
  parse: (text): Facts => {
    const fields = readFields(text);
    return {
      'kernel.release':
        fields.text('release').trim() || unknown('the kernel release could not be read'),
      'kernel.installed': fields
        .all('installed')
        .filter((release) => /^[0-9]/.test(release) && !release.startsWith('0-rescue')),
      'kernel.maps': readMaps(fields.all('map')),
    };
  },
};

/**
 * Reads `RELEASE:ADDRESS TYPE SYMBOL`. Debian ships a stub as System.map. Only in a map with
 * `_text` does a missing symbol prove something.
 */
function readMaps(lines: readonly string[]): ByName<'yes' | 'no'> {
  const maps = new Map<string, 'yes' | 'no'>();
  for (const line of lines) {
    const parts = /^(\S+):[0-9a-f]+ \S (\S+)$/.exec(line);
    if (parts?.[1] === undefined) continue;
    if (parts[2] === 'cgroup_memory_nokmem') maps.set(parts[1], 'yes');
    else if (!maps.has(parts[1])) maps.set(parts[1], 'no');
  }
  return Object.fromEntries(maps);
}
