// `kmend plan`, `kmend apply` and `kmend resume`.

import { type Command, Option } from 'commander';
import type { MadePlan } from '../../../app/plan/make-plan.ts';
import { exitOfPlan, plan as planFor } from '../../../app/plan/plan.ts';
import { loadProject } from '../../../app/plan/project.ts';
import { type Applied, apply, checkSaved, savedPlan } from '../../../app/run/apply.ts';
import { shown } from '../../../app/run/approve.ts';
import type { RunFlags } from '../../../app/run/drive.ts';
import { type ResolveFlags, resolutionsOf } from '../../../app/run/resolutions.ts';
import { resume } from '../../../app/run/resume.ts';
import type {
  FleetFlags,
  NotifyFlags,
  RolloutFlags,
  TaskFlags,
} from '../../../app/session/flags.ts';
import { printableVars } from '../../../app/session/kept-flags.ts';
import type { Session } from '../../../app/session/session.ts';
import { CommandError } from '../../../app/session/world.ts';
import { present } from '../../../model/present.ts';
import type { Plan } from '../../../model/run/plan.ts';
import { pasteable } from '../../../model/text/quote.ts';
import { plural } from '../../../screens/layout.ts';
import { onlyAsked } from '../../configuration.ts';
import { refuseFormat } from '../../habits.ts';
import { listHosts, listTags, listTasks } from '../../listing.ts';
import {
  playbookText,
  withFleetOptions,
  withForwardOption,
  withMetricsOption,
  withNotifyOptions,
  withQuietOption,
  withResolveOptions,
  withRolloutOptions,
  withTaskOptions,
} from '../../options.ts';
import { jsonInTurns, printJson, printJsonInTurns } from '../../output.ts';
import { withSession } from '../../terminal/observer.ts';
import { printPlan } from '../../terminal/show-plan.ts';
import type { World } from '../../world.ts';
import { sayLeft } from './control.ts';

interface PlanFlags extends FleetFlags, TaskFlags, RolloutFlags {
  readonly output?: string;
  readonly listHosts?: boolean;
  readonly listTasks?: boolean;
  readonly listTags?: boolean;
  readonly syntaxCheck?: boolean;
}

type ResumeFlags = FleetFlags & RunFlags & ResolveFlags;

type ApplyFlags = PlanFlags & RunFlags & { readonly check?: boolean; readonly diff?: boolean };

/** Settings of a job's command; in a job no question is asked. */
interface JobFlags extends NotifyFlags {
  readonly state?: string;
  readonly job?: string;
}

type Done = (exit: number) => void;

export function planCommands(program: Command, world: World, done: Done, own: JobFlags = {}): void {
  const plan = withQuietOption(
    withRolloutOptions(withTaskOptions(withFleetOptions(program.command('plan')))),
  )
    .description(
      'print what would be done, in which order, with which risk; exit 2 when there is something to do',
    )
    .argument('<playbook>', playbookText)
    .option('-o, --output <file>', 'save the plan: `kmend apply FILE` does exactly that');
  withListOptions(plan).action(async (path: string, flags: PlanFlags, command: Command) =>
    done(
      await planPlaybook(
        path,
        { ...flags, ...present({ state: own.state }) },
        looking(flags, command, world),
        typedLogin(command),
      ),
    ),
  );

  const apply = withMetricsOption(
    withNotifyOptions(
      withForwardOption(
        withRolloutOptions(
          withTaskOptions(withQuietOption(withFleetOptions(program.command('apply')))),
        ),
      ),
    ),
  )
    .description('carry out a playbook, or exactly a saved plan')
    .argument('<playbook or plan>', playbookText)
    .option('-y, --yes', 'do not ask; journalled with user and time')
    .option('--wait', 'wait for a window, a gate or capacity instead of ending with 9 or 10')
    .option('--strict', 'any difference from the saved plan makes it stale')
    .option('--takeover <run>', 'take hosts over that this run holds')
    .option('--detach', 'begin the run, leave it to a `kmend worker`, and end (needs a database)')
    .option('-C, --check', 'only plan; of a saved plan: print it, if it is not stale')
    .option('-D, --diff', 'accepted for Ansible users: a plan always shows differences')
    .addOption(new Option('--job <name>', 'whose turn this is').hideHelp())
    .addHelpText(
      'after',
      '\nExit codes: 0 done, or nothing to do, 4 a host failed or was refused, 5 hosts left unstarted because of the brake or kept slots, ' +
        '6 hosts unreachable, 9 outside the window, 10 a gate is closed, no capacity or the cluster away, 12 done, but a host could not be verified, or is proven ' +
        'in part: what a play with `partial: accept` left open is named. README.md has the whole table.',
    );
  withListOptions(apply).action(async (path: string, flags: ApplyFlags, command: Command) =>
    done(
      await applyPlan(
        path,
        { ...flags, ...own, ...(own.job === undefined ? {} : { yes: true }) },
        looking(flags, command, world),
      ),
    ),
  );

  withMetricsOption(
    withForwardOption(
      withResolveOptions(withQuietOption(withFleetOptions(program.command('resume')))),
    ),
  )
    .description(
      'continue a run after a crash, an interruption or a failure; never repeats what was done',
    )
    .argument('<run>')
    .option('-y, --yes', 'do not ask')
    .option('--wait', 'wait for a window, a gate or capacity')
    .option('--takeover <run>', 'take hosts over that this run holds')
    .addHelpText(
      'after',
      '\nA tripped brake is released when every failed host was acknowledged with --retry, --skip or --done; nothing else releases it.\n' +
        '--retry walks the whole list again on a host: what is done once a run (`command`, `shell`) and was done is not done again.\n' +
        'Variables of -e are those of the run; what may be secret is not kept and has to be given again: ' +
        '-e @FILE, -e @-, or KMEND_VAR_NAME in the environment (kmend docs secrets).',
    )
    .action(async (run: string, flags: ResumeFlags) => done(await resumeRun(run, flags, world)));
}

