// The private folder of the control sockets of one kmend, and what ends the masters in it when kmend
// does not.
import {
  accessSync,
  constants,
  lstatSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { scriptText } from '../../../model/text/script-text.ts';
import { type Child, endGroup, startGroup } from '../program/child-group.ts';
import askFile from './scripts/ask.sh';
import sweepFile from './scripts/sweep.sh';

type Env = Readonly<Record<string, string | undefined>>;

export interface Folder {
  /** The SSH_ASKPASS of the masters. */
  readonly askpass: string;
  /** Paths for the next master. */
  readonly next: () => { readonly socket: string; readonly log: string };
  /** Removes the folder. All masters must have been asked to end. */
  readonly close: () => Promise<void>;
}

const prefix = 'kmend-ssh-';
/** While kmend lives, it listens here. */
const lifeSign = 'alive';
/** Characters of a base: a socket may have 107, and OpenSSH adds 17 to the path at first. */
const longestBase = 60;
/** Milliseconds: a younger folder may not have its life sign yet; until the sweep is not waited for. */
const limits = { young: 60_000, sweep: 2000 };

/** Makes the folder in the first place that can have it. Throws with the reasons of all places. */
export async function createFolder(env: Env, home: string): Promise<Folder> {
  const bases = [...new Set([env.XDG_RUNTIME_DIR ?? '', tmpdir(), '/tmp', home])];
  const problems: string[] = [];
  for (const base of bases.filter((one) => one !== '')) {
    const made = await folderIn(base, env);
    if (typeof made !== 'string') return made;
    problems.push(`${base}: ${made}`);
  }
  throw new Error(`no folder for the control sockets of ssh can be made (${problems.join('; ')})`);
}

async function folderIn(base: string, env: Env): Promise<Folder | string> {
  if (Buffer.byteLength(base) > longestBase) return 'the path is too long for a socket';
  let path: string | undefined;
  try {
    path = mkdtempSync(join(base, prefix));
    const askpass = join(path, 'ask');
    writeFileSync(askpass, scriptText(askFile), { mode: 0o700 });
    // Refused on a file system that runs no programs.
    accessSync(askpass, constants.X_OK);
    const server = await listen(join(path, lifeSign));
    sweepOthers(base, env);
    return opened(path, { askpass, server, sweeper: startSweep(path, env) });
  } catch (error) {
    if (path !== undefined) rmSync(path, { recursive: true, force: true });
    return (error as NodeJS.ErrnoException).code ?? String(error);
  }
}

interface Parts {
  readonly askpass: string;
  readonly server: Server;
  readonly sweeper: Child;
}

function opened(path: string, { askpass, server, sweeper }: Parts): Folder {
  let count = 0;
  const swept = new Promise((resolve) => sweeper.once('close', resolve));
  return {
    askpass,
    next: () => {
      count++;
      return { socket: join(path, `${count}.sock`), log: join(path, `${count}.log`) };
    },
    close: async () => {
      server.close();
      sweeper.stdin.end();
      const clock = new AbortController();
      // The clock keeps this process up meanwhile, which the sweeper alone does not.
      const late = sleep(limits.sweep, undefined, clock).catch(() => undefined);
      await Promise.race([swept, late]);
      clock.abort();
    },
  };
}

function listen(path: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', reject);
    server.listen(path, () => resolve(server.unref()));
  });
}

/** It outlives a kmend that is killed, and ends the masters then. */
function startSweep(path: string, env: Env): Child {
  const child = startGroup('/bin/sh', ['-c', scriptText(sweepFile), 'kmend', path], env);
  child.stdout.resume();
  child.stderr.resume();
  child.on('error', () => undefined).once('close', () => endGroup(child));
  child.unref();
  for (const stream of [child.stdin, child.stdout, child.stderr])
    (stream as unknown as { readonly unref?: () => void }).unref?.();
  return child;
}

/** Sweeps the folders of other kmends of this user that were killed together with their sweepers. */
function sweepOthers(base: string, env: Env): void {
  for (const name of readdirSync(base)) {
    if (!name.startsWith(prefix)) continue;
    const path = join(base, name);
    if (!isOldAndOurs(path)) continue;
    const socket = connect(join(path, lifeSign));
    socket.once('connect', () => socket.destroy());
    socket.once('error', ({ code }: NodeJS.ErrnoException) => {
      if (code === 'ECONNREFUSED' || code === 'ENOENT') startSweep(path, env).stdin.end();
    });
    socket.unref();
  }
}

function isOldAndOurs(path: string): boolean {
  try {
    const found = lstatSync(path);
    return (
      found.isDirectory() &&
      found.uid === process.getuid?.() &&
      (found.mode & 0o077) === 0 &&
      Date.now() - found.mtimeMs > limits.young
    );
  } catch {
    return false;
  }
}
