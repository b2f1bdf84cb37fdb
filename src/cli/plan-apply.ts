// `kmend plan`, `kmend apply` and `kmend resume`: one path, entered and left at different landings.

import { type Command, Option } from 'commander';
import { refuseNeverBegan } from '../app/history/never-began.ts';
import { type MadePlan, makePlan, showPlan } from '../app/plan/make-plan.ts';
import { inputsOf, loadProject, readyPlay } from '../app/plan/project.ts';
import { adoptProven } from '../app/run/adopt.ts';
import { type AfterRun, takeBack } from '../app/run/auto-rollback.ts';
import { type KeptSettings, keptSettings, printableVars, stillMissing, warnMissing } from '../app/run/kept-settings.ts';
import { type ResolveFlags, resolutionsOf } from '../app/run/resolutions.ts';
import { rollbackSettings } from '../app/run/rollback-settings.ts';
import { type RunFlags, type RunPorts, resumeRun, startRun } from '../app/run/run-play.ts';
import { type FleetFlags, type RolloutFlags, stateDirOf, type TaskFlags } from '../app/session/flags.ts';
import { endIfStopped, openCluster, openTransport, paintOf, type Settings, settings } from '../app/session/settings.ts';
import type { RunLine } from '../app/session/world.ts';
import { CommandError, type World } from '../app/session/world.ts';
import { parsePlan, staleness } from '../core/plan/saved-plan.ts';
import { type ExitReason, exitCode } from '../core/rollout/exit.ts';
import { NotReturned } from '../engine/run.ts';
import { present } from '../model/present.ts';
import { hasChanges, type Plan } from '../model/run/plan.ts';
import { toJson } from '../model/text/printable.ts';
import { pasteable } from '../model/text/quote.ts';
import { plural } from '../screens/layout.ts';
import { onlyAsked } from './configuration.ts';
import { leaveResolutions } from './control.ts';
import { listHosts, listTasks } from './listing.ts';
import { withFleetOptions, withForwardOption, withResolveOptions, withRolloutOptions, withTaskOptions } from './options.ts';

interface PlanFlags extends FleetFlags, TaskFlags, RolloutFlags {
  readonly output?: string;
  readonly listHosts?: boolean;
  readonly listTasks?: boolean;
  readonly syntaxCheck?: boolean;
}

type ResumeFlags = FleetFlags & RunFlags & ResolveFlags;

type ApplyFlags = PlanFlags & RunFlags & { readonly check?: boolean; readonly diff?: boolean; readonly job?: string };

type Done = (exit: number) => void;

export function planCommands(program: Command, world: World, done: Done, runLine: RunLine): void {
  const after = takeBack(world, runLine);
  const plan = withRolloutOptions(withTaskOptions(withFleetOptions(program.command('plan'))))
    .description('print what would be done, in which order, with which risk; exit 2 when there is something to do')
    .argument('<playbook>')
    .option('-o, --output <file>', 'save the plan: `kmend apply FILE` does exactly that');
  withListOptions(plan).action(async (path: string, flags: PlanFlags, command: Command) =>
    done(await planCommand(path, flags, looking(flags, command, world), typedLogin(command))),
  );

  const apply = withForwardOption(withRolloutOptions(withTaskOptions(withFleetOptions(program.command('apply')))))
    .description('carry out a playbook, or exactly a saved plan')
    .argument('<playbook or plan>')
    .option('-y, --yes', 'do not ask; journalled with who and when')
    .option('--wait', 'wait for a window, a gate or capacity instead of ending with 9 or 10')
    .option('--strict', 'any difference from the saved plan makes it stale')
    .option('--takeover <run>', 'take hosts over that this run holds')
    .option('-C, --check', 'only plan')
    .option('-D, --diff', 'accepted for Ansible users: a plan always shows differences')
    .addOption(new Option('--job <name>', 'whose turn this is').hideHelp())
    .addHelpText(
      'after',
      '\nExit codes: 0 done, or nothing to do, 4 a host failed or was refused, 5 hosts left unstarted because of the brake or kept slots,\n' +
        '6 hosts unreachable, 9 outside the window, 10 a gate is closed, no capacity or the cluster away, 12 done, but a host could not be verified, or is proven\n' +
        'in part: what a play with `partial: accept` left open is named. README.md has the whole table.',
    );
  withListOptions(apply).action(async (path: string, flags: ApplyFlags, command: Command) =>
    done(await applyCommand(path, flags, looking(flags, command, world), after, runLine)),
  );

  withForwardOption(withResolveOptions(withFleetOptions(program.command('resume'))))
    .description('continue a run after a crash, an interruption or a failure; never repeats what was done')
    .argument('<run>')
    .option('-y, --yes', 'do not ask')
    .option('--wait', 'wait for a window, a gate or capacity')
    .option('--takeover <run>', 'take hosts over that this run holds')
    .addOption(new Option('--return-proven <host>', 'only return this host to service').argParser(collect).hideHelp())
    .addHelpText(
      'after',
      '\nA tripped brake is released when every failed host was acknowledged with --retry, --skip or --done; nothing else releases it.\n' +
        '--retry walks the whole list again on a host: what is done once a run (`command`, `shell`) and was done is not done again.\n' +
        'Variables of -e are those of the run; what may be secret is not kept and has to be given again:\n' +
        '-e @FILE, -e @-, or KMEND_VAR_NAME in the environment (kmend docs secrets).',
    )
    .action(async (run: string, flags: ResumeFlags) => done(await resumeCommand(run, flags, world, after)));
}

