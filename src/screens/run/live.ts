// The live view: listr2 draws one task, at most five times a second. A run does not depend on it.
import type { Listr } from 'listr2';
import type { RunState } from '../../core/run-state/state.ts';
import type { Event } from '../../model/run/event.ts';
import { type Paint, printable } from '../layout.ts';
import { activityOf, liveRows, liveTitle } from './live-rows.ts';

export interface LiveView {
  readonly onEvent: (event: Event, state: RunState) => void;
  /** Draws the last state and restores the terminal. */
  readonly close: () => Promise<void>;
}

export interface LiveOptions {
  readonly title: string;
  readonly width: () => number;
  readonly paint: Paint;
  readonly now: () => number;
}

/** Milliseconds between two draws: faster ones would delay connections. */
const drawEvery = 200;
/** Milliseconds after which times are drawn again without an event. */
const refreshEvery = 1000;

export async function openLive(options: LiveOptions): Promise<LiveView> {
  const { Listr } = await import('listr2');
  const activity = new Map<string, string>();
  let state: RunState | undefined;
  let drawn = 0;
  let pending: NodeJS.Timeout | undefined;
  let show: (text: string) => void = () => {};
  let finish: () => void = () => {};
  const ended = new Promise<void>((resolve) => {
    finish = resolve;
  });

  const draw = (): void => {
    pending = undefined;
    if (state === undefined) return;
    drawn = Date.now();
    const rows = liveRows(state, activity, {
      width: options.width(),
      now: options.now(),
      paint: options.paint,
    });
    // Each assignment draws, so the title is a row too.
    show([liveTitle(state), ...rows].map(printable).join('\n'));
  };
  const soon = (): void => {
    pending ??= setTimeout(draw, Math.max(0, drawn + drawEvery - Date.now()));
  };

  const list: Listr = new Listr(
    [
      {
        title: printable(options.title),
        task: async (_context, task): Promise<void> => {
          show = (text) => {
            task.output = text;
          };
          draw();
          await ended;
        },
        rendererOptions: { persistentOutput: true, outputBar: 1 },
      },
    ],
    // The engine handles signals: listr2 must not end the process during a step.
    {
      renderer: 'default',
      rendererOptions: { lazy: true, removeEmptyLines: false },
      registerSignalListeners: false,
      exitOnError: false,
    },
  );
  const running = list.run();
  const ticker = setInterval(soon, refreshEvery);

  return {
    onEvent: (event, next) => {
      state = next;
      const doing = activityOf(event);
      if (doing !== undefined) activity.set(doing.host, doing.text);
      if (event.type === 'host.done' || event.type === 'host.failed') activity.delete(event.host);
      soon();
    },
    close: async () => {
      clearInterval(ticker);
      clearTimeout(pending);
      draw();
      finish();
      await running;
    },
  };
}
