// The fleet of a session: inventory, patterns and targets. All errors are reported at once.

import type { DeclaredFacts } from '../../facts/index.ts';
import {
  declaredFacts,
  hostScope,
  limitTo,
  loadInventory,
  placeOfSealed,
  resolvePattern,
  sealedIn,
  type TargetOptions,
  targetOf,
} from '../../load/index.ts';
import type { Diagnostic } from '../../model/diagnostic.ts';
import type { Inventory, Secret, Target } from '../../model/host.ts';
import type { Play } from '../../model/playbook.ts';
import { present } from '../../model/present.ts';
import type { Mapping } from '../../model/value.ts';
import { report } from './diagnostics.ts';
import { type FleetFlags, wholeNumber } from './flags.ts';
import { learnWritten } from './secrets.ts';
import type { Session } from './session.ts';
import type { Settings } from './settings.ts';
import { CommandError } from './world.ts';

/**
 * Loads the inventories.
 * @param options `partial`: the caller can work without the hosts of an inventory program;
 * `readsOnly`: and, without a vault password, without variables in encrypted files
 */
export function loadFleet(
  { settings, world, observer }: Session,
  options: {
    readonly playbookDir?: string;
    readonly partial?: boolean;
    readonly readsOnly?: boolean;
  } = {},
): Inventory {
  const { playbookDir, partial, readsOnly = false } = options;
  const checked = loadInventory(settings.inventories, {
    reader: world.reader,
    vault: settings.vault,
    skipsSealed: readsOnly,
    ...present({ playbookDir }),
  });
  report(checked.diagnostics, observer);
  if (checked.value === undefined) throw new Error('an inventory without errors has a value');
  const [program] = checked.value.notRun ?? [];
  if (program !== undefined && partial !== true)
    throw new CommandError(
      3,
      `${program} is an inventory program, and was not named with -i`,
      askFor(program),
    );
  learnWritten(
    [...checked.value.hosts.values()].map(({ vars }) => vars),
    settings.isSecret,
    world,
  );
  return checked.value;
}

/**
 * Without a vault password, says which variables of these hosts were not opened: a host that needs
 * one of them for its login is an error already.
 */
export function reportUnopened(
  { hosts: all }: Inventory,
  hosts: readonly string[],
  { settings, observer }: Session,
): void {
  if (settings.vault.hasPasswords) return;
  const found = hosts.flatMap((name) => {
    const host = all.get(name);
    const files = host?.layers?.().flatMap(({ file }) => file ?? []) ?? [];
    return [...sealedNames(host?.vars ?? {}), ...files.map((file) => `all of ${file}`)];
  });
  const names = [...new Set([...sealedNames(settings.extraVars), ...found])];
  if (names.length > 0)
    observer.notice(`not opened, as no vault password is given: ${names.join(', ')}`, 'warning');
}

/** Says which encrypted files are not shown: of one host, or of all. */
export function reportSealedFiles(
  { hosts }: Inventory,
  only: string | undefined,
  { observer }: Session,
): void {
  const wanted = only === undefined ? [...hosts.values()] : [hosts.get(only)];
  const files = new Set(
    wanted.flatMap((host) => host?.layers?.().flatMap(({ file }) => file ?? []) ?? []),
  );
  if (files.size > 0)
    observer.notice(`encrypted, and not shown: all of ${[...files].join(', ')}`, 'warning');
}

const sealedNames = (vars: Mapping): readonly string[] =>
  sealedIn(vars).map(([name, sealed]) => {
    const place = placeOfSealed(sealed);
    return place === undefined ? name : `${name} (${place.file}:${place.line})`;
  });

/** How to run an inventory program with a command that only reads. */
export const askFor = (program: string): string =>
  `this command runs an inventory program only where you name it: -i ${program}`;

export interface Matched {
  /** Hosts of the pattern: the base of percentages. */
  readonly pool: readonly string[];
  /** Those that `--limit` leaves. */
  readonly hosts: readonly string[];
}

/** Hosts of a pattern, and those of them that match `--limit`. */
export function matchHosts(
  inventory: Inventory,
  pattern: string,
  { settings, world, observer }: Session,
): Matched {
  const checked = resolvePattern(pattern, inventory);
  report(checked.diagnostics, observer);
  const pool = checked.value ?? [];
  if (settings.limit === undefined) return { pool, hosts: pool };
  const limited = limitTo(pool, settings.limit, inventory, world.reader);
  report(limited.diagnostics, observer);
  return { pool, hosts: limited.value ?? [] };
}

