// Questions of a command to the workers of sites, in memory; each is answered by the first worker of
// its site and version.
import type { NewReading, Sites } from '../../src/engine/ports/sites.ts';
import type { Store } from '../../src/engine/ports/store.ts';
import type { LiveWorker } from '../../src/engine/ports/workers.ts';

export interface AskedWorker {
  readonly sites: readonly string[];
  readonly version?: string;
  readonly bootId?: string;
  /** Default: as long as the command. */
  readonly isAlive?: () => boolean;
  readonly answer: (reading: NewReading) => Promise<string>;
}

export interface AskedSites {
  /** What a state has that is shared. */
  readonly state: Pick<Store, 'sites' | 'workers' | 'watch'>;
  readonly asked: readonly NewReading[];
  readonly answered: readonly string[];
  /** Questions that are neither answered nor withdrawn. */
  readonly open: () => number;
}

const none = async (): Promise<never> => {
  throw new Error('no command does this');
};

const noSites: Sites = {
  // A run that hands nothing over.
  announce: async () => {},
  handed: async () => [],
  hand: none,
  abort: none,
  forget: none,
  ask: none,
  answers: none,
  withdraw: none,
  runsAt: none,
  claim: none,
  stopped: none,
  leave: none,
  end: none,
  openJournal: none,
};

export function askedSites(workers: readonly AskedWorker[]): AskedSites {
  const asked: NewReading[] = [];
  const answered: string[] = [];
  const open = new Map<number, string | undefined>();
  let changed = (): void => {};
  const alive = workers.map(
    ({ sites, version = '0.0.0-test', bootId = '' }, id): LiveWorker => ({
      ...{ id, sites, version, bootId },
      ...{
        machine: `m${id + 1}`,
        pid: 1,
        since: 0,
        ready: [],
        most: 4,
        refused: [],
        runs: [],
        hosts: [],
      },
    }),
  );
  const ask: Sites['ask'] = async (reading, version) => {
    asked.push(reading);
    const id = asked.length;
    open.set(id, undefined);
    const index = alive.findIndex(
      (worker) => worker.sites.includes(reading.site) && worker.version === version,
    );
    void workers[index]?.answer(reading).then((answer) => {
      answered.push(answer);
      if (open.has(id)) open.set(id, answer);
      changed();
    });
    return id;
  };
  return {
    state: {
      sites: {
        ...noSites,
        ask,
        answers: async (ids) =>
          new Map(
            [...open].flatMap(([id, answer]) =>
              ids.includes(id) && answer !== undefined ? [[id, answer]] : [],
            ),
          ),
        withdraw: async (ids) => {
          for (const id of ids) open.delete(id);
        },
      },
      workers: {
        say: none,
        alive: async () => alive.filter((_, index) => workers[index]?.isAlive?.() ?? true),
        open: async () => [],
        sayRest: none,
      },
      watch: (see) => {
        changed = see;
        return () => {
          changed = () => {};
        };
      },
    },
    asked,
    answered,
    open: () => open.size,
  };
}
