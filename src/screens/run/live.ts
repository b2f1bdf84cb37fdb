// The live view: listr2 draws one task, at most five times a second. A run does not depend on it.

import { Listr, ListrLogger, ListrDefaultRendererLogLevels as Mark } from 'listr2';
import type { RunView } from '../../core/view/model.ts';
import type { Prompt } from '../../engine/ports/local.ts';
import { type Paint, printable } from '../layout.ts';
import { endMark } from '../live/head-lines.ts';
import { liveLines } from '../live/live-lines.ts';
import { LiveOutput, Question, type Size } from './live-output.ts';

export interface LiveView {
  /** The run has changed. */
  readonly changed: () => void;
  /** Prints a line above the view. */
  readonly above: (line: string) => void;
  /** Asks a question below the view. The answer stays above it. */
  readonly ask: Prompt;
  /** Leaves how the run ended, and restores the terminal. */
  readonly close: () => Promise<void>;
}

export interface LiveOptions {
  readonly title: string;
  /** The run as it is now. */
  readonly view: () => RunView;
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
/** Columns that listr2 takes before what it shows, and one for the cursor. */
const indent = 6;
/** Rows for the title, a question and the cursor. */
const spare = 5;
/** Lines of the view that stay above the recap. */
const rest = 8;

export async function openLive(options: LiveOptions): Promise<LiveView> {
  const { paint, size } = options;
  const output = new LiveOutput(size);
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
          icon: { [Mark.COMPLETED]: () => printable(endMark(options.view(), paint)) },
          color: { [Mark.COMPLETED]: (mark) => mark ?? '' },
        },
        registerSignalListeners: false,
        exitOnError: false,
      },
    );
    running = list.run();
  });

  // Each assignment draws.
  const show = (rows: number): void => {
    const columns = size().columns - indent;
    const lines = liveLines(options.view(), { rows, columns, now: options.now(), paint });
    task.show(lines.map(printable).join('\n'));
  };
  const draw = (): void => {
    pending = undefined;
    drawn = Date.now();
    show(Math.max(1, size().rows - spare));
  };
  const soon = (): void => {
    pending ??= setTimeout(draw, Math.max(0, drawn + drawEvery - Date.now()));
  };
  const ticker = setInterval(soon, refreshEvery);

  return {
    changed: soon,
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
      show(rest);
      finish();
      await running;
    },
  };
}
