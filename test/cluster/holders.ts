// Processes that compete for a run (`holder-process.ts`), and what they print.
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { build } from 'esbuild';

export interface Said {
  /** Milliseconds since 1970. */
  readonly t: number;
  readonly what: 'ready' | 'held' | 'entry' | 'ended';
  readonly number?: number;
  readonly seq?: number;
  readonly error?: string;
  readonly why?: string;
}

export interface Holder {
  readonly child: ChildProcess;
  readonly said: readonly Said[];
  /** The first of a kind at or after a time; fails after `limit` milliseconds. */
  readonly when: (what: Said['what'], after?: number, limit?: number) => Promise<Said>;
}

/** Builds the program into a directory; returns its path. */
export async function buildHolder(directory: string): Promise<string> {
  const outfile = `${directory}/holder.cjs`;
  await build({
    entryPoints: ['test/cluster/holder-process.ts'],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    external: ['pg-native'],
    logLevel: 'error',
  });
  return outfile;
}

/** @param prefix a command that starts the process elsewhere, as in a network namespace */
export function startHolder(
  program: string,
  args: readonly string[],
  prefix: readonly string[] = [],
): Holder {
  const [command = '', ...rest] = [...prefix, process.execPath, program, ...args];
  const child = spawn(command, rest, { stdio: ['ignore', 'pipe', 'inherit'] });
  const said: Said[] = [];
  const wanted = new Set<() => void>();
  createInterface({ input: child.stdout as NonNullable<typeof child.stdout> }).on(
    'line',
    (line) => {
      said.push(JSON.parse(line) as Said);
      for (const look of wanted) look();
    },
  );
  return {
    child,
    said,
    when: (what, after = 0, limit = 30_000) =>
      new Promise((resolve, reject) => {
        const end = (): void => {
          clearTimeout(late);
          wanted.delete(look);
        };
        const look = (): void => {
          const found = said.find((one) => one.what === what && one.t >= after);
          if (found === undefined) return;
          end();
          resolve(found);
        };
        const late = setTimeout(() => {
          end();
          reject(new Error(`no ${what} within ${limit} ms; last: ${JSON.stringify(said.at(-1))}`));
        }, limit);
        wanted.add(look);
        look();
      }),
  };
}
