// The other files that a playbook names: found on Ansible's search path, read once, and remembered
// for the digests of a plan.
import { type Diagnostic, hasErrors } from '../../model/diagnostic.ts';
import type { Mapping } from '../../model/value.ts';
import { collectorOf, type DiagnosticsCollector } from '../text/diagnostics-collector.ts';
import { dirOf, join, type Read, type Reader } from '../text/reader.ts';
import { sourceOf } from '../text/source.ts';
import { mappingOf, type Tree } from '../text/tree.ts';
import {
  closedVault,
  isVaultText,
  SealedError,
  sealedDiagnostic,
  type Vault,
} from '../text/vault.ts';
import { sealedVars } from '../text/vault-file.ts';
import { parseYaml } from '../text/yaml.ts';

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
}

/**
 * Files below the directory of a playbook, and of the project around it.
 * @param diagnostics of all files
 */
export function projectFiles(
  playbook: string,
  { reader = noFiles, rolesPath = [], vault = closedVault }: FilesOptions,
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
    variables: (path, written) => {
      const found = text(path, written);
      if (found === undefined) return { vars: {} };
      return isVaultText(found)
        ? { vars: sealed(path, found, vault, diagnostics) }
        : variablesIn(files.tree(path, written));
    },
  };
  return files;
}

function variablesIn(opened: OpenedTree | undefined): FileVariables {
  if (opened?.tree === undefined) return { vars: {} };
  const { tree, collector, path } = opened;
  if (tree.kind === 'map') return { vars: mappingOf(tree), opened };
  if (tree.kind !== 'scalar' || tree.value !== null)
    collector.error(tree.at, 'vars-shape', `${path} should hold a mapping of variables`);
  return { vars: {} };
}

/** Its names must be known at once, so it is opened now. */
function sealed(path: string, text: string, vault: Vault, diagnostics: Diagnostic[]): Mapping {
  try {
    return sealedVars(path, text, vault);
  } catch (error) {
    if (!(error instanceof SealedError)) throw error;
    diagnostics.push(sealedDiagnostic(error));
    return {};
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
