// Flags of the commands: which hosts, how they are reached, and overrides of a play's policy.

import { sslModes } from '../../engine/ports/database.ts';
import type { Amount, Rollout } from '../../model/playbook.ts';
import { present } from '../../model/present.ts';
import { CommandError, type StatePlace, type World } from './world.ts';

/** Where notices go, and which. */
export interface NotifyFlags {
  /** A file, since the address of a webhook may be secret. */
  readonly notifyUrlFile?: string;
  readonly notifyCommand?: string;
  readonly notifyMail?: string;
  readonly notifyOn?: readonly string[];
  readonly notifyText?: string;
}

export interface FleetFlags extends NotifyFlags {
  readonly inventory?: readonly string[];
  readonly limit?: string;
  readonly extraVars?: readonly string[];
  readonly secrets?: readonly string[];
  readonly forks?: string;
  readonly user?: string;
  readonly privateKey?: string;
  readonly askPass?: boolean;
  readonly become?: boolean;
  readonly becomeUser?: string;
  readonly becomeMethod?: string;
  readonly askBecomePass?: boolean;
  readonly becomePasswordFile?: string;
  readonly connectionPasswordFile?: string;
  readonly vaultId?: readonly string[];
  readonly vaultPasswordFile?: readonly string[];
  readonly askVaultPass?: boolean;
  readonly sshCommonArgs?: string;
  readonly sshExtraArgs?: string;
  /** These six only ansible.cfg and the variables ANSIBLE_* give. */
  readonly sshArgs?: string;
  readonly sshProgram?: string;
  readonly pkcs11Provider?: string;
  readonly port?: string;
  readonly connection?: string;
  readonly hostKeyChecking?: boolean;
  readonly timeout?: string;
  readonly kubeconfig?: string;
  readonly context?: string;
  /** A directory, or postgres://HOST/DATABASE. */
  readonly state?: string;
  readonly stateDir?: string;
  readonly auditForward?: string;
  readonly metricsFile?: string;
  readonly json?: boolean;
  readonly verbose?: number;
  readonly quiet?: boolean;
  /** The job whose turn this is. */
  readonly job?: string;
}

/** The flags by which a command gets passwords, for a session within another one. */
export const passwordFlags = ({
  askPass,
  askBecomePass,
  becomePasswordFile,
  connectionPasswordFile,
  vaultId,
  vaultPasswordFile,
  askVaultPass,
}: FleetFlags): FleetFlags =>
  present({
    ...{ askPass, askBecomePass, becomePasswordFile, connectionPasswordFile },
    ...{ vaultId, vaultPasswordFile, askVaultPass },
  });

/** The flags that say how hosts are reached, without passwords: for another process. */
export const wayFlags = (flags: FleetFlags): FleetFlags => {
  const { user, privateKey, become, becomeUser, becomeMethod, timeout } = flags;
  const { sshCommonArgs, sshExtraArgs, sshArgs, sshProgram, pkcs11Provider } = flags;
  const { port, connection, hostKeyChecking } = flags;
  return present({
    ...{ user, privateKey, become, becomeUser, becomeMethod, timeout },
    ...{ sshCommonArgs, sshExtraArgs, sshArgs, sshProgram, pkcs11Provider },
    ...{ port, connection, hostKeyChecking },
  });
};

export interface TaskFlags {
  readonly tags?: readonly string[];
  readonly skipTags?: readonly string[];
  /** A name or a pattern; the tasks before the first one that it fits are left out. */
  readonly startAtTask?: string;
  readonly runReadOnly?: boolean;
}

/** Flags that override keys of `rollout`. */
export interface RolloutFlags {
  readonly maxUnavailable?: string;
  readonly unplannable?: string;
  readonly rollback?: string;
}

/** The play's policy with the overrides of the flags. */
export function overriddenRollout(rollout: Rollout, flags: RolloutFlags): Rollout {
  const { maxUnavailable, unplannable, rollback } = flags;
  const amount = maxUnavailable === undefined ? undefined : amountOf(maxUnavailable);
  if (
    unplannable !== undefined &&
    unplannable !== 'leave_out' &&
    unplannable !== 'stop' &&
    unplannable !== 'ask'
  )
    throw new CommandError(
      3,
      `--unplannable must be leave_out, stop or ask, not \`${unplannable}\``,
    );
  if (
    rollback !== undefined &&
    rollback !== 'none' &&
    rollback !== 'by_command' &&
    rollback !== 'failed_host'
  )
    throw new CommandError(
      3,
      `--rollback must be by_command, failed_host or none, not \`${rollback}\``,
    );
  return {
    ...rollout,
    ...present({ maxUnavailable: amount, unplannable, rollback }),
  };
}

