// Area kernel: the running kernel, the installed ones, and what their System.map says about nokmem.
import type { Facts } from '../../../model/fact.ts';
import { scriptText } from '../../../model/text/script-text.ts';
import { type Mapping, unknown } from '../../../model/value.ts';
import type { Area } from '../../area.ts';
import { readFields } from '../../fields.ts';
import kernel from './kernel.sh';

export const kernelArea: Area = {
  name: 'kernel',
  facts: [
    { name: 'kernel.release', lifetime: 'boot', summary: 'the running kernel, as uname -r', example: '3.10.0-862.el7.x86_64' },
    {
      name: 'kernel.installed',
      lifetime: 'disk',
      summary: 'releases with a vmlinuz in /boot, without rescue images',
      example: ['3.10.0-862.el7.x86_64', '3.10.0-1160.el7.x86_64'],
    },
    {
      name: 'kernel.maps',
      lifetime: 'disk',
      summary:
        'for installed kernels before 4.5 of which no table says whether they obey nokmem, and whose System.map is a real one: does it name cgroup_memory_nokmem (yes or no)',
      example: { '3.10.0-862.el7.x86_64': 'no' },
    },
  ],
  script: scriptText(kernel),
  maxBytes: 65_536,
  parse: (text): Facts => {
    const fields = readFields(text);
    return {
      'kernel.release': fields.text('release').trim() || unknown('the kernel release could not be read'),
      'kernel.installed': fields.all('installed').filter((release) => /^[0-9]/.test(release) && !release.startsWith('0-rescue')),
      'kernel.maps': readMaps(fields.all('map')),
    };
  },
};

/** `RELEASE:ADDRESS TYPE SYMBOL`: a map that has `_text` is a real one (Debian ships a stub), and then a missing symbol means something. */
function readMaps(lines: readonly string[]): Mapping {
  const maps = new Map<string, string>();
  for (const line of lines) {
    const parts = /^(\S+):[0-9a-f]+ \S (\S+)$/.exec(line);
    if (parts?.[1] === undefined) continue;
    if (parts[2] === 'cgroup_memory_nokmem') maps.set(parts[1], 'yes');
    else if (!maps.has(parts[1])) maps.set(parts[1], 'no');
  }
  return Object.fromEntries(maps);
}
