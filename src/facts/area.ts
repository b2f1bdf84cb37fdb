// An area: one file of related facts = a read-only POSIX sh script and a pure parser of what it
// prints.
import type { Facts } from '../model/fact.ts';
import type { Mapping } from '../model/value.ts';

export interface Area {
  readonly name: string;
  /**
   * POSIX sh (dash and busybox too) that prints lines for `parse`. It runs inside the probe's
   * frame: `$R` is the root prefix,
   * `LC_ALL=C`, stdin is closed, stderr is dropped. Areas with arguments make it from them
   * (quoted). It bounds what it prints.
   */
  readonly script: string | ((args: Mapping) => string);
  /**
   * Shell functions that its scripts call: in a probe once, however many of its parts there are.
   */
  readonly functions?: string;
  /** An area that is read before it, also when nobody wants it. */
  readonly needs?: string;
  readonly maxBytes: number;
  /** Output from before the probe was ended is used: it shows what is missing. */
  readonly inParts?: true;
  /** What the script printed for this area; `cut` says that it is not all of it. */
  readonly parse: (
    text: string,
    context: { readonly cut: boolean; readonly args: Mapping },
  ) => Facts;
}
