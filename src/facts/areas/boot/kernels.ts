// Area kernels: the package of each installed kernel, and the package whose updates become the
// default. Read only for a task that needs it.
import type { Facts } from '../../../model/fact.ts';
import type { ByName } from '../../../model/facts/row.ts';
import { scriptText } from '../../../model/text/script-text.ts';
import type { Area } from '../../area.ts';
import { readAssignments } from '../../assignments.ts';
import { readFields } from '../../fields.ts';
import kernels from './kernels.sh';

/**
 * One query of the package database for all kernels. A file without a package gives a line that is
 * dropped. `packages.broken` reports a database that does not answer.
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

/** Reads `NAME RELEASE`. `uname -r` prints version, release and architecture of the package. */
const ownersOf = (lines: readonly string[]): ByName<string> =>
  Object.fromEntries(
    lines
      .map((line) => line.split(' '))
      .flatMap(([name = '', release = '']) => (release === '' ? [] : [[release, name]])),
  );
