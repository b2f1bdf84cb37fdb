// Area kernels: which package each installed kernel belongs to, and whose updates become the
// default. Read only where a task asks for it.
import type { Facts } from '../../../model/fact.ts';
import type { ByName } from '../../../model/facts/row.ts';
import { scriptText } from '../../../model/text/script-text.ts';
import type { Area } from '../../area.ts';
import { readAssignments } from '../../assignments.ts';
import { readFields } from '../../fields.ts';
import kernels from './kernels.sh';

/**
 * One question to the package database for all kernels; a file that no package owns is a line that
 * is not ours. A database that does not answer is `packages.broken`.
 */
export const kernelsArea: Area = {
  name: 'kernels',
  script: scriptText(kernels),
  maxBytes: 65_536,
  parse: (text): Facts => {
    const fields = readFields(text);
    const settings = readAssignments(fields.all('setting'));
    return {
      'kernel.packages': ownersOf(fields.all('owner')),
      'kernel.grubby': fields.has('grubby') ? fields.text('grubby').trim() : 'absent',
      'kernel.default_package':
        settings.get('UPDATEDEFAULT') === 'yes' ? (settings.get('DEFAULTKERNEL') ?? '') : '',
    };
  },
};

/** `NAME RELEASE`: what `uname -r` prints is version, release and architecture of the package. */
const ownersOf = (lines: readonly string[]): ByName<string> =>
  Object.fromEntries(
    lines
      .map((line) => line.split(' '))
      .flatMap(([name = '', release = '']) => (release === '' ? [] : [[release, name]])),
  );
