// The world as commands see it: that of the use cases, and a terminal. `main.ts` builds the real
// one, tests bring another.
import type { World as AppWorld } from '../app/session/world.ts';
import { coloured, type Paint, uncoloured } from '../screens/layout.ts';

export interface World extends AppWorld {
  /**
   * Prints one line: a line end in it is shown, never obeyed. Text of several lines goes through
   * `printText`.
   */
  readonly out: (line: string) => void;
  readonly err: (line: string) => void;
  /**
   * One line that is drawn over on a terminal while a person waits, and nowhere else; the empty
   * text takes it away.
   */
  readonly progress: (text: string) => void;
  /** Standard output is a terminal. */
  readonly isTerminal: boolean;
  readonly colour: boolean;
  /** Columns now; a terminal may be resized. */
  readonly width: () => number;
}

/** Prints kmend's own text of several lines. */
export const printText = (text: string, print: (line: string) => void): void => {
  for (const line of text.replace(/\n$/, '').split('\n')) print(line);
};

export const paintOf = (world: Pick<World, 'colour'>): Paint =>
  world.colour ? coloured : uncoloured;
