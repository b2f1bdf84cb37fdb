// The live view: listr2 draws one task, at most five times a second. A run does not depend on it.
import { Listr, ListrLogger } from 'listr2';
import type { RunState } from '../../core/run-state/state.ts';
import type { Prompt } from '../../engine/ports/local.ts';
import type { Event } from '../../model/run/event.ts';
import { type Paint, printable } from '../layout.ts';
import { LiveOutput, Question, type Size } from './live-output.ts';
import { activityOf, liveRows, liveTitle } from './live-rows.ts';

export interface LiveView {
  readonly onEvent: (event: Event, state: RunState) => void;
  /** Prints a line above the view. */
  readonly above: (line: string) => void;
  /** Asks a question below the view. The answer stays above it. */
  readonly ask: Prompt;
  /** Draws the last state and restores the terminal. */
  readonly close: () => Promise<void>;
}

export interface LiveOptions {
  readonly title: string;
  readonly size: () => Size;
  readonly paint: Paint;
  readonly now: () => number;
}

/** The one task of listr2. */
interface Task {
  readonly show: (text: string) => void;
  readonly question: () => Question;
}

/** Milliseconds between two draws: faster ones would delay connections. */
const drawEvery = 200;
/** Milliseconds after which times are drawn again without an event. */
const refreshEvery = 1000;

export async function openLive(options: LiveOptions): Promise<LiveView> {
  const { paint, size } = options;
  const output = new LiveOutput(size);
  const activity = new Map<string, string>();
  let state: RunState | undefined;
  let drawn = 0;
  let pending: NodeJS.Timeout | undefined;
  let finish: () => void = () => {};
  const ended = new Promise<void>((resolve) => {
    finish = resolve;
  });
  let running: Promise<unknown> = ended;
  const task = await new Promise<Task>((resolve) => {
    const list = new Listr(
      [
        {
          title: printable(options.title),
          task: async (_context, task): Promise<void> => {
            resolve({
              show: (text) => {
                task.output = text;
              },
              question: () => task.prompt(Question),
            });
            await ended;
          },
          rendererOptions: { persistentOutput: true, outputBar: 1 },
        },
      ],
      // The engine handles signals: listr2 must not end the process during a step.
      {
        renderer: 'default',
        rendererOptions: {
          lazy: true,
          removeEmptyLines: false,
          logger: new ListrLogger({ useIcons: true, toStderr: [], processOutput: output }),
        },
        registerSignalListeners: false,
        exitOnError: false,
      },
    );
    running = list.run();
  });

  const draw = (): void => {
    pending = undefined;
    if (state === undefined) return;
    drawn = Date.now();
    const rows = liveRows(state, activity, { width: size().columns, now: options.now(), paint });
    // Each assignment draws, so the title is a row too.
    task.show([liveTitle(state), ...rows].map(printable).join('\n'));
  };
  const soon = (): void => {
    pending ??= setTimeout(draw, Math.max(0, drawn + drawEvery - Date.now()));
  };
  const ticker = setInterval(soon, refreshEvery);

  return {
    onEvent: (event, next) => {
      state = next;
      const doing = activityOf(event);
      if (doing !== undefined) activity.set(doing.host, doing.text);
      if (event.type === 'host.done' || event.type === 'host.failed') activity.delete(event.host);
      soon();
    },
    above: (line) => output.above(line),
    ask: async (read) => {
      let last = '';
      const answer = await task.question().run((draw) =>
        read((text) => {
          last = text;
          draw(text);
        }),
      );
      if (answer !== undefined) output.above(last);
      return answer;
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
