// The view of a run: the same hosts and counts as its state, whole or by what changed.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { simulate } from '../../src/core/decide/simulate.ts';
import { foldAll } from '../../src/core/run-state/fold.ts';
import { hostStates } from '../../src/core/run-state/state.ts';
import { readView, viewOf, withDelta } from '../../src/core/view/read-view.ts';
import type { Event } from '../../src/model/run/event.ts';
import { lineOf } from '../../src/screens/run/lines.ts';
import { noon } from './fleet.ts';
import { walk } from './view-journal.ts';
import { type RandomWorld, randomWorld } from './worlds.ts';

/** The journal of a world, with a crash and a resume after `crash` entries if there are so many. */
function journalOf(world: RandomWorld, crash: number): readonly Event[] {
  const events: Event[] = [];
  const run = {
    begin: world.begin,
    run: 'r1',
    now: noon,
    outcome: world.outcome,
    gate: world.gate,
    walk,
    onEvent: (event: Event) => void events.push(event),
  };
  simulate(run);
  if (crash >= events.length) return events;
  events.length = Math.max(1, crash);
  const state = foldAll(events);
  simulate({ ...run, now: state.lastAt + 7_000 }, state);
  return events;
}

const journals = fc
  .tuple(randomWorld, fc.nat(400))
  .map(([world, crash]) => journalOf(world, crash));

describe('the view of a run', () => {
  it('has the hosts and counts of its state, after every entry', () => {
    fc.assert(
      fc.property(journals, fc.nat(), (events, cut) => {
        const some = events.slice(0, 1 + (cut % events.length));
        const state = foldAll(some);
        const { head, hosts } = viewOf(some, lineOf);
        const left = hosts.filter(({ status }) => status === 'left_out');
        expect(
          hosts.filter(({ status }) => status !== 'left_out').map((row) => row.status),
        ).toEqual([...hostStates(state)].map(({ status }) => status));
        expect(left.map(({ host }) => host)).toEqual(state.leftOut.map(({ host }) => host));
        for (const [status, count] of Object.entries(head.counts))
          expect(hosts.filter((row) => row.status === status)).toHaveLength(count);
        expect(head.slots.held).toBe(state.held);
      }),
      { numRuns: 200 },
    );
  });

  it('is what a reader has that applied what changed, from any entry on; and JSON carries it', () => {
    fc.assert(
      fc.property(journals, fc.array(fc.nat(60), { maxLength: 40 }), (events, gaps) => {
        const reader = readView(lineOf);
        const [first, ...rest] = events;
        if (first === undefined) return;
        reader.see(first);
        let mine = reader.view();
        for (const gap of gaps) {
          for (const event of rest.splice(0, gap)) reader.see(event);
          mine = withDelta(mine, JSON.parse(JSON.stringify(reader.delta(mine.head.lastSeq))));
        }
        for (const event of rest) reader.see(event);
        mine = withDelta(mine, reader.delta(mine.head.lastSeq));
        expect({ ...mine, planned: [] }).toEqual({ ...viewOf(events, lineOf), planned: [] });
        expect(JSON.parse(JSON.stringify(mine))).toEqual(mine);
      }),
      { numRuns: 200 },
    );
  });

  it('reaches a reader that came before the first entry', () => {
    fc.assert(
      fc.property(journals, (events) => {
        const reader = readView();
        const before = reader.view();
        for (const event of events) reader.see({ ...event, seq: event.seq - 1 });
        const { hosts, zones } = withDelta(before, reader.delta(before.head.lastSeq));
        expect({ hosts, zones }).toEqual({
          hosts: reader.view().hosts,
          zones: reader.view().zones,
        });
      }),
      { numRuns: 50 },
    );
  });

  it('gives every host steps that follow each other and lie within its walk', () => {
    fc.assert(
      fc.property(journals, (events) => {
        for (const { steps, host } of viewOf(events).hosts) {
          let last = 0;
          for (const { from, to = Number.POSITIVE_INFINITY } of steps) {
            expect(from, host).toBeGreaterThanOrEqual(last);
            expect(to).toBeGreaterThan(from);
            last = to;
          }
        }
      }),
      { numRuns: 200 },
    );
  });

  it('has the curve of the plan: the hosts that are done in a run of which everything is known', () => {
    const kind = randomWorld.map((world) => ({
      ...world,
      begin: { ...world.begin, leftOut: [] },
    }));
    fc.assert(
      fc.property(kind, ({ begin }) => {
        const events: Event[] = [];
        const onEvent = (event: Event) => void events.push(event);
        simulate({ begin, run: 'r1', now: noon, onEvent });
        const { done, planned } = viewOf(events);
        expect(done.length).toBeLessThan(100);
        expect(done).toEqual(planned);
      }),
      { numRuns: 100 },
    );
  });
});
