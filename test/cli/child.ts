// The bundle as a child process: real signals, real kills.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { inject } from 'vitest';

declare module 'vitest' {
  interface ProvidedContext {
    /** The bundle of this test run (test/cli/bundle.ts). */
    bundle: string;
  }
}

/** A bundle of its own, so that sources that change meanwhile do not change it. */
export const bundlePath = (): string => inject('bundle');

export interface Child {
  readonly pid: number;
  readonly out: () => string;
  readonly err: () => string;
  readonly signal: (name: NodeJS.Signals) => void;
  /** Exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>;
}

/**
 * `env` is added to the little that the process sees; `prefix` is a command that executes the rest of
 * its words in its own place.
 */
export async function spawnCommand(
  args: readonly string[],
  home: string,
  env: Readonly<Record<string, string>> = {},
  prefix: readonly string[] = [],
): Promise<Child> {
  const [program = process.execPath, ...words] = [
    ...prefix,
    process.execPath,
    bundlePath(),
    ...args,
  ];
  const child: ChildProcess = spawn(program, words, {
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
