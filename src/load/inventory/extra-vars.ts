// Reads `-e`: key=value pairs, a JSON or YAML mapping, or @FILE with one.
import { withoutNamedSecrets } from '../../core/plan/secrets.ts';
import { type Checked, type Diagnostic, hasErrors } from '../../model/diagnostic.ts';
import type { Mapping, Value } from '../../model/value.ts';
import type { Reader } from '../text/reader.ts';
import { sourceOf } from '../text/source.ts';
import { mappingOf, put } from '../text/tree.ts';
import {
  closedVault,
  isVaultText,
  SealedError,
  sealedDiagnostic,
  type Vault,
} from '../text/vault.ts';
import { sealedVars } from '../text/vault-file.ts';
import { parseYaml } from '../text/yaml.ts';
import { splitWords } from './ini.ts';

/** Merges all `-e`: the last wins. As in Ansible, the value of key=value is always text. */
export function parseExtraVars(
  words: readonly string[],
  reader: Reader,
  vault: Vault = closedVault,
): Checked<Mapping> {
  const vars: Record<string, Value> = {};
  const diagnostics: Diagnostic[] = [];
  for (const word of words) {
    const read = word.startsWith('@')
      ? fromFile(word.slice(1), reader, vault)
      : /^\s*[[{]/.test(word)
        ? fromYaml('-e', word)
        : fromPairs(word);
    for (const one of read.diagnostics) diagnostics.push(one);
    for (const [name, value] of Object.entries(read.value ?? {})) put(vars, name, value);
  }
  return { ...(!hasErrors(diagnostics) && { value: vars }), diagnostics };
}

function refuse(file: string, summary: string, hint: string): Checked<Mapping> {
  return {
    diagnostics: [
      { code: 'extra-vars', severity: 'error', place: { file, line: 1, column: 1 }, summary, hint },
    ],
  };
}

function fromFile(path: string, reader: Reader, vault: Vault): Checked<Mapping> {
  const read = reader.readText(path);
  if (read.ok && isVaultText(read.text)) return fromSealed(path, read.text, vault);
  return read.ok
    ? fromYaml(path, read.text)
    : refuse(path, `the variables of -e @${path} cannot be read: ${read.why}`, 'write -e @FILE');
}

/** Its names must be known at once, so it is opened now. */
function fromSealed(path: string, text: string, vault: Vault): Checked<Mapping> {
  try {
    return { value: sealedVars(path, text, vault), diagnostics: [] };
  } catch (error) {
    if (error instanceof SealedError) return { diagnostics: [sealedDiagnostic(error)] };
    throw error;
  }
}

function fromYaml(path: string, text: string): Checked<Mapping> {
  const { value: tree, diagnostics } = parseYaml(sourceOf(path, text));
  if (hasErrors(diagnostics)) return { diagnostics };
  if (tree?.kind === 'map') return { value: mappingOf(tree), diagnostics };
  if (tree === undefined || (tree.kind === 'scalar' && tree.value === null))
    return { value: {}, diagnostics };
  return refuse(
    path,
    'extra variables should be a mapping',
    'write for example -e \'{"name": "value"}\'',
  );
}

function fromPairs(text: string): Checked<Mapping> {
  const split = splitWords(text, false);
  const hint = 'write -e name=value, -e \'{"name": "value"}\' or -e @FILE';
  const shown = withoutNamedSecrets(text);
  if (split.problem !== undefined)
    return refuse('-e', `\`${shown}\` cannot be read: ${split.problem}`, hint);
  const vars: Record<string, Value> = {};
  for (const word of split.words) {
    const equals = word.text.indexOf('=');
    if (equals <= 0)
      return refuse(
        '-e',
        shown === text
          ? `\`${word.text}\` is not name=value`
          : `\`${shown}\` holds a word that is not name=value`,
        hint,
      );
    put(vars, word.text.slice(0, equals), word.text.slice(equals + 1));
  }
  return { value: vars, diagnostics: [] };
}
