// Runs cost-worker.ts: in a process that has little memory, and that is ended where it hangs.
import { type ChildProcess, fork } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import type { Cost, Report } from './cost-worker.ts';
import type { Parser } from './parser.ts';

/** Megabytes for a row where it names none, and what the program and the table take beside it. */
const usual = 64;
const program = 32;
/** Nothing takes so long but what hangs. */
const silence = 120_000;

export interface Workers {
  readonly costsOf: (row: Parser) => Promise<readonly Cost[]>;
  readonly sourcesOf: (row: Parser) => Promise<readonly string[]>;
  readonly stop: () => void;
}

export function startWorkers(): Workers {
  const folder = mkdtempSync(join(tmpdir(), 'kmend-cost-'));
  const bundle = join(folder, 'worker.mjs');
  buildSync({
    entryPoints: [join(import.meta.dirname, 'cost-worker.ts')],
    bundle: true,
    platform: 'node',
    format: 'esm',
    outfile: bundle,
    external: ['*.node'],
    loader: { '.sh': 'text', '.awk': 'text' },
    define: { 'import.meta.dirname': JSON.stringify(join(import.meta.dirname, '../recorded')) },
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
    logLevel: 'error',
  });
  let child: ChildProcess | undefined;
  let room = 0;
  const ask = async (
    { name: row, megabytes = usual }: Parser,
    what: 'cost' | 'ran',
  ): Promise<Report> => {
    if (room !== megabytes) {
      child?.kill();
      child = undefined;
      room = megabytes;
    }
    child ??= fork(bundle, {
      execArgv: ['--expose-gc', `--max-old-space-size=${program + megabytes}`],
      stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
    });
    const asked = child;
    let pump = 'its seeds';
    let said = '';
    try {
      return await new Promise((resolve, reject) => {
        const late = (): void => reject(new Error(`${row} hangs over ${pump}`));
        let timer = setTimeout(late, silence);
        asked.stderr?.on('data', (chunk) => {
          said = (said + String(chunk)).slice(-2000);
        });
        asked.on('message', (report: Report) => {
          clearTimeout(timer);
          timer = setTimeout(late, silence);
          if (report.kind === 'at') pump = report.pump;
          else resolve(report);
          if (report.kind !== 'at') clearTimeout(timer);
        });
        asked.on('exit', () => {
          clearTimeout(timer);
          reject(new Error(`${row} ended its process over ${pump}: ${said}`));
        });
        asked.send({ row, what });
      });
    } catch (error) {
      asked.kill('SIGKILL');
      child = undefined;
      throw error;
    } finally {
      asked.removeAllListeners();
      asked.stderr?.removeAllListeners();
    }
  };
  return {
    costsOf: async (row) => {
      const report = await ask(row, 'cost');
      return report.kind === 'done' ? report.costs : [];
    },
    sourcesOf: async (row) => {
      const report = await ask(row, 'ran');
      return report.kind === 'ran' ? report.sources : [];
    },
    stop: () => {
      child?.kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
