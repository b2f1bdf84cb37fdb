// The programs in a practice host's PATH: emulated tools, and links to this machine's harmless
// tools.
import { chmodSync, existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { scriptText } from '../src/model/text/script-text.ts';
import {
  asking,
  askingEverywhere,
  common,
  hiddenTools,
  realTools,
  shadowed,
} from './emulated/shell.ts';
import shadow from './emulated/tools/shadow.sh';
import { at, type Machine } from './host/machine.ts';
import type { Flavour } from './spec.ts';

const findProgram = (name: string): string | undefined =>
  [...(process.env.PATH ?? '').split(delimiter), '/usr/bin', '/bin', '/usr/sbin', '/sbin']
    .map((folder) => join(folder, name))
    .find((file) => existsSync(file));

function putLinks(folder: string, names: readonly string[]): void {
  mkdirSync(folder, { recursive: true });
  for (const name of names) {
    const file = findProgram(name);
    if (file !== undefined && !existsSync(join(folder, name)))
      symlinkSync(file, join(folder, name));
  }
}

function putScripts(
  folder: string,
  scripts: Iterable<readonly [string, string]>,
  words: Readonly<Record<string, string>>,
): void {
  mkdirSync(folder, { recursive: true });
  for (const [name, text] of scripts) {
    const file = join(folder, name);
    writeFileSync(file, scriptText(text, words));
    chmodSync(file, 0o755);
  }
}

/**
 * Makes the folders of every host's PATH: emulated tools first, then this machine's harmless tools.
 */
export function putTools(dir: string): (flavour: Flavour) => readonly string[] {
  const base = join(dir, 'tools');
  rmSync(base, { recursive: true, force: true });
  putLinks(join(base, 'real'), realTools);
  putLinks(join(base, 'hidden'), [...hiddenTools, 'mkfifo', 'cat', 'rm']);
  const words = { REAL: join(base, 'hidden'), CALLS: join(dir, 'calls') };
  for (const flavour of ['el7', 'debian'] as const) {
    const asks = [...askingEverywhere, ...asking[flavour]];
    const shadows = shadowed
      .filter((name) => !asks.includes(name))
      .map((name) => [name, shadow] as const);
    const askText = common.get('ask') ?? '';
    putScripts(
      join(base, flavour),
      [...shadows, ...common, ...asks.map((name) => [name, askText] as const)],
      words,
    );
  }
  return (flavour) => [join(base, flavour), join(base, 'real')];
}

/**
 * The environment of every command on a host; KMEND_ROOT is how the host's own scripts find its
 * tree.
 */
export function environment(
  machine: Machine,
  tools: (flavour: Flavour) => readonly string[],
): Readonly<Record<string, string>> {
  const user = machine.spec.user ?? 'root';
  return {
    KMEND_ROOT: machine.root,
    PATH: [at(machine, '/usr/sbin'), at(machine, '/usr/bin'), ...tools(machine.spec.flavour)].join(
      delimiter,
    ),
    HOME: at(machine, '/root'),
    SHELL: '/bin/sh',
    USER: user,
    LOGNAME: user,
    LAB_USER: user,
    LAB_UID: user === 'root' ? '0' : '1000',
  };
}
