// The machine that runs kmend: it runs a play's own programs (power management), and has the files
// that are copied to hosts.
import { spawn } from 'node:child_process';
import { createReadStream } from 'node:fs';
import type { LocalHost } from '../../engine/ports/local.ts';

const kept = 400;

/** Programs have kmend's environment and the given variables, and are killed after their time. */
export const localHost: LocalHost = {
  run: ({ argv, environment, timeout }) =>
    new Promise((resolve) => {
      const [program = '', ...args] = argv;
      const child = spawn(program, args, {
        env: { ...process.env, ...environment },
        stdio: ['ignore', 'pipe', 'pipe'],
        timeout: timeout * 1000,
        killSignal: 'SIGKILL',
      });
      let output = '';
      const keep = (chunk: Buffer): void => {
        output = (output + chunk.toString('utf8')).slice(-kept);
      };
      child.stdout.on('data', keep);
      child.stderr.on('data', keep);
      child.once('error', (error) => resolve({ code: null, output: error.message }));
      child.once('close', (code, signal) =>
        resolve({ code, output: signal === null ? output : `ended by ${signal}` }),
      );
    }),
  read: (path, from) => createReadStream(path, { start: from, highWaterMark: 256 * 1024 }),
};