export function hostsOf(
  inventory: Inventory,
  pattern: string,
  session: Session,
): readonly string[] {
  const { hosts } = matchHosts(inventory, pattern, session);
  const { limit } = session.settings;
  if (hosts.length > 0) return hosts;
  throw new CommandError(
    11,
    `no host matches \`${pattern}\`${limit === undefined ? '' : ` with the limit \`${limit}\``}`,
    'kmend inventory --graph shows what there is',
  );
}

/** What a play says about users. */
export interface PlayBecome {
  readonly remoteUser?: string;
  readonly become?: boolean;
  readonly becomeByTask?: true;
  readonly becomeUser?: string;
  readonly becomeMethod?: string;
}

/** The targets of these hosts, in their order. */
export async function targetsOf(
  inventory: Inventory,
  hosts: readonly string[],
  { settings, world, observer }: Session,
  play: PlayBecome = {},
): Promise<readonly Target[]> {
  const options = await targetOptions(settings, play);
  const diagnostics: Diagnostic[] = [];
  const targets = hosts.flatMap((host) => {
    const checked = targetOf(
      host,
      hostScope(inventory, host, { extraVars: settings.extraVars }),
      options,
    );
    // A file or a value of a group is the same error for each of its hosts.
    for (const one of checked.diagnostics)
      if (one.code !== 'vault' || !diagnostics.some(({ summary }) => summary === one.summary))
        diagnostics.push(one);
    return checked.value === undefined ? [] : [checked.value];
  });
  report(diagnostics, observer);
  for (const { password, become } of targets)
    world.secrets.learn(
      [password, become?.password].flatMap((one) => (one === undefined ? [] : [one.reveal()])),
    );
  return targets;
}

/** The facts that the operator declares of these hosts. */
export function declaredOf(
  inventory: Inventory,
  hosts: readonly string[],
  { settings, observer }: Session,
  play?: Play,
): ReadonlyMap<string, DeclaredFacts> {
  const checked = declaredFacts(inventory, hosts, {
    extraVars: settings.extraVars,
    ...(play && { play }),
  });
  report(checked.diagnostics, observer);
  return checked.value ?? new Map();
}

async function targetOptions(settings: Settings, play: PlayBecome): Promise<TargetOptions> {
  const { flags } = settings;
  const password: Secret | undefined = await settings.loginPassword?.();
  const becomePassword: Secret | undefined = await settings.becomePassword?.();
  return {
    ...wayOf(flags),
    ...present({
      // As in Ansible, a play's own word counts before the command line's.
      user: play.remoteUser ?? flags.user,
      become: play.become ?? flags.become,
      becomeByTask: play.becomeByTask,
      becomeMethod: play.becomeMethod ?? flags.becomeMethod,
      becomeUser: play.becomeUser ?? flags.becomeUser,
      password,
      becomePassword,
    }),
  };
}

/** The way to the hosts: flags, and what ansible.cfg says. */
function wayOf(flags: FleetFlags): TargetOptions {
  const { user, privateKey, sshCommonArgs, sshExtraArgs, connection, hostKeyChecking } = flags;
  const { sshArgs, sshProgram, pkcs11Provider, port, timeout } = flags;
  // Another program than ssh, and a token, are options that the transport follows or refuses.
  const isSsh = sshProgram === undefined || /(?:^|\/)ssh$/.test(sshProgram);
  const options = [
    ...(isSsh ? [] : [`-o SshExecutable=${sshProgram}`]),
    ...(pkcs11Provider === undefined ? [] : [`-o PKCS11Provider=${pkcs11Provider}`]),
    ...(sshArgs === undefined ? [] : [sshArgs]),
  ];
  return present({
    user,
    privateKeyFile: privateKey,
    sshArgs: options.length === 0 ? undefined : options.join(' '),
    sshCommonArgs,
    sshExtraArgs,
    connection,
    hostKeyChecking: hostKeyChecking === false ? ('no' as const) : undefined,
    port: port === undefined ? undefined : wholeNumber(port, 'remote_port', 22),
    connectTimeout: timeout === undefined ? undefined : wholeNumber(timeout, '--timeout', 10),
  });
}
