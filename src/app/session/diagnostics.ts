// The user's mistakes on their way out: all at once, on stderr, exit 3.
import { withoutNamedSecrets } from '../../core/plan/secrets.ts';
import { type Diagnostic, hasErrors } from '../../model/diagnostic.ts';
import { diagnosticsText } from '../../screens/diagnostics.ts';
import { type Paint, plural } from '../../screens/layout.ts';
import type { World } from './world.ts';

/** Carries diagnostics of which at least one is an error. Caught in one place. */
export class Mistakes extends Error {
  readonly diagnostics: readonly Diagnostic[];
  constructor(diagnostics: readonly Diagnostic[]) {
    super(`${diagnostics.length} diagnostics`);
    this.diagnostics = diagnostics;
  }
}

/** Goes on with warnings told, stops with errors. */
export function tell(diagnostics: readonly Diagnostic[], world: World, paint: Paint): void {
  if (hasErrors(diagnostics)) throw new Mistakes(diagnostics);
  for (const line of diagnosticsText(diagnostics, paint)) world.err(line);
}

export function printMistakes(mistakes: Mistakes, world: World, paint: Paint): void {
  // A file that must not be read is not quoted either.
  const unread = mistakes.diagnostics.filter((one) => one.code === 'unreadable').map((one) => [one.place?.file ?? '', []] as const);
  const sources = new Map<string, readonly string[]>(unread);
  const lineOf = (file: string, line: number): string | undefined => {
    let lines = sources.get(file);
    if (lines === undefined) {
      const read = world.reader.readText(file);
      lines = read.ok ? read.text.split('\n') : [];
      sources.set(file, lines);
    }
    return lines[line - 1];
  };
  // A line may be megabytes long and hold many mistakes.
  const shown = new Map<string, string | undefined>();
  const shownLine = (file: string, line: number): string | undefined => {
    const key = `${line} ${file}`;
    if (!shown.has(key)) {
      const found = lineOf(file, line);
      shown.set(key, found && withoutNamedSecrets(found));
    }
    return shown.get(key);
  };
  for (const line of diagnosticsText(mistakes.diagnostics, paint, shownLine)) world.err(line);
  const errors = mistakes.diagnostics.filter((one) => one.severity === 'error').length;
  world.err(`${plural(errors, 'error')}: nothing was done`);
}
