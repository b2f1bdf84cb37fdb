// A diagnostic: an error, a warning or a note about the input of the user. Diagnostics are
// collected and reported together, before anything is touched.

/** A place in a file: line and column count from 1. */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

export interface Diagnostic {
  /**
   * Stable name of the kind of diagnostic, in kebab-case: `unknown-module`, `duplicate-key`, ...
   */
  readonly code: string;
  /**
   * A `note` explains what may surprise and needs no action. Only errors stop a command or change
   * its exit code.
   */
  readonly severity: 'error' | 'warning' | 'note';
  readonly place?: Place;
  /** What is wrong: one sentence without a full stop at its end. */
  readonly summary: string;
  /** Why it matters, or what was found instead. */
  readonly detail?: string;
  /** What to do: "did you mean `kernel_arg`?". */
  readonly hint?: string;
}

/** A value with its diagnostics. `value` is absent when errors leave none that is usable. */
export interface Checked<T> {
  readonly value?: T;
  readonly diagnostics: readonly Diagnostic[];
}

export const hasErrors = (diagnostics: readonly Diagnostic[]): boolean =>
  diagnostics.some((d) => d.severity === 'error');

/**
 * The name in `known` that is nearest to a mistyped word, if it is near enough to suggest: an edit
 * distance, with swaps, of at most a third of its length.
 */
export function nearest(word: string, known: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const candidate of known) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      let least = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + cost);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        least = Math.min(least, (beforeLast[j - 2] ?? 0) + 1);
      row.push(least);
    }
    [beforeLast, last] = [last, row];
  }
  return last[b.length] ?? 0;
}
