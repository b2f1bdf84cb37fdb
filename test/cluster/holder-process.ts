// A process that works on one run as soon as it may: it appends an entry each 20 ms, and prints what
// happens to it, one JSON object a line. Arguments: URL, run, host, name.
import { openDb } from '../../src/adapters/postgres/link/db.ts';
import { journalsOf } from '../../src/adapters/postgres/runs/journal.ts';

const [url = '', run = '', host = '', name = ''] = process.argv.slice(2);
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const print = (what: object): void => {
  process.stdout.write(`${JSON.stringify({ t: Date.now(), ...what })}\n`);
};

async function main(): Promise<void> {
  const db = await openDb(url, { kind: 'worker', about: { who: name } });
  const store = journalsOf(db);
  print({ what: 'ready', me: await db.me() });
  for (;;) {
    const lock = await store.lock([host], run);
    if (!lock.held) {
      await sleep(50);
      continue;
    }
    const journal = await store
      .createJournal(run)
      .catch(async () => (await store.openJournal(run, () => {})).journal);
    print({ what: 'held', number: lock.number });
    for (let count = 0; ; count += 1) {
      const text = `${name} ${lock.number} ${count}`;
      print({ what: 'entry', seq: (await journal.append({ type: 'warning', text }, true)).seq });
      await sleep(20);
    }
  }
}

main().catch((error: Error) => {
  print({ what: 'ended', error: error.constructor.name, why: error.message });
  process.exit(7);
});
