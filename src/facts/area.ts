// An area: one read-only POSIX sh script, and one pure parser of its output.
import type { Facts } from '../model/fact.ts';
import type { Mapping } from '../model/value.ts';

export interface Area {
  readonly name: string;
  /**
   * POSIX sh (also dash and busybox) that prints lines for `parse`. The probe sets `$R` to the root
   * prefix and `LC_ALL` to C, closes stdin and drops stderr. A script with arguments must quote
   * them. Each script limits the size of its output.
   */
  readonly script: string | ((args: Mapping) => string);
  /**
   * Shell functions and constants of this script. A probe has them once, also when several of its areas
   * name them.
   */
  readonly functions?: string;
  /** Sets variables for its own script and for others: it runs before them all, and prints nothing. */
  readonly sets?: string;
  /**
   * It takes few seconds at most, and only such scripts read its variables. Their outputs come at once:
   * each write of a script is a packet, which costs the reader more than what is in it. The last of
   * them reads variables of the others.
   */
  readonly quick?: true | 'last';
  /** It prints the marks before it (`$OP`) with its own first output, or nothing at all. */
  readonly opens?: true;
  /** Lines of another area that are for `parse` too. */
  readonly printedBy?: { readonly area: string; readonly lines: RegExp };
  /** An area that must be read before this one. It is read even where nothing else needs it. */
  readonly needs?: string;
  readonly maxBytes: number;
  /** A truncated output of this area is used: it shows what is missing. */
  readonly inParts?: true;
  /** No two hosts print the same: remembering what was printed would only cost memory. */
  readonly differs?: true;
  /** Parses the output of the script. `cut` says that the output is incomplete. */
  readonly parse: (
    text: string,
    context: { readonly cut: boolean; readonly args: Mapping },
  ) => Facts;
}
