// Reads files, directories, programs and lists of names into one `Inventory`.
import { type Checked, hasErrors, type Place } from '../../model/diagnostic.ts';
import type { Inventory } from '../../model/host.ts';
import { baseOf, dirOf, endingOf, join, type Read, type Reader } from '../text/reader.ts';
import { sourceOf } from '../text/source.ts';
import type { Tree } from '../text/tree.ts';
import {
  closedVault,
  isVaultText,
  openText,
  SealedError,
  sealedDiagnostic,
  type Vault,
} from '../text/vault.ts';
import { parseData } from '../text/yaml.ts';
import { assemble } from './assemble.ts';
import { addHosts, type Draft, groupNamed, newDraft, report } from './draft.ts';
import { readIni } from './ini.ts';
import { varsUnder } from './vars-files.ts';
import { readProgramOutput, readYamlInventory } from './yaml-inventory.ts';

export interface InventoryOptions {
  readonly reader: Reader;
  /** Directory of the playbook, whose `group_vars` and `host_vars` are read too. */
  readonly playbookDir?: string;
  readonly vault?: Vault;
  /** Without a vault password, encrypted files of variables count as empty. */
  readonly skipsSealed?: boolean;
}

/**
 * Reads inventories in the order of `-i`: a file (YAML, JSON or INI), a directory, a program, or
 * names with a comma (`-i host1,host2`). A broken file is an error, never a smaller fleet.
 */
export function loadInventory(
  sources: readonly string[],
  options: InventoryOptions,
): Checked<Inventory> {
  const draft = newDraft();
  const dirs: string[] = [];
  for (const source of sources) {
    if (source.includes(',')) readNames(draft, source);
    else {
      readPath(
        { draft, reader: options.reader, vault: options.vault ?? closedVault, source },
        source,
      );
      const dir = options.reader.list(source) === undefined ? dirOf(source) : source;
      if (!dirs.includes(dir)) dirs.push(dir);
    }
  }
  const { reader, playbookDir, vault = closedVault, skipsSealed = false } = options;
  const beside = { draft, reader, vault, skipsSealed };
  const files = {
    inventory: dirs.map((dir) => varsUnder(beside, dir)),
    playbook: playbookDir === undefined ? [] : [varsUnder(beside, playbookDir)],
  };
  const inventory = assemble(draft, files, vault);
  if (draft.hosts.size === 0 && draft.notRun.length === 0 && !hasErrors(draft.diagnostics)) {
    const place = draft.files[0] === undefined ? undefined : { place: placeOf(draft.files[0]) };
    const summary = sources.length === 0 ? 'no inventory is given' : 'the inventory has no hosts';
    draft.diagnostics.push({
      code: 'empty-inventory',
      severity: 'error',
      ...place,
      summary,
      hint: 'give one with -i FILE',
    });
  }
  return { ...(inventory && { value: inventory }), diagnostics: draft.diagnostics };
}

const placeOf = (file: string): Place => ({ file, line: 1, column: 1 });

function readNames(draft: Draft, list: string): void {
  const ungrouped = groupNamed(draft, 'ungrouped', placeOf(''));
  for (const name of list.split(','))
    if (name.trim() !== '') addHosts(draft, ungrouped, name.trim(), placeOf('-i'));
}

// Files of an inventory directory that are no inventories.
const ignoredNames = /^\.|^(?:group_vars|host_vars|vars_plugins)$|~$/;
const ignoredEndings = new Set([
  'pyc',
  'pyo',
  'swp',
  'bak',
  'rpm',
  'md',
  'txt',
  'rst',
  'orig',
  'cfg',
  'retry',
]);

interface Reading {
  readonly draft: Draft;
  readonly reader: Reader;
  readonly vault: Vault;
  /** The path that the operator named: that of the file, or a directory above it. */
  readonly source: string;
}

function readPath(reading: Reading, path: string, depth = 0): void {
  const { reader, source } = reading;
  const names = reader.list(path);
  if (names === undefined) {
    readFile(
      reading,
      path,
      path === source ? reader.readText(path) : reader.readFound(path, source),
    );
    return;
  }
  if (depth > 20) return;
  for (const name of [...names].sort()) {
    if (!ignoredNames.test(name) && !ignoredEndings.has(endingOf(name)))
      readPath(reading, join(path, name), depth + 1);
  }
}

function readFile({ draft, reader, vault }: Reading, path: string, read: Read): void {
  if (!read.ok) {
    report(draft, 'unreadable', placeOf(path), `the inventory ${path} cannot be read: ${read.why}`);
    return;
  }
  draft.files.push(path);
  if (isVaultText(read.text)) {
    readSealed(draft, path, read.text, vault);
    return;
  }
  if (read.text.startsWith('#!') && reader.isExecutable?.(path) === true)
    readProgram(draft, reader, path);
  else readText(draft, path, read.text);
}

