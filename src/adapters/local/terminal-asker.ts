// Asks the operator at the terminal: yes or no, and secrets without echo.
import { createInterface } from 'node:readline';
import type { Asker } from '../../engine/ports/local.ts';
import { harmless } from '../../model/text/printable.ts';

interface Terminal {
  readonly input: NodeJS.ReadStream;
  readonly output: NodeJS.WriteStream;
}

/**
 * Attended only if input and output are a terminal.
 * @param stop withdraws every question: it has no answer then
 */
export function terminalAsker({ input, output }: Terminal, stop: AbortSignal): Asker {
  const attended = input.isTTY === true && output.isTTY === true;
  let last: Promise<unknown> = Promise.resolve();
  // One question at a time, since several keys may need a passphrase at once.
  const oneByOne = <T>(ask: () => Promise<T>): Promise<T> => {
    const next = last.then(ask, ask);
    last = next;
    return next;
  };
  return {
    attended,
    confirm: (question, signal) =>
      oneByOne(async () => {
        const until = signal === undefined ? stop : AbortSignal.any([stop, signal]);
        const answer = await line(`${question} [y/N] `, { input, output }, attended, until);
        return /^y(es)?$/i.test(answer.trim());
      }),
    secret: (prompt) =>
      oneByOne(() =>
        attended
          ? hidden(prompt, { input, output }, stop)
          : line('', { input, output }, false, stop),
      ),
  };
}

/** A line from the terminal; without a terminal from standard input, which may hold a password. */
function line(
  prompt: string,
  { input, output }: Terminal,
  attended: boolean,
  stop: AbortSignal,
): Promise<string> {
  if (stop.aborted) return Promise.resolve('');
  return new Promise((resolve) => {
    const reader = createInterface({ input, ...(attended ? { output } : {}), terminal: attended });
    let answer = '';
    const close = (): void => {
      if (attended) output.write('\n');
      reader.close();
    };
    reader.once('close', () => {
      stop.removeEventListener('abort', close);
      resolve(answer);
    });
    stop.addEventListener('abort', close);
    reader.question(attended ? harmless(prompt) : '', (text) => {
      answer = text;
      reader.close();
    });
  });
}

function hidden(prompt: string, { input, output }: Terminal, stop: AbortSignal): Promise<string> {
  return new Promise((resolve) => {
    output.write(harmless(prompt));
    input.setRawMode(true);
    input.resume();
    let typed = '';
    const end = (): void => {
      input.setRawMode(false);
      input.pause();
      input.off('data', onData);
      stop.removeEventListener('abort', giveUp);
      output.write('\n');
      resolve(typed);
    };
    const giveUp = (): void => {
      typed = '';
      end();
    };
    const onData = (chunk: Buffer): void => {
      for (const char of chunk.toString('utf8')) {
        if (char === '\r' || char === '\n' || char === '\u0004') return end();
        if (char === '\u0003') {
          giveUp();
          process.kill(process.pid, 'SIGINT');
          return;
        }
        if (char === '\u007f' || char === '\b') typed = typed.slice(0, -1);
        else if (char >= ' ') typed += char;
      }
    };
    input.on('data', onData);
    stop.addEventListener('abort', giveUp);
  });
}
