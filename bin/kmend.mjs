#!/usr/bin/env node
// The entry: refuses a Node that is too old, answers --version and --help, and loads the bundle; in
// a checkout it first builds it where it is stale. No syntax newer than Node 12 (no `?.`, no `??`):
// an old bastion must be able to *parse* this to say what is wrong.
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const bundle = join(root, 'dist', 'kmend.cjs');
const require = createRequire(bundle);

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

/** Not imported above, like all that only commands need: `--version` is quick. Node 12 has none. */
const crc32 = (bytes) => require('node:zlib').crc32(bytes);

/** Commands that read hosts run much more of the program than others: their code is kept apart. */
const readingHosts = ['apply', 'check', 'drift', 'plan', 'resume'];

/** Milliseconds until code that nothing has replaced is removed. */
const longestUnused = 90 * 24 * 3600 * 1000;

/**
 * Does the path belong to this user, so that nobody else could have written it? Code that is read
 * from there is run.
 */
function isOurs(path) {
  const { mode, uid } = statSync(path);
  return uid === process.geteuid() && (mode & 0o022) === 0;
}

/**
 * The file with the compiled code of this program, in the user's cache directory; undefined where
 * there is no such directory of this user's own (sudo with another user's HOME), or it is not wanted.
 */
function keptCode(program) {
  const { HOME, NODE_DISABLE_COMPILE_CACHE, XDG_CACHE_HOME } = process.env;
  const absolute = XDG_CACHE_HOME && isAbsolute(XDG_CACHE_HOME);
  if (!process.geteuid || NODE_DISABLE_COMPILE_CACHE || !(absolute || HOME)) return undefined;
  try {
    if (!isOurs(absolute ? XDG_CACHE_HOME : HOME)) return undefined;
    const folder = join(absolute ? XDG_CACHE_HOME : join(HOME, '.cache'), 'kmend');
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    if (!isOurs(folder)) return undefined;
    const kind = readingHosts.indexOf(process.argv[2]) < 0 ? 'code' : 'hosts.code';
    const sum = crc32(program).toString(16);
    return join(folder, `${sum}-${process.versions.node}-${process.arch}.${kind}`);
  } catch {
    return undefined;
  }
}

/** Four bytes of its own sum come first: the engine does not find out what a disk has done. */
function readCode(file) {
  try {
    const kept = readFileSync(file);
    const code = kept.subarray(4);
    return isOurs(file) && kept.readUInt32LE(0) === crc32(code) ? code : undefined;
  } catch {
    return undefined;
  }
}

function writeCode(file, code) {
  const draft = `${file}.${process.pid}`;
  const sum = Buffer.alloc(4);
  try {
    sum.writeUInt32LE(crc32(code));
    writeFileSync(draft, Buffer.concat([sum, code]), { mode: 0o600 });
    renameSync(draft, file);
    for (const name of readdirSync(dirname(file))) {
      const path = join(dirname(file), name);
      if (Date.now() - statSync(path).mtimeMs > longestUnused) unlinkSync(path);
    }
  } catch {
    // A disk that is full or read-only: the next command compiles again.
  }
}

/** As a function. The text is made once, and with one byte a character: the build writes ASCII only. */
const wrapped = (program) =>
  Buffer.concat([
    Buffer.from('(function (exports, require, module, __filename, __dirname) {'),
    program,
    Buffer.from('\n})'),
  ]).latin1Slice();

/**
 * Runs the bundle as \`require\` would, with the code that an earlier command compiled: to compile it
 * takes twice as long as most commands. The engine refuses code of another version of itself.
 */
function load() {
  const v8 = require('node:v8');
  const vm = require('node:vm');
  const program = readFileSync(bundle);
  const [, flags] = /__kmend_engine=(\[\[.*?\]\]);/.exec(program.latin1Slice(0, 1000));
  const setEngine = () => {
    for (const [flag, engine] of JSON.parse(flags))
      if (process.versions.v8.startsWith(engine)) v8.setFlagsFromString(flag);
  };
  // Before the code is read: code that was compiled with other flags is refused.
  setEngine();
  const file = keptCode(program);
  const code = file === undefined ? undefined : readCode(file);
  const script = new vm.Script(wrapped(program), {
    filename: bundle,
    cachedData: code,
  });
  if (file !== undefined && (code === undefined || script.cachedDataRejected))
    process.once('exit', () => {
      // As it was when the code was read: the SSH adapter sets it later. 2 is that of the engine itself.
      v8.setFlagsFromString('--semi-space-growth-factor=2');
      setEngine();
      writeCode(file, script.createCachedData());
    });
  const module = { exports: {} };
  const run = script.runInThisContext();
  run(module.exports, require, module, bundle, dirname(bundle));
}

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
