// Collects the diagnostics of one file, each at its place.
import type { Diagnostic, Place } from '../../model/diagnostic.ts';
import { nearest } from '../../model/diagnostic.ts';
import { present } from '../../model/present.ts';
import type { Source } from './source.ts';

export interface DiagnosticsCollector {
  readonly source: Source;
  readonly diagnostics: Diagnostic[];
  readonly error: (at: number, code: string, summary: string, more?: Partial<Diagnostic>) => void;
  readonly note: (at: number, code: string, summary: string, more?: Partial<Diagnostic>) => void;
  readonly warn: (at: number, code: string, summary: string, more?: Partial<Diagnostic>) => void;
  readonly errorAt: (
    place: Place,
    code: string,
    summary: string,
    more?: Partial<Diagnostic>,
  ) => void;
}

export function collectorOf(source: Source, diagnostics: Diagnostic[]): DiagnosticsCollector {
  const add = (
    severity: Diagnostic['severity'],
    place: Place,
    code: string,
    summary: string,
    more: Partial<Diagnostic> = {},
  ): void => {
    diagnostics.push({ code, severity, place, summary, ...more });
  };
  return {
    source,
    diagnostics,
    error: (at, code, summary, more) => add('error', source.placeAt(at), code, summary, more),
    note: (at, code, summary, more) => add('note', source.placeAt(at), code, summary, more),
    warn: (at, code, summary, more) => add('warning', source.placeAt(at), code, summary, more),
    errorAt: (place, code, summary, more) => add('error', place, code, summary, more),
  };
}

/** A "did you mean" hint for a diagnostic, where a known name is near. */
export function didYouMean(word: string, known: Iterable<string>): { readonly hint?: string } {
  const guess = nearest(word, known);
  return present({ hint: guess && `did you mean \`${guess}\`?` });
}
