// A state that several workers share, in memory: a state directory of files, and who leads which run.
import { createStore } from '../../src/adapters/store/index.ts';
import type { Store } from '../../src/engine/ports/store.ts';
import type { OpenRun, WorkerWords } from '../../src/engine/ports/workers.ts';

export interface SharedState {
  /** The store of a process of its own. */
  readonly store: () => Store;
  /** What the workers say, by id. */
  readonly words: ReadonlyMap<number, WorkerWords>;
  /** A worker that lives elsewhere and takes nothing; returns how to end it. */
  readonly other: (words: Partial<WorkerWords>) => () => void;
}

export function sharedState(directory: string, now: () => number): SharedState {
  const files = createStore(directory, now);
  const leaders = new Map<string, number>();
  const words = new Map<number, WorkerWords>();
  const rests = new Set<string>();
  let newest = 0;
  const isOpen = async (run: string): Promise<boolean> => {
    let open = false;
    await files.scanEvents(run, ({ type }) => {
      if (type === 'approved') open = true;
      if (type === 'run.finished') open = false;
    });
    return open;
  };
  const store = (): Store => {
    newest += 1;
    const me = newest;
    return {
      ...files,
      lock: async (hosts, run, takeover) => {
        const lock = await files.lock(hosts, run, takeover);
        if (!lock.held) return lock;
        leaders.set(run, me);
        return {
          ...lock,
          release: async () => {
            leaders.delete(run);
            await lock.release();
          },
        };
      },
      close: async () => void words.delete(me),
      workers: {
        say: async (said) => {
          words.set(me, said);
          return me;
        },
        alive: async () =>
          [...words].map(([id, said]) => ({
            ...said,
            id,
            runs: [...leaders].filter(([, leader]) => leader === id).map(([run]) => run),
            hosts: [],
          })),
        open: async () => {
          const open: OpenRun[] = [];
          for (const { run } of await files.runs())
            if (rests.has(run) || (await isOpen(run)))
              open.push({ run, leader: leaders.has(run) ? 'led' : 'free' });
          return open;
        },
        sayRest: async (run, rest) => {
          if (rest) rests.add(run);
          else rests.delete(run);
        },
      },
    };
  };
  const other: SharedState['other'] = (said) => {
    newest += 1;
    const id = newest;
    words.set(id, {
      machine: 'other',
      pid: 1,
      bootId: 'boot id of the other machine',
      version: '0.0.0-test',
      since: 0,
      sites: [],
      ready: [],
      most: 4,
      refused: [],
      ...said,
    });
    return () => void words.delete(id);
  };
  return { store, words, other };
}
