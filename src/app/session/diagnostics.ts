// Reports diagnostics of the operator's input, all at once.
import { type Diagnostic, hasErrors } from '../../model/diagnostic.ts';
import type { Observer } from '../observer.ts';

/** Diagnostics with at least one error. `cli/terminal/explain.ts` prints them. */
export class InputErrors extends Error {
  readonly diagnostics: readonly Diagnostic[];
  constructor(diagnostics: readonly Diagnostic[]) {
    super(`${diagnostics.length} diagnostics`);
    this.diagnostics = diagnostics;
  }
}

/** Reports warnings; throws where there is an error. */
export function report(
  diagnostics: readonly Diagnostic[],
  observer: Pick<Observer, 'diagnostics'>,
): void {
  if (hasErrors(diagnostics)) throw new InputErrors(diagnostics);
  observer.diagnostics(diagnostics);
}

/** An error of the work for others, which only a log shows whole. */
export function sentenceOf(error: unknown): string {
  if (error instanceof InputErrors) {
    const first = error.diagnostics.find(({ severity }) => severity === 'error');
    return `its playbook or inventory has errors: ${first?.summary ?? 'see the log of this worker'}`;
  }
  return error instanceof Error ? error.message : String(error);
}
