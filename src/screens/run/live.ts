// The live view: listr2 draws one task, at most five times a second. A run does not depend on it.

import { Listr, ListrLogger, ListrDefaultRendererLogLevels as Mark } from 'listr2';
import type { RunView } from '../../core/view/model.ts';
import type { Prompt } from '../../engine/ports/local.ts';
import { present } from '../../model/present.ts';
import { type Paint, printable, widthOf } from '../layout.ts';
import { endMark } from '../live/head-lines.ts';
import { liveLines } from '../live/live-lines.ts';
import { LiveOutput, Question, type Size } from './live-output.ts';

export interface LiveView {
  /** The run or the terminal has changed. */
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

/** Milliseconds between two draws: faster ones would delay connections. */
const drawEvery = 200;
/** Milliseconds after which times are drawn again without an event. */
const refreshEvery = 1000;
/** Columns that listr2 takes before what it shows, and one for the cursor. */
const indent = 6;
/** Lines of the view that stay above the recap. */
const rest = 8;

/** The one task of listr2. */
interface Task {
  /** Each call draws. */
  readonly show: (text: string) => void;
  readonly question: () => Question;
  /** Ends it. */
  readonly end: () => Promise<unknown>;
}

function startTask(title: string, output: LiveOutput, mark: () => string): Promise<Task> {
  return new Promise((resolve, reject) => {
    let finish: () => void = () => {};
    const ended = new Promise<void>((end) => {
      finish = end;
    });
    const list = new Listr(
      [
        {
          title,
          task: async (_context, task): Promise<void> => {
            resolve({
              show: (text) => {
                task.output = text;
              },
              question: () => task.prompt(Question),
              end: () => {
                finish();
                return running;
              },
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
          icon: { [Mark.COMPLETED]: mark },
          color: { [Mark.COMPLETED]: (text) => text ?? '' },
        },
        registerSignalListeners: false,
        exitOnError: false,
      },
    );
    const running = list.run();
    running.catch(reject);
  });
}

export async function openLive(options: LiveOptions): Promise<LiveView> {
  const { paint, size, view } = options;
  const title = printable(options.title);
  let asked = '';
  let drawn = 0;
  let pending: NodeJS.Timeout | undefined;

  const show = (shown: RunView, rows: number): void => {
    const screen = { rows, columns: size().columns - indent, now: options.now(), paint };
    task.show(liveLines(shown, screen).map(printable).join('\n'));
  };
  const draw = (): void => {
    clearTimeout(pending);
    pending = undefined;
    drawn = Date.now();
    show(
      asked === '' ? view() : without(asked, view()),
      Math.max(1, roomFor(title, asked, size())),
    );
  };
  const soon = (): void => {
    pending ??= setTimeout(draw, Math.max(0, drawn + drawEvery - Date.now()));
  };
  const output = new LiveOutput(size);
  const task = await startTask(title, output, () => printable(endMark(view(), paint)));
  const ticker = setInterval(soon, refreshEvery);

  return {
    changed: soon,
    above: (line) => output.above(line),
    ask: async (read) => {
      const answer = await task.question().run((ask) =>
        read((text) => {
          asked = text;
          draw();
          ask(text);
        }),
      );
      const answered = asked;
      asked = '';
      if (answer !== undefined) output.above(answered);
      return answer;
    },
    close: async () => {
      clearInterval(ticker);
      clearTimeout(pending);
      show(withoutRecap(view()), rest);
      await task.end();
    },
  };
}

/** The question below the view is not said twice. */
function without(asked: string, { head, ...others }: RunView): RunView {
  const { forecast, ...rest } = head;
  const isAsked = (text = ' '): boolean => asked.startsWith(text);
  return {
    ...others,
    head: {
      ...rest,
      needs: head.needs.filter(({ text }) => !isAsked(text)),
      ...(isAsked(forecast?.blocked) ? {} : present({ forecast })),
    },
  };
}

/** Below a view that is closed are the recap, how the run ended, and what to type next. */
const withoutRecap = ({ head, ...others }: RunView): RunView => ({
  ...others,
  head: { ...head, phase: 'running', needs: [] },
  lines: [],
});

/** Rows between the title, and the question with a blank row above it and the cursor below it. */
function roomFor(title: string, asked: string, { columns, rows }: Size): number {
  const folded = (text: string, width: number): number => Math.ceil(widthOf(text) / width);
  return (
    rows -
    folded(`> ${title}`, columns - 2) -
    (asked === '' ? 0 : 1 + folded(`${asked}_`, columns)) -
    1
  );
}
