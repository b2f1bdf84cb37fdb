// The image of kmend as scripts/image.sh builds it: an OCI archive, and its root file system
// unpacked for containers of runc.
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '../..');

const has = (program: string): boolean =>
  spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;

/** What is missing to build and run the image; undefined = it can be done. */
export const imageMissing: string | undefined =
  process.getuid?.() === 0
    ? ['mmdebstrap', 'buildah', 'runc', 'flock']
        .map((name) => (has(name) ? undefined : `no ${name}`))
        .find((text) => text !== undefined)
    : 'needs root';

/** What a runtime obeys of the image. */
interface ImageConfig {
  readonly User: string;
  readonly Env: readonly string[];
  readonly Entrypoint: readonly string[];
  readonly WorkingDir: string;
}

export interface Image {
  readonly archive: string;
  /** Folder with the files of all layers. */
  readonly rootfs: string;
  readonly config: ImageConfig;
  readonly close: () => void;
}

/** Milliseconds that the building may take on a busy machine. */
export const buildLimit = 480_000;

/** Builds it where these sources have not been built yet, and unpacks it into a folder of its own. */
export function openImage(): Image {
  execFileSync(process.execPath, [join(root, 'scripts/build.mjs')], { stdio: 'pipe' });
  const archive = join(tmpdir(), `kmend-image-${digestOf(imageFiles())}`, 'kmend.tar');
  mkdirSync(join(archive, '..'), { recursive: true });
  // Test files that start at one moment build it once.
  execFileSync(
    'flock',
    [`${archive}.lock`, 'sh', '-c', '[ -s "$1" ] || sh scripts/image.sh "$1"', 'sh', archive],
    { cwd: root, stdio: 'pipe', timeout: buildLimit },
  );
  const dir = mkdtempSync(join(tmpdir(), 'kmend-rootfs-'));
  execFileSync('tar', ['-xf', archive, '-C', dir]);
  const rootfs = join(dir, 'rootfs');
  mkdirSync(rootfs);
  const blob = (digest: string): string => join(dir, 'blobs', digest.replace(':', '/'));
  const read = (path: string) => JSON.parse(readFileSync(path, 'utf8'));
  const manifest = read(blob(read(join(dir, 'index.json')).manifests[0].digest));
  for (const { digest } of manifest.layers)
    execFileSync('tar', ['--numeric-owner', '-xpzf', blob(digest), '-C', rootfs]);
  return {
    archive,
    rootfs,
    config: read(blob(manifest.config.digest)).config,
    close: () => rmSync(dir, { recursive: true, force: true }),
  };
}

/** All that goes into the image, besides Debian's packages. */
const imageFiles = (): readonly string[] => [
  ...['Containerfile', 'scripts/image.sh', 'package.json', 'bin/kmend.mjs', 'docs/rbac.yaml'],
  ...['dist', 'playbooks'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map(
      (name) => `${folder}/${name}`,
    ),
  ),
];

function digestOf(files: readonly string[]): string {
  const hash = createHash('sha256');
  for (const file of files.toSorted()) {
    const path = join(root, file);
    // A build beside this one may have written and renamed it.
    const isFile = existsSync(path) && !file.endsWith('/man') && !/\.\d+(?:\.|$)/.test(file);
    if (isFile) hash.update(file).update(readFileSync(path));
  }
  return hash.digest('hex').slice(0, 16);
}
