// The view of a run, while it goes on and when it is over.

import type { RunEnd, RunScreen, ShownRun } from '../../app/observer.ts';
import { hostStates } from '../../core/run-state/state.ts';
import type { JournalHead } from '../../engine/ports/store.ts';
import type { Event } from '../../model/run/event.ts';
import { plural } from '../../model/text/plural.ts';
import { toJson } from '../../model/text/printable.ts';
import { databaseAwayText } from '../../screens/live/head-lines.ts';
import { failureLines } from '../../screens/run/failure-text.ts';
import { eventLines } from '../../screens/run/lines.ts';
import { nextSteps } from '../../screens/run/next-steps.ts';
import { recapLines } from '../../screens/run/recap.ts';
import { paintOf, type World } from '../world.ts';
import { isNotable, type Style } from './quiet.ts';

export interface ScreenOptions extends ShownRun {
  readonly title: string;
  readonly style: Style;
}

/** Opens the screen. An event that cannot be shown is named; the run goes on. */
export async function openScreen(options: ScreenOptions, world: World): Promise<RunScreen> {
  const screen = await screenOf(options, world);
  return {
    ended: (end) => finish(end, options.style, world),
    onEvent: (event) => {
      try {
        screen.onEvent(event);
      } catch (error) {
        world.err(
          `warning: entry ${event.seq} of the journal (${event.type}) cannot be shown: ${String(error).slice(0, 300)}`,
        );
      }
    },
    away: screen.away,
    close: screen.close,
  };
}

/** JSON lines, a live view on a terminal, or plain lines, from the same events. */
async function screenOf(
  { title, view, now, style: { json, quiet } }: ScreenOptions,
  world: World,
): Promise<Omit<RunScreen, 'ended'>> {
  if (json === true)
    return {
      onEvent: (event) => world.out(toJson({ schema: 'kmend.event/1', ...event })),
      away: (since) => {
        if (since !== undefined) world.err(databaseAwayText(since));
      },
      close: async () => {},
    };
  const paint = paintOf(world);
  const show = (event: Event): void => {
    for (const line of eventLines(event, paint)) world.out(line);
  };
  if (world.isTerminal && quiet !== true) {
    const { openLive } = await import('../../screens/run/live.ts');
    const live = await openLive({
      title,
      view,
      size: () => ({ columns: world.width(), rows: world.height() }),
      paint,
      now,
    });
    world.view(live);
    let closed = false;
    return {
      onEvent: (event) => {
        if (event.type === 'warning') show(event);
        live.changed();
      },
      away: () => live.changed(),
      close: async () => {
        if (closed) return;
        closed = true;
        await live.close();
        world.view(undefined);
      },
    };
  }
  return {
    onEvent: (event) => {
      if (quiet !== true || isNotable(event)) show(event);
    },
    away: (since) => {
      if (since !== undefined) world.out(paint.yellow(databaseAwayText(since)));
    },
    close: async () => {},
  };
}

/** Prints the recap, the end, what to type next, and the head of the journal. */
function finish(
  { run, state, head, withheld }: RunEnd,
  { json, quiet }: Style,
  world: World,
): void {
  if (json === true) return world.out(journalEnd(run, head));
  if (quiet !== true)
    for (const line of recapLines(hostStates(state), state.leftOut, paintOf(world), world.width()))
      world.out(line);
  // Plain lines have shown the failures already; the live view has not kept them.
  if (world.isTerminal && quiet !== true)
    for (const line of failureLines(state, 5)) world.out(line);
  const ended = state.finished;
  if (ended === undefined) return;
  world.out(`${ended.why} (exit ${ended.exit}); report: kmend report ${run}`);
  const steps = nextSteps(state);
  for (const line of steps.length === 0 ? [] : [...steps, ...neededAgain(withheld)])
    world.out(line);
  if (quiet !== true)
    world.out(`journal: ${plural(head.entries, 'entry', 'entries')}, head ${head.head}`);
}

/** The last JSON line of a run, with the head of its journal. */
export const journalEnd = (run: string, { entries, head }: JournalHead): string =>
  JSON.stringify({ schema: 'kmend.journal/1', run, entries, head });

/** Which variables have to be added to the commands that kmend prints for a run. */
export const neededAgain = (withheld: readonly string[]): readonly string[] =>
  withheld.length === 0
    ? []
    : [
        `add to resume and rollback of it -e @FILE with what is not kept, because it may be secret: ${withheld.join(', ')}`,
      ];
