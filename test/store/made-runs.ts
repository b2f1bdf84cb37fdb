// Finished runs in a state directory, made without running them.
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { EventBody } from '../../src/model/run/event.ts';
import { begin, planFor } from '../core/fleet.ts';

const hash = (text: string): string => createHash('sha256').update(text).digest('hex');

export interface MadeRun {
  readonly run: string;
  /** Milliseconds since 1970 of its first entry. */
  readonly at: number;
  readonly bodies: readonly EventBody[];
  readonly previous?: { readonly run: string; readonly head: string };
}

/** Writes the journal of a run and gives its head. */
export function makeRun(state: string, { run, at, bodies, previous }: MadeRun): string {
  let prev = hash(`kmend journal ${run}`);
  const lines = bodies.map((body, seq) => {
    const named =
      body.type === 'run.started' && previous !== undefined ? { ...body, previous } : body;
    const line = JSON.stringify({ v: 1, seq, at: at + seq, run, prev, ...named });
    prev = hash(line);
    return line;
  });
  const folder = join(state, 'runs', run);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  writeFileSync(join(folder, 'journal.ndjson'), lines.map((line) => `${line}\n`).join(''), {
    mode: 0o600,
  });
  return prev;
}

/** A night on which there was nothing to do on `h1`. */
export const quietNight = (): readonly EventBody[] => [
  begin([{ host: 'h1', plan: planFor('h1'), down: false }]),
  { type: 'run.finished', exit: 0, why: 'nothing to do' },
  { type: 'run.closed' },
];

const day = 86_400_000;

/** An id as kmend makes them, of that time. */
export const idAt = (at: number): string =>
  `${new Date(at).toISOString().replace(/[-:]/g, '').replace('T', '-').slice(0, 15)}-00aa`;

/** So many quiet nights that end with the one before `now`; gives their ids, the oldest first. */
export function makeNights(state: string, count: number, now: number): readonly string[] {
  let previous: MadeRun['previous'];
  return Array.from({ length: count }, (_, index) => {
    const at = now - (count - index) * day;
    const run = idAt(at);
    const head = makeRun(state, {
      run,
      at,
      bodies: quietNight(),
      ...(previous === undefined ? {} : { previous }),
    });
    previous = { run, head };
    return run;
  });
}
