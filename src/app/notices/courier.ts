// Sends notices beside the run, which never waits for a target: to each target one after the other,
// in the order of the journal.
import type { Notice, NoticeTarget } from '../../engine/ports/outside.ts';
import { causeText, type Outcome } from '../../model/run/failure.ts';

/** How one target is served. */
export interface Service {
  readonly target: NoticeTarget;
  readonly called: string;
  readonly send: (
    target: NoticeTarget,
    notice: Notice,
    signal: AbortSignal,
  ) => Promise<Outcome<true>>;
  readonly sleep: (milliseconds: number, signal: AbortSignal) => Promise<void>;
  /** Milliseconds before each further try; after the last one the target is given up. */
  readonly pauses: readonly number[];
  /** The target took a notice, or refused it for good. */
  readonly taken: (notice: Notice, target: NoticeTarget, refused?: string) => Promise<unknown>;
  readonly warn: (text: string) => void;
}

export interface Lane {
  readonly send: (notice: Notice) => void;
  /** Tries what is left at once, and waits for it no longer than the limit; returns what is owed. */
  readonly close: (limit?: Promise<void>) => Promise<number>;
}

/** Milliseconds before each further try in a run: about half an hour in all. */
export const runPauses: readonly number[] = [
  1_000, 5_000, 15_000, 60_000, 300_000, 300_000, 300_000, 300_000, 300_000, 300_000,
];

/** The way to one target. A notice that fails holds up those behind it, so their order stays. */
export function laneTo(service: Service): Lane {
  const waiting: Notice[] = [];
  const [closing, over] = [new AbortController(), new AbortController()];
  let givenUp = false;
  let work = Promise.resolve();

  /** Whether the notice is settled: taken, or refused for good. */
  const deliver = async (notice: Notice): Promise<boolean> => {
    for (const pause of [...service.pauses, undefined]) {
      const isLast = pause === undefined || closing.signal.aborted;
      const sent = await service.send(service.target, notice, over.signal);
      if (over.signal.aborted && !sent.ok) return false;
      if (sent.ok || sent.failure.transport !== true) {
        const refused = sent.ok ? undefined : causeText(sent.failure);
        if (refused !== undefined) service.warn(`${service.called} was not notified: ${refused}`);
        await service.taken(notice, service.target, refused);
        return true;
      }
      if (isLast) service.warn(`${service.called} was not notified: ${causeText(sent.failure)}`);
      if (isLast) return false;
      await service.sleep(pause, closing.signal);
    }
    return false;
  };

  const drain = async (): Promise<void> => {
    for (let next = waiting[0]; next !== undefined && !givenUp; next = waiting[0]) {
      if (await deliver(next)) waiting.shift();
      else givenUp = true;
    }
  };

  return {
    send: (notice) => {
      waiting.push(notice);
      work = work.then(drain);
    },
    close: async (limit) => {
      if (limit === undefined) {
        await work;
        return waiting.length;
      }
      closing.abort();
      await Promise.race([work, limit]);
      over.abort();
      await work;
      return waiting.length;
    },
  };
}
