// The world of the commands: that of the use cases, and a terminal. `main.ts` builds the real one.
import type { World as AppWorld } from '../app/session/world.ts';
import type { Prompt } from '../engine/ports/local.ts';
import { coloured, type Paint, uncoloured } from '../screens/layout.ts';

export interface World extends AppWorld {
  /**
   * Prints one line, folded at the width of a terminal. A line end in it is escaped; text of several
   * lines goes through `printText`.
   */
  readonly out: (line: string) => void;
  /** Prints one line of a file or a document, which is never folded. */
  readonly data: (line: string) => void;
  readonly err: (line: string) => void;
  /** Draws lines of progress, only on a terminal: they are not even made elsewhere. */
  readonly progress: (lines: () => readonly string[]) => void;
  /** Removes the lines of progress. */
  readonly endProgress: () => void;
  /** Standard output is a terminal. */
  readonly isTerminal: boolean;
  readonly colour: boolean;
  /** Current number of columns; a terminal may be resized. */
  readonly width: () => number;
  /** Current number of rows. */
  readonly height: () => number;
  /** A view is open from now on; undefined = it is closed. */
  readonly view: (view: OpenView | undefined) => void;
}

/** The live view: lines that are printed meanwhile come above it, and questions into it. */
export interface OpenView {
  /** What is drawn is no longer right. */
  readonly changed: () => void;
  readonly above: (line: string) => void;
  readonly ask: Prompt;
}

/** Prints kmend's own text of several lines. */
export const printText = (text: string, print: (line: string) => void): void => {
  for (const line of text.replace(/\n$/, '').split('\n')) print(line);
};

export const paintOf = (world: Pick<World, 'colour'>): Paint =>
  world.colour ? coloured : uncoloured;
