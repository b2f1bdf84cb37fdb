// A controller that was stopped and wakes up after a takeover from the same state directory: the new
// owner has removed the output of its scripts from the hosts, and that is no failure of a host.
import { expect, it } from 'vitest';
import { guarded, type HeldLock } from '../../src/app/run/locks.ts';
import type { Journal, LockState } from '../../src/engine/ports/store.ts';
import type { Event, EventBody } from '../../src/model/run/event.ts';

const acts: readonly EventBody[] = [
  { type: 'host.started', host: 'h1', why: 'a slot is free' },
  {
    type: 'effect.started',
    host: 'h1',
    task: 'The argument',
    effect: 'h1/The argument/1',
    kind: 'run',
    what: 'run sh',
    timeout: 60,
    detached: true,
  },
  {
    type: 'host.failed',
    host: 'h1',
    failure: { kind: 'exit', message: 'its spool on the host is gone' },
    touched: true,
    state: 'in service',
  },
  { type: 'run.finished', exit: 5, why: 'the brake holds hosts back' },
];

function journalUnder(state: LockState) {
  const written: string[] = [];
  const journal: Journal = {
    run: '20261127-072230-9o19',
    end: () => ({ seq: 0, head: '', entries: 0 }),
    follow: () => {},
    close: async () => {},
    append: async (body) => {
      written.push(body.type);
      return { ...body, v: 1, seq: 1, at: 0, run: journal.run, prev: '' } as Event;
    },
  };
  const lock: HeldLock = { held: true, release: async () => {}, state: async () => state };
  return { written, ...guarded(journal, lock, '/state') };
}

it.each(acts)('writes no $type, and ends with 7', async (body) => {
  const { append, written } = journalUnder('taken');
  await expect(append(body, true)).rejects.toMatchObject({
    exit: 7,
    message: 'the hosts of run 20261127-072230-9o19 were taken over by another run',
  });
  expect(written).toEqual([]);
});

it.each(acts)('writes $type while it holds the lock', async (body) => {
  const { append, written } = journalUnder('held');
  await append(body, true);
  expect(written).toEqual([body.type]);
});
