// Flags and commands that people know from Terraform, kubectl, Ansible and kured, each with what to
// type here.
import { CommandError } from '../app/session/world.ts';

/**
 * Terraform's flags have one dash: here they would be read as a short flag with a value, as `-out`
 * for `-o ut`.
 */
const singleDash: Readonly<Record<string, string>> = {
  '-auto-approve': 'use --yes',
  '-destroy': '`kmend rollback RUN` rolls back what a run changed',
  '-detailed-exitcode':
    'leave it out: `kmend plan` always ends with 2 when there is something to do',
  '-input': 'leave it out: without a terminal no question is asked',
  '-json': 'use --json',
  '-lock': 'leave it out: a run locks its hosts, and `--takeover RUN` sets another run aside',
  '-lock-timeout': 'use --wait: it waits for a window, a gate or capacity',
  '-no-color': 'use --no-color',
  '-out': 'use -o FILE',
  '-parallelism':
    'use --max-unavailable (hosts out of service at once) or --forks (hosts read at once)',
  '-refresh-only': '`kmend drift` compares hosts with what runs did',
  '-state': 'use --state-dir DIR',
  '-target': 'use -l PATTERN',
  '-var': 'use -e NAME=VALUE',
  '-var-file': 'use -e @FILE',
};

const long: Readonly<Record<string, string>> = {
  '--ask-vault-password': 'use --ask-vault-pass',
  '--auto-approve': 'use --yes',
  '--concurrency': 'use --max-unavailable: hosts out of service at once',
  '--detailed-exitcode':
    'leave it out: `kmend plan` always ends with 2 when there is something to do',
  '--dry-run': 'use --check, or `kmend plan`',
  '--flush-cache': 'leave it out: facts are read anew each time',
  '--force-handlers': 'put what must run after a failure into `always` of a block',
  '--output': 'use --json',
  '--step':
    'save a plan and read it (`kmend plan -o FILE`); `kmend apply FILE` does exactly that. A canary with `promote: manual` stops after the first hosts',
  '--vault-pass-file': 'use --vault-password-file',
  '--watch': '`kmend report RUN` shows where a run is',
  '-M': 'leave it out: `kmend docs` lists the modules there are',
  '-c': 'leave it out: hosts are reached over ssh',
};

const commands: Readonly<Record<string, string>> = {
  describe: '`kmend check -l HOST -v` reads one host',
  destroy: '`kmend rollback RUN` rolls back what a run changed',
  get: '`kmend check` reads all hosts, `kmend inventory --graph` lists them',
  init: 'nothing has to be set up: see `kmend docs getting-started`',
  list: 'see `kmend runs`, `kmend schedule list` or `kmend inventory --graph`',
  logs: '`kmend report RUN` shows what a run did',
  playbook: '`kmend apply PLAYBOOK` carries one out',
  state: '`kmend runs` lists runs, `kmend drift` compares hosts with what they did',
  status: '`kmend report RUN` shows where a run is',
};

const inTable = (table: Readonly<Record<string, string>>, word: string): string | undefined =>
  Object.hasOwn(table, word) ? table[word] : undefined;

/** Refuses a flag with one dash that would be read as another one. */
export function refuseHabits(args: readonly string[]): void {
  const end = args.indexOf('--');
  for (const word of end < 0 ? args : args.slice(0, end)) {
    const [flag = ''] = word.split('=');
    const instead = inTable(singleDash, flag);
    if (instead !== undefined) throw new CommandError(3, `unknown option '${flag}'`, instead);
  }
}

/** What to type instead of what commander's message calls unknown, or where a run is missing. */
export function habitHint(message: string): string | undefined {
  if (message.includes("missing required argument 'run'"))
    return '`kmend runs` lists runs, the newest last';
  const [, kind = '', word = ''] = /unknown (option|command) '([^'=]*)/.exec(message) ?? [];
  return inTable(kind === 'command' ? commands : long, word);
}

/** kubectl's `-o json` would save a plan in a file called `json`. */
export function refuseFormat(output: string | undefined): void {
  if (output === 'json' || output === 'yaml' || output === 'wide')
    throw new CommandError(
      3,
      `-o is the file in which the plan is saved, not a format: ${output}`,
      `--json prints JSON; a file of that name is ./${output}`,
    );
}
