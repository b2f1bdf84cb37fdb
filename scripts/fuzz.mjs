// `npm run fuzz`: coverage-guided fuzzing of the parsers in test/hostile/parsers.ts.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import { textFiles } from './text-files.mjs';

const usage = `npm run fuzz -- [options]
  --parser NAME   fuzz this one only (again for more); \`list\` prints the names. Default: all
  --seconds N     for all of them together. Default: 300
  --jobs N        so many at a time. Default: one a core
  --keep          add what reached new code to test/hostile/corpus
  --repeat FILE   give this input to the parser once
Ends with 1 when a parser throws, takes far more than twice the time for twice the text, hangs, or needs more than a gibibyte; the input is kept.
`;

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const work = join(root, '.fuzz');
const target = join(work, 'target.js');
const require = createRequire(import.meta.url);
const jazzer = require.resolve('@jazzer.js/core/dist/cli.js');
const corpus = join(root, 'test/hostile/corpus');
const longestInput = 16_384;
/** Characters that the corpus keeps for one target. */
const mostKept = 5000;

/**
 * Of the clock, and therefore far more than anything but an endless loop takes on a busy machine.
 */
const hang = ['--timeout', '120000'];
/**
 * V8 collects all garbage before it gives up, so memory is a finding and no accident; buffers count
 * for the limit of the process.
 */
const [heap, memory] = ['--max-old-space-size=1024', '-rss_limit_mb=2048'];

/** Seeds are read from beside the file that names them, also from within the bundle. */
const whereItLies = {
  name: 'import.meta.dirname',
  setup: ({ onLoad }) =>
    onLoad({ filter: /\.ts$/ }, ({ path }) => ({
      contents: readFileSync(path, 'utf8').replaceAll(
        'import.meta.dirname',
        JSON.stringify(dirname(path)),
      ),
      loader: 'ts',
    })),
};

/**
 * kmend's code and the libraries that it parses with, in one file; instrumented here, once, since
 * it takes seconds.
 */
async function bundle() {
  mkdirSync(work, { recursive: true });
  writeFileSync(join(work, 'package.json'), '{"type":"commonjs"}');
  const plain = join(work, 'plain.js');
  await build({
    entryPoints: [join(root, 'test/hostile/fuzz-target.ts')],
    outfile: plain,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    external: ['ssh2', 'zod', 'semver'],
    plugins: [whereItLies],
    loader: textFiles,
    logLevel: 'warning',
  });
  const { Instrumentor } = createRequire(jazzer)('@jazzer.js/instrumentor');
  let edges = 0;
  const ids = { nextEdgeId: () => edges++, startForSourceFile: () => {}, commitIdCount: () => {} };
  const instrumented = new Instrumentor(['plain.js'], [], [], false, false, ids).instrument(
    readFileSync(plain, 'utf8'),
    plain,
  );
  writeFileSync(
    target,
    `Fuzzer.coverageTracker.enlargeCountersBufferIfNeeded(${edges});\n${instrumented.code}`,
  );
  return require(plain).targets;
}

const kept = (file) => (existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : []);

/** A folder of inputs, as the fuzzer reads and extends it. */
function folderOf(name, texts) {
  const folder = join(work, name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const text of texts)
    writeFileSync(join(folder, createHash('sha1').update(text).digest('hex')), text);
  return folder;
}

/** One run of the fuzzer; resolves to its exit code and what it printed. */
function run(name, folders, flags) {
  const args = [
    heap,
    jazzer,
    target,
    ...hang,
    '-i',
    'nothing more',
    '--disableBugDetectors',
    '.',
    ...folders,
    '--',
    memory,
    ...flags,
  ];
  return new Promise((done) => {
    const child = spawn(process.execPath, args, {
      cwd: work,
      env: { ...process.env, KMEND_FUZZ_TARGET: name },
    });
    let text = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (piece) => (text += piece));
    child.on('close', (code) => done({ code, text }));
  });
}

