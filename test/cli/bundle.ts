// Set-up of the projects that start the program: one build for all of their files.
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { TestProject } from 'vitest/node';

interface Build {
  readonly build: (options: { readonly out: string }) => string;
}

export async function setup({ provide }: TestProject): Promise<() => void> {
  const directory = mkdtempSync(join(tmpdir(), 'kmend-bundle-'));
  const script = pathToFileURL(join(process.cwd(), 'scripts/build.mjs')).href;
  const { build } = (await import(script)) as Build;
  // As in the package: a rollback needs the playbook that comes with kmend.
  mkdirSync(join(directory, 'dist'));
  cpSync('playbooks', join(directory, 'playbooks'), { recursive: true });
  provide('bundle', build({ out: join(directory, 'dist/kmend.cjs') }));
  return () => rmSync(directory, { recursive: true, force: true });
}
