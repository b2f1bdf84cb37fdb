#!/usr/bin/env node
// The entry: refuses a Node that is too old, answers --version and --help, and loads the bundle; in
// a checkout it first builds it where it is stale. No syntax newer than Node 12 (no `?.`, no `??`):
// an old bastion must be able to *parse* this to say what is wrong.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const bundle = join(root, 'dist', 'kmend.cjs');

function nodeIsTooOld() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  return major < 20 || (major === 20 && minor < 19);
}

/**
 * Is anything in `folder` newer than `than` (milliseconds)? Folders count too: a deleted file
 * changes its folder.
 */
function newerIn(folder, than) {
  if (statSync(folder).mtimeMs > than) return true;
  return readdirSync(folder, { withFileTypes: true }).some((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? newerIn(path, than) : statSync(path).mtimeMs > than;
  });
}

/**
 * In a checkout: is the bundle missing or older than its sources? The published package has no
 * sources, and its bundle is never stale.
 */
function bundleIsStale() {
  const sources = [join(root, 'src'), join(root, 'practice'), join(root, 'page')];
  if (!existsSync(sources[0])) return false;
  if (!existsSync(bundle)) return true;
  const built = statSync(bundle).mtimeMs;
  const others = [join(root, 'package.json'), join(root, 'scripts', 'build.mjs')];
  return (
    sources.some((folder) => newerIn(folder, built)) ||
    others.some((file) => statSync(file).mtimeMs > built)
  );
}

/** What the build has written for `--help`; empty when it is not there, or not of these sources. */
function builtHelp() {
  const file = join(root, 'dist', 'help.txt');
  return existsSync(file) && !bundleIsStale() ? readFileSync(file, 'utf8') : '';
}

const asksFor = (long, short) =>
  process.argv.length === 3 && (process.argv[2] === long || process.argv[2] === short);

const help = asksFor('--help', '-h') ? builtHelp() : '';

const load = () => createRequire(import.meta.url)(bundle);

const fail = (text) => {
  process.stderr.write(`kmend: ${text}\n`);
  process.exitCode = 1;
};

if (nodeIsTooOld()) {
  fail(
    `this is Node ${process.versions.node}, and kmend needs Node 20.19 or newer.\n` +
      '  Run kmend on a machine that has it: the hosts need only sshd and sh.',
  );
} else if (asksFor('--version', '-V')) {
  process.stdout.write(`${JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version}\n`);
} else if (help !== '') {
  process.stdout.write(help);
} else if (bundleIsStale()) {
  import('../scripts/build.mjs')
    .then((script) => script.build())
    .then(load, (error) =>
      fail(
        `the bundle cannot be built from this checkout (run \`npm ci\` first?): ${error.message}`,
      ),
    );
} else {
  load();
}
