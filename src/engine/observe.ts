// Observing: one script, one exec, all facts of a host. Read-only; the caller says what arguments-dependent facts it wants beside the base ones.
import { buildProbe, parseProbe } from '../facts/index.ts';
import { type Facts, type FactWant, wantKey } from '../model/fact.ts';
import type { Outcome } from '../model/failure.ts';
import type { Mapping, Value } from '../model/value.ts';
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
  const parsed = await probe(session, wants);
  if (!parsed.ok) return parsed;
  const said = await outputs(session, wants);
  if (!said.ok) return said;
  const facts = { ...before.facts, ...parsed.value, ...said.value };
  return { ok: true, value: { facts, asked: new Set([...before.asked, ...wants.map(wantKey)]) } };
}

/** The probe's facts. When it runs into its time limit, the complete areas count: sick hosts are the ones that operators need to know about. */
async function probe(session: Session, wants: readonly FactWant[]): Promise<Outcome<Facts>> {
  const came: string[] = [];
  const become = session.target.become !== undefined;
  const outcome = await session.read(buildProbe(wants), { timeout: probeTimeout, become, onLine: (line) => came.push(line) });
  if (!outcome.ok) {
    const part = parseProbe(came.join('\n'), wants, `the probe ended after ${probeTimeout} s`);
    return outcome.failure.kind === 'timeout' && part.ok ? part : outcome;
  }
  const parsed = parseProbe(outcome.value.stdout, wants);
  if (parsed.ok) return parsed;
  return { ok: false, failure: { ...parsed.failure, detail: parsed.failure.detail ?? lastLines(outcome.value.stderr) } };
}

/** Area of facts that are the output of a play's own read-only command; each is an exec of its own. */
export const outputArea = 'output';

async function outputs(session: Session, wants: readonly FactWant[]): Promise<Outcome<Facts>> {
  const facts: Record<string, Value> = {};
  for (const { area, args } of wants) {
    const script = args?.script;
    const timeout = args?.timeout;
    if (area !== outputArea || typeof script !== 'string' || typeof timeout !== 'number') continue;
    const outcome = await session.read(script, { timeout, become: session.target.become !== undefined });
    if (!outcome.ok) return outcome;
    const { code, stdout, stderr } = outcome.value;
    facts[`${outputArea}.${script}`] = { rc: code ?? -1, ...textResult(stdout, stderr) };
  }
  return { ok: true, value: facts };
}

const lines = (text: string): readonly Value[] => (text === '' ? [] : text.replace(/\n$/, '').split('\n'));

/** Output as `register` keeps it: without its last line end, and in lines. */
export const textResult = (stdout: string, stderr: string): Mapping => ({
  stdout: stdout.trimEnd(),
  stdout_lines: lines(stdout),
  stderr: stderr.trimEnd(),
  stderr_lines: lines(stderr),
});

export const lastLines = (text: string, count = 5): string => text.trimEnd().split('\n').slice(-count).join('\n');
