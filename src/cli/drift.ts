// `kmend drift`: read-only. Which of the hosts that earlier runs remediated have lost their remedy.
import type { Command } from 'commander';
import { mendedHosts } from '../app/history/history.ts';
import { readHeld, type Standing, standingOf, standingReasons } from '../app/plan/held.ts';
import type { FleetFlags } from '../app/session/flags.ts';
import { declaredOf, hostsOf, loadFleet, targetsOf } from '../app/session/fleet.ts';
import { hostProgress } from '../app/session/host-progress.ts';
import { openTransport, paintOf, settings } from '../app/session/settings.ts';
import { CommandError, type World } from '../app/session/world.ts';
import { type HostDrift, hostDrift } from '../core/history/drift-report.ts';
import { seenOf } from '../core/history/orphans.ts';
import { type ExitReason, exitCode } from '../core/rollout/exit.ts';
import { surveyFleet } from '../engine/host/fleet.ts';
import { givenFacts } from '../facts/index.ts';
import type { Facts } from '../model/fact.ts';
import { attempt, type Failure, ok } from '../model/run/failure.ts';
import { toJson } from '../model/text/printable.ts';
import { driftSummary, driftTable } from '../screens/hosts/drift-text.ts';
import { heldLines } from '../screens/run/held-text.ts';
import { withFleetOptions } from './options.ts';

interface DriftFlags extends FleetFlags {
  readonly all?: boolean;
}

export function driftCommand(program: Command, world: World, done: (exit: number) => void): void {
  withFleetOptions(program.command('drift'))
    .description('read-only: which of the hosts that earlier runs remediated have lost the remedy since (a kernel update, a downgrade)')
    .argument('[pattern]', 'hosts', 'all')
    .option('--all', 'also hosts that no run remediated')
    .addHelpText(
      'after',
      '\nExit codes: 0 all kept it, also where what the play accepted is left open, 2 some lost it, 4 a host could not be read or was left out of service by a run, 6 hosts unreachable, 11 no run remediated any of them, 12 unproven: nothing shows whether it was kept.',
    )
    .action(async (pattern: string, flags: DriftFlags) => done(await drift(pattern, flags, world)));
}

async function drift(pattern: string, flags: DriftFlags, world: World): Promise<number> {
  const set = settings(flags, world);
  const inventory = loadFleet(set, world);
  const matched = hostsOf(inventory, pattern, set, world);
  const store = await world.store(set.stateDir);
  const memory = await mendedHosts(store);
  // A host that a run left half done was remediated by none, and is none of those that nobody asks about.
  const left = await readHeld(
    matched.map((host) => seenOf(host, {})),
    store,
  );
  const hosts = flags.all === true ? matched : matched.filter((host) => memory.has(host) || left.has(host));
  if (hosts.length === 0)
    throw new CommandError(
      11,
      `no run under ${set.stateDir} remediated any of these ${matched.length} hosts`,
      '`kmend drift --all` and `kmend check` read hosts that no run remediated; --state-dir names another place of runs',
    );
  const targets = await targetsOf(inventory, hosts, set, world);
  const declared = declaredOf(inventory, hosts, set, world);
  const transport = await openTransport(set, world);
  try {
    const known = async (host: string): Promise<Facts> => givenFacts(declared.get(host), undefined, memory.get(host)?.proof.accepted);
    const options = { forks: set.forks, retries: 3, signal: world.kill, known };
    const progress = hostProgress('read', hosts, world);
    const surveys = await surveyFleet(targets, [], options, { transport, clock: world.clock }, ({ host }) => progress(host));
    world.progress('');
    const rows = surveys.map(({ host, outcome }) => {
      const unread = (failure: Failure): HostDrift => hostDrift(host, memory.get(host), { failure });
      if (!outcome.ok) return unread(outcome.failure);
      const row = attempt(`the facts of ${host}`, () => ok(hostDrift(host, memory.get(host), { facts: outcome.value })));
      return row.ok ? row.value : unread(row.failure);
    });
    const read = surveys.map(({ host, outcome }) => ({ host, ...(outcome.ok ? { facts: outcome.value } : {}) }));
    return show(rows, await standingOf(read, targets, inventory, set, world), flags, world);
  } finally {
    await transport.close();
  }
}

function show(rows: readonly HostDrift[], standing: Standing, flags: DriftFlags, world: World): number {
  const exit = exitCode([...rows.flatMap(reasons), ...standingReasons(standing)]);
  const { held, twins } = standing;
  if (flags.json === true) {
    for (const row of rows)
      world.out(toJson({ schema: 'kmend.drift/1', ...row, held: held.find(({ host }) => host === row.host) ?? null }));
    return exit;
  }
  const [width, paint] = [world.width(), paintOf(world)];
  for (const line of [...driftTable(rows, width, paint), ...heldLines(held, twins, width, paint)]) world.out(line);
  world.out(`${driftSummary(rows)}   (exit ${exit})`);
  return exit;
}

function reasons(row: HostDrift): readonly ExitReason[] {
  if (row.state === 'unread') return [row.failure?.kind === 'unreachable' ? 'unreachable' : 'failed'];
  if (row.state === 'unproven') return ['unverified'];
  return row.state === 'lost' ? ['changes'] : [];
}
