// Which ansible.cfg counts, and what is written in it.
import { join, resolve } from 'node:path';
import { type ConfigSections, type Reader, readIniConfig } from '../../../load/index.ts';
import { CommandError } from '../../command-error.ts';

export interface ConfigFile {
  readonly path: string;
  readonly sections: ConfigSections;
  /** It lies in the working directory: the operator did not name it. */
  readonly isFound: boolean;
}

export interface FoundConfig {
  readonly file?: ConfigFile;
  /** Why the one of the working directory does not count, as a sentence. */
  readonly ignored?: string;
}

/** As much of the world as says which settings Ansible would take. */
export interface Place {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly home: string;
  readonly reader: Reader;
  readonly trust: { readonly isOpenToAll: (directory: string) => boolean };
}

export const isSet = (text: string | undefined): text is string =>
  text !== undefined && text !== '';

/** As Ansible reads a path: `~`, `$NAME` and `{{CWD}}`; relative ones begin in `base`. */
export function ansiblePath(given: string, base: string, { env, cwd, home }: Place): string {
  const text = given
    .replaceAll('{{CWD}}', cwd)
    .replace(/\$(?:\{(\w+)\}|(\w+))/g, (whole, braced?: string, bare?: string) => {
      return env[braced ?? bare ?? ''] ?? whole;
    });
  return resolve(
    base,
    text === '~' ? home : text.startsWith('~/') ? join(home, text.slice(2)) : text,
  );
}

/**
 * The first that exists of ANSIBLE_CONFIG, the working directory, the home directory and
 * /etc/ansible. One that others could have written ends the command: without it hosts might be
 * reached another way.
 */
export function ansibleConfig(world: Place): FoundConfig {
  const { env, cwd, home, reader, trust } = world;
  const own = join(cwd, 'ansible.cfg');
  const isOpen = trust.isOpenToAll(cwd);
  const named = namedConfig(world);
  const files = [
    ...(named === undefined ? [] : [named]),
    ...(isOpen ? [] : [own]),
    join(home, '.ansible.cfg'),
    '/etc/ansible/ansible.cfg',
  ];
  const ignored =
    isOpen && !isAbsent(own, world)
      ? { ignored: `${own} is ignored, as Ansible does: everybody may write its directory` }
      : {};
  for (const path of files) {
    const read = reader.readText(path);
    if (!read.ok && read.distrusted === true)
      throw new CommandError(3, `${path} is not used: ${read.why}`);
    if (!read.ok) continue;
    const config = readIniConfig(path, read.text);
    if (!config.ok) throw new CommandError(3, config.why, 'Ansible refuses this file too');
    const isFound = path === own && env.ANSIBLE_CONFIG === undefined;
    return { file: { path, sections: config.sections, isFound }, ...(path !== named && ignored) };
  }
  return ignored;
}

const isAbsent = (path: string, { reader }: Place): boolean => {
  const read = reader.readText(path);
  return !read.ok && read.absent === true;
};

function namedConfig(world: Place): string | undefined {
  const { ANSIBLE_CONFIG: given } = world.env;
  if (given === undefined) return undefined;
  const path = ansiblePath(given, world.cwd, world);
  return world.reader.list(path) === undefined ? path : join(path, 'ansible.cfg');
}
