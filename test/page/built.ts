// The page as it is built for browsers, built once a worker.
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** A folder like that of the package: it has `dist/page.js` and `dist/page.css`. */
export const pageRoot = mkdtempSync(join(tmpdir(), 'kmend-page-'));
const { buildPage } = await import(pathToFileURL(join(process.cwd(), 'scripts/build.mjs')).href);
buildPage(join(pageRoot, 'dist'));

const file = (name: string): string => readFileSync(join(pageRoot, 'dist', name), 'utf8');

export const builtPage = { script: file('page.js'), style: file('page.css') };
