// What listr2 writes to the terminal: its view stays at the bottom, lines of others come above it at
// once, and a terminal that was resized has no rest of it.
import { stripVTControlCharacters } from 'node:util';
import { ListrPromptAdapter, ProcessOutput } from 'listr2';
import { widthOf } from '../layout.ts';

export interface Size {
  readonly columns: number;
  readonly rows: number;
}

/** Ends what listr2 writes before a view, to erase the one before: it counts rows as they were. */
const erased = '\u001b[G';
const eraseLine = '\u001b[2K';
const eraseBelow = '\u001b[J';
const hideCursor = '\u001b[?25l';
const showCursor = '\u001b[?25h';

/** Rows that lines of these widths take. A terminal that became narrower has folded them. */
const rowsOf = (widths: readonly number[], columns: number): number =>
  widths.reduce((rows, width) => rows + Math.max(1, Math.ceil(width / columns)), 0);

export class LiveOutput extends ProcessOutput {
  readonly #size: () => Size;
  /** What is drawn now; the cursor is below it. */
  #shown = '';
  /** Rows of the terminal then. */
  #height = 0;
  /** Widths of what it has scrolled away of the views before: it shows them again when it grows. */
  #hidden: readonly number[] = [];

  constructor(size: () => Size) {
    super();
    this.#size = size;
  }

  override get stdout() {
    return Object.defineProperties(super.stdout, {
      columns: { get: () => this.#size().columns },
      rows: { get: () => this.#size().rows },
      write: {
        value: (text: string) => {
          const view = text.split(erased).at(-1) ?? '';
          // A screen that is cleared from its top on is kept by some terminals: the next view erases.
          return view === '' || this.#draw('', view);
        },
      },
    });
  }

  /** Holds nothing back: lines of others come through `above`. */
  override hijack(): void {
    this.stream.stdout.write(hideCursor);
  }

  override release(): void {
    this.stream.stdout.write(showCursor);
  }

  override toStdout(text: string): boolean {
    return this.#draw(`${text}\n`, '');
  }

  above(line: string): void {
    this.#draw(`${line}\n`, this.#shown);
  }

  #draw(above: string, view: string): boolean {
    const { columns, rows } = this.#size();
    const widths = this.#shown
      .split('\n')
      .slice(0, -1)
      .map((line) => widthOf(stripVTControlCharacters(line)));
    const drawn = [...this.#hidden, ...widths];
    const up = rowsOf(drawn, columns);
    // What was scrolled away once has left the view at the top.
    const top = rowsOf(widths, columns) + Math.max(0, rows - this.#height);
    const within = Math.min(rows - 1, this.#hidden.length === 0 ? up : top);
    this.#hidden = above === '' ? firstRows(drawn, up - within, columns) : [];
    this.#shown = view;
    this.#height = rows;
    // Erased line by line, since a terminal that is cleared first flickers.
    const lines = `${above}${view}`.replace(/^/gm, eraseLine);
    return this.stream.stdout.write(`\r${up === 0 ? '' : `\u001b[${up}A`}${lines}${eraseBelow}`);
  }
}

/** The lines that take the first rows, the last of them perhaps in part. */
function firstRows(widths: readonly number[], rows: number, columns: number): readonly number[] {
  if (rows <= 0) return [];
  const [first = 0, ...others] = widths;
  const taken = rowsOf([first], columns);
  return taken >= rows
    ? [Math.min(first, rows * columns)]
    : [first, ...firstRows(others, rows - taken, columns)];
}

/** A question in the view, which goes on above it. */
export class Question extends ListrPromptAdapter {
  override async run<T>(read: (show: (text: string) => void) => Promise<T>): Promise<T> {
    this.reportStarted();
    try {
      return await read((text) => {
        // The mark stands for the cursor, which is hidden.
        this.task.promptOutput$ = `${text}_`;
      });
    } finally {
      this.reportCompleted();
    }
  }
}