const withListOptions = (command: Command): Command =>
  command
    .option('--list-hosts', 'only list the hosts of each play')
    .option('--list-tasks', 'only list the tasks of each play')
    .option('--list-tags', 'only list the tags of each play')
    .option('--syntax-check', 'only check playbook and inventory')
    .option('--flush-cache', 'accepted for Ansible users: facts are always read anew')
    .addOption(
      new Option('-c, --connection <type>', 'accepted for Ansible users')
        .choices(['ssh', 'smart'])
        .hideHelp(),
    );

const onlyLists = (flags: PlanFlags): boolean =>
  [flags.listHosts, flags.listTasks, flags.listTags, flags.syntaxCheck].includes(true);

const looking = (flags: PlanFlags, command: Command, world: World): World =>
  onlyLists(flags) ? onlyAsked(command, world) : world;

/**
 * `--list-hosts`, `--list-tasks`, `--list-tags` and `--syntax-check` end a command before any host
 * is contacted.
 * Of a saved plan they read the playbook and the hosts that it was made of.
 */
function list(path: string, given: PlanFlags, world: World): Promise<number> {
  if (given.json === true)
    throw new CommandError(
      3,
      '--json does not go with --list-hosts, --list-tasks, --list-tags and --syntax-check',
      '`kmend plan --json` has hosts and tasks, `kmend validate --json` the errors',
    );
  const plan = savedPlan(path, world);
  const playbook = plan?.playbook ?? path;
  const flags: PlanFlags =
    plan === undefined
      ? given
      : {
          ...given,
          inventory: plan.inventories,
          ...present({ limit: plan.limit, tags: plan.tags, skipTags: plan.skipTags }),
        };
  return withSession(flags, world, async (session) => {
    const project = await loadProject(playbook, session, { offline: true });
    const lines = [
      '',
      `playbook: ${playbook}`,
      ...(flags.listHosts === true ? listHosts(project, session) : []),
      ...(flags.listTasks === true ? listTasks(project, flags) : []),
      ...(flags.listTags === true ? listTags(project) : []),
    ];
    for (const line of lines) world.out(line);
    return 0;
  });
}

/** Flags that a saved plan does not keep: how the hosts are reached. */
const loginFlags: ReadonlySet<string> = new Set([
  ...[
    'user',
    'privateKey',
    'askPass',
    'become',
    'becomeUser',
    'becomeMethod',
    'askBecomePass',
    'vaultId',
    'vaultPasswordFile',
    'askVaultPass',
    'sshCommonArgs',
    'sshExtraArgs',
    'becomePasswordFile',
    'connectionPasswordFile',
  ],
  ...['timeout', 'forks', 'kubeconfig', 'context', 'state', 'stateDir'],
]);

/** Those of them on this command line, as arguments for the next one. */
const typedLogin = (command: Command): readonly string[] =>
  command.options.flatMap((option) => {
    const name = option.attributeName();
    if (!loginFlags.has(name) || command.getOptionValueSource(name) !== 'cli') return [];
    const value: unknown = command.getOptionValue(name);
    if (value === true) return [option.long ?? ''];
    const values: readonly unknown[] = Array.isArray(value) ? value : [value];
    return values.flatMap((one) => [option.long ?? '', pasteable(String(one))]);
  });

