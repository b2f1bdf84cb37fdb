// The settings of a command: its flags, checked, with defaults.

import { setMaxListeners } from 'node:events';
import { type IsSecretName, secretNames } from '../../core/plan/secrets.ts';
import { type ForwardTarget, forwardTarget } from '../../model/forward-target.ts';
import { type Secret, secret } from '../../model/host.ts';
import { present } from '../../model/present.ts';
import type { Failure } from '../../model/run/failure.ts';
import type { Mapping } from '../../model/value.ts';
import { passwordConfig } from './ansible/settings.ts';
import { environmentVars, extraVarsOf } from './extra-vars.ts';
import { type FleetFlags, statePlaceOf, wholeNumber } from './flags.ts';
import { passwordOnce } from './password-files.ts';
import { learnWritten } from './secrets.ts';
import { type SessionVault, vaultOf } from './vault.ts';
import { CommandError, type Surroundings, type World } from './world.ts';

/** What `kmend rollback` does on each host, by the journal of the run that is rolled back. */
export interface RollbackSettings {
  readonly run: string;
  /** Variables of its play, without those that may be secret. */
  readonly playVars: Mapping;
  /** Variables of each host that win over all others, as `-e` does. */
  readonly vars: ReadonlyMap<string, Mapping>;
  /** Hosts that cannot be rolled back, and why. */
  readonly refused: readonly { readonly host: string; readonly failure: Failure }[];
}

export interface Settings {
  readonly inventories: readonly string[];
  readonly limit?: string;
  readonly extraVars: Mapping;
  readonly vault: SessionVault;
  /** Names of variables that came from an encrypted `-e @FILE`. */
  readonly sealedVars: ReadonlySet<string>;
  readonly isSecret: IsSecretName;
  readonly rollback?: RollbackSettings;
  readonly forks: number;
  /** Where runs are kept: a directory, or the URL of a database. */
  readonly state: string;
  /** The directory of what stays on this machine: fetched packages, and `state` where it is one. */
  readonly stateDir: string;
  /** Where journal entries are forwarded to. */
  readonly forward?: ForwardTarget;
  readonly flags: FleetFlags;
  /** Asked once, when first needed. */
  readonly loginPassword?: () => Promise<Secret>;
  readonly becomePassword?: () => Promise<Secret>;
}

export function settingsOf(flags: FleetFlags, around: Surroundings): Settings {
  const { world } = around;
  const forward = flags.auditForward === undefined ? undefined : forwardTarget(flags.auditForward);
  if (flags.auditForward !== undefined && forward === undefined)
    throw new CommandError(
      3,
      '--audit-forward must be syslog, journald, or udp://HOST:PORT, tcp://HOST:PORT or tls://HOST:PORT',
    );
  const inventories = flags.inventory ?? defaultInventories(world);
  const isSecret = secretNames(flags.secrets);
  const vault = vaultOf(flags, around);
  const words = [...environmentVars(world), ...(flags.extraVars ?? [])];
  const extraVars = extraVarsOf(words, around, vault);
  const sealedVars = new Set(vault.names);
  learnWritten(extraVars, isSecret, world);
  return {
    inventories,
    ...present({ limit: flags.limit }),
    extraVars,
    vault,
    sealedVars,
    isSecret,
    forks: wholeNumber(flags.forks, '--forks', 50),
    ...statePlaceOf(flags, world),
    ...present({ forward }),
    flags,
    ...present(passwordsOf(flags, world)),
  };
}

/** `-k` and `-K` win over files, and files of the command line over those of ansible.cfg. */
function passwordsOf(flags: FleetFlags, world: World) {
  const own = passwordConfig(world);
  const login = flags.connectionPasswordFile ?? own.connectionPasswordFile;
  const become = flags.becomePasswordFile ?? own.becomePasswordFile;
  const { becomePassword } = own;
  return {
    loginPassword:
      flags.askPass === true
        ? askOnce('SSH password: ', world)
        : login === undefined
          ? undefined
          : passwordOnce(login, 'the login password', world),
    becomePassword:
      flags.askBecomePass === true
        ? askOnce('BECOME password: ', world)
        : become !== undefined
          ? passwordOnce(become, 'the become password', world)
          : becomePassword === undefined
            ? undefined
            : async () => secret(becomePassword),
  };
}

/** The inventory in the working directory, by one of four names. */
function defaultInventories(world: World): readonly string[] {
  const found = ['inventory.yaml', 'inventory.yml', 'inventory.ini', 'inventory'].find((name) => {
    const read = world.reader.readText(`${world.cwd}/${name}`);
    // A file that is not trusted counts as found: loading it reports why.
    return read.ok || read.distrusted === true;
  });
  return found === undefined ? [] : [found];
}

function askOnce(prompt: string, world: World): () => Promise<Secret> {
  let answer: Promise<Secret> | undefined;
  return () => {
    answer ??= world.asker.secret(prompt).then(secret);
    return answer;
  };
}

/** The signal for reading hosts: the first Ctrl-C ends it, since no host has to be made safe. */
export function readingSignal(world: World): AbortSignal {
  const signal = AbortSignal.any([world.stop, world.kill]);
  // Each host that is read adds a listener: Node would report more than ten as a leak.
  setMaxListeners(0, signal);
  return signal;
}

export function endIfStopped(
  world: World,
  text = 'interrupted while hosts were read: nothing was changed',
): void {
  if (!world.stop.aborted) return;
  throw new CommandError(world.stop.reason === 'SIGTERM' ? 143 : 130, text);
}
