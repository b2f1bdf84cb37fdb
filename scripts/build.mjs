// Builds the bundles: src/main.ts -> dist/kmend.cjs, practice/index.ts -> dist/practice.cjs, the
// thread of forecasts -> dist/forecast.cjs, which run wherever Node 20.19 or newer does, and page/
// -> dist/page.js and page.css for browsers.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { buildSync } from 'esbuild';
import { textFiles } from './text-files.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** The bundles beside that of the program, by the path of their entry. */
const others = {
  'practice/index.ts': 'practice.cjs',
  'src/adapters/local/forecast/worker.ts': 'forecast.cjs',
};

/**
 * Writes the bundle, beside it those that few commands need, manual pages, and the text of
 * `--help`, which the entry can then print without loading two megabytes; returns the bundle's path.
 * Several builds may run at once (tests start many kmends): each writes files of its own and the
 * last rename wins.
 */
export function build({
  entry = join(root, 'src/main.ts'),
  out = join(root, 'dist/kmend.cjs'),
} = {}) {
  const draft = `${out}.${process.pid}.cjs`;
  const beside = Object.entries(others).map(([from, to]) => ({ from, to: join(dirname(out), to) }));
  mkdirSync(dirname(out), { recursive: true });
  for (const { from, to } of beside) bundle(join(root, from), `${to}.${process.pid}.cjs`);
  bundle(entry, draft);
  buildPage(dirname(out));
  const help = execFileSync(process.execPath, [draft, '--help'], { env: {} });
  writeFileSync(`${draft}.help`, help);
  const pages = join(dirname(out), 'man');
  mkdirSync(pages, { recursive: true });
  execFileSync(process.execPath, [draft, 'man', '--write', pages], { env: {} });
  renameSync(`${draft}.help`, join(dirname(out), 'help.txt'));
  for (const { to } of beside) renameSync(`${to}.${process.pid}.cjs`, to);
  renameSync(draft, out);
  return out;
}

/** The page of `kmend serve` and of HTML reports: `page.js` and `page.css` in `folder`. */
export function buildPage(folder) {
  mkdirSync(folder, { recursive: true });
  const { outputFiles } = buildSync({
    entryPoints: [join(root, 'page/main.tsx'), join(root, 'page/style.css')],
    entryNames: 'page',
    outdir: folder,
    bundle: true,
    format: 'iife',
    target: ['es2022', 'chrome100', 'firefox115', 'safari16'],
    minify: true,
    legalComments: 'eof',
    charset: 'utf8',
    tsconfig: join(root, 'page/tsconfig.json'),
    logLevel: 'warning',
    write: false,
  });
  for (const { path, contents } of outputFiles) {
    const draft = `${path}.${process.pid}`;
    writeFileSync(draft, contents);
    renameSync(draft, path);
  }
}

const bundle = (entry, outfile) => buildSync(bundleOptions(entry, outfile));

/**
 * Settings of the engine, each for versions of V8 that begin so. Node 20 compiles each function again
 * that has run for a while, in threads. Most commands end before this pays: it took a quarter of the
 * CPU of a plan of 1,000 hosts. Functions run fifteen times as long before it now. The heap may grow to
 * 2.5 times what is in use before all garbage is collected: what a login makes outlives the
 * small young generation, and to collect it at 1.4 times was a tenth of the CPU of a check. And
 * that generation grows in one step from 1 to 4 MB. Later engines decide by other figures.
 */
const engine = [
  ['--interrupt-budget=1000000', '11.'],
  ['--heap-growing-percent=150', '11.'],
  ['--semi-space-growth-factor=4', '11.'],
];

/** bin/kmend.mjs reads the settings from here. */
const engineText = `const __kmend_engine=${JSON.stringify(engine)};for(const[flag,engine]of __kmend_engine)if(process.versions.v8.startsWith(engine))require('node:v8').setFlagsFromString(flag);`;

/** How a bundle of the program is made of this entry. */
export function bundleOptions(entry, outfile) {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  return {
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    // Smaller text parses faster; names stay readable, because a stack trace is all that a bug
    // report brings.
    minifyWhitespace: true,
    minifySyntax: true,
    legalComments: 'eof',
    // One other character, and the engine keeps the whole text with two bytes a character.
    charset: 'ascii',
    // ssh2 tries these two in a `try` and goes on with Node's own crypto without them. They are
    // native, so they cannot be in one file.
    external: ['cpu-features', '*/sshcrypto.node', './practice.cjs'],
    // The entry compiles the bundle as a script, in which only `require` loads other files.
    supported: { 'dynamic-import': false },
    loader: { '.node': 'empty', ...textFiles },
    define: {
      __KMEND_VERSION__: JSON.stringify(version),
      __KMEND_PRACTICE__: '"./practice.cjs"',
      __KMEND_FORECAST__: '"./forecast.cjs"',
      'import.meta.url': '__kmend_url',
      'import.meta.dirname': '__dirname',
    },
    banner: {
      js: `'use strict';${engineText}const __kmend_url=require('node:url').pathToFileURL(__filename).href;`,
    },
    logLevel: 'warning',
  };
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  process.stdout.write(`${build()}\n`);
}