export async function planPlaybook(
  path: string,
  flags: PlanFlags,
  world: World,
  login: readonly string[] = [],
): Promise<number> {
  if (onlyLists(flags)) return list(path, flags, world);
  refuseFormat(flags.output);
  return withSession(flags, world, async (session) => {
    const made = await planFor(path, flags, session);
    await showPlanned(made, flags, world);
    if (flags.output !== undefined && flags.json !== true)
      sayHowToApply(flags.output, login, made, session, world);
    return exitOfPlan(made.plan);
  });
}

/** Prints a plan, and saves it with `-o`. */
export async function showPlanned(
  made: MadePlan,
  flags: Pick<PlanFlags, 'json' | 'output' | 'quiet'>,
  world: World,
): Promise<void> {
  if (flags.output !== undefined)
    await world.files.write(
      flags.output,
      `${await jsonInTurns(made.plan, world.clock, 1)}\n`,
      0o600,
    );
  if (flags.json === true) await printJsonInTurns('kmend.plan/1', made.plan, world);
  else await printPlan(shown(made), flags.quiet === true, world);
}

function sayHowToApply(
  output: string,
  login: readonly string[],
  made: MadePlan,
  session: Session,
  world: World,
): void {
  const { extraVars, withheld } = printableVars(made.plays, session);
  const command = [
    'kmend apply',
    pasteable(output),
    ...login,
    ...extraVars.flatMap((word) => ['-e', pasteable(word)]),
  ].join(' ');
  const more =
    withheld.length === 0 ? '' : `, and -e @FILE with what may be secret: ${withheld.join(', ')}`;
  world.out(`Saved as ${output}; carry it out with: ${command}${more}`);
}

export async function applyPlan(path: string, flags: ApplyFlags, world: World): Promise<number> {
  if (onlyLists(flags)) return list(path, flags, world);
  if (flags.check === true) return checkApply(path, flags, world);
  const { takeover } = flags;
  const applied = await withSession(
    flags,
    world,
    (session) => apply({ ...flags, path }, session),
    takeover,
  );
  if (applied.kind === 'detached') sayDetached(applied, flags, world);
  if (applied.kind === 'nothing_to_do')
    (flags.json === true ? world.err : world.out)(
      `job ${flags.job}: nothing to do on ${plural(hostCount(applied.plan), 'host')}${unknownText(applied.plan)}`,
    );
  return applied.exit;
}

/** Text on standard output is the name of the run alone, for scripts. */
function sayDetached(
  { run, workers }: Extract<Applied, { kind: 'detached' }>,
  { json }: ApplyFlags,
  world: World,
): void {
  if (json === true) printJson('kmend.detached/1', { run, workers }, world);
  else world.out(run);
  world.err(
    workers === 0
      ? `run ${run} waits for a worker: none is alive now, start one with \`kmend worker\``
      : `run ${run} is left to ${plural(workers, 'worker')}; it is shown by kmend report ${run}`,
  );
}

async function checkApply(path: string, flags: ApplyFlags, world: World): Promise<number> {
  const plan = savedPlan(path, world);
  if (plan === undefined) return planPlaybook(path, flags, world);
  return withSession(flags, world, async (session) => {
    await showPlanned(await checkSaved(plan, path, session), flags, world);
    return exitOfPlan(plan);
  });
}

const hostCount = (plan: Plan): number =>
  plan.plays.reduce((sum, play) => sum + play.hosts.length, 0);

function unknownText(plan: Plan): string {
  const unknown = new Set(
    plan.plays.flatMap((play) =>
      play.hosts.filter(({ verdict }) => verdict === 'unknown').map(({ host }) => host),
    ),
  );
  return unknown.size === 0 ? '' : `, kmem unknown on ${unknown.size} of them: see \`kmend check\``;
}

async function resumeRun(run: string, given: ResumeFlags, world: World): Promise<number> {
  const { retry: _retry, skip: _skip, done: _done, why: _why, ...flags } = given;
  const resolutions = resolutionsOf(given, world.who);
  const resumed = await withSession(flags, world, (session) =>
    resume({ ...flags, run, resolutions }, session),
  );
  if (resumed.kind === 'left') return sayLeft(resumed, flags, world);
  if (resumed.notBegun.length > 0 && flags.json !== true)
    world.out(
      `The plays after it are runs of their own, see \`kmend runs\`: ${resumed.notBegun.join(', ')}`,
    );
  return resumed.exit;
}
