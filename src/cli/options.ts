// Options that commands share, with Ansible's names. What a flag leaves open is filled in by configuration.ts.

import type { Command } from 'commander';
import type { Amount, Rollout } from '../model/playbook.ts';
import { present } from '../model/present.ts';
import { CommandError, type World } from './world.ts';

export interface FleetFlags {
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
  readonly sshCommonArgs?: string;
  readonly timeout?: string;
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly stateDir?: string;
  readonly auditForward?: string;
  readonly json?: boolean;
  readonly verbose?: number;
}

export interface TaskFlags {
  readonly tags?: readonly string[];
  readonly skipTags?: readonly string[];
  readonly runReadOnly?: boolean;
}

/** Keys of `rollout` that an operator wants at hand without editing the play. */
export interface RolloutFlags {
  readonly maxUnavailable?: string;
  readonly unplannable?: string;
  readonly rollback?: string;
}

export const withRolloutOptions = (command: Command): Command =>
  command
    .option('--max-unavailable <amount>', 'instead of `rollout.max_unavailable`: hosts out of service at once, as 2 or 10%')
    .option('--unplannable <what>', 'instead of `rollout.unplannable`: leave_out, stop or ask')
    .option('--rollback <what>', 'instead of `rollout.rollback`: by_command, failed_host, or none where there may be no way back');

/** The play's policy with what the flags say in its place. */
export function overriddenRollout(rollout: Rollout, flags: RolloutFlags): Rollout {
  const { maxUnavailable, unplannable, rollback } = flags;
  const amount = maxUnavailable === undefined ? undefined : amountOf(maxUnavailable);
  if (unplannable !== undefined && unplannable !== 'leave_out' && unplannable !== 'stop' && unplannable !== 'ask')
    throw new CommandError(3, `--unplannable is leave_out, stop or ask, not \`${unplannable}\``);
  if (rollback !== undefined && rollback !== 'none' && rollback !== 'by_command' && rollback !== 'failed_host')
    throw new CommandError(3, `--rollback is by_command, failed_host or none, not \`${rollback}\``);
  return {
    ...rollout,
    ...present({ maxUnavailable: amount, unplannable, rollback }),
  };
}

function amountOf(text: string): Amount {
  const match = /^([1-9]\d{0,5})(%?)$/.exec(text);
  if (match === null) throw new CommandError(3, `--max-unavailable wants a number of hosts or a percentage, not \`${text}\``);
  return match[2] === '%' ? { percent: Math.min(100, Number(match[1])) } : { count: Number(match[1]) };
}

const collect = (value: string, before: readonly string[] | undefined): readonly string[] => [...(before ?? []), value];
export const words = (value: string, before: readonly string[] | undefined): readonly string[] => [
  ...(before ?? []),
  ...value.split(',').filter(Boolean),
];
const count = (_value: string, before: number | undefined): number => (before ?? 0) + 1;

/** -i -l -e -f -u -b -K ...: which hosts, and how they are reached. */
export function withFleetOptions(command: Command): Command {
  return command
    .option('-i, --inventory <path>', 'inventory file, directory or program; `a,b` names hosts (may be repeated)', collect)
    .option('-l, --limit <pattern>', 'only these of the hosts; `@FILE` reads patterns from a file')
    .option(
      '-e, --extra-vars <vars>',
      'variables that win over all others: key=value or JSON (visible in ps), @FILE, @- for standard input (may be repeated)',
      collect,
    )
    .option('--secrets <names>', 'variables that are secret beside those whose names say so: pin,*_dsn', words)
    .option('-f, --forks <n>', 'hosts read at the same moment (default 50)')
    .option('-u, --user <name>', 'login user')
    .option('--private-key <file>', 'key file to log in with')
    .option('-k, --ask-pass', 'ask for the login password')
    .option('-b, --become', 'become root after login')
    .option('--become-user <name>', 'become this user (default root)')
    .option('--become-method <method>', 'sudo, su or doas (default sudo)')
    .option('-K, --ask-become-pass', 'ask for the password of become')
    .option('--ssh-common-args <args>', 'options as for ssh: -o ProxyJump=..., -J ...')
    .option('-T, --timeout <seconds>', 'seconds to wait for an answer when connecting (default 10)')
    .option('--kubeconfig <file>', 'the cluster that the hosts are nodes of (default: $KUBECONFIG; without either: none)')
    .option('--context <name>', 'context of the kubeconfig')
    .option('--state-dir <dir>', 'where runs are kept (default $XDG_STATE_HOME/kmend)')
    .option('--json', 'JSON lines instead of text')
    .option('-v, --verbose', 'say more (may be repeated)', count);
}

/** Of commands that start or continue a run. */
export const withForwardOption = (command: Command): Command =>
  command.option('--audit-forward <where>', 'send each entry of the journal to: syslog, journald, udp://HOST:PORT, tcp://..., tls://...');

export function withTaskOptions(command: Command): Command {
  return command
    .option('-t, --tags <tags>', 'only tasks with these tags', words)
    .option('--skip-tags <tags>', 'leave out tasks with these tags', words)
    .option('--run-read-only', 'the plan runs all read-only commands of the playbook on the hosts, not only those with `check_mode`');
}

/** A whole number of a flag, or a usage error that names it. */
export function wholeNumber(text: string | undefined, flag: string, otherwise: number): number {
  if (text === undefined) return otherwise;
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new CommandError(3, `${flag} wants a whole number from 1 on, not \`${text}\``);
  return Number(text);
}

/** The state directory: what the flag or the settings say, $XDG_STATE_HOME/kmend, ~/.local/state/kmend. */
export function stateDirOf(flags: { readonly stateDir?: string }, world: World): string {
  const { env, home } = world;
  const base = env.XDG_STATE_HOME === undefined || env.XDG_STATE_HOME === '' ? `${home}/.local/state` : env.XDG_STATE_HOME;
  const stateDir = flags.stateDir !== undefined && flags.stateDir !== '' ? flags.stateDir : `${base}/kmend`;
  // Plans, jobs and commands to runs lie there: who may write it commands kmend.
  const why = world.trust.judge(stateDir);
  if (why === undefined) return stateDir;
  throw new CommandError(
    3,
    `the state directory ${stateDir} is not used: ${why}`,
    'name one of your own with --state-dir, or correct its owner and mode',
  );
}
