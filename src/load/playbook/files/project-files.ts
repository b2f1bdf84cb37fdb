// The other files that a playbook names: found on Ansible's search path, read once, and remembered
// for the digests of a plan.
import { type Diagnostic, hasErrors } from '../../../model/diagnostic.ts';
import type { Outside } from '../../../model/playbook.ts';
import type { Mapping, Value } from '../../../model/value.ts';
import { globMatcher } from '../../inventory/glob.ts';
import { collectorOf, type DiagnosticsCollector } from '../../text/diagnostics-collector.ts';
import { dirOf, join, type Read, type Reader } from '../../text/reader.ts';
import { sourceOf } from '../../text/source.ts';
import { mappingOf, put, type Tree } from '../../text/tree.ts';
import {
  closedVault,
  isVaultText,
  openText,
  SealedError,
  sealedDiagnostic,
  type Vault,
} from '../../text/vault.ts';
import { sealedVars } from '../../text/vault-file.ts';
import { parseYaml } from '../../text/yaml.ts';

/** Where a name is written, for errors. */
export interface Written {
  readonly collector: DiagnosticsCollector;
  readonly at: number;
  /** What the file is for: `tasks`, `variables`. */
  readonly what: string;
}

/** A file of YAML, with the collector that places its diagnostics. */
export interface OpenedTree {
  readonly path: string;
  readonly collector: DiagnosticsCollector;
  /** Undefined where the file is empty. */
  readonly tree: Tree | undefined;
}

export interface FileVariables {
  readonly vars: Mapping;
  /** The same with places; absent where the file is encrypted. */
  readonly opened?: OpenedTree;
}

/** What is in a file: its text, or bytes (one character for each) where it is none. */
export interface FileContent {
  readonly isText: boolean;
  readonly content: string;
  /** Places diagnostics in it. */
  readonly collector: DiagnosticsCollector;
}

export interface ProjectFiles {
  /** Directories of roles beside those of the playbook. */
  readonly rolesPath: readonly string[];
  /** Paths of all files that were read, each once. */
  readonly paths: readonly string[];
  /** Names in a directory, sorted; undefined where there is none. */
  readonly list: (path: string) => readonly string[] | undefined;
  /** The first of these paths that exists and is a file; undefined = none, which is not reported. */
  readonly find: (paths: readonly string[]) => string | undefined;
  /** Undefined where the file is not usable, which is reported. */
  readonly tree: (path: string, written: Written) => OpenedTree | undefined;
  /** A file that is sent to hosts. Undefined where it is not usable, which is reported. */
  readonly content: (path: string, written: Written) => FileContent | undefined;
  /**
   * What a file holds that may be encrypted; it is secret then. Undefined where it is not usable, which
   * is reported.
   */
  readonly plainText: (path: string, written: Written) => string | undefined;
  /** A variable of the environment of kmend, which the plan remembers. */
  readonly variable: (name: string) => string | undefined;
  /** Files that a pattern finds in a directory, by name; the plan remembers them. */
  readonly glob: (directory: string, pattern: string) => readonly string[];
  readonly outside: Outside;
  /** Variables of a file that may be encrypted. None where it is not usable, which is reported. */
  readonly variables: (path: string, written: Written) => FileVariables;
}

/** Bytes of a file that is sent to hosts: each plan and run holds it in memory. */
const longestSource = 1024 * 1024;

/** Of bytes that are no UTF-8 the text differs from what a reader of texts gives. */
function fromBytes(bytes: string): string | undefined {
  try {
    const decoder = new TextDecoder('utf-8', { ignoreBOM: true, fatal: true });
    return decoder.decode(Uint8Array.from(bytes, (char) => char.charCodeAt(0)));
  } catch {
    return undefined;
  }
}

/** A reader without any file. */
const noFiles: Reader = {
  readText: () => ({ ok: false, why: 'no such file', absent: true }),
  readFound: () => ({ ok: false, why: 'no such file', absent: true }),
  readData: () => ({ ok: false, why: 'no such file', absent: true }),
  list: () => undefined,
};

export interface FilesOptions {
  readonly reader?: Reader;
  /** Directories of roles beside those of the playbook. */
  readonly rolesPath?: readonly string[];
  readonly vault?: Vault;
  /** Variables of the environment of kmend. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** The directory in which kmend runs: names that `fileglob` gives are absolute. */
  readonly cwd?: string;
}

/**
 * Files below the directory of a playbook, and of the project around it.
 * @param diagnostics of all files
 */
