// The product as it is published, made for this run.
import { cpSync, mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from '../scripts/build.mjs';

const root = new URL('..', import.meta.url).pathname;

/**
 * Without sources: in a checkout each start would look whether the bundle is stale, and an edit in
 * the middle of a bench would be built in the middle of a measurement. Made once; run.mjs hands it
 * on by this variable.
 */
export const variable = 'KMEND_BENCH_PACKAGE';

export function makePackage() {
  const folder = mkdtempSync(join(tmpdir(), 'kmend-bench-package-'));
  mkdirSync(join(folder, 'dist'));
  build({ out: join(folder, 'dist/kmend.cjs') });
  for (const part of ['bin', 'package.json'])
    cpSync(join(root, part), join(folder, part), { recursive: true });
  return folder;
}
