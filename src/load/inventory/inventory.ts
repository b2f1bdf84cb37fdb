// Reads files, directories, programs and lists of names into one `Inventory`.
import { type Checked, hasErrors, type Place } from '../../model/diagnostic.ts';
import type { Inventory } from '../../model/host.ts';
import { baseOf, dirOf, endingOf, join, type Read, type Reader } from '../text/reader.ts';
import { sourceOf } from '../text/source.ts';
import type { Tree } from '../text/tree.ts';
import { closedVault, isVaultText, type Vault } from '../text/vault.ts';
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
      readPath(draft, options.reader, source, source, 0);
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

/** @param source the path that the operator named: `path` itself or a directory above it */
function readPath(draft: Draft, reader: Reader, source: string, path: string, depth: number): void {
  const names = reader.list(path);
  if (names === undefined) {
    readFile(
      draft,
      reader,
      path,
      path === source ? reader.readText(path) : reader.readFound(path, source),
    );
    return;
  }
  if (depth > 20) return;
  for (const name of [...names].sort()) {
    if (!ignoredNames.test(name) && !ignoredEndings.has(endingOf(name)))
      readPath(draft, reader, source, join(path, name), depth + 1);
  }
}

function readFile(draft: Draft, reader: Reader, path: string, read: Read): void {
  if (!read.ok) {
    report(draft, 'unreadable', placeOf(path), `the inventory ${path} cannot be read: ${read.why}`);
    return;
  }
  draft.files.push(path);
  if (isVaultText(read.text)) {
    report(draft, 'vault', placeOf(path), `the inventory ${path} is encrypted as a whole`, {
      hint: 'decrypt it, and encrypt only its variables: files in group_vars and host_vars, or single values (`ansible-vault encrypt_string`)',
    });
    return;
  }
  if (read.text.startsWith('#!') && reader.isExecutable?.(path) === true)
    readProgram(draft, reader, path);
  else readText(draft, path, read.text);
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
