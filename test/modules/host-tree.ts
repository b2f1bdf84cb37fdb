// A directory that plays the root of a host, in which the real scripts run through a real sh, with
// emulated tools first in PATH.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';

export interface HostTree {
  readonly root: string;
  readonly write: (path: string, text: string) => void;
  readonly read: (path: string) => string;
  readonly remove: (path: string) => void;
  /** A program of the host: shell text, or the name of a file under test/modules/emulated. */
  readonly program: (name: string, text?: string) => void;
  readonly run: (
    script: string,
    shell?: readonly string[],
  ) => { readonly code: number | null; readonly out: string; readonly err: string };
  /**
   * Every file with its content, mode and link target: equal for trees that are equal byte for
   * byte.
   */
  readonly picture: (skip?: RegExp) => Readonly<Record<string, string>>;
}

const emulatedTools = join(import.meta.dirname, 'emulated');

/**
 * Gone when the test ends. A blank in its name on purpose: scripts must quote (GRUB's own do not,
 * they get another name).
 */
export function hostTree(
  files: Readonly<Record<string, string>> = {},
  name = 'kmend host ',
): HostTree {
  const base = mkdtempSync(join(tmpdir(), name));
  onTestFinished(() => rmSync(base, { recursive: true, force: true }));
  const [root, bin] = [join(base, 'root'), join(base, 'bin')];
  mkdirSync(root);
  mkdirSync(bin);
  const write = (path: string, text: string): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  for (const [path, text] of Object.entries(files)) write(path, text);
  return {
    root,
    write,
    read: (path) => readFileSync(join(root, path), 'utf8'),
    remove: (path) => rmSync(join(root, path), { recursive: true, force: true }),
    program: (name, text) => {
      if (text === undefined) copyFileSync(join(emulatedTools, name), join(bin, name));
      else writeFileSync(join(bin, name), `#!/bin/sh\n${text}\n`);
      chmodSync(join(bin, name), 0o755);
    },
    run: (script, shell = ['sh']) => {
      const [program = 'sh', ...flags] = shell;
      const ran = spawnSync(program, [...flags, '-s'], {
        input: script,
        env: { PATH: `${bin}:${process.env.PATH ?? ''}`, KMEND_ROOT: root, HOME: base },
        encoding: 'utf8',
        timeout: 60_000,
      });
      return { code: ran.status, out: ran.stdout, err: ran.stderr };
    },
    picture: (skip = /\.log$/) =>
      Object.fromEntries(pictureOf(root, '').filter(([path]) => !skip.test(path))),
  };
}

function pictureOf(root: string, under: string): readonly (readonly [string, string])[] {
  return readdirSync(join(root, under)).flatMap((name): readonly (readonly [string, string])[] => {
    const path = join(under, name);
    const stat = lstatSync(join(root, path));
    if (stat.isSymbolicLink()) return [[path, `-> ${readlinkSync(join(root, path))}`]];
    if (stat.isDirectory()) return pictureOf(root, path);
    return [
      [path, `${(stat.mode & 0o7777).toString(8)} ${readFileSync(join(root, path), 'utf8')}`],
    ];
  });
}

/** The shells that the scripts must run under, as far as they are there. */
export const shells = [['dash'], ['busybox', 'sh'], ['bash', '--posix']].filter(
  ([program]) => spawnSync(program ?? '', ['-c', ':']).error === undefined,
);
