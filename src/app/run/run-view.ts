// What people see of a run while it goes on, and when it is over.

import { hostStates, type RunState } from '../../core/run-state/state.ts';
import type { JournalHead } from '../../engine/ports/store.ts';
import type { Ledger } from '../../engine/run-log.ts';
import type { Event } from '../../model/run/event.ts';
import { toJson } from '../../model/text/printable.ts';
import { failureLines } from '../../screens/run/failure-text.ts';
import { eventLines } from '../../screens/run/lines.ts';
import { nextSteps } from '../../screens/run/next-steps.ts';
import { recapLines } from '../../screens/run/recap.ts';
import { paintOf, type Settings } from '../session/settings.ts';
import type { World } from '../session/world.ts';
import { neededAgain } from './kept-settings.ts';

/** What people see of a run. */
export interface View {
  readonly onEvent: (event: Event, state: RunState) => void;
  readonly close: () => Promise<void>;
  /** For a question: the live view holds back whatever else is printed. */
  readonly aside: <T>(ask: () => Promise<T>) => Promise<T>;
}

/** An event that cannot be shown is named, and the run goes on: the journal has it. */
export async function openView(id: string, title: string, set: Settings, world: World): Promise<View> {
  const view = await viewOf(id, title, set, world);
  return {
    onEvent: (event, state) => {
      try {
        view.onEvent(event, state);
      } catch (error) {
        world.err(`warning: entry ${event.seq} of the journal (${event.type}) cannot be shown: ${String(error).slice(0, 300)}`);
      }
    },
    close: view.close,
    aside: view.aside,
  };
}

/** JSON lines, a live view on a terminal, plain lines elsewhere: all fed by the same events. */
async function viewOf(id: string, title: string, set: Settings, world: World): Promise<View> {
  if (set.flags.json === true)
    return { onEvent: (event) => world.out(toJson({ schema: 'kmend.event/1', ...event })), close: async () => {}, aside: (ask) => ask() };
  const paint = paintOf(world);
  if (world.isTerminal) {
    const { openLive } = await import('../../screens/run/live.ts');
    const open = () => openLive({ title: `${title} (run ${id})`, width: world.width, paint, now: world.clock.now });
    let live = await open();
    let closed = false;
    return {
      onEvent: (event, state) => live.onEvent(event, state),
      aside: async (ask) => {
        await live.close();
        try {
          return await ask();
        } finally {
          live = await open();
        }
      },
      close: async () => {
        if (closed) return;
        closed = true;
        await live.close();
      },
    };
  }
  return {
    onEvent: (event) => {
      for (const line of eventLines(event, paint)) world.out(line);
    },
    close: async () => {},
    aside: (ask) => ask(),
  };
}

/** The recap, how it ended, what to type next, and the head by which the journal can be checked later. */
export function finish(ledger: Ledger, set: Settings, world: World): void {
  const end = ledger.end();
  if (set.flags.json === true) return world.out(journalEnd(ledger.run, end));
  const state = ledger.state();
  for (const line of recapLines(hostStates(state), state.leftOut, paintOf(world))) world.out(line);
  // Plain lines have had it all; of the live view only the last rows stay.
  if (world.isTerminal) for (const line of failureLines(state, 5)) world.out(line);
  const ended = state.finished;
  if (ended === undefined) return;
  world.out(`${ended.why} (exit ${ended.exit}); report: kmend report ${ledger.run}`);
  const steps = nextSteps(state);
  for (const line of steps.length === 0 ? [] : [...steps, ...neededAgain(ledger.run, set.stateDir, world)]) world.out(line);
  world.out(`journal: ${end.entries} entries, head ${end.head}`);
}

/** The last line of JSON output about a run: an event cannot hold its own hash. */
export const journalEnd = (run: string, { entries, head }: JournalHead): string =>
  JSON.stringify({ schema: 'kmend.journal/1', run, entries, head });
