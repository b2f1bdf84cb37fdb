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

export class LiveOutput extends ProcessOutput {
  readonly #size: () => Size;
  /** What is drawn now; the cursor is below it. */
  #shown = '';

  constructor(size: () => Size) {
    super();
    this.#size = size;
  }

  override get stdout() {
    return Object.defineProperties(super.stdout, {
      columns: { get: () => this.#size().columns },
      rows: { get: () => this.#size().rows },
      write: { value: (text: string) => this.#draw('', text.split(erased).at(-1) ?? '') },
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
    const { columns } = this.#size();
    const rowsOf = (line: string): number =>
      Math.max(1, Math.ceil(widthOf(stripVTControlCharacters(line)) / columns));
    const drawn = this.#shown.split('\n').slice(0, -1);
    const up = drawn.reduce((rows, line) => rows + rowsOf(line), 0);
    this.#shown = view;
    // Erased line by line, since a terminal that is cleared first flickers.
    const lines = `${above}${view}`.replace(/^/gm, eraseLine);
    return this.stream.stdout.write(`\r${up === 0 ? '' : `\u001b[${up}A`}${lines}${eraseBelow}`);
  }
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