const withListOptions = (command: Command): Command =>
  command
    .option('--list-hosts', 'only list the hosts of each play')
    .option('--list-tasks', 'only list the tasks of each play')
    .option('--syntax-check', 'only check playbook and inventory');

const collect = (value: string, before: readonly string[] = []): readonly string[] => [...before, value];

const onlyLists = (flags: PlanFlags): boolean => flags.listHosts === true || flags.listTasks === true || flags.syntaxCheck === true;

const looking = (flags: PlanFlags, command: Command, world: World): World => (onlyLists(flags) ? onlyAsked(command, world) : world);

/** `--list-hosts`, `--list-tasks` and `--syntax-check` end a command before any host is contacted. */
async function listed(path: string, flags: PlanFlags, set: Settings, world: World): Promise<boolean> {
  if (!onlyLists(flags)) return false;
  const project = await loadProject(path, set, world, { offline: true });
  const lines = [
    '',
    `playbook: ${path}`,
    ...(flags.listHosts === true ? listHosts(project, set, world) : []),
    ...(flags.listTasks === true ? listTasks(project, flags) : []),
  ];
  for (const line of lines) world.out(line);
  return true;
}

/** Flags that a saved plan does not hold: how the hosts are reached. */
const loginFlags: ReadonlySet<string> = new Set([
  ...['user', 'privateKey', 'askPass', 'become', 'becomeUser', 'becomeMethod', 'askBecomePass', 'sshCommonArgs'],
  ...['timeout', 'forks', 'kubeconfig', 'context', 'stateDir'],
]);

/** Those of them that stand on the command line, to be typed again. */
const typedLogin = (command: Command): readonly string[] =>
  command.options.flatMap((option) => {
    const name = option.attributeName();
    if (!loginFlags.has(name) || command.getOptionValueSource(name) !== 'cli') return [];
    const value: unknown = command.getOptionValue(name);
    return [option.long ?? '', ...(value === true ? [] : [pasteable(String(value))])];
  });

async function planCommand(path: string, flags: PlanFlags, world: World, login: readonly string[] = []): Promise<number> {
  const set = settings(flags, world);
  if (await listed(path, flags, set, world)) return 0;
  const project = await loadProject(path, set, world);
  const { ports, close } = await openPorts(set, world);
  try {
    const made = await makePlan(project, set, flags, world, ports);
    if (flags.output !== undefined) await world.files.write(flags.output, `${toJson(made.plan, 1)}\n`, 0o600);
    print(made, flags, world);
    if (flags.output !== undefined && flags.json !== true) sayHowToApply(flags.output, login, made, set, world);
    return planExit(made.plan);
  } finally {
    await close();
  }
}

