// What one host makes a run write is bounded: how long its answers are is for the host to choose,
// and the journal's disk is everybody's.
import type { EventBody } from '../model/run/event.ts';
import type { Failure } from '../model/run/failure.ts';

/**
 * Characters of the journal that one host may fill, that all may fill together, and that each may
 * still fill from then on.
 */
const most = { host: 16 * 1024 * 1024, all: 1024 * 1024 * 1024, afterwards: 1024 * 1024 };

export interface Quota {
  readonly count: (body: EventBody) => void;
  /** Why this host is not gone on with. */
  readonly exceeded: (host: string) => Failure | undefined;
}

/** Counts for one controller: whoever resumes the run has said that it may go on. */
export function createQuota({ host: mostOfHost, all: mostOfAll, afterwards } = most): Quota {
  const used = new Map<string, number>();
  let all = 0;
  return {
    count: (body) => {
      if (!('host' in body) || body.host === undefined) return;
      const size = JSON.stringify(body).length;
      used.set(body.host, (used.get(body.host) ?? 0) + size);
      all += size;
    },
    exceeded: (host) => {
      const limit = all > mostOfAll ? afterwards : mostOfHost;
      const size = used.get(host) ?? 0;
      if (size <= limit) return undefined;
      return {
        kind: 'parse',
        message: `what this host says has filled ${inMiB(size)} MiB of the journal, and ${inMiB(limit)} MiB are the most`,
        hint: 'look at what its commands print; a task that registers much output can print less, or keep it in a file of the host',
      };
    },
  };
}

const inMiB = (characters: number): number => Math.ceil(characters / (1024 * 1024));
