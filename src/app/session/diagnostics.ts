// Errors of the operator's input on their way out: all at once.
import { type Diagnostic, hasErrors } from '../../model/diagnostic.ts';
import type { Observer } from '../observer.ts';

/** Carries diagnostics of which at least one is an error. Caught in one place. */
export class InputErrors extends Error {
  readonly diagnostics: readonly Diagnostic[];
  constructor(diagnostics: readonly Diagnostic[]) {
    super(`${diagnostics.length} diagnostics`);
    this.diagnostics = diagnostics;
  }
}

/** Reports warnings and goes on; ends with errors. */
export function report(
  diagnostics: readonly Diagnostic[],
  observer: Pick<Observer, 'diagnostics'>,
): void {
  if (hasErrors(diagnostics)) throw new InputErrors(diagnostics);
  observer.diagnostics(diagnostics);
}
