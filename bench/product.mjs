// Ways to the product: its command line as it is installed, and parts of it as a bundle for benches
// that drive them directly.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { build } from 'esbuild';
import { textFiles } from '../scripts/text-files.mjs';
import { variable } from './package.mjs';

const root = new URL('..', import.meta.url).pathname;

export const kmend = [process.execPath, join(process.env[variable] ?? root, 'bin/kmend.mjs')];

/** The environment of a contender: nothing of the caller's own configuration. */
export const cleanEnv = (home, more = {}) => ({
  PATH: process.env.PATH,
  HOME: home,
  LANG: 'C.UTF-8',
  ...more,
});

export const kmendSays = (args, env) =>
  execFileSync(kmend[0], [kmend[1], ...args], {
    env,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });

/** Bundles all exports of these files of `src` into `outfile`. */
export async function bundle(files, outfile) {
  await build({
    stdin: {
      contents: files.map((name) => `export * from './src/${name}';`).join('\n'),
      resolveDir: root,
      loader: 'ts',
    },
    bundle: true,
    format: 'cjs',
    platform: 'node',
    external: ['cpu-features', '*/sshcrypto.node'],
    loader: textFiles,
    outfile,
    logLevel: 'error',
  });
  return outfile;
}