async function fuzz({ name, file, seeds }, seconds, keep) {
  const known = kept(join(corpus, file));
  const folder = folderOf(file, [...seeds, ...known]);
  const { code, text } = await run(
    name,
    [folder],
    [
      `-max_total_time=${seconds}`,
      `-max_len=${longestInput}`,
      `-artifact_prefix=${join(work, `${file}-`)}`,
    ],
  );
  const runs = /Done (\d+) runs/.exec(text)?.[1] ?? '?';
  const covered = [...text.matchAll(/cov: (\d+)/g)].at(-1)?.[1] ?? '?';
  process.stdout.write(
    `${code === 0 ? 'fine  ' : 'FAILED'} ${name}: ${seconds} s, ${runs} runs, ${covered} edges, ${readdirSync(folder).length} inputs\n`,
  );
  if (code !== 0) {
    process.stdout.write(`${text.split('\n').slice(-25).join('\n')}\n`);
    const input = /written to (\S+)/.exec(text)?.[1];
    if (input !== undefined)
      process.stdout.write(
        `again: npm run fuzz -- --parser '${name}' --repeat ${relative(root, input)}\n`,
      );
  } else if (keep) keepInputs(file, folder, seeds);
  return code === 0;
}

/**
 * Keeps what reached new code: the short inputs first, without the table's own seeds, as much as a
 * target may have.
 */
function keepInputs(file, folder, seeds) {
  const texts = readdirSync(folder).map((one) => readFileSync(join(folder, one), 'utf8'));
  const fresh = texts
    .filter((text) => text !== '' && !seeds.includes(text) && !text.includes('\uFFFD'))
    .sort((a, b) => a.length - b.length || (a < b ? -1 : 1));
  let taken = 0;
  const fitting = fresh.filter((text) => {
    taken += JSON.stringify(text).length + 3;
    return taken < mostKept;
  });
  mkdirSync(corpus, { recursive: true });
  writeFileSync(join(corpus, file), `${JSON.stringify(fitting, null, 1)}\n`);
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
  if (!Number.isInteger(number) || number < 1)
    throw new Error(`--${flag} takes a whole number from 1`);
  return number;
}

async function main() {
  if (values.help) return process.stdout.write(usage);
  const targets = await bundle();
  const names = targets.map(({ name }) => name);
  const unknown = (values.parser ?? []).filter((name) => name !== 'list' && !names.includes(name));
  if (values.parser?.includes('list')) return process.stdout.write(`${names.join('\n')}\n`);
  if (unknown.length > 0)
    throw new Error(`no parser ${unknown.join(', ')}; there are: ${names.join(', ')}`);
  const chosen = targets.filter(({ name }) => values.parser?.includes(name) ?? true);
  if (values.repeat !== undefined) return repeat(chosen, values.repeat);
  const bad = await fuzzAll(chosen, whole('seconds'), Math.min(whole('jobs'), chosen.length));
  process.stdout.write(`${chosen.length} parsers, ${bad} with a finding\n`);
  process.exitCode = bad === 0 ? 0 : 1;
}

/**
 * Each gets an equal part of the time that is left, without what it takes to start: that much the
 * one before it took.
 */
async function fuzzAll(chosen, seconds, jobs) {
  const ends = Date.now() + seconds * 1000;
  const waiting = [...chosen];
  let [bad, start] = [0, 1];
  const worker = async () => {
    while (waiting.length > 0) {
      const began = Date.now();
      const rounds = Math.ceil(waiting.length / jobs);
      const own = Math.max(1, Math.floor((ends - began) / 1000 / rounds - start));
      const fine = await fuzz(waiting.shift(), own, values.keep);
      if (fine) start = Math.max(0, (Date.now() - began) / 1000 - own);
      if (!fine) bad += 1;
    }
  };
  await Promise.all(Array.from({ length: jobs }, worker));
  return bad;
}

async function repeat(chosen, file) {
  if (chosen.length !== 1) throw new Error('--repeat needs one --parser');
  const { code, text } = await run(chosen[0].name, [resolve(file)], []);
  process.stdout.write(text);
  process.exitCode = code === 0 ? 0 : 1;
}

main().catch((error) => {
  process.stderr.write(`${error.message}\n\n${usage}`);
  process.exitCode = 2;
});
