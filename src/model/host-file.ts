// Files that kmend puts on a host: the folder of package files, and the shell function for their
// checksum.
import sha256 from './sha256.sh';
import { scriptText } from './text/script-text.ts';

/** Below the host's root. */
export const packageFolder = '/var/lib/kmend/packages';

/**
 * The shell function `sha256 FILE`. On a host without a program for it, it exits with `without`.
 */
export const sha256Shell = (without: number): string => scriptText(sha256, { without });
