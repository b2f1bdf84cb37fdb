// What a list of runs says of a run, by its journal.
import { present } from '../../model/present.ts';
import type { Event } from '../../model/run/event.ts';
import { dataIn, flag, number, object, text } from '../../model/shape/shape.ts';
import { isMapping } from '../../model/value.ts';
import type { JournalHead, RunInfo } from '../ports/history.ts';

/** A `RunInfo` without the head of the journal. */
export type RunFacts = Omit<RunInfo, keyof JournalHead>;

/** What is known of a run after one more event; undefined before its first entry. */
export function infoAfter(info: RunFacts | undefined, event: Event): RunFacts | undefined {
  if (event.type === 'run.started' && info === undefined) {
    const { run, at, playbook, play, previous } = event;
    return { run, startedAt: at, playbook, play, ...present({ previous }) };
  }
  if (info === undefined) return undefined;
  if (event.type === 'run.finished')
    return { ...info, finished: { exit: event.exit, why: event.why } };
  if (event.type !== 'run.resumed') return info;
  const { finished: _before, ...open } = info;
  return open;
}

const facts = { run: text, startedAt: number, playbook: text, play: text };
const mayHave = {
  begun: flag,
  job: text,
  finished: object({ exit: number, why: text }),
  previous: object({ run: text, head: text }),
};

/** The shape of a `RunInfo` that is read back. */
export const infoShape = object({ ...facts, entries: number, head: text }, mayHave);
const factsShape = object(facts, mayHave);

/** The facts that were kept as JSON; undefined where it is something else. */
export function factsIn(kept: string): RunFacts | undefined {
  const data = dataIn(kept);
  return factsShape(data, '') === undefined ? (data as RunFacts) : undefined;
}

/** The job that started a run, by its stored settings. */
export function jobIn(settings: string): { readonly job?: string } {
  const data = dataIn(settings);
  const flags = isMapping(data) ? data.flags : undefined;
  return isMapping(flags) && typeof flags.job === 'string' ? { job: flags.job } : {};
}
