// Calls of emulated tools to the fleet's process: a file with the words, answered with sh text
// through a FIFO.
import {
  closeSync,
  constants,
  existsSync,
  type FSWatcher,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  watch,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { quote } from '../../src/model/text/quote.ts';

export interface Call {
  /** KMEND_ROOT of the caller. */
  readonly root: string;
  /** The program's name. */
  readonly program: string;
  readonly args: readonly string[];
}

export interface Reply {
  readonly code: number;
  readonly out?: string;
  readonly err?: string;
}

const mark = '\x1e';

/** undefined = not completely written yet. */
function readCall(file: string): Call | undefined {
  const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
  const words = text.split(mark);
  if (words.pop() !== 'end') return undefined;
  const [root = '', program = '', ...args] = words;
  return { root, program, args };
}

const asShell = (reply: Reply): string =>
  [
    ...(reply.out ? [`printf '%s' ${quote(reply.out)}`] : []),
    ...(reply.err ? [`printf '%s' ${quote(reply.err)} >&2`] : []),
    `exit ${reply.code}`,
    '',
  ].join('\n');

/** Opens the FIFO once its reader is there; undefined when the caller is gone. */
async function openAnswer(fifo: string): Promise<number | undefined> {
  for (let tries = 0; tries < 400 && existsSync(fifo); tries++) {
    try {
      return openSync(fifo, constants.O_WRONLY | constants.O_NONBLOCK);
    } catch {
      await sleep(tries < 20 ? 2 : 20); // no reader yet
    }
  }
  return undefined;
}

async function answer(stem: string, reply: Reply): Promise<void> {
  const fifo = `${stem}.answer`;
  const text = asShell(reply);
  const fd = await openAnswer(fifo);
  rmSync(fifo, { force: true });
  if (fd === undefined) return;
  // A FIFO holds 64 KiB without a reader's help: longer answers go by way of a file.
  if (Buffer.byteLength(text) < 60_000) writeSync(fd, text);
  else {
    writeFileSync(`${stem}.text`, text);
    writeSync(fd, `. ${quote(`${stem}.text`)}\n`);
  }
  closeSync(fd);
}

/**
 * Serves calls in `folder` until closed. `serve` may take time; it returns undefined when the
 * caller's host went down.
 */
export function serveCalls(
  folder: string,
  serve: (call: Call) => Promise<Reply | undefined>,
): { readonly close: () => void } {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const handle = async (name: string): Promise<void> => {
    const stem = join(folder, name.slice(0, -'.call'.length));
    const call = readCall(`${stem}.call`);
    if (!call) return;
    rmSync(`${stem}.call`, { force: true });
    const reply = await serve(call).catch(
      (error: unknown): Reply => ({ code: 125, err: `practice fleet: ${String(error)}\n` }),
    );
    if (reply) await answer(stem, reply);
    else rmSync(`${stem}.answer`, { force: true });
  };
  const look = (name: string | null): void => {
    // A busy file system may report an overflow without a name: then all files are read.
    const names = name === null ? readdirSync(folder) : [name];
    for (const one of names) if (one.endsWith('.call')) void handle(one);
  };
  const watcher: FSWatcher = watch(folder, (_event, name) => look(name));
  return { close: () => watcher.close() };
}
