// Area kernels: which package each installed kernel belongs to, and whose updates become the default. Read only where a task asks for it.
import type { Facts } from '../../../model/fact.ts';
import { scriptText } from '../../../model/text/script-text.ts';
import type { Mapping } from '../../../model/value.ts';
import type { Area } from '../../area.ts';
import { readAssignments } from '../../assignments.ts';
import { readFields } from '../../fields.ts';
import kernels from './kernels.sh';

/** One question to the package database for all kernels; a file that no package owns is a line that is not ours. A database that does not answer is `packages.broken`. */
export const kernelsArea: Area = {
  name: 'kernels',
  facts: [
    {
      name: 'kernel.packages',
      lifetime: 'disk',
      summary: 'for the installed kernels that came in a package: its name; asked for by the module kernel',
      example: { '3.10.0-862.el7.x86_64': 'kernel', '5.4.278-1.el7.elrepo.x86_64': 'kernel-lt' },
    },
    {
      name: 'kernel.default_package',
      lifetime: 'disk',
      summary:
        'package whose new versions become the default when they are installed (/etc/sysconfig/kernel); empty when none does; asked for by the module kernel',
      example: 'kernel',
    },
    {
      name: 'kernel.grubby',
      lifetime: 'disk',
      summary:
        'what `grubby --default-kernel` answers: a path, nothing, or `absent` where there is no grubby; asked for by the module kernel',
      example: '/boot/vmlinuz-3.10.0-862.el7.x86_64',
    },
  ],
  script: scriptText(kernels),
  maxBytes: 65_536,
  parse: (text): Facts => {
    const fields = readFields(text);
    const settings = readAssignments(fields.all('setting'));
    return {
      'kernel.packages': ownersOf(fields.all('owner')),
      'kernel.grubby': fields.has('grubby') ? fields.text('grubby').trim() : 'absent',
      'kernel.default_package': settings.get('UPDATEDEFAULT') === 'yes' ? (settings.get('DEFAULTKERNEL') ?? '') : '',
    };
  },
};

/** `NAME RELEASE`: what `uname -r` prints is version, release and architecture of the package. */
const ownersOf = (lines: readonly string[]): Mapping =>
  Object.fromEntries(
    lines.map((line) => line.split(' ')).flatMap(([name = '', release = '']) => (release === '' ? [] : [[release, name]])),
  );
