// `kmend schedule`: named jobs that run unattended by systemd, cron or Kubernetes. It writes unit
// files only with `--write`.

import { basename, dirname, join, resolve } from 'node:path';
import type { Command } from 'commander';
import { afterTurn } from '../../../app/jobs/after-turn.ts';
import { forWorkers, ownZone } from '../../../app/jobs/for-workers.ts';
import {
  allJobs,
  checkedName,
  type Job,
  jobNamed,
  refuseSecrets,
  removeJob,
  saveJob,
} from '../../../app/jobs/jobs.ts';
import { jobsThatWait } from '../../../app/jobs/jobs-that-wait.ts';
import { type JobNotifyFlags, notifyOf } from '../../../app/jobs/notify.ts';
import { enter, jobFor, jobTurn, unattended } from '../../../app/jobs/turn.ts';
import { isDatabase } from '../../../app/session/flags.ts';
import type { Session } from '../../../app/session/session.ts';
import { CommandError } from '../../../app/session/world.ts';
import { type Calendar, readCalendar } from '../../../core/rollout/cron-line.ts';
import { nextTurn } from '../../../core/rollout/next-turn.ts';
import { present } from '../../../model/present.ts';
import { table, utcTime } from '../../../screens/layout.ts';
import {
  cronJobManifest,
  cronLine,
  fitsUnits,
  type JobUnits,
  jobFolder,
  secretFolder,
  systemdUnits,
} from '../../../screens/schedule-units.ts';
import { jobCommand } from '../../job-command.ts';
import {
  jobsKeep,
  keepFlag,
  stateOption,
  withMetricsOption,
  withNotifyOptions,
} from '../../options.ts';
import { printJson } from '../../output.ts';
import { withSession } from '../../terminal/observer.ts';
import { printText, type World } from '../../world.ts';

interface InstallFlags extends JobNotifyFlags {
  readonly every?: string;
  readonly as?: string;
  readonly write?: boolean;
  readonly user?: boolean;
  readonly image?: string;
  readonly namespace?: string;
  readonly kubernetesVersion?: string;
  readonly state?: string;
  readonly stateDir?: string;
}

/** A job sends one notice a turn, unless `--notify-on` names more. */
const withJobNotifyOptions = (command: Command): Command =>
  withNotifyOptions(command).option('--notify-always', 'also when there was nothing to do');

type StateFlags = Pick<InstallFlags, 'state' | 'stateDir'>;

const withStateOption = (command: Command): Command =>
  command.option(...stateOption).option('--state-dir <dir>', 'where jobs and runs are kept');

export function scheduleCommand(
  program: Command,
  world: World,
  done: (exit: number) => void,
): void {
  const schedule = program
    .command('schedule')
    .description('named jobs that run unattended: workers, systemd, cron or Kubernetes start them');
  withJobNotifyOptions(withStateOption(schedule.command('install')))
    .description(
      'keep a job for the workers of a database, or print the units that run it: kmend schedule install NAME --every "Mon..Fri 22:00" -- apply PLAYBOOK -i INVENTORY',
    )
    .argument('<name>')
    .argument('<command...>', 'the command line of the job, after --')
    .requiredOption(
      '--every <when>',
      'as systemd takes it: "Mon..Fri 22:00", "daily", "*:0/30", with a zone at the end if need be',
    )
    .option(
      '--as <what>',
      'worker (default where the state is a database), systemd (default elsewhere), cron or kubernetes',
    )
    .option('--write', 'systemd: write the units to /etc/systemd/system')
    .option('--user', "systemd: units of this user's own service manager (~/.config/systemd/user)")
    .option('--image <image>', 'kubernetes: image whose entry point is kmend')
    .option('--namespace <name>', 'kubernetes: where the job runs', 'kmend')
    .option(
      '--kubernetes-version <version>',
      'kubernetes: the version of the API server, such as 1.20: before 1.21 a CronJob is batch/v1beta1',
    )
    .action(async (name: string, words: readonly string[], flags: InstallFlags) =>
      done(await install(name, words, flags, world)),
    );
  withStateOption(schedule.command('list'))
    .description('jobs, when they run, and how each last ended')
    .option('--json', 'JSON lines')
    .action(async (flags: StateFlags & { readonly json?: boolean }) =>
      done(await list(flags, world)),
    );
  withStateOption(schedule.command('remove'))
    .description('remove a job, and the units that `install --write` wrote')
    .argument('<name>')
    .action(async (name: string, flags: StateFlags) => done(await remove(name, flags, world)));
  withMetricsOption(withJobNotifyOptions(withStateOption(schedule.command('run'))))
    .description('run a job now, unattended: asks nothing, takes up its own interrupted run first')
    .argument('<name>')
    .argument(
      '[command...]',
      'the command line, after --, where the state directory has no such job yet (a new volume)',
    )
    .option('--keep <what>', `after the turn, as \`runs prune --keep\` does (default ${jobsKeep})`)
    .action(async (name: string, words: readonly string[], flags: TurnFlags) =>
      done(await runTurn(name, words, flags, world)),
    );
}

