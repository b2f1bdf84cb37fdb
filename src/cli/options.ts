// Options that commands share, with Ansible's names. configuration.ts sets their defaults.

import type { Command } from 'commander';
import { CommandError } from '../app/session/world.ts';
import { type Keep, keepOf } from '../core/history/retention.ts';

/** The state of several machines: a database. */
export const stateOption = [
  '--state <place>',
  'a directory, or postgres://HOST/DATABASE for several machines',
] as const;

/** What an argument for a playbook may be. */
export const playbookText =
  'a file, or by name one that comes with kmend: @auto, @nokmem, @scheduled, ... (README.md lists them)';

export const withRolloutOptions = (command: Command): Command =>
  command
    .option(
      '--max-unavailable <amount>',
      'instead of `rollout.max_unavailable`: hosts out of service at once, as 2 or 10%',
    )
    .option('--unplannable <what>', 'instead of `rollout.unplannable`: leave_out, stop or ask')
    .option(
      '--rollback <what>',
      'instead of `rollout.rollback`: by_command, failed_host, or none where a host may be changed without a rollback',
    );

/** Of an option that may be repeated. */
export const collect = (
  value: string,
  before: readonly string[] | undefined,
): readonly string[] => [...(before ?? []), value];
const words = (value: string, before: readonly string[] | undefined): readonly string[] => [
  ...(before ?? []),
  ...value.split(',').filter(Boolean),
];
const count = (_value: string, before: number | undefined): number => (before ?? 0) + 1;

const inventoryOption = [
  '-i, --inventory <path>',
  'inventory file, directory or program; `a,b` names hosts (may be repeated)',
  collect,
] as const;
const extraVarsOption = [
  '-e, --extra-vars <vars>',
  'variables that win over all others: key=value or JSON (visible in ps), @FILE, @- for standard input (may be repeated)',
  collect,
] as const;
const vaultFileOption = [
  '--vault-password-file <file>',
  'file with the password of ansible-vault, or a program that prints it (may be repeated)',
  collect,
] as const;
const vaultIdOption = [
  '--vault-id <id>',
  'the same with a label: LABEL@FILE, LABEL@PROGRAM, LABEL@prompt (may be repeated)',
  collect,
] as const;
const askVaultOption = ['--ask-vault-pass', 'ask for the password of ansible-vault'] as const;

/** For a command that only reads files, and contacts no host. */
export const withInputOptions = (command: Command): Command =>
  command
    .option(...inventoryOption)
    .option(...extraVarsOption)
    .option(...vaultFileOption)
    .option(...vaultIdOption)
    .option(...askVaultOption)
    .option('--json', 'JSON lines instead of text');

/** Which hosts, and how they are reached: -i -l -e -f -u -b -K ... */
export function withFleetOptions(command: Command): Command {
  return command
    .option(...inventoryOption)
    .option('-l, --limit <pattern>', 'only these of the hosts; `@FILE` reads patterns from a file')
    .option(...extraVarsOption)
    .option(
      '--secrets <names>',
      'variables that are secret beside those whose names say so: pin,*_dsn',
      words,
    )
    .option('-f, --forks <n>', 'hosts read at the same time (default 50)')
    .option('-u, --user <name>', 'login user')
    .option('--private-key <file>', 'key file to log in with')
    .option('-k, --ask-pass', 'ask for the login password')
    .option('-b, --become', 'become root after login')
    .option('--become-user <name>', 'become this user (default root)')
    .option('--become-method <method>', 'sudo, su or doas (default sudo)')
    .option('-K, --ask-become-pass', 'ask for the password of become')
    .option(
      '--connection-password-file <file>',
      'file with the login password, or a program that prints it',
    )
    .option(
      '--become-password-file <file>',
      'file with the password of become, or a program that prints it',
    )
    .option(...vaultFileOption)
    .option(...vaultIdOption)
    .option(...askVaultOption)
    .option('--ssh-common-args <args>', 'options as for ssh: -o ProxyJump=..., -J ...')
    .option('--ssh-extra-args <args>', 'the same, behind those of --ssh-common-args')
    .option('-T, --timeout <seconds>', 'seconds to wait for an answer when connecting (default 10)')
    .option(
      '--kubeconfig <file>',
      'the cluster that the hosts are nodes of (default: $KUBECONFIG; without either: none)',
    )
    .option('--context <name>', 'context of the kubeconfig')
    .option(...stateOption)
    .option('--state-dir <dir>', 'where runs are kept (default $XDG_STATE_HOME/kmend)')
    .option('--json', 'JSON lines instead of text')
    .option('-v, --verbose', 'say more (may be repeated)', count);
}

export const withQuietOption = (command: Command): Command =>
  command.option(
    '-q, --quiet',
    'print only failures, warnings, questions and the end; --json stays as it is',
  );

/** For commands that start or resume a run. */
export const withForwardOption = (command: Command): Command =>
  command.option(
    '--audit-forward <where>',
    'send each entry of the journal to: syslog, journald, udp://HOST:PORT, tcp://..., tls://...',
  );

export const withMetricsOption = (command: Command): Command =>
  command.option(
    '--metrics-file <file>',
    'write metrics for Prometheus: a file that its node exporter collects (kmend docs metrics)',
  );

export function withTaskOptions(command: Command): Command {
  return command
    .option('-t, --tags <tags>', 'only tasks with these tags', words)
    .option('--skip-tags <tags>', 'leave out tasks with these tags', words)
    .option(
      '--start-at-task <name>',
      'leave out the tasks before the one of this name; it may be a pattern',
    )
    .option(
      '--run-read-only',
      'the plan runs all read-only commands of the playbook on the hosts, not only those with `check_mode`',
    );
}

/** For commands that acknowledge failed hosts. */
export const withResolveOptions = (command: Command): Command =>
  command
    .option(
      '--retry <hosts>',
      'acknowledge failed hosts and walk them again (names and patterns as of --limit; may be repeated)',
      words,
    )
    .option('--skip <hosts>', 'acknowledge failed hosts and leave them as they are', words)
    .option('--done <hosts>', 'acknowledge failed hosts that were fixed by hand', words)
    .option('--why <text>', 'of --retry, --skip and --done: goes into the journal');

/** For commands that send notices. */
export const withNotifyOptions = (command: Command): Command =>
  command
    .option(
      '--notify-url-file <file>',
      'post notices, as JSON, to the webhook whose address is in this file',
    )
    .option(
      '--notify-command <command>',
      'give notices, as JSON, to this command on its standard input',
    )
    .option(
      '--notify-mail <addresses>',
      'send notices by e-mail, through sendmail: ops@example.org,...',
    )
    .option(
      '--notify-on <kinds>',
      'only these notices: started, canary, brake, waits, paused, finished',
      words,
    )
    .option(
      '--notify-text <template>',
      'the text of a notice, with its fields: "{{ run }} {{ kind }}: {{ why }}"',
    );

/** Default of `--keep` for jobs. */
export const jobsKeep = '365d';

export function keepFlag(text: string | undefined): Keep {
  const keep = keepOf(text ?? '');
  if (keep === undefined)
    throw new CommandError(
      3,
      `--keep must be days or a number of runs, as 90d or 500${text === undefined ? '' : `, not \`${text}\``}`,
    );
  return keep;
}