function sayHowToApply(output: string, login: readonly string[], made: MadePlan, set: Settings, world: World): void {
  const { words, withheld } = printableVars(made.plays, set, world);
  const command = ['kmend apply', pasteable(output), ...login, ...words.flatMap((word) => ['-e', pasteable(word)])].join(' ');
  const more = withheld.length === 0 ? '' : `, and -e @FILE with what may be secret: ${withheld.join(', ')}`;
  world.out(`Saved as ${output}; carry it out with: ${command}${more}`);
}

export function print(made: MadePlan, flags: FleetFlags, world: World): void {
  if (flags.json === true) world.out(toJson(made.plan));
  else for (const line of showPlan(made, world)) world.out(line);
}

export function planExit(plan: Plan): number {
  const reasons = plan.plays.flatMap((play): ExitReason[] => [
    ...play.hosts.flatMap((host): ExitReason[] => (host.refused !== undefined ? ['failed'] : hasChanges(host) ? ['changes'] : [])),
    ...play.leftOut.map(({ failure }): ExitReason => (failure.kind === 'unreachable' ? 'unreachable' : 'failed')),
  ]);
  return exitCode(reasons);
}

interface Opened {
  readonly ports: RunPorts;
  readonly close: () => Promise<void>;
}

export async function openPorts(set: Settings, world: World, takeover?: string): Promise<Opened> {
  const cluster = await openCluster(set, world, takeover);
  const transport = await openTransport(set, world);
  const store = await world.store(set.stateDir);
  return {
    ports: { transport, store, ...present({ cluster }) },
    close: async () => {
      await transport.close();
      cluster?.close();
    },
  };
}

async function applyCommand(path: string, flags: ApplyFlags, world: World, after: AfterRun, runLine: RunLine): Promise<number> {
  if (flags.check === true) return planCommand(path, flags, world);
  const read = world.reader.readText(path);
  if (!read.ok || !path.endsWith('.json')) return applyPlaybook(path, flags, world, after, runLine);
  const saved = parsePlan(read.text);
  if (!saved.ok)
    throw new CommandError(
      3,
      `${path} is not a plan that \`kmend plan -o\` saved: ${saved.failure.message}`,
      'make a new plan: kmend plan -o FILE',
    );
  return applyPlan(path, saved.value, flags, world, after);
}

async function applyPlaybook(path: string, flags: ApplyFlags, world: World, after: AfterRun, runLine: RunLine): Promise<number> {
  const set = settings(flags, world);
  if (await listed(path, flags, set, world)) return 0;
  const project = await loadProject(path, set, world);
  const { ports, close } = await openPorts(set, world, flags.takeover);
  try {
    const first = await makePlan(project, set, flags, world, ports);
    const made = (await adoptProven(first, set, world, runLine)) ? await makePlan(project, set, flags, world, ports) : first;
    if (flags.job !== undefined && nothingToDo(made.plan)) {
      world.out(`job ${flags.job}: nothing to do on ${plural(hostCount(made.plan), 'host')}${unknownText(made.plan)}`);
      return 0;
    }
    if (flags.json !== true) for (const line of showPlan(made, world)) world.out(line);
    const changes = made.plan.plays.some((play) => play.hosts.some(hasChanges));
    const approved = changes && flags.yes !== true ? await ask(world) : false;
    return await runPlays(made, flags, set, world, ports, approved, after);
  } finally {
    await close();
  }
}

/** No host has changes, none was refused and none was left out: a job that comes every night says so in one line. */
const nothingToDo = (plan: Plan): boolean =>
  plan.plays.every((play) => play.leftOut.length === 0 && play.hosts.every((host) => host.refused === undefined && !hasChanges(host)));

const hostCount = (plan: Plan): number => plan.plays.reduce((sum, play) => sum + play.hosts.length, 0);

