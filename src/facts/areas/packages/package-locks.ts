// Area package_locks: who holds a lock of the package manager. Read with packages, and asked again
// by a reboot right before it acts.
import { scriptText } from '../../../model/text/script-text.ts';
import type { Area } from '../../area.ts';
import { readFields } from '../../fields.ts';
import locks from './package-locks.sh';

/** `locks` prints a line a holder. */
export const packageLocks = scriptText(locks);

/** `$LK` is the first of them, for the areas behind this one. */
export const packageLocksArea: Area = {
  name: 'package_locks',
  functions: packageLocks,
  script: `LK=$(locks); LK=\${LK%%
*}
[ -z "$LK" ] || printf 'locked %.300s\\n' "$LK"`,
  maxBytes: 4096,
  parse: (text) => ({ 'packages.lock': readFields(text).text('locked') }),
};