type TurnFlags = StateFlags &
  JobNotifyFlags & { readonly keep?: string; readonly metricsFile?: string };

async function runTurn(
  name: string,
  words: readonly string[],
  flags: TurnFlags,
  world: World,
): Promise<number> {
  const keep = keepFlag(flags.keep ?? jobsKeep);
  return withSession(flags, world, async (session) => {
    const { state } = session.settings;
    const known = await jobFor(checkedName(name), words, session);
    const job: Job = { ...known, ...present({ notify: notifyOf(flags, world) }) };
    refuseSecrets(job, session);
    const alone: World = { ...unattended(world, job), isTerminal: false, colour: false };
    if (words.length === 0) enter(job, world);
    const { exit } = await withSession({ state }, alone, (own) =>
      jobTurn(job, () => jobCommand(job, state, alone), own),
    );
    await afterTurn(keep, session);
    return exit;
  });
}

/** The flags that name the state; those of notices are the job's own. */
const flagsOfState = ({ state, stateDir }: StateFlags): StateFlags => present({ state, stateDir });

const absoluteState = (state: string, { cwd }: World): string =>
  isDatabase(state) ? state : resolve(cwd, state);

const askingWords = new Set(['-k', '-K', '--ask-pass', '--ask-become-pass', '--ask-vault-pass']);

const schedulable = new Set(['apply', 'check', 'drift', 'plan']);

const install = (
  name: string,
  args: readonly string[],
  flags: InstallFlags,
  world: World,
): Promise<number> =>
  withSession(flagsOfState(flags), world, (session) =>
    installJob(checkedName(name), args, flags, session, world),
  );

async function installJob(
  name: string,
  args: readonly string[],
  flags: InstallFlags,
  session: Session,
  world: World,
): Promise<number> {
  const calendar = readCalendar(flags.every ?? '');
  if (calendar === undefined)
    throw new CommandError(
      3,
      `--every does not understand \`${flags.every}\``,
      'as systemd takes it: "Mon..Fri 22:00"',
    );
  judgeBySystemd(calendar, world);
  if (!schedulable.has(args[0] ?? ''))
    throw new CommandError(3, `a job runs apply, check, drift or plan, not \`${args[0]}\``);
  const asks = args.find(
    (word) => askingWords.has(word) || /(?:^|@)prompt(?:_ask_vault_pass)?$/.test(word),
  );
  if (asks !== undefined)
    throw new CommandError(
      3,
      `${asks} asks for a password, but a job has no terminal`,
      'log in with a key, use sudo without a password, and give the password of a vault by a file',
    );
  const state = absoluteState(session.settings.state, world);
  const notify = notifyOf(flags, world);
  const job: Job = {
    schema: 'kmend.job/1',
    name,
    every: calendar.every,
    args,
    directory: world.cwd,
    who: world.who,
    units: [],
    ...present({ notify }),
  };
  refuseSecrets(job, session);
  switch (flags.as ?? (isDatabase(state) ? 'worker' : 'systemd')) {
    case 'worker':
      return installForWorkers(job, calendar, session, world);
    case 'systemd':
      return installUnits(job, unitsOf(job, calendar, state, world), flags, session, world);
    case 'cron': {
      const line = cronLine(unitsOf(job, calendar, state, world));
      if (line === undefined)
        throw new CommandError(
          3,
          `cron cannot say \`${calendar.every}\``,
          'use days and times: "Mon..Fri 22:00"',
        );
      await saveJob(job, session);
      printText(line, world.data);
      return 0;
    }
    case 'kubernetes':
      if (isDatabase(state))
        throw new CommandError(
          3,
          'a CronJob keeps its state in a volume, and yours is in a database, whose workers start the job',
          '--as worker, with the Deployment of contrib/kubernetes/worker.yaml',
        );
      printText(manifest(job, calendar, flags, world), world.data);
      return 0;
    default:
      throw new CommandError(3, `--as is worker, systemd, cron or kubernetes, not \`${flags.as}\``);
  }
}

async function installForWorkers(
  given: Job,
  calendar: Calendar,
  session: Session,
  world: World,
): Promise<number> {
  const { job, first } = await forWorkers(given, calendar, session);
  await saveJob(job, session);
  world.out(`Workers carry out job ${job.name}: ${job.every}, next at ${utcTime(first)}.`);
  world.out('Start workers in the directory with its playbook and inventory: kmend worker');
  return 0;
}

