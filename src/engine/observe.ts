// Observing: one script, one exec, all facts of a host. Read-only; the caller says what arguments-dependent facts it wants beside the base ones.
import { buildProbe, parseProbe } from '../facts/index.ts';
import { type Facts, type FactWant, wantKey } from '../model/fact.ts';
import type { Outcome } from '../model/failure.ts';
import type { Session } from './session.ts';

export interface Observed {
  /** Raw facts: `derive` has not been over them. */
  readonly facts: Facts;
  readonly asked: ReadonlySet<string>;
}

export const nothingObserved: Observed = { facts: {}, asked: new Set() };

/** Seconds; the probe itself bounds what may hang (docker, the package database). */
const probeTimeout = 90;

/** Reads the base facts and these wants, over what is known already. */
export async function observe(
  session: Session,
  wants: readonly FactWant[],
  before: Observed = nothingObserved,
): Promise<Outcome<Observed>> {
  const outcome = await session.read(buildProbe(wants), { timeout: probeTimeout, become: session.target.become !== undefined });
  if (!outcome.ok) return outcome;
  const parsed = parseProbe(outcome.value.stdout, wants);
  if (!parsed.ok) return { ok: false, failure: { ...parsed.failure, detail: parsed.failure.detail ?? lastLines(outcome.value.stderr) } };
  return { ok: true, value: { facts: { ...before.facts, ...parsed.value }, asked: new Set([...before.asked, ...wants.map(wantKey)]) } };
}

export const lastLines = (text: string, count = 5): string => text.trimEnd().split('\n').slice(-count).join('\n');
