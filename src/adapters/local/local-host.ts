// The machine that runs kmend: programs of a play, for where the host itself can do nothing any
// more, and files that are copied to hosts.
import { spawn } from 'node:child_process';
import { createReadStream } from 'node:fs';
import type { LocalHost } from '../../engine/ports/local.ts';

const kept = 400;

/** With the environment of kmend and what is given beside it; killed when its time is over. */
export const localHost: LocalHost = {
  run: ({ argv, environment, timeout }) =>
    new Promise((resolve) => {
      const [program = '', ...words] = argv;
      const child = spawn(program, words, {
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
