// The files of a release: checksums that agree, a bill of what is in the bundle, and a refusal of
// what is no release.
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const { version, dependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as {
  version: string;
  dependencies: Readonly<Record<string, string>>;
};

/** A checkout of its own, which a test may change. */
const directory = mkdtempSync(join(tmpdir(), 'kmend-release-'));
const checkout = join(directory, 'checkout');
const git = (...args: readonly string[]): string =>
  execFileSync('git', ['-c', 'user.name=x', '-c', 'user.email=x@example.net', ...args], {
    cwd: checkout,
    encoding: 'utf8',
  });
const release = (...args: readonly string[]) =>
  spawnSync(process.execPath, ['scripts/release.mjs', ...args], {
    cwd: checkout,
    encoding: 'utf8',
  });
const sum = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex');

beforeAll(() => {
  mkdirSync(checkout);
  const files = execFileSync(
    'git',
    ['ls-files', '-z', '--cached', '--others', '--exclude-standard', '--', ':!test', ':!bench'],
    {
      encoding: 'utf8',
    },
  )
    .split('\0')
    .filter(Boolean);
  for (const file of files) cpSync(file, join(checkout, file), { recursive: true });
  symlinkSync(join(process.cwd(), 'node_modules'), join(checkout, 'node_modules'));
  git('init', '-q');
  git('add', '.', ':!node_modules');
  git('commit', '-q', '-m', 'All');
  writeFileSync(join(checkout, '.git/info/exclude'), 'node_modules\n');
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe('npm run release', () => {
  it('refuses a checkout that is no release, with each reason', () => {
    writeFileSync(join(checkout, 'CHANGELOG.md'), '# Changelog\n\n## Unreleased\n');
    git('tag', `v${version}`);
    const { status, stderr } = release();
    expect(status).toBe(1);
    expect(stderr.split('\n').slice(0, 3)).toEqual([
      'the work tree has changes that are not committed',
      `CHANGELOG.md has no section "## ${version}"`,
      `the tag v${version} is there already`,
    ]);
    expect(readdirSync(checkout)).not.toContain('release');
    git('tag', '--delete', `v${version}`);
  });

  const hasSbom =
    spawnSync('npm', ['sbom', '--package-lock-only', '--sbom-format', 'spdx']).status === 0;
  it.skipIf(!hasSbom)(
    `makes the package, its materials and their checksums, and the same package twice${hasSbom ? '' : ' (needs npm 9.5)'}`,
    () => {
      writeFileSync(join(checkout, 'CHANGELOG.md'), `# Changelog\n\n## ${version}\n`);
      git('commit', '-q', '-a', '-m', 'Changes');
      const { status, stdout, stderr } = release();
      expect([status, stderr]).toEqual([0, '']);
      const out = join(checkout, 'release');
      expect(stdout.trim().split('\n')).toEqual(
        [`kmend-${version}.tgz`, `kmend-${version}.cdx.json`, 'SHA256SUMS'].map((name) =>
          join(out, name),
        ),
      );
      for (const line of readFileSync(join(out, 'SHA256SUMS'), 'utf8').trim().split('\n')) {
        const [digest, file = ''] = line.split('  ');
        expect([file, sum(join(out, file))]).toEqual([file, digest]);
      }
      const packed = execFileSync('tar', ['-tzf', join(out, `kmend-${version}.tgz`)], {
        encoding: 'utf8',
      }).split('\n');
      // The checkout had no build before.
      for (const file of [
        'kmend.cjs',
        'practice.cjs',
        'forecast.cjs',
        'help.txt',
        'man/kmend-plan.1',
        'page.js',
        'page.css',
      ])
        expect(packed).toContain(`package/dist/${file}`);
      release('--draft', '--out', join(directory, 'again'));
      expect(sum(join(directory, 'again', `kmend-${version}.tgz`))).toBe(
        sum(join(out, `kmend-${version}.tgz`)),
      );
      const bill = JSON.parse(readFileSync(join(out, `kmend-${version}.cdx.json`), 'utf8'));
      const listed = bill.components.map(
        (component: { 'bom-ref': string }) => component['bom-ref'],
      );
      expect(listed).toEqual(
        expect.arrayContaining(
          Object.entries(dependencies).map(([name, pinned]) => `${name}@${pinned}`),
        ),
      );
      expect(listed.join(' ')).not.toMatch(/vitest|biome|typescript|esbuild/);
    },
  );
});