export function projectFiles(
  playbook: string,
  { reader = noFiles, rolesPath = [], vault = closedVault, env = {}, cwd = '/' }: FilesOptions,
  diagnostics: Diagnostic[],
): ProjectFiles {
  const root = dirOf(playbook);
  const texts = new Map<string, string>();
  const read = (path: string): Read =>
    reader.readFound(path, rolesPath.find((one) => path.startsWith(`${one}/`)) ?? root);
  const text = (path: string, { collector, at, what }: Written): string | undefined => {
    const known = texts.get(path);
    if (known !== undefined) return known;
    const found = read(path);
    if (found.ok) {
      texts.set(path, found.text);
      return found.text;
    }
    collector.error(at, 'unreadable', `the ${what} in ${path} cannot be read: ${found.why}`);
    return undefined;
  };
  const files: ProjectFiles = {
    rolesPath,
    get paths() {
      return [...texts.keys()];
    },
    list: (path) => reader.list(path)?.toSorted(),
    find: (paths) =>
      paths.find((path) => {
        if (reader.list(path) !== undefined) return false;
        const found = read(path);
        return found.ok || found.absent !== true;
      }),
    tree: (path, written) => {
      const found = text(path, written);
      if (found === undefined) return undefined;
      if (isVaultText(found)) {
        written.collector.error(
          written.at,
          'vault',
          `the ${written.what} in ${path} are encrypted as a whole`,
          { hint: 'decrypt them, and encrypt only variables (`ansible-vault encrypt_string`)' },
        );
        return undefined;
      }
      const source = sourceOf(path, found);
      const { value, diagnostics: syntax } = parseYaml(source);
      for (const one of syntax) diagnostics.push(one);
      return hasErrors(syntax)
        ? undefined
        : { path, collector: collectorOf(source, diagnostics), tree: value };
    },
    content: (path, written) => {
      const { collector, at } = written;
      const found = text(path, written);
      if (found === undefined) return undefined;
      const reported = (code: string, what: string, hint: string): undefined =>
        collector.error(at, code, `${path} ${what}`, { hint }) as undefined;
      if (isVaultText(found))
        return reported('vault', 'is encrypted', 'put it into a variable: `content: "{{ NAME }}"`');
      const read = reader.readBytes?.(path, root);
      const bytes = read?.ok === true ? read.text : found;
      if (bytes.length > longestSource)
        return reported(
          'too-long',
          `has more than ${longestSource / 1024 / 1024} MiB`,
          'let the host fetch it: `command: curl -fsSLo FILE URL` with `creates`',
        );
      const isText = (read?.ok !== true || fromBytes(bytes) === found) && !found.includes('\0');
      const content = isText ? found : bytes;
      return { isText, content, collector: collectorOf(sourceOf(path, content), diagnostics) };
    },
    plainText: (path, written) => {
      const found = text(path, written);
      if (found === undefined || !isVaultText(found)) return files.content(path, written)?.content;
      return guarded(diagnostics, () => openedText(path, found, vault));
    },
    ...outsideOf(reader, env, cwd),
    variables: (path, written) => {
      const found = text(path, written);
      if (found === undefined) return { vars: {} };
      return isVaultText(found)
        ? { vars: guarded(diagnostics, () => sealedVars(path, found, vault)) ?? {} }
        : variablesIn(files.tree(path, written));
    },
  };
  return files;
}

/** What is read of this machine beside the texts of files, and remembered. */
function outsideOf(
  { list }: Reader,
  env: Readonly<Record<string, string | undefined>>,
  cwd: string,
): Pick<ProjectFiles, 'variable' | 'glob' | 'outside'> {
  const environment: Record<string, Value> = {};
  const globs: Record<string, Value> = {};
  return {
    variable: (name) => {
      const value = Object.hasOwn(env, name) ? env[name] : undefined;
      put(environment, name, value ?? null);
      return value;
    },
    glob: (directory, pattern) => {
      const fits = globMatcher(pattern);
      const names = list(directory)?.filter((name) => {
        const isShown = !name.startsWith('.') || pattern.startsWith('.');
        return isShown && fits(name) && list(join(directory, name)) === undefined;
      });
      const base = directory.startsWith('/') ? directory : join(cwd, directory);
      const found = names?.sort().map((name) => join(base, name)) ?? [];
      put(globs, join(directory, pattern), found);
      return found;
    },
    outside: { environment, globs },
  };
}

function variablesIn(opened: OpenedTree | undefined): FileVariables {
  if (opened?.tree === undefined) return { vars: {} };
  const { tree, collector, path } = opened;
  if (tree.kind === 'map') return { vars: mappingOf(tree), opened };
  if (tree.kind !== 'scalar' || tree.value !== null)
    collector.error(tree.at, 'vars-shape', `${path} should hold a mapping of variables`);
  return { vars: {} };
}

/** What an encrypted file holds is secret from now on. */
function openedText(path: string, text: string, vault: Vault): string {
  const opened = openText(text, vault, path, { file: path, line: 1, column: 1 });
  vault.taint(opened, path);
  return opened;
}

/** What is encrypted is opened now; undefined where it does not open, which is reported. */
function guarded<T>(diagnostics: Diagnostic[], open: () => T): T | undefined {
  try {
    return open();
  } catch (error) {
    if (!(error instanceof SealedError)) throw error;
    diagnostics.push(sealedDiagnostic(error));
    return undefined;
  }
}

/** `NAME` as it is, then with each of Ansible's endings, in these directories. */
export const candidates = (
  directories: readonly string[],
  name: string,
  endings: readonly string[] = [''],
): readonly string[] =>
  name.startsWith('/')
    ? endings.map((ending) => `${name}${ending}`)
    : [...new Set(directories)].flatMap((directory) =>
        endings.map((ending) => join(directory, `${name}${ending}`)),
      );