/** Checks the calendar by systemd-analyze, where systemd is installed. */
function judgeBySystemd(calendar: Calendar, world: World): void {
  const analyze = '/usr/bin/systemd-analyze';
  const { isExecutable, run } = world.reader;
  if (run === undefined || isExecutable?.(analyze) !== true) return;
  const asked = run(analyze, ['calendar', calendar.every]);
  if (!asked.ok && /Failed to parse/.test(asked.why))
    throw new CommandError(3, `systemd does not understand \`${calendar.every}\``, asked.why);
}

/** Where npx, pnpm dlx, yarn dlx and bunx keep a program, until somebody empties that place. */
const packageCache = /\/(?:_npx|dlx|dlx-[^/]+|bunx-[^/]+)\//;

function unitsOf(job: Job, calendar: Calendar, state: string, world: World): JobUnits {
  if (packageCache.test(world.program))
    throw new CommandError(
      3,
      `this kmend is in the cache of a package manager, where a job would lose it: ${world.program}`,
      'install it first, and schedule with that one: npm install --global kmend; kmend schedule install ...',
    );
  const command = [process.execPath, world.program, 'schedule', 'run', job.name, '--state', state];
  const unfit = [job.directory, ...command].find((path) => !fitsUnits(path));
  if (unfit !== undefined)
    throw new CommandError(
      3,
      `the path ${JSON.stringify(unfit)} cannot be written in a unit file or a crontab`,
      'it has a line break or another control character, or ends with a backslash or a blank',
    );
  return {
    name: job.name,
    calendar,
    command,
    directory: job.directory,
    what: `kmend ${job.args.join(' ')}`,
  };
}

async function installUnits(
  job: Job,
  given: JobUnits,
  flags: InstallFlags,
  session: Session,
  world: World,
): Promise<number> {
  const user = flags.user === true;
  const units = systemdUnits(given);
  const folder = user ? join(world.home, '.config/systemd/user') : '/etc/systemd/system';
  const files = [
    [`${folder}/kmend-${job.name}.service`, units.service],
    [`${folder}/kmend-${job.name}.timer`, units.timer],
  ] as const;
  const systemctl = user ? 'systemctl --user' : 'systemctl';
  const enable = `${systemctl} daemon-reload && ${systemctl} enable --now kmend-${job.name}.timer`;
  if (flags.write === true) {
    for (const [path, text] of files) await writeUnit(path, text, world);
    await saveJob({ ...job, units: files.map(([path]) => path) }, session);
    for (const [path] of files) world.out(`wrote ${path}`);
    world.out(`It runs once it is enabled: ${enable}`);
    return 0;
  }
  await saveJob(job, session);
  for (const [path, text] of files) printText(`# ${path}\n${text}`, world.data);
  world.out(`# ${enable}`);
  const line = cronLine(given);
  if (line !== undefined) world.out(`# or, where there is cron: ${line.replace('\n', '; ')}`);
  return 0;
}

async function writeUnit(path: string, text: string, world: World): Promise<void> {
  try {
    await world.files.write(path, text, 0o644);
  } catch (error) {
    throw new CommandError(
      1,
      `${path} cannot be written: ${error instanceof Error ? error.message : String(error)}`,
      'run it as root, or take --user',
    );
  }
}

/** The CronJob: files of the command line go into a ConfigMap, and paths become the container's. */
function manifest(job: Job, calendar: Calendar, flags: InstallFlags, world: World): string {
  if (flags.image === undefined)
    throw new CommandError(3, 'a CronJob needs --image: an image whose entry point is kmend');
  if (calendar.cron === undefined)
    throw new CommandError(
      3,
      `a CronJob cannot say \`${calendar.every}\``,
      'use days and times: "Mon..Fri 22:00"',
    );
  const files = new Map<string, string>();
  const args = job.args.map((word, index) => {
    const isFile =
      (index === 1 &&
        job.args[0] !== 'check' &&
        job.args[0] !== 'drift' &&
        !word.startsWith('@')) ||
      ['-i', '--inventory'].includes(job.args[index - 1] ?? '');
    if (!isFile) return word;
    const read = world.reader.readText(resolve(job.directory, word));
    if (!read.ok)
      throw new CommandError(
        3,
        `${word}: ${read.why}`,
        'a CronJob takes single files for playbook and inventory',
      );
    const file = basename(word);
    if (files.has(file) && files.get(file) !== read.text)
      throw new CommandError(3, `two files of the job are called ${file}`);
    files.set(file, read.text);
    return `${jobFolder}/${file}`;
  });
  const login = [
    '--private-key',
    `${secretFolder}/id`,
    '--ssh-common-args',
    `-o UserKnownHostsFile=${secretFolder}/known_hosts`,
  ];
  const roles = world.reader.readData(`${world.packageRoot}/docs/rbac.yaml`);
  const made = cronJobManifest({
    name: job.name,
    cron: calendar.cron,
    ...present({ zone: calendar.zone }),
    namespace: flags.namespace ?? 'kmend',
    apiVersion: apiVersionFor(flags.kubernetesVersion, calendar),
    image: flags.image,
    args: [
      'schedule',
      'run',
      job.name,
      '--state-dir',
      '/state',
      ...notifyWords(job),
      '--',
      ...args,
      ...login,
    ],
    hasWebhook: job.notify?.urlFile !== undefined,
    files,
  });
  const first = roles.ok
    ? `${roles.text.trimEnd()}\n---`
    : '# Apply the two roles first: docs/rbac.yaml of kmend, which is not beside this program.';
  return `${first}\n${made.trimEnd()}`;
}