function amountOf(text: string): Amount {
  const match = /^([1-9]\d{0,5})(%?)$/.exec(text);
  if (match === null)
    throw new CommandError(
      3,
      `--max-unavailable must be a number of hosts or a percentage, as 2 or 10%, not \`${text}\``,
    );
  return match[2] === '%'
    ? { percent: Math.min(100, Number(match[1])) }
    : { count: Number(match[1]) };
}

/** A whole number of a flag, or a usage error that names it. */
export function wholeNumber(text: string | undefined, flag: string, otherwise: number): number {
  if (text === undefined) return otherwise;
  if (!/^[1-9]\d{0,5}$/.test(text))
    throw new CommandError(3, `${flag} must be a whole number, 1 or more, not \`${text}\``);
  return Number(text);
}

/** The state directory: `--state-dir`, $XDG_STATE_HOME/kmend, or ~/.local/state/kmend. */
export function stateDirOf(flags: { readonly stateDir?: string }, world: World): string {
  const { env, home } = world;
  const base =
    env.XDG_STATE_HOME === undefined || env.XDG_STATE_HOME === ''
      ? `${home}/.local/state`
      : env.XDG_STATE_HOME;
  const stateDir =
    flags.stateDir !== undefined && flags.stateDir !== '' ? flags.stateDir : `${base}/kmend`;
  // It holds plans, jobs and control commands, so a user who may write there controls kmend.
  const why = world.trust.judge(stateDir);
  if (why === undefined) return stateDir;
  throw new CommandError(
    3,
    `the state directory ${stateDir} is not used: ${why}`,
    'name one of your own with --state-dir, or correct its owner and mode',
  );
}

/** Is this place of state a database? Otherwise it is a directory. */
export const isDatabase = (state: string): boolean => /^postgres(?:ql)?:\/\//.test(state);

/** Neither a directory nor the URL of a database: another URL, or a connection string. */
const isForeign = (state: string): boolean =>
  /^(?:[a-z][a-z\d+.-]*:\/\/|postgres(?:ql)?:|(?:host|port|user|dbname)=)/i.test(state);

/** Parameters that the URL of a database may have. */
const parameters = ['host', 'port', 'user', 'sslmode', 'sslrootcert', 'sslcert', 'sslkey'];

/** The URL of a database, without anything secret, so that it can be printed and kept. */
function checkedUrl(text: string): string {
  // The text itself may have the password, so no message has it.
  if (!URL.canParse(text))
    throw new CommandError(3, 'the URL of the state must be postgres://USER@HOST:PORT/DATABASE');
  const { password, searchParams } = new URL(text);
  if (password !== '' || searchParams.has('password'))
    throw new CommandError(
      3,
      'the URL of the state must have no password: others could read it in `ps` and in files',
      'PGPASSWORD, PGPASSFILE or ~/.pgpass gives it',
    );
  const unknown = [...searchParams.keys()].find((key) => !parameters.includes(key));
  if (unknown !== undefined)
    throw new CommandError(
      3,
      `the URL of the state has an unknown parameter: ${unknown}`,
      `it may have ${parameters.join(', ')}`,
    );
  const mode = searchParams.get('sslmode');
  if (mode !== null && !sslModes.some((one) => one === mode))
    throw new CommandError(
      3,
      'the URL of the state has an unknown sslmode',
      `it may be ${sslModes.join(', ')}`,
    );
  return text;
}

/** The URL of `state`, for commands that work on a database only. */
export function databaseOf({ state = '' }: Pick<FleetFlags, 'state'>): string {
  if (isDatabase(state)) return checkedUrl(state);
  throw new CommandError(
    3,
    'this command is for state in a database; files need nothing',
    'name it: --state postgres://USER@HOST:PORT/DATABASE',
  );
}

/**
 * Where runs are kept (`state`), and the directory of what stays on this machine (`stateDir`). Of
 * `--state` and `--state-dir` the first counts; without both it is the default directory.
 */
export function statePlaceOf(
  { state = '', stateDir }: Pick<FleetFlags, 'state' | 'stateDir'>,
  world: World,
): StatePlace {
  if (isDatabase(state))
    return { state: checkedUrl(state), stateDir: stateDirOf(present({ stateDir }), world) };
  // The text may have a password, so the message has none of it.
  if (isForeign(state))
    throw new CommandError(
      3,
      'the state must be a directory or postgres://USER@HOST:PORT/DATABASE',
      'a directory of such a name begins with ./',
    );
  const directory = stateDirOf(present({ stateDir: state === '' ? stateDir : state }), world);
  return { state: directory, stateDir: directory };
}