/**
 * Variables that say where a host is and as whom it is reached: an operator has to see them, so they
 * are no secrets.
 */
const shownVars =
  /^(?:ansible_(?:ssh_)?(?:host|port|user)|ansible_connection|ansible_become(?:_user|_method)?|kmend_site)$/;

/**
 * An inventory that is encrypted as a whole: its hosts and groups are shown, its variables are
 * secret. Read apart first, so that they are known before anything quotes them.
 */
function readSealed(draft: Draft, path: string, sealed: string, vault: Vault): void {
  try {
    const text = openText(sealed, vault, `the inventory ${path}`, placeOf(path));
    const apart = newDraft();
    readText(apart, path, text);
    const error = apart.diagnostics.find(({ severity }) => severity === 'error');
    if (error !== undefined)
      throw new SealedError(
        `what ${path} holds is no inventory: see line ${error.place?.line ?? 1}, column ${error.place?.column ?? 1} of it`,
        '`ansible-vault edit` opens it',
        placeOf(path),
      );
    for (const { vars } of [...apart.groups.values(), ...apart.hosts.values()]) {
      const secret = Object.fromEntries(
        Object.entries(vars).filter(([name]) => !shownVars.test(name)),
      );
      if (Object.keys(secret).length === 0) continue;
      vault.taint(secret, path);
      draft.secretVars.push(secret);
    }
    readText(draft, path, text);
  } catch (error) {
    if (!(error instanceof SealedError)) throw error;
    draft.diagnostics.push(sealedDiagnostic(error));
  }
}

function readText(draft: Draft, path: string, text: string): void {
  const form = formOf(path, text);
  const parsed = form === 'ini' ? undefined : parseData(path, text);
  if (parsed === undefined || (form === 'unknown' && !isMapping(text, parsed.checked))) {
    readIni(draft, sourceOf(path, text));
    return;
  }
  for (const one of parsed.checked.diagnostics) draft.diagnostics.push(one);
  if (parsed.checked.value !== undefined)
    readYamlInventory(draft, parsed.source, parsed.checked.value);
}

/**
 * Finds the form by the file name, or by its text: only YAML begins with a document mark or a
 * brace, and only INI has sections at the margin.
 */
function formOf(path: string, text: string): 'yaml' | 'ini' | 'unknown' {
  const ending = endingOf(path);
  if (['yaml', 'yml', 'json'].includes(ending) || /^(?:---|%YAML|\{)/.test(firstLine(text)))
    return 'yaml';
  if (['ini', 'cfg'].includes(ending) || /^\[[^\]\n\r\u2028\u2029]+\][ \t]*(?:#.*)?$/m.test(text))
    return 'ini';
  // A mapping has a colon before a blank. This saves parsing a long list of hosts as YAML.
  return /:(?:\s|$)/.test(text) ? 'unknown' : 'ini';
}

/**
 * Whether a text is a YAML inventory. A broken text counts as YAML if it begins like a mapping, so
 * that its YAML errors are reported and its keys do not become hosts. A host line such as
 * `n1 note="x: y"` parses as a YAML mapping too, but counts as INI.
 */
function isMapping(text: string, checked: Checked<Tree>): boolean {
  const first = firstLine(text);
  if (hasErrors(checked.diagnostics)) return /^[^=]*?:(?:\s|$)/.test(first);
  return checked.value?.kind === 'map' && !/^[^\s:'"]+\s+[^\s=:'"]+=/.test(first);
}

/** The first line that is neither empty nor a comment, without a comment at its end. */
const firstLine = (text: string): string =>
  text
    .split('\n')
    .find((line) => /^\s*[^\s#;]/.test(line))
    ?.replace(/\s#.*$/s, '')
    .trim() ?? '';

function readProgram(draft: Draft, reader: Reader, path: string): void {
  const { run } = reader;
  if (run === undefined) {
    draft.notRun.push(path);
    return;
  }
  const call = (args: readonly string[]) => {
    const answer = run(path, args);
    if (!answer.ok) {
      report(
        draft,
        'inventory-program',
        placeOf(path),
        `${baseOf(path)} ${args.join(' ')} failed: ${answer.why}`,
      );
      return undefined;
    }
    const parsed = parseData(path, answer.text);
    for (const one of parsed.checked.diagnostics) draft.diagnostics.push(one);
    return parsed;
  };
  const listed = call(['--list']);
  if (listed?.checked.value === undefined) return;
  readProgramOutput(
    draft,
    listed.source,
    listed.checked.value,
    (host) => call(['--host', host])?.checked.value,
  );
}
