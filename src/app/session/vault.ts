// The passwords of ansible-vault, and what they open. A password is read when something needs it;
// only a prompt asks before the command begins.
import { resolve } from 'node:path';
import { isTemplate, secretTexts } from '../../core/plan/secrets.ts';
import type { Opened, Vault } from '../../load/index.ts';
import { isMapping, type Value } from '../../model/value.ts';
import { passwordConfig } from './ansible/settings.ts';
import type { FleetFlags } from './flags.ts';
import { answersOf, atHome, filled, isPipe, passwordText } from './password-files.ts';
import type { Surroundings, World } from './world.ts';

export interface SessionVault extends Vault {
  /** Names of the variables in the encrypted files that were opened. */
  readonly names: ReadonlySet<string>;
  /** Templates in what was opened: their values are secret too. */
  readonly templates: ReadonlySet<string>;
}

type VaultFlags = Pick<FleetFlags, 'vaultId' | 'vaultPasswordFile' | 'askVaultPass'>;

/** A place of a password: a prompt, a file or a program. */
interface Source {
  /** Absent: `--vault-id` without one. */
  readonly label?: string;
  readonly path?: string;
  readonly prompt?: string;
}

/** Asks for the passwords that a prompt gives. */
export async function askVaultPasswords(flags: VaultFlags, world: World): Promise<void> {
  const known = answersOf(world);
  for (const { prompt } of sourcesOf(flags, world))
    if (prompt !== undefined && !known.has(prompt))
      known.set(prompt, (await world.asker.secret(prompt)).trim());
}

/** A flag by which a command asks for a password, as it is typed; undefined where it does not. */
export function askingFlag(flags: FleetFlags): string | undefined {
  if (flags.askPass === true) return '-k';
  if (flags.askBecomePass === true) return '-K';
  if (flags.askVaultPass === true) return '--ask-vault-pass';
  const asking = flags.vaultId?.find((one) => sourceOf(one).prompt !== undefined);
  return asking === undefined ? undefined : `--vault-id ${asking}`;
}

/**
 * As a run keeps them: paths that count in any directory; undefined where it can be read only once.
 */
export function keptPasswordFlags(flags: FleetFlags, world: World) {
  const { vaultId, vaultPasswordFile, becomePasswordFile, connectionPasswordFile } = flags;
  const absolute = (path: string): string => resolve(world.cwd, atHome(path, world));
  const ids = vaultId?.flatMap((one) => {
    const { label, path } = sourceOf(one);
    if (path === undefined) return [one];
    return isPipe(path) ? [] : [`${label === undefined ? '' : `${label}@`}${absolute(path)}`];
  });
  const files = vaultPasswordFile?.filter((path) => !isPipe(path)).map(absolute);
  const one = (path: string | undefined): string | undefined =>
    path === undefined || isPipe(path) ? undefined : absolute(path);
  return {
    vaultId: ids,
    vaultPasswordFile: files,
    becomePasswordFile: one(becomePasswordFile),
    connectionPasswordFile: one(connectionPasswordFile),
  };
}

export function vaultOf(flags: VaultFlags, { world, observer }: Surroundings): SessionVault {
  const sources = sourcesOf(flags, world);
  const { vaultIdMatch } = passwordConfig(world);
  const opened = new Map<string, Opened>();
  const templates = new Set<string>();
  const names = new Set<string>();
  let passwords: ReturnType<typeof passwordsOf> | undefined;
  const open = (text: string): Opened => {
    passwords ??= passwordsOf(sources, world);
    const tries = vaultIdMatch ? withLabel(text, passwords) : passwords;
    const found = world.decryptVault(text, tries);
    if (found.ok) return { ok: true, text: found.data.toString('utf8') };
    const tried = passwords.length;
    return { ok: false, tried, ...(found.why === 'damaged' && { damaged: found.detail }) };
  };
  return {
    hasPasswords: sources.length > 0,
    templates,
    names,
    open: (text) => {
      const result = opened.get(text) ?? open(text);
      opened.set(text, result);
      return result;
    },
    taint: (data, where) => {
      if (isMapping(data)) for (const name of Object.keys(data)) names.add(name);
      const texts = secretTexts({ data }, () => true);
      world.secrets.learn(texts.filter((text) => !isTemplate(text)));
      for (const text of texts) if (isTemplate(text)) templates.add(text);
      if (hasShortText(data))
        observer.notice(
          `${where}: an encrypted value of less than four characters is not masked in output`,
          'warning',
        );
    },
  };
}

/** With `vault_id_match` a text without a label counts as `default`. */
function withLabel(
  text: string,
  passwords: ReturnType<typeof passwordsOf>,
): ReturnType<typeof passwordsOf> {
  const wanted = /^[^\n]*?;1\.2;[^;\n]*;([^;\n]*)/.exec(text)?.[1]?.trim() ?? '';
  return passwords.filter(({ label }) => label === (wanted === '' ? 'default' : wanted));
}

/** Texts that are too short to be masked, and no everyday words. */
const hasShortText = (data: Value): boolean =>
  typeof data === 'string'
    ? /^\S{1,3}$/.test(data.trim()) && !/^(?:yes|no|on|off)$/i.test(data)
    : typeof data === 'object' && data !== null && Object.values(data).some(hasShortText);

const prompts = new Set(['prompt', 'prompt_ask_vault_pass']);

/** `LABEL@SOURCE`, or a source alone. */
function sourceOf(given: string): Source {
  const at = given.indexOf('@');
  const label = at > 0 ? { label: given.slice(0, at) } : {};
  const path = given.slice(at + 1);
  if (!prompts.has(path)) return { ...label, path };
  return { ...label, prompt: `Vault password (${label.label ?? 'default'}): ` };
}

function sourcesOf(
  { vaultId = [], vaultPasswordFile = [], askVaultPass }: VaultFlags,
  world: World,
): readonly Source[] {
  const { vaultPasswordFile: own, vaultIdentities } = passwordConfig(world);
  const configured = own === undefined ? [] : [own];
  const files = vaultPasswordFile.length > 0 ? vaultPasswordFile : configured;
  return [
    ...[...vaultIdentities, ...vaultId].map(sourceOf),
    ...files.map((path) => ({ label: 'default', path })),
    ...(askVaultPass === true ? [{ label: 'default', prompt: 'Vault password: ' }] : []),
  ];
}

const passwordsOf = (sources: readonly Source[], world: World) =>
  sources.map((source) => {
    const password = passwordOf(source, world);
    world.secrets.learn([password]);
    return { label: source.label ?? 'default', password };
  });

function passwordOf({ label, path = '', prompt }: Source, world: World): string {
  if (prompt !== undefined) return filled(answersOf(world).get(prompt) ?? '', 'the vault password');
  // A program whose name ends in `-client` is asked for the password of a label.
  const argsOf = (file: string): readonly string[] =>
    label !== undefined && /-client(?:\.\w+)?$/.test(file) ? ['--vault-id', label] : [];
  const { text, name } = passwordText(path, 'the vault password', world, argsOf);
  return filled(text.trim(), name);
}