/** In the container the webhook's address is in the same secret as the key. */
function notifyWords({ notify }: Job): readonly string[] {
  if (notify === undefined) return [];
  return [
    ...(notify.urlFile === undefined ? [] : ['--notify-url-file', `${secretFolder}/webhook`]),
    ...(notify.command === undefined ? [] : ['--notify-command', notify.command]),
    ...(notify.mail === undefined ? [] : ['--notify-mail', notify.mail]),
    ...(notify.on === undefined ? [] : ['--notify-on', notify.on.join(',')]),
    ...(notify.text === undefined ? [] : ['--notify-text', notify.text]),
    ...(notify.always === true ? ['--notify-always'] : []),
  ];
}

/** CronJobs of `batch/v1` exist since 1.21, and their time zones since 1.25. */
function apiVersionFor(
  version: string | undefined,
  calendar: Calendar,
): 'batch/v1' | 'batch/v1beta1' {
  if (version === undefined) return 'batch/v1';
  const minor = /^v?1\.(\d+)(?:\.\d+)?$/.exec(version)?.[1];
  if (minor === undefined)
    throw new CommandError(
      3,
      `--kubernetes-version does not understand \`${version}\``,
      'such as 1.20 or 1.28.4',
    );
  if (calendar.zone !== undefined && Number(minor) < 25)
    throw new CommandError(
      3,
      `a CronJob of Kubernetes ${version} has no time zone`,
      "leave the zone out: it runs by the clock of the controller manager, which is UTC most of the time; the play's windows have zones",
    );
  return Number(minor) < 21 ? 'batch/v1beta1' : 'batch/v1';
}

async function list(
  flags: StateFlags & { readonly json?: boolean },
  world: World,
): Promise<number> {
  const { jobs, waits } = await withSession(flags, world, async (session) => {
    const all = await allJobs(session);
    return { jobs: all, waits: await jobsThatWait(all, session) };
  });
  if (flags.json === true) {
    for (const job of jobs)
      printJson('kmend.job/1', { ...job, ...present({ next: nextOf(job, world) }) }, world);
    return 0;
  }
  const last = ({ last: end }: Job): string =>
    end === undefined
      ? 'never'
      : `${utcTime(end.at)}, exit ${end.exit}${end.run === undefined ? '' : ` (run ${end.run})`}`;
  const next = (job: Job): string => {
    const at = nextOf(job, world);
    return at === undefined ? 'never' : utcTime(at);
  };
  const rows = jobs.map((job) => [
    ...[job.name, job.every, next(job), starter(job), last(job)],
    `kmend ${job.args.join(' ')}`,
  ]);
  const head = ['job', 'every', 'next', 'by', 'last', 'what'];
  for (const line of [...table([head, ...rows], world.width()), ...waits]) world.out(line);
  return 0;
}

const nextOf = ({ every }: Job, { clock }: World): number | undefined =>
  nextTurn(every, clock.now(), ownZone());

/** Who starts it: of a timer that was only printed, kmend knows nothing. */
const starter = ({ since, units }: Job): string =>
  since !== undefined ? 'workers' : units.length > 0 ? 'systemd' : 'a timer';

async function remove(name: string, flags: StateFlags, world: World): Promise<number> {
  const job = await withSession(flags, world, async (session) => {
    const found = await jobNamed(name, session);
    for (const path of found.units) {
      await world.files.remove(path);
      world.out(`removed ${path}`);
    }
    await removeJob(name, session);
    return found;
  });
  const [unit] = job.units;
  if (unit !== undefined) {
    const systemctl = dirname(unit).endsWith('/user') ? 'systemctl --user' : 'systemctl';
    world.out(
      `its timer may still be loaded: ${systemctl} disable --now kmend-${name}.timer; ${systemctl} daemon-reload`,
    );
  }
  world.out(`job ${name} is forgotten; its runs stay: kmend runs`);
  return 0;
}
