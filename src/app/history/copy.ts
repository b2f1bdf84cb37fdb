// Copies runs, and what else a state keeps, from one state to another. What is there stays as it is,
// so that a copy may be repeated.
import type { CarriedRun } from '../../engine/ports/carry.ts';
import { JournalError, MissingRunError } from '../../engine/ports/state-errors.ts';
import type { JournalHead, Store } from '../../engine/ports/store.ts';
import { present } from '../../model/present.ts';
import type { EventBody } from '../../model/run/event.ts';

/**
 * What became of a run: `there`: it was there already; `under_way`: a process works on it, or a
 * worker may; `differs`: another journal is there; `removed`: it was removed there; `changed`: its
 * journal or its files do not hold; `empty`: it never began; `missing`: there is no such run.
 */
export type Copied =
  | 'copied'
  | 'there'
  | 'under_way'
  | 'differs'
  | 'removed'
  | 'changed'
  | 'empty'
  | 'missing';

/** Documents that a copy brings. */
const kinds = ['jobs', 'ids', 'fleets', 'tokens'] as const;

export interface CopiedDocuments {
  readonly copied: number;
  /** Those that stayed, since another text is there. */
  readonly differ: readonly string[];
}

/** Copies a run, if it is whole and nobody works on it. */
export async function copyRun(from: Store, to: Store, run: string): Promise<Copied> {
  if ((await to.history.pruned()).some((record) => record.run === run)) return 'removed';
  if (await isUnderWay(from, run)) return 'under_way';
  const source = await wholeRun(from, run);
  if (typeof source === 'string') return source;
  if ((await to.history.names()).includes(run))
    return (await headIn(to, run)) === source.head ? 'there' : 'differs';
  await to.carry.keep(await carriedFrom(from, run, source));
  return 'copied';
}

const isUnderWay = async (store: Store, run: string): Promise<boolean> =>
  (await store.holder(run)) !== undefined ||
  ((await store.workers?.open(false)) ?? []).some((open) => open.run === run);

/** The head of a run whose journal and files hold, or why it is not copied. */
async function wholeRun(
  store: Store,
  run: string,
): Promise<JournalHead | 'changed' | 'empty' | 'missing'> {
  if (!(await store.history.names()).includes(run)) return 'missing';
  try {
    const { entries, head, wrong } = await store.history.audit(run, []);
    if (entries === 0) return 'empty';
    return wrong.length > 0 ? 'changed' : { entries, head };
  } catch (error) {
    if (error instanceof MissingRunError) return 'missing';
    if (error instanceof JournalError) return 'changed';
    throw error;
  }
}

const headIn = (store: Store, run: string): Promise<string | undefined> =>
  store
    .scanEvents(run, () => {})
    .then(
      ({ head }) => head,
      (error: unknown) => {
        if (error instanceof JournalError) return undefined;
        throw error;
      },
    );

async function carriedFrom(
  store: Store,
  run: string,
  { entries, head }: JournalHead,
): Promise<CarriedRun> {
  const waiting = store.commands(run);
  let number = 1;
  await store.scanEvents(run, (event) => {
    waiting.see(event);
    if (event.type === 'run.resumed') number += 1;
  });
  const [plan, settings] = await Promise.all([
    store.readFile(run, 'plan'),
    store.readFile(run, 'settings'),
  ]);
  return {
    run,
    entries,
    head,
    number,
    lines: store.carry.lines(run),
    outputs: store.carry.outputs(run),
    files: present({ plan, settings }),
    commands: (await waiting.take()).map(withoutName),
    slots: await store.carry.slots(run),
  };
}

/** A command gets another name where it waits then. */
function withoutName({ command: _name, ...body }: EventBody): EventBody {
  return body as EventBody;
}

/** Copies jobs, records of hosts, last results of fleets, and digests of tokens. */
export async function copyDocuments(from: Store, to: Store): Promise<CopiedDocuments> {
  let copied = 0;
  const differ: string[] = [];
  for (const kind of kinds)
    for (const name of await from[kind].names()) {
      const [text, there] = [await from[kind].read(name), await to[kind].read(name)];
      if (text === undefined || text === there) continue;
      if (there !== undefined) {
        differ.push(`${kind}/${name}`);
        continue;
      }
      await to[kind].write(name, text);
      copied += 1;
    }
  return { copied, differ };
}

/** Copies the records of removed runs; returns how many were new. */
export async function copyRecords(from: Store, to: Store): Promise<number> {
  const there = new Set((await to.history.pruned()).map(({ run, head }) => `${run} ${head}`));
  const records = (await from.history.pruned()).filter(
    ({ run, head }) => !there.has(`${run} ${head}`),
  );
  if (records.length > 0) await to.carry.keepRecords(records);
  return records.length;
}
