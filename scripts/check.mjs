// `npm run check`: all that CI runs besides the tests that need root. Every step runs, also after one has failed; the end says which.
import { spawnSync } from 'node:child_process';

const steps = [
  ['format and lint', 'npx', ['biome', 'ci', '.']],
  ['types', 'npx', ['tsc', '-p', 'tsconfig.json']],
  ['unused code', 'npx', ['knip']],
  ['bundle', 'node', ['scripts/build.mjs']],
  ['docs are fresh', 'node', ['scripts/docs.mjs', '--check']],
  ['tests', 'npx', ['vitest', 'run', ...['unit', 'laws', 'fleet'].flatMap((name) => ['--project', name]), ...process.argv.slice(2)]],
];

const failed = [];
for (const [name, command, args] of steps) {
  process.stdout.write(`\n== ${name}\n`);
  const { status } = spawnSync(command, args, { stdio: 'inherit' });
  if (status !== 0) failed.push(name);
}
process.stdout.write(failed.length === 0 ? '\ncheck: all fine\n' : `\ncheck: FAILED: ${failed.join(', ')}\n`);
process.exitCode = failed.length === 0 ? 0 : 1;
