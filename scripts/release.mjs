// Makes the files of a release: the package, its bill of materials, and the checksums of both.
// CONTRIBUTING.md has the steps around it.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from './build.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { values } = parseArgs({
  options: {
    out: { type: 'string', default: join(root, 'release') },
    draft: { type: 'boolean', default: false },
  },
});
const out = resolve(values.out);
const run = (program, ...args) =>
  execFileSync(program, args, {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
const { name, version, dependencies } = JSON.parse(
  readFileSync(join(root, 'package.json'), 'utf8'),
);

/** Why this checkout is no release. A draft (`--draft`) needs no answer. */
function reasons() {
  const changelog = readFileSync(join(root, 'CHANGELOG.md'), 'utf8');
  return [
    run('git', 'status', '--porcelain') === ''
      ? []
      : 'the work tree has changes that are not committed',
    changelog.includes(`\n## ${version}\n`) ? [] : `CHANGELOG.md has no section "## ${version}"`,
    run('git', 'tag', '--list', `v${version}`) === '' ? [] : `the tag v${version} is there already`,
  ].flat();
}

const against = values.draft ? [] : reasons();
if (against.length > 0) {
  for (const reason of against) process.stderr.write(`${reason}\n`);
  process.stderr.write('nothing was made; --draft makes the files all the same\n');
  process.exit(1);
}

/**
 * What `npm sbom` knows, as far as the dependencies of the package reach. Its own `--omit dev`
 * leaves out each package that a development dependency needs too (npm 11.19: yaml, zod, semver).
 */
function billOfMaterials() {
  const bill = JSON.parse(
    run(
      'npm',
      'sbom',
      '--package-lock-only',
      '--sbom-format',
      'cyclonedx',
      '--sbom-type',
      'application',
    ),
  );
  const needs = new Map(bill.dependencies.map(({ ref, dependsOn }) => [ref, dependsOn]));
  const reached = new Set(
    Object.entries(dependencies).map(([name, pinned]) => `${name}@${pinned}`),
  );
  for (const ref of reached) for (const next of needs.get(ref) ?? []) reached.add(next);
  const own = bill.metadata.component['bom-ref'];
  return {
    ...bill,
    metadata: { ...bill.metadata, component: { ...bill.metadata.component, name } },
    components: bill.components.filter((component) => reached.has(component['bom-ref'])),
    dependencies: bill.dependencies
      .filter(({ ref }) => ref === own || reached.has(ref))
      .map(({ ref, dependsOn }) => ({
        ref,
        dependsOn: dependsOn.filter((next) => reached.has(next)),
      })),
  };
}

// Install scripts are off, and with them `prepack`: npm would pack what an earlier build has left.
build();
rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
const [{ filename }] = JSON.parse(
  run('npm', 'pack', '--json', '--silent', '--pack-destination', out),
);
const materials = `${name}-${version}.cdx.json`;
writeFileSync(join(out, materials), `${JSON.stringify(billOfMaterials(), undefined, 2)}\n`);
const sumOf = (name) =>
  createHash('sha256')
    .update(readFileSync(join(out, name)))
    .digest('hex');
writeFileSync(
  join(out, 'SHA256SUMS'),
  [filename, materials].map((file) => `${sumOf(file)}  ${file}\n`).join(''),
);
for (const file of [filename, materials, 'SHA256SUMS'])
  process.stdout.write(`${join(out, file)}\n`);
