// `npm run fuzz`: coverage-guided fuzzing of the parsers in test/hostile/parsers.ts.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';

const usage = `npm run fuzz -- [options]
  --parser NAME   fuzz this one only (again for more); \`list\` prints the names. Default: all
  --seconds N     for all of them together. Default: 300
  --jobs N        so many at a time. Default: one a core
  --keep          add what reached new code to test/hostile/corpus
  --repeat FILE   give this input to the parser once
Ends with 1 when a parser throws, takes too long for the length of its input, hangs for a second, or needs more than 1 GiB; the input is kept.
`;

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const work = join(root, '.fuzz');
const target = join(work, 'target.js');
const require = createRequire(import.meta.url);
const jazzer = require.resolve('@jazzer.js/core/dist/cli.js');
const longestInput = 16_384;

/** Seeds are read from beside the file that names them, also from within the bundle. */
const whereItLies = {
  name: 'import.meta.dirname',
  setup: ({ onLoad }) =>
    onLoad({ filter: /\.ts$/ }, ({ path }) => ({
      contents: readFileSync(path, 'utf8').replaceAll('import.meta.dirname', JSON.stringify(dirname(path))),
      loader: 'ts',
    })),
};

/** kmend's code and the libraries that it parses with, in the one file that the fuzzer instruments. */
async function bundle() {
  mkdirSync(work, { recursive: true });
  writeFileSync(join(work, 'package.json'), '{"type":"commonjs"}');
  await build({
    entryPoints: [join(root, 'test/hostile/fuzz-target.ts')],
    outfile: target,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    external: ['cpu-features', '*/sshcrypto.node'],
    loader: { '.node': 'empty' },
    plugins: [whereItLies],
    define: { 'import.meta.url': '__url' },
    banner: { js: "'use strict';const __url=require('node:url').pathToFileURL(__filename).href;" },
    logLevel: 'warning',
  });
  return require(target).targets;
}

const fileName = (name) => name.replaceAll(/[^a-z0-9]+/gi, '-');
const corpusFile = (name) => join(root, 'test/hostile/corpus', `${fileName(name)}.json`);
const kept = (name) => (existsSync(corpusFile(name)) ? JSON.parse(readFileSync(corpusFile(name), 'utf8')) : []);

/** A folder of inputs, as the fuzzer reads and extends it. */
function folderOf(name, texts) {
  const folder = join(work, fileName(name));
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const text of texts) writeFileSync(join(folder, createHash('sha1').update(text).digest('hex')), text);
  return folder;
}

/** One run of the fuzzer; resolves to its exit code and what it printed. */
function run(name, folders, flags) {
  const args = [jazzer, target, '--sync', '-i', target, ...folders, '--', ...flags];
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, { cwd: work, env: { ...process.env, KMEND_FUZZ_TARGET: name } });
    let text = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (piece) => (text += piece));
    child.on('close', (code) => resolve({ code, text }));
  });
}

async function fuzz([name, seeds], seconds, keep) {
  const known = kept(name);
  const folder = folderOf(name, [...seeds, ...known]);
  const flags = [
    `-max_total_time=${seconds}`,
    '-timeout=1',
    '-rss_limit_mb=1024',
    `-max_len=${longestInput}`,
    `-artifact_prefix=${join(work, `${fileName(name)}-`)}`,
  ];
  const { code, text } = await run(name, [folder], flags);
  const runs = /Done (\d+) runs/.exec(text)?.[1] ?? '?';
  const covered = [...text.matchAll(/cov: (\d+)/g)].at(-1)?.[1] ?? '?';
  process.stdout.write(
    `${code === 0 ? 'fine  ' : 'FAILED'} ${name}: ${runs} runs, ${covered} edges, ${readdirSync(folder).length} inputs\n`,
  );
  if (code !== 0) {
    process.stdout.write(`${text.split('\n').slice(-25).join('\n')}\n`);
    const input = /written to (\S+)/.exec(text)?.[1];
    if (input !== undefined) process.stdout.write(`again: npm run fuzz -- --parser '${name}' --repeat ${relative(root, input)}\n`);
  } else if (keep) await minimize(name, folder, seeds);
  return code === 0;
}

/** The smallest set of inputs that reaches the same code, without the table's own seeds. */
async function minimize(name, folder, seeds) {
  const small = folderOf(`${name}.small`, []);
  await run(name, [small, folder], ['-merge=1', `-max_len=${longestInput}`]);
  const texts = readdirSync(small).map((file) => readFileSync(join(small, file), 'utf8'));
  const fresh = texts.filter((text) => text !== '' && !seeds.includes(text) && !text.includes('\uFFFD'));
  mkdirSync(dirname(corpusFile(name)), { recursive: true });
  writeFileSync(
    corpusFile(name),
    `${JSON.stringify(
      fresh.sort((a, b) => a.length - b.length || (a < b ? -1 : 1)),
      null,
      1,
    )}\n`,
  );
}

const { values } = parseArgs({
  options: {
    parser: { type: 'string', multiple: true },
    seconds: { type: 'string', default: '300' },
    jobs: { type: 'string', default: String(availableParallelism()) },
    keep: { type: 'boolean', default: false },
    repeat: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});

function whole(flag) {
  const number = Number(values[flag]);
  if (!Number.isInteger(number) || number < 1) throw new Error(`--${flag} takes a whole number from 1`);
  return number;
}

async function main() {
  if (values.help) return process.stdout.write(usage);
  const targets = await bundle();
  const names = [...targets.keys()];
  const unknown = (values.parser ?? []).filter((name) => name !== 'list' && !names.includes(name));
  if (values.parser?.includes('list')) return process.stdout.write(`${names.join('\n')}\n`);
  if (unknown.length > 0) throw new Error(`no parser ${unknown.join(', ')}; there are: ${names.join(', ')}`);
  const chosen = [...targets].filter(([name]) => values.parser?.includes(name) ?? true);
  if (values.repeat !== undefined) return repeat(chosen, values.repeat);
  const jobs = Math.min(whole('jobs'), chosen.length);
  const seconds = Math.max(1, Math.floor((whole('seconds') * jobs) / chosen.length));
  const waiting = [...chosen];
  let bad = 0;
  const worker = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) if (!(await fuzz(next, seconds, values.keep))) bad += 1;
  };
  await Promise.all(Array.from({ length: jobs }, worker));
  process.stdout.write(`${chosen.length} parsers, ${seconds} s each, ${bad} with a finding\n`);
  process.exitCode = bad === 0 ? 0 : 1;
}

async function repeat(chosen, file) {
  if (chosen.length !== 1) throw new Error('--repeat needs one --parser');
  const { code, text } = await run(chosen[0][0], [file], ['-timeout=1', '-rss_limit_mb=1024']);
  process.stdout.write(text);
  process.exitCode = code === 0 ? 0 : 1;
}

main().catch((error) => {
  process.stderr.write(`${error.message}\n\n${usage}`);
  process.exitCode = 2;
});
