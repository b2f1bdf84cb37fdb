// The bundle as a child process: real signals, real kills.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const directory = mkdtempSync(join(tmpdir(), 'kmend-bundle-'));
process.on('exit', () => rmSync(directory, { recursive: true, force: true }));
let bundle: Promise<string> | undefined;

/** A bundle of its own, so that sources that change meanwhile do not change it. */
export function bundlePath(): Promise<string> {
  bundle ??= import(pathToFileURL(join(process.cwd(), 'scripts/build.mjs')).href).then(
    (script: { build: (options: object) => string }) =>
      script.build({ out: join(directory, 'kmend.cjs') }),
  );
  return bundle;
}

export interface Child {
  readonly pid: number;
  readonly out: () => string;
  readonly err: () => string;
  readonly signal: (name: NodeJS.Signals) => void;
  /** Exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>;
}

/** `env` is added to the little that the process sees. */
export async function spawnCommand(
  args: readonly string[],
  home: string,
  env: Readonly<Record<string, string>> = {},
): Promise<Child> {
  const child: ChildProcess = spawn(process.execPath, [await bundlePath(), ...args], {
    cwd: home,
    env: { ...env, HOME: home, PATH: process.env.PATH ?? '', LANG: 'C' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [out, err] = ['', ''];
  child.stdout?.on('data', (chunk: Buffer) => {
    out += String(chunk);
  });
  child.stderr?.on('data', (chunk: Buffer) => {
    err += String(chunk);
  });
  return {
    pid: child.pid ?? 0,
    out: () => out,
    err: () => err,
    signal: (name) => void child.kill(name),
    ended: once(child, 'close').then(
      ([code, signal]: (number | NodeJS.Signals | null)[]) =>
        (code as number | null) ?? (signal as NodeJS.Signals),
    ),
  };
}
