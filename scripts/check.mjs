// `npm run check`: all that CI runs besides the tests that need root. Every step runs, also after
// one has failed; the end says which.
// `--results DIR` keeps the counts of each test run there, as JSON.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const { values } = parseArgs({ options: { results: { type: 'string' } } });
const counts = (name) =>
  values.results === undefined
    ? []
    : [
        '--',
        '--reporter=default',
        '--reporter=json',
        `--outputFile.json=${join(values.results, `${name}.json`)}`,
      ];

const steps = [
  ['format and lint', 'npx', ['biome', 'ci', '.']],
  ['types', 'npx', ['tsc', '-p', 'tsconfig.json']],
  ['types of the page', 'npx', ['tsc', '-p', 'page']],
  ['unused code', 'npx', ['knip']],
  ['words', 'node', ['scripts/prose.mjs']],
  ['bundle', 'node', ['scripts/build.mjs']],
  ['docs are fresh', 'node', ['scripts/docs.mjs', '--check']],
  ['quick tests', 'npm', ['test', ...counts('unit')]],
  ['laws', 'npm', ['run', 'test:laws', ...counts('laws')]],
  ['tests of the practice fleet', 'npm', ['run', 'test:fleet', ...counts('fleet')]],
];

const failed = [];
for (const [name, command, args] of steps) {
  process.stdout.write(`\n== ${name}\n`);
  const { status } = spawnSync(command, args, { stdio: 'inherit' });
  if (status !== 0) failed.push(name);
}
process.stdout.write(
  failed.length === 0 ? '\ncheck: all fine\n' : `\ncheck: FAILED: ${failed.join(', ')}\n`,
);
process.exitCode = failed.length === 0 ? 0 : 1;
