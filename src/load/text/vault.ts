// Texts that ansible-vault encrypted, as loading meets them: each is opened when something needs it.
import { VariableError } from '../../core/plan/task/scope.ts';
import type { Diagnostic, Place } from '../../model/diagnostic.ts';
import { isSealed, type Mapping, type Sealed, type Value } from '../../model/value.ts';

/** The port to the passwords. */
export interface Vault {
  /** Without any, encrypted files are skipped where a command may do without them. */
  readonly hasPasswords: boolean;
  readonly open: (text: string) => Opened;
  /** What was opened is secret from now on. */
  readonly taint: (data: Value, where: string) => void;
}

export type Opened =
  | { readonly ok: true; readonly text: string }
  /** `tried`: how many passwords there are. `damaged`: what is wrong with the text. */
  | { readonly ok: false; readonly tried: number; readonly damaged?: string };

/** A vault without passwords. */
export const closedVault: Vault = {
  hasPasswords: false,
  open: () => ({ ok: false, tried: 0 }),
  taint: () => {},
};

export const isVaultText = (text: string): boolean => text.startsWith('$ANSIBLE_VAULT;');

/** A value that something needs, and no password opens. */
export class SealedError extends VariableError {
  readonly summary: string;
  readonly hint: string;
  readonly place: Place | undefined;
  constructor(summary: string, hint: string, place?: Place) {
    super(`${summary} (${hint})`);
    this.summary = summary;
    this.hint = hint;
    this.place = place;
  }
}

export const sealedDiagnostic = ({ summary, hint, place }: SealedError): Diagnostic => ({
  code: 'vault',
  severity: 'error',
  ...(place && { place }),
  summary,
  hint,
});

const placeText = ({ file, line, column }: Place): string => `${file}:${line}:${column}`;

// Beside the values, since these are plain data.
const places = new WeakMap<Sealed, Place>();

export const placeOfSealed = (sealed: Sealed): Place | undefined => places.get(sealed);

/** Keeps where an encrypted value is written, for errors. */
export const rememberPlace = (sealed: Value, place: Place): void => {
  if (isSealed(sealed)) places.set(sealed, place);
};

/**
 * The text of an encrypted one. Throws `SealedError`.
 * @param where in messages: what is encrypted
 */
export function openText(text: string, vault: Vault, where: string, place?: Place): string {
  const opened = vault.open(text);
  if (opened.ok) return opened.text;
  const { tried, damaged } = opened;
  if (damaged !== undefined)
    throw new SealedError(
      `${where} is damaged: ${damaged}`,
      'encrypt the value again with ansible-vault',
      place,
    );
  if (tried === 0)
    throw new SealedError(
      `${where} is encrypted, and no vault password is given`,
      'give --vault-password-file, --vault-id or --ask-vault-pass',
      place,
    );
  throw new SealedError(
    tried === 1
      ? `the vault password does not open ${where}`
      : `none of ${tried} vault passwords opens ${where}`,
    'another password encrypted it, or it was changed; try `ansible-vault view`',
    place,
  );
}

/** Opens single values of variables. */
export const opener =
  (vault: Vault) =>
  (sealed: Sealed): string => {
    const place = placeOfSealed(sealed);
    const where = place === undefined ? 'a value' : placeText(place);
    const text = openText(sealed.__ansible_vault, vault, where, place);
    vault.taint(text, where);
    return text;
  };

/** Encrypted values anywhere in variables, with the name of the variable of each. */
export function sealedIn(vars: Mapping): readonly (readonly [string, Sealed])[] {
  const below = (value: Value): readonly Sealed[] =>
    isSealed(value)
      ? [value]
      : typeof value === 'object' && value !== null
        ? Object.values(value).flatMap((item) => below(item as Value))
        : [];
  return Object.entries(vars).flatMap(([name, value]) =>
    below(value).map((sealed) => [name, sealed] as const),
  );
}
