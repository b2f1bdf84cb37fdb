// Bounds what one host makes a run write: a host chooses how much it answers, and all share the disk
// of the journal.
import type { EventBody } from '../model/run/event.ts';
import type { Failure } from '../model/run/failure.ts';

/** Characters of the journal for one host, for all hosts, and for each host once all have used theirs. */
const most = { host: 16 * 1024 * 1024, all: 1024 * 1024 * 1024, afterwards: 1024 * 1024 };

export interface Quota {
  readonly count: (body: EventBody) => void;
  /** The failure of a host that has used up its share. */
  readonly exceeded: (host: string) => Failure | undefined;
}

/** Counts anew for each controller: an operator who resumes the run allows more. */
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
        message: `the output of this host has filled ${inMiB(size)} MiB of the journal; the limit is ${inMiB(limit)} MiB`,
        hint: 'check what its commands print; a task that registers much output can print less, or keep it in a file on the host',
      };
    },
  };
}

const inMiB = (characters: number): number => Math.ceil(characters / (1024 * 1024));
