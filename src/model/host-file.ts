// Files that kmend puts on a host: the folders of package files and of replaced files, and the shell function for their
// checksum.
import sha256 from './sha256.sh';
import { scriptText } from './text/script-text.ts';

/** Below the root of the host. */
export const packageFolder = '/var/lib/kmend/packages';

/** Files that were replaced or removed, each under its checksum. */
export const backupFolder = '/var/lib/kmend/backup';

/**
 * The shell function `sha256 FILE`. On a host without a program for it, it exits with `without`.
 */
export const sha256Shell = (without: number): string => scriptText(sha256, { without });
