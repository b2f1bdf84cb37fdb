// Files that kmend puts on a host: where package files lie there, and the shell that takes their
// checksum.
import sha256 from './sha256.sh';
import { scriptText } from './text/script-text.ts';

/** Below the host's root. */
export const packageFolder = '/var/lib/kmend/packages';

/** The shell function `sha256 FILE`. A host without a program for it ends with `without`. */
export const sha256Shell = (without: number): string => scriptText(sha256, { without });
