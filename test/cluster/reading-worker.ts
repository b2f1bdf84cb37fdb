// A worker of a site in this process, which only answers readings.
import { createPostgresStore } from '../../src/adapters/postgres/index.ts';
import { answerReading } from '../../src/app/sites/answer.ts';
import type { Errand } from '../../src/engine/ports/sites.ts';
import { testWorld, type WorldChanges } from '../cli/real-world.ts';
import { quiet } from '../fakes/quiet-observer.ts';

export interface ReadingWorker {
  readonly claimed: readonly Errand[];
  readonly end: () => Promise<void>;
}

export interface ReadingWorkerOptions {
  readonly url: string;
  readonly site: string;
  readonly machine: string;
  /** Questions at the same time. */
  readonly most?: number;
  /** It claims, and answers nothing. */
  readonly mute?: boolean;
  readonly changes: WorldChanges;
}

export async function readingWorker(options: ReadingWorkerOptions): Promise<ReadingWorker> {
  const { url, site, machine, most = 1, mute = false, changes } = options;
  const store = await createPostgresStore(url, { packagePath: () => '' });
  const { sites, workers } = store;
  if (sites === undefined || workers === undefined) throw new Error('the state is not shared');
  const { world } = testWorld({ ownBootId: machine, ...changes });
  const own = { pid: process.pid, bootId: machine, version: world.version, since: 0 };
  await workers.say({ ...own, machine, sites: [site], ready: [], most, refused: [] });
  const claimed: Errand[] = [];
  const mine = new Map<number, Promise<void>>();
  const answer = async (errand: Errand): Promise<void> => {
    if (errand.kind === 'reading')
      await sites.end(
        errand.id,
        await answerReading(errand, { world, observer: quiet() }, store, {}),
      );
    mine.delete(errand.id);
    wake();
  };
  let wake = (): void => {};
  let over = false;
  const unwatch = store.watch?.(() => wake());
  const work = async (): Promise<void> => {
    while (!over) {
      const woken = new Promise<void>((resolve) => {
        wake = resolve;
      });
      const claim = { sites: [site], runs: [], version: world.version, bootId: machine };
      const errands =
        mine.size >= most
          ? []
          : await sites.claim({ ...claim, have: [...mine.keys()], most: most - mine.size });
      for (const errand of errands) {
        claimed.push(errand);
        mine.set(errand.id, mute ? Promise.resolve() : answer(errand));
      }
      const timer = setTimeout(wake, 200);
      await woken;
      clearTimeout(timer);
    }
    await Promise.all(mine.values());
  };
  const working = work();
  return {
    claimed,
    end: async () => {
      over = true;
      wake();
      await working;
      unwatch?.();
      await store.close();
    },
  };
}
