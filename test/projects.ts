// Which project a test file belongs to, by what it starts: so no list has to be kept, and a test
// that leaves the fleet joins the quick ones by itself.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

/**
 * `unit` sleeps nowhere, and its files share the program that a worker has loaded; `fleet` starts
 * hosts, servers or the program itself, or replaces a module; `laws` are campaigns over many
 * inputs.
 */
export type Quick = 'unit' | 'laws' | 'fleet';

/** Projects of their own. */
const apart = ['test/hosts/', 'test/crash/', 'test/chaos/', 'test/cluster/', 'test/vm/'];

/** What takes real time: the practice fleet, servers, the program as a process, and sleep. */
const slow =
  /^(?:practice\/fleet\.ts|test\/cli\/child\.ts|node:(?:net|tls|http|https|http2|timers\/promises))$/;

/** Starts the practice fleet through the command line. */
const demo = 'test/cli-commands/demo.test.ts';

/**
 * Read no further: a practice host is read once, in two seconds, for a host on a virtual
 * clock.
 */
const recording = 'test/fakes/recording.ts';

/**
 * Campaigns: every script in every shell, hostile text, random worlds. Each takes more than some
 * seconds.
 */
const campaigns = [
  /^test\/(?:hostile|worlds)\//,
  /^test\/modules\/(?:kernel-arg-loaders|kernel-arg-scripts|package-holds|verify-kmem)\.test\.ts$/,
  /^test\/ssh\/(?:command|config-differential|openssh-config)\.test\.ts$/,
  /^test\/facts\/(?:areas|cgroup-walk|crash|probe|recorded|unusable)\.test\.ts$/,
];

const imports = new Map<string, readonly string[]>();

/** Files as paths from the root, and Node's own modules. */
function importsOf(file: string): readonly string[] {
  const known = imports.get(file);
  if (known !== undefined) return known;
  const found = [
    ...readFileSync(join(root, file), 'utf8').matchAll(/(?:\bfrom|\bimport)\s*\(?\s*'([^']+)'/g),
  ]
    .map(([, target = '']) =>
      target.startsWith('.') ? relative(root, join(root, dirname(file), target)) : target,
    )
    .filter(
      (target) =>
        target.startsWith('node:') || (target.endsWith('.ts') && existsSync(join(root, target))),
    );
  imports.set(file, found);
  return found;
}

/**
 * All that a test file brings in, apart from the program: what that may do is its ports' business.
 */
export function reached(file: string, seen = new Set<string>()): ReadonlySet<string> {
  for (const target of importsOf(file)) {
    if (seen.has(target) || target === recording) continue;
    seen.add(target);
    if (!target.startsWith('node:') && !target.startsWith('src/')) reached(target, seen);
  }
  return seen;
}

function projectOf(file: string): Quick {
  if (file === demo || /\bvi\.mock\(/.test(readFileSync(join(root, file), 'utf8'))) return 'fleet';
  if ([...reached(file)].some((one) => slow.test(one)))
    return campaigns[0]?.test(file) === true ? 'laws' : 'fleet';
  return campaigns.some((pattern) => pattern.test(file)) ? 'laws' : 'unit';
}

const tests = readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' })
  .map((file) => `test/${file}`)
  .filter((file) => file.endsWith('.test.ts') && !apart.some((folder) => file.startsWith(folder)));

/** The test files of each project. */
export const quickTests: Readonly<Record<Quick, readonly string[]>> = {
  unit: tests.filter((file) => projectOf(file) === 'unit'),
  laws: tests.filter((file) => projectOf(file) === 'laws'),
  fleet: tests.filter((file) => projectOf(file) === 'fleet'),
};
