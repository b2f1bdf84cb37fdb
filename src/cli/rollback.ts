// `kmend rollback`: takes back what a run changed, host by host, by a plan that is made from the journal of that run and proven like a remedy.
import type { Command } from 'commander';
import { makePlan } from '../app/plan/make-plan.ts';
import { loadProject } from '../app/plan/project.ts';
import { type KeptSettings, keptSettings, warnMissing } from '../app/run/kept-settings.ts';
import { deedsOfRun, rollbackSettings, type WaysBack } from '../app/run/rollback-settings.ts';
import type { RunFlags } from '../app/run/run-play.ts';
import type { FleetFlags, RolloutFlags } from '../app/session/flags.ts';
import { loadFleet, matchHosts } from '../app/session/fleet.ts';
import { type Settings, settings } from '../app/session/settings.ts';
import { CommandError, type World } from '../app/session/world.ts';
import { hasChanges } from '../model/run/plan.ts';
import { toJson } from '../model/text/printable.ts';
import { plural } from '../screens/layout.ts';
import { withFleetOptions, withForwardOption, withRolloutOptions } from './options.ts';
import { ask, openPorts, planExit, print, runPlays } from './plan-apply.ts';

interface RollbackFlags extends FleetFlags, RolloutFlags, RunFlags {
  readonly check?: boolean;
  readonly output?: string;
  readonly playbook?: string;
}

export function rollbackCommand(program: Command, world: World, done: (exit: number) => void): void {
  withForwardOption(withRolloutOptions(withFleetOptions(program.command('rollback'))))
    .description(
      "roll back what a run changed: boot arguments, kernel that boots, packages, repository files, as that run's journal found them",
    )
    .argument('<run>')
    .option('-C, --check', 'only plan')
    .option('-o, --output <file>', 'only plan, and save the plan: `kmend apply FILE` does exactly that')
    .option('-y, --yes', 'do not ask; without it, and without -l, nothing is rolled back')
    .option('--wait', 'wait for a window, a gate or capacity instead of ending with 9 or 10')
    .option('--takeover <run>', 'take hosts over that this run holds')
    .option('--playbook <file>', 'instead of the rollback.yaml that comes with kmend')
    .addHelpText(
      'after',
      '\nInventory, login, cluster and variables (of -e and of the play) are those of the run, unless flags say otherwise; what may be secret is not\n' +
        'kept and is named: give it with -e. A host is refused where the journal lacks a value from before.',
    )
    .action(async (run: string, flags: RollbackFlags) => done(await rollback(run, flags, world)));
}

async function rollback(run: string, given: RollbackFlags, world: World): Promise<number> {
  const kept = keptSettings(run, settings(given, world).stateDir, world);
  const flags = flagsFor(kept, given, world);
  const asked = settings(flags, world);
  warnMissing(run, kept, asked.extraVars, world);
  const names = await hostsToTakeBack(run, asked, world);
  const ways = await rollbackSettings(run, names, asked, world);
  tellLeft(ways, world);
  const isPlan = given.check === true || given.output !== undefined;
  if (!isPlan && given.yes !== true && given.limit === undefined)
    throw new CommandError(
      3,
      `this would take back run ${run} on ${plural(ways.vars.size, 'host')}`,
      'name hosts with -l, or say --yes; --check only plans',
    );
  if (ways.vars.size === 0 && ways.refused.length === 0) {
    world.out(`run ${run} changed nothing on these hosts that could be taken back`);
    return 0;
  }
  const set: Settings = { ...asked, limit: [...ways.vars.keys()].join(','), rollback: ways };
  return carryOut(set, flags, isPlan, world);
}

async function carryOut(set: Settings, flags: RollbackFlags, isPlan: boolean, world: World): Promise<number> {
  if (set.rollback?.vars.size === 0) {
    for (const { host, failure } of set.rollback.refused) world.err(`${host}: refused: ${failure.message} (${failure.hint ?? ''})`);
    return 4;
  }
  const project = await loadProject(flags.playbook ?? `${world.packageRoot}/playbooks/rollback.yaml`, set, world);
  const { ports, close } = await openPorts(set, world, flags.takeover);
  try {
    const made = await makePlan(project, set, flags, world, ports);
    if (flags.output !== undefined) await world.files.write(flags.output, `${toJson(made.plan, 1)}\n`, 0o600);
    if (isPlan || flags.json !== true) print(made, flags, world);
    if (isPlan) return planExit(made.plan);
    const changes = made.plan.plays.some((play) => play.hosts.some(hasChanges));
    const approved = changes && flags.yes !== true ? await ask(world) : false;
    return await runPlays(made, flags, set, world, ports, approved);
  } finally {
    await close();
  }
}

/** Inventory, login, cluster and variables of the run. Its `--limit` is not taken over: which hosts it worked on is in its journal. */
function flagsFor(kept: KeptSettings, given: RollbackFlags, world: World): RollbackFlags {
  const { limit: _limit, verbose: _verbose, ...fleet } = kept.flags;
  const extraVars = [...kept.flags.extraVars, ...(given.extraVars ?? [])];
  return { ...fleet, ...given, stateDir: settings(given, world).stateDir, extraVars };
}

/** Hosts of the run that the inventory still has and that `-l` leaves. */
async function hostsToTakeBack(run: string, set: Settings, world: World): Promise<readonly string[]> {
  const deeds = await deedsOfRun(run, await world.store(set.stateDir), set.stateDir);
  const { hosts } = matchHosts(loadFleet(set, world), 'all', set, world);
  const names = hosts.filter((host) => deeds.has(host));
  if (names.length === 0) throw new CommandError(11, `run ${run} started none of these hosts`, `kmend report ${run} shows its hosts`);
  return names;
}

function tellLeft(ways: WaysBack, world: World): void {
  const by = new Map<string, string[]>();
  for (const [host, left] of ways.left) for (const what of left) by.set(what, [...(by.get(what) ?? []), host]);
  for (const [what, hosts] of by)
    world.err(
      `warning: not taken back: ${what} on ${hosts.slice(0, 5).join(', ')}${hosts.length > 5 ? ` and ${hosts.length - 5} more` : ''}`,
    );
}