export async function ask(world: World): Promise<boolean> {
  if (!world.asker.attended)
    throw new CommandError(3, 'nobody is here to say yes', 'give --yes, or apply a plan that was saved and read: kmend plan -o FILE');
  if (await world.asker.confirm('Carry this out?')) return true;
  endIfStopped(world, 'interrupted before it was approved: nothing was changed');
  throw new CommandError(130, 'not carried out: the answer was no');
}

function unknownText(plan: Plan): string {
  const unknown = new Set(plan.plays.flatMap((play) => play.hosts.filter(({ verdict }) => verdict === 'unknown').map(({ host }) => host)));
  return unknown.size === 0 ? '' : `, kmem unknown on ${unknown.size} of them: see \`kmend check\``;
}

/** Plays one after the other; the first that does not end well ends the command. `after` comes after each, when its hosts are free. */
export async function runPlays(
  made: MadePlan,
  flags: RunFlags,
  set: Settings,
  world: World,
  ports: RunPorts,
  approved: boolean,
  after?: AfterRun,
): Promise<number> {
  for (const [index, play] of made.plan.plays.entries()) {
    const ready = made.plays[index];
    if (ready === undefined || ready.hosts.length === 0) continue;
    const following = made.plan.plays.slice(index + 1);
    const saved = made.saved === true;
    const { run, exit } = await startRun({ plan: made.plan, play, ready, saved, following }, flags, set, world, ports, approved);
    await after?.(run, set);
    if (exit !== 0) return exit;
  }
  return 0;
}

/** Loads again what the plan was made from, and compares. A difference is exit 8, and no host is contacted. */
async function loadSaved(
  plan: Plan,
  name: string,
  flags: FleetFlags,
  world: World,
  options: { readonly strictVersion: boolean; readonly kept?: KeptSettings },
): Promise<{ readonly set: Settings; readonly made: MadePlan; readonly opened: Opened }> {
  // A rollback has the variables of the run that it rolls back, too.
  const stateDir = stateDirOf(flags, world);
  const before = plan.rollbackOf === undefined ? undefined : keptSettings(plan.rollbackOf, stateDir, world);
  const kept = [before, options.kept].filter((one) => one !== undefined);
  const extraVars = [...kept.flatMap((one) => one.flags.extraVars), ...(flags.extraVars ?? [])];
  const limit = plan.limit === undefined ? {} : { limit: plan.limit };
  const given = settings({ ...options.kept?.flags, ...flags, inventory: plan.inventories, ...limit, extraVars }, world);
  const set =
    plan.rollbackOf === undefined
      ? given
      : { ...given, rollback: await rollbackSettings(plan.rollbackOf, plannedHosts(plan), given, world) };
  const project = await loadProject(plan.playbook, set, world);
  const stale = staleness(
    options.strictVersion ? plan : { ...plan, tool: world.version },
    world.version,
    inputsOf(project, set, plan.salt, world),
  );
  if (stale.length > 0)
    throw new CommandError(
      8,
      `${name} is stale: ${stale.slice(0, 5).join('; ')}${stale.length > 5 ? `; and ${stale.length - 5} more` : ''}`,
      hintOf(
        stale,
        kept.flatMap((one) => stillMissing(one, given.extraVars)),
      ),
    );
  const opened = await openPorts(set, world);
  const tags = present({ tags: plan.tags, skipTags: plan.skipTags, runReadOnly: plan.runReadOnly });
  const plays = [];
  for (const playPlan of plan.plays) {
    const play = project.playbook.plays.find((one) => one.name === playPlan.play);
    if (play === undefined)
      throw new CommandError(8, `${name} has a play that ${plan.playbook} has not: ${playPlan.play}`, 'make a new plan');
    // The policy is the plan's: it was shown, and flags may have changed it. Of gates the plan has no secrets, and no flag changes them.
    const rollout = { ...playPlan.rollout, gates: play.rollout.gates };
    const ready = await readyPlay(project, { ...play, rollout }, set, tags, world, opened.ports.cluster);
    const gone = playPlan.hosts.find(({ host }) => !ready.setup.hosts.has(host));
    if (gone !== undefined)
      throw new CommandError(8, `${name} has a host that the play ${play.name} has not: ${gone.host}`, 'make a new plan');
    plays.push(ready);
  }
  return { set, made: { plan, plays, saved: true }, opened };
}

