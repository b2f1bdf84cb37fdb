// Files that ansible-vault encrypted as a whole: variables, and playbooks.
import { hasErrors } from '../../model/diagnostic.ts';
import type { VarsLayer } from '../../model/host.ts';
import type { Mapping } from '../../model/value.ts';
import { type MapTree, mappingOf, type Tree } from './tree.ts';
import { isVaultText, openText, SealedError, type Vault } from './vault.ts';
import { parseData } from './yaml.ts';

/**
 * The variables in an encrypted file, which are secret from now on. Throws `SealedError`, which
 * quotes nothing of the file.
 */
export function sealedVars(file: string, text: string, vault: Vault): Mapping {
  const place = { file, line: 1, column: 1 };
  const { source, checked } = parseData(file, openText(text, vault, file, place));
  const { value: tree, diagnostics } = checked;
  const [first] = diagnostics.filter(({ severity }) => severity === 'error');
  const isEmpty = tree === undefined || (tree.kind === 'scalar' && tree.value === null);
  if (!hasErrors(diagnostics) && isEmpty) return {};
  if (first !== undefined || tree?.kind !== 'map') {
    const at = first?.place ?? source.placeAt(tree?.at ?? 0);
    throw new SealedError(
      `what ${file} holds is no mapping of variables: see line ${at.line}, column ${at.column} of it`,
      '`ansible-vault edit` opens it',
      place,
    );
  }
  const vars = mappingOf(tree);
  vault.taint(vars, file);
  return vars;
}

/** @param skips without a password the file counts as empty */
export function sealedLayer(file: string, text: string, vault: Vault, skips: boolean): VarsLayer {
  let kept: Mapping | SealedError | undefined;
  const read = (): Mapping | SealedError => {
    try {
      return skips && !vault.hasPasswords ? {} : sealedVars(file, text, vault);
    } catch (error) {
      if (error instanceof SealedError) return error;
      throw error;
    }
  };
  return {
    file,
    vars: () => {
      kept ??= read();
      if (kept instanceof SealedError) throw kept;
      return kept;
    },
  };
}

/**
 * The text of a playbook. If it is encrypted, its variables are secret from now on; its tasks are
 * not, since a plan is approved by them. Throws `SealedError`.
 */
export function openPlaybook(file: string, text: string, vault: Vault): string {
  if (!isVaultText(text)) return text;
  const place = { file, line: 1, column: 1 };
  const opened = openText(text, vault, `the playbook ${file}`, place);
  const { value } = parseData(file, opened).checked;
  if (value !== undefined) vault.taint(variablesIn(value), file);
  return opened;
}

/** Keys of an entry of `roles` that are no parameters, and hold no variables. */
const roleKeys = [
  ...['role', 'name', 'when', 'tags', 'become', 'become_user', 'ignore_errors', 'no_log'],
];

/** Variables of plays, tasks, blocks and statements that include, and parameters of roles. */
function variablesIn(tree: Tree): readonly Mapping[] {
  if (tree.kind === 'list') return tree.items.flatMap(variablesIn);
  if (tree.kind !== 'map') return [];
  return tree.entries.flatMap(({ key, value }): readonly Mapping[] => {
    if (key === 'vars' && value.kind === 'map') return [mappingOf(value)];
    if (key !== 'roles' || value.kind !== 'list') return variablesIn(value);
    return value.items.flatMap((item) => (item.kind === 'map' ? [parametersOf(item)] : []));
  });
}

const parametersOf = (role: MapTree): Mapping =>
  mappingOf({ ...role, entries: role.entries.filter(({ key }) => !roleKeys.includes(key)) });
