// Which turn of a job is due.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type DueJob, dueTurn, type KnownTurn } from '../../src/core/rollout/due-turn.ts';

const at = (time: string): number => Date.parse(`2026-11-27T${time}Z`);
const job = (turn?: [string, KnownTurn['state']], hasOpenRun = false): DueJob => ({
  every: '*:0/30 UTC',
  since: at('20:10'),
  hasOpenRun,
  ...(turn === undefined ? {} : { turn: { at: at(turn[0]), state: turn[1] } }),
});

it.each<[string, DueJob, string, string | undefined]>([
  ['before its first turn', job(), '20:29:59.999', undefined],
  ['at its first turn', job(), '20:30', '20:30'],
  ['a turn that has ended', job(['20:30', 'ended']), '20:59', undefined],
  ['the next turn', job(['20:30', 'ended']), '21:00', '21:00'],
  ['three missed turns: the newest', job(['20:30', 'ended']), '22:10', '22:00'],
  ['a turn under way keeps later ones back', job(['20:30', 'under_way']), '22:10', undefined],
  ['a turn that was left is taken up, before later ones', job(['20:30', 'left']), '22:10', '20:30'],
  [
    'a turn that was left whose run is carried on',
    job(['20:30', 'left'], true),
    '22:10',
    undefined,
  ],
  ['a run that goes on', job(['20:30', 'ended'], true), '22:10', undefined],
  ['a turn from before the job was installed', job(['20:00', 'left']), '20:31', '20:30'],
  ['an older job that still runs', job(['20:00', 'under_way']), '20:31', undefined],
])('%s', (_, known, now, due) => {
  const found = dueTurn(known, at(now));
  expect(found === undefined ? undefined : new Date(found).toISOString()).toBe(
    due === undefined ? undefined : new Date(at(due)).toISOString(),
  );
});

it('however often workers look, each turn is carried out at most once, in its order, and the newest always', () => {
  const looks = fc.array(
    fc.record({
      minutes: fc.integer({ min: 0, max: 200 }),
      state: fc.constantFrom<KnownTurn['state']>('ended', 'left', 'under_way'),
    }),
    { minLength: 1, maxLength: 12 },
  );
  fc.assert(
    fc.property(looks, (steps) => {
      let now = at('20:10');
      let turn: KnownTurn | undefined;
      for (const { minutes, state } of steps) {
        now += minutes * 60_000;
        const due = dueTurn({ ...job(), ...(turn && { turn }) }, now);
        if (due === undefined) {
          const newest = Math.floor(now / 1_800_000) * 1_800_000;
          if (turn?.state === 'ended') expect(turn.at).toBe(newest);
        } else {
          expect(due).toBeLessThanOrEqual(now);
          if (turn?.state === 'left') expect(due).toBe(turn.at);
          else expect(due).toBeGreaterThan(turn?.at ?? 0);
        }
        // A worker takes what is due; a turn under way ends, or is left.
        turn = due === undefined ? turn && { ...turn, state } : { at: due, state };
      }
    }),
  );
});
