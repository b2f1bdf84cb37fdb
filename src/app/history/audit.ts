// Journals as evidence: each is checked by itself, against later runs, and against a head that was
// kept elsewhere.

import type { Audit, PrunedRun } from '../../engine/ports/history.ts';
import { JournalError } from '../../engine/ports/state-errors.ts';
import { plural } from '../../screens/layout.ts';
import type { Session } from '../session/session.ts';
import { CommandError, noSuchRun } from '../session/world.ts';

/** A head of a journal that a later run names. */
interface NamedHead {
  readonly run: string;
  readonly head: string;
  readonly by: string;
}

export interface Finding {
  readonly run: string;
  /** Absent where the chain is broken. */
  readonly audit?: Audit;
  readonly end: 'closed' | 'under_way' | 'open';
  readonly wrong: readonly string[];
  readonly notes: readonly string[];
}

/** The result over all runs. */
export interface Verified {
  readonly exit: number;
  /** Runs that `runs prune` removed; their heads are kept. */
  readonly removed: number;
}

export interface VerifyInput {
  /** Absent = all runs. */
  readonly run?: string;
  /** A head that one of the journals must have. */
  readonly head?: string;
}

/** @param see gets each finding as it comes, since journals may be large and many */
export async function verify(
  { run, head }: VerifyInput,
  session: Session,
  see: (finding: Finding) => void,
): Promise<Verified> {
  if (head !== undefined && !/^[0-9a-f]{64}$/.test(head))
    throw new CommandError(
      3,
      '--head must be the 64 hexadecimal digits of a head',
      'a run, `kmend report` and notices give it',
    );
  const { history } = await session.ports.store();
  const pruned = await history.pruned();
  const named = [...pruned, ...(await history.fromJournals())].flatMap(
    ({ run: by, previous }): NamedHead[] => (previous === undefined ? [] : [{ ...previous, by }]),
  );
  const names = run === undefined ? await history.names() : [run];
  const findings: Finding[] = [];
  for (const name of names) {
    const own = named.filter((one) => one.run === name);
    const finding = await judge(name, own, head, session);
    if (finding === undefined && run !== undefined) throw noSuchRun(run, session.settings.state);
    if (finding === undefined) continue;
    findings.push(finding);
    see(finding);
  }
  const removed = run === undefined ? pruned.filter((one) => !names.includes(one.run)) : [];
  const gone = named.filter((one) => !names.includes(one.run));
  const fits = run !== undefined || judgeGone(gone, removed, session);
  const known =
    head === undefined ||
    findings.some(({ audit }) => audit?.heads.has(head)) ||
    removed.some((one) => one.head === head || one.named.includes(head));
  if (!known)
    session.observer.notice(
      'no entry has the head that was given: the end of the journal was cut off, or it was rewritten',
    );
  const isWrong = !known || !fits || findings.some(({ wrong }) => wrong.length > 0);
  return {
    removed: removed.length,
    exit: isWrong ? 1 : findings.some(({ end }) => end === 'open') ? 12 : 0,
  };
}

/** Compares heads that name removed runs with those that `runs prune` kept. */
function judgeGone(
  named: readonly NamedHead[],
  removed: readonly PrunedRun[],
  { observer }: Session,
): boolean {
  let fits = true;
  for (const { run, head, by } of named) {
    const kept = removed.find((one) => one.run === run);
    if (kept === undefined)
      observer.notice(
        `run ${run} is not there any more; run ${by} names it as the one before it`,
        'warning',
      );
    else if (!kept.named.includes(head)) {
      observer.notice(
        `run ${run}: run ${by} names another head of it than those that were kept when it was removed`,
      );
      fits = false;
    }
  }
  return fits;
}

/** Undefined where there is no journal. */
async function judge(
  run: string,
  own: readonly NamedHead[],
  head: string | undefined,
  { ports }: Session,
): Promise<Finding | undefined> {
  const store = await ports.store();
  try {
    const found = await store.history.audit(run, [
      ...own.map((one) => one.head),
      ...(head === undefined ? [] : [head]),
    ]);
    const denied = own.filter((one) => !found.heads.has(one.head));
    const holder = found.closed ? undefined : await store.holder(run);
    return {
      run,
      audit: found,
      end: found.closed ? 'closed' : holder === undefined ? 'open' : 'under_way',
      wrong: [
        ...found.wrong,
        ...denied.map(
          ({ by }) =>
            `its end was cut off, or it was rewritten: no entry has the head that run ${by} names`,
        ),
      ],
      notes: [
        ...found.notes,
        ...(found.torn
          ? [
              `its last line was cut off by a crash${found.entries === 0 ? '' : '; resume removes it'}`,
            ]
          : []),
        ...placeOf(head, found),
      ],
    };
  } catch (error) {
    if (error instanceof JournalError)
      return { run, end: 'open', wrong: [error.message], notes: [] };
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

function placeOf(head: string | undefined, { heads, entries }: Audit): readonly string[] {
  const place = head === undefined ? undefined : heads.get(head);
  if (place === undefined) return [];
  const since = entries - place;
  return [
    `the head that was given is here: ${since === 0 ? 'nothing was added since' : `${plural(since, 'entry', 'entries')} came after it`}`,
  ];
}
