// Area package_locks: processes that hold a lock of the package manager. Read with packages, and
// again right before a reboot.
import { scriptText } from '../../../model/text/script-text.ts';
import type { Area } from '../../area.ts';
import { readFields } from '../../fields.ts';
import locks from './scripts/package-locks.sh';

/** Defines the shell function `locks`, which prints a line for each holder. */
export const packageLocks = scriptText(locks);

/** `$LK` is the first holder, for the areas after this one. */
export const packageLocksArea: Area = {
  name: 'package_locks',
  functions: packageLocks,
  script: `LK=$(locks); LK=\${LK%%
*}
[ -z "$LK" ] || printf 'locked %.300s\\n' "$LK"`,
  maxBytes: 4096,
  parse: (text) => ({ 'packages.lock': readFields(text).text('locked') }),
};
