// An area: one file of related facts = a read-only POSIX sh script and a pure parser of what it prints.
import type { FactDef, Facts } from '../model/fact.ts';
import type { Mapping } from '../model/value.ts';

export interface Area {
  readonly name: string;
  readonly facts: readonly FactDef[];
  /**
   * POSIX sh (dash and busybox too) that prints lines for `parse`. It runs inside the probe's frame: `$R` is the root prefix,
   * `LC_ALL=C`, stdin is closed, stderr is dropped, output is cut at `maxBytes`. Areas with arguments make it from them (quoted).
   */
  readonly script: string | ((args: Mapping) => string);
  readonly maxBytes: number;
  /** What the script printed for this area; `cut` says that it was longer than `maxBytes`. */
  readonly parse: (text: string, context: { readonly cut: boolean; readonly args: Mapping }) => Facts;
}
