// Asks the operator at the terminal: yes or no, and secrets without echo.
import { createInterface } from 'node:readline';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Asker, Prompt } from '../../engine/ports/local.ts';
import { harmless } from '../../model/text/printable.ts';
import { keyboardOf } from './keyboard.ts';

interface Terminal {
  readonly input: NodeJS.ReadStream;
  readonly output: NodeJS.WriteStream;
}

/**
 * Attended only if input and output are a terminal.
 * @param stop withdraws every question: it has no answer then
 * @param view where a question is drawn while a live view is open: it would cover a line below it
 */
export function terminalAsker(
  { input, output }: Terminal,
  stop: AbortSignal,
  view: () => Prompt | undefined = () => undefined,
): Asker {
  const attended = input.isTTY === true && output.isTTY === true;
  const keyboard = keyboardOf(input);
  let last: Promise<unknown> = Promise.resolve();
  // One question at a time, since several keys may need a passphrase at once.
  const oneByOne = <T>(ask: () => Promise<T>): Promise<T> => {
    const next = last.then(ask, ask);
    last = next;
    return next;
  };

  /** The line that is typed; undefined where the question was withdrawn. */
  async function typed(show: (text: string) => void, until: AbortSignal) {
    let end: (line: string | undefined) => void = () => {};
    const ended = new Promise<string | undefined>((resolve) => {
      end = resolve;
    });
    let line: string | undefined;
    const withdraw = (): void => end(undefined);
    until.addEventListener('abort', withdraw);
    const release = keyboard.take((key) => {
      // What was typed before the question was seen is no answer to it.
      if (line === undefined) return;
      if (key === '\r' || key === '\n' || key === endOfInput) return end(line);
      line = edited(line, key);
      show(line);
    });
    try {
      // Keys that wait already arrive during the first turn.
      await nextTurn();
      await nextTurn();
      line = '';
      show(line);
      return await ended;
    } finally {
      release();
      until.removeEventListener('abort', withdraw);
    }
  }

  const ask = (question: string, isSecret: boolean, until: AbortSignal) =>
    oneByOne(async () => {
      if (until.aborted) return undefined;
      const shown = harmless(question);
      const prompt = view() ?? onLine(output);
      return prompt((show) => typed((line) => show(isSecret ? shown : shown + line), until));
    });

  return {
    attended,
    confirm: async (question, signal) => {
      const until = signal === undefined ? stop : AbortSignal.any([stop, signal]);
      const answer = attended
        ? await ask(`${question} [y/N] `, false, until)
        : await oneByOne(() => lineOf(input, until));
      return /^y(es)?$/i.test((answer ?? '').trim());
    },
    secret: async (prompt) =>
      attended
        ? // A host under way may need it after the first signal, too.
          ((await ask(prompt, true, stop.aborted ? neverAborted : stop)) ?? '')
        : oneByOne(() => lineOf(input, stop)),
  };
}

const endOfInput = '\u0004';
const neverAborted = new AbortController().signal;

/** The line after a key: a character, backspace, or Ctrl-U, which empties it. */
function edited(line: string, key: string): string {
  if (key === '\u007f' || key === '\b') return [...line].slice(0, -1).join('');
  if (key === '\u0015') return '';
  return key < ' ' ? line : line + key;
}

/** A question on a line of its own, for any terminal: what is added is written, nothing else. */
const onLine =
  (output: NodeJS.WriteStream): Prompt =>
  async (read) => {
    let before = '';
    try {
      return await read((text) => {
        const added = text.startsWith(before) ? text.slice(before.length) : '';
        output.write(harmless(added) || '\b \b'.repeat(before.length - text.length));
        before = text;
      });
    } finally {
      output.write('\n');
    }
  };

/** A line of standard input, which may hold a password; without a terminal. */
function lineOf(input: NodeJS.ReadStream, stop: AbortSignal): Promise<string> {
  if (stop.aborted) return Promise.resolve('');
  return new Promise((resolve) => {
    const reader = createInterface({ input, terminal: false });
    const close = (): void => reader.close();
    let answer = '';
    reader.once('close', () => {
      stop.removeEventListener('abort', close);
      resolve(answer);
    });
    stop.addEventListener('abort', close);
    reader.once('line', (text) => {
      answer = text;
      reader.close();
    });
  });
}