/** Variables that may be secret are not kept, and a saved plan keeps no variables: the operator has to give them again. */
function hintOf(stale: readonly string[], missing: readonly string[]): string {
  if (!stale.some((text) => text.startsWith('extra variables (-e)'))) return 'make a new plan';
  const names = missing.length === 0 ? '' : ` (not kept, because they may be secret: ${[...new Set(missing)].join(', ')})`;
  return `give the same -e again${names}, or make a new plan`;
}

const plannedHosts = (plan: Plan): readonly string[] =>
  plan.plays.flatMap((play) => [...play.hosts, ...play.leftOut].map((one) => one.host));

async function applyPlan(path: string, plan: Plan, flags: ApplyFlags, world: World, after: AfterRun): Promise<number> {
  const { set, made, opened } = await loadSaved(plan, path, flags, world, { strictVersion: true });
  try {
    // Who saved a plan has read it; asked on a terminal, a person wants to see again what the yes is for.
    if (flags.json !== true && flags.yes !== true) for (const line of showPlan(made, world)) world.out(line);
    return await runPlays(made, flags, set, world, opened.ports, false, plan.rollbackOf === undefined ? after : undefined);
  } finally {
    await opened.close();
  }
}

const notReturned =
  (run: string) =>
  (error: unknown): never => {
    if (!(error instanceof NotReturned)) throw error;
    throw new CommandError(4, `run ${run} stays open; ${error.message}`, `kmend resume ${run}`);
  };

async function resumeCommand(run: string, given: ResumeFlags, world: World, after: AfterRun): Promise<number> {
  const { retry: _retry, skip: _skip, done: _done, why: _why, ...flags } = given;
  const resolutions = resolutionsOf(given, world.who);
  const { stateDir, extraVars } = settings(flags, world);
  await refuseNeverBegan(run, await world.store(stateDir));
  const directory = `${stateDir}/runs/${run}`;
  const planText = world.reader.readText(`${directory}/plan.json`);
  if (!planText.ok) throw new CommandError(3, `there is no run ${run} under ${stateDir}`, 'kmend runs lists them');
  const kept = keptSettings(run, stateDir, world);
  // Its own process goes on with it: a second one would only find it locked.
  if (resolutions.length > 0 && (await (await world.store(stateDir)).holder(run)) !== undefined)
    return leaveResolutions(run, resolutions, stateDir, world);
  warnMissing(run, kept, extraVars, world);
  const saved = parsePlan(planText.text);
  if (!saved.ok) throw new CommandError(1, `the plan of run ${run} is damaged: ${saved.failure.message}`, `see ${directory}/plan.json`);
  const plan = saved.value;
  const { set, made, opened } = await loadSaved(plan, `run ${run}`, { ...flags, stateDir }, world, { kept, strictVersion: false });
  try {
    const [play] = made.plan.plays;
    const [ready] = made.plays;
    if (play === undefined || ready === undefined) throw new CommandError(1, `the plan of run ${run} has no play`);
    if (flags.json !== true) world.out(paintOf(world).bold(`Resuming run ${run}`));
    const following = made.plan.plays.slice(1);
    const resumed = await resumeRun(run, { plan, play, ready, following }, resolutions, flags, set, world, opened.ports).catch(
      notReturned(run),
    );
    if (flags.returnProven !== undefined) return resumed.exit;
    if (plan.rollbackOf === undefined) await after(run, set);
    if (resumed.exit !== 0 || following.length === 0) return resumed.exit;
    if (resumed.wasDone) {
      const names = following.map((one) => one.play).join(', ');
      if (flags.json !== true) world.out(`The plays after it are runs of their own, see \`kmend runs\`: ${names}`);
      return 0;
    }
    const rest: MadePlan = { plan: { ...plan, plays: following }, plays: made.plays.slice(1), saved: true };
    return await runPlays(rest, flags, set, world, opened.ports, resumed.approved, after);
  } finally {
    await opened.close();
  }
}
