// `kmend doctor`: what stands between this machine and its fleet, before a night on which it matters; and `cleanup`.
import type { Command } from 'commander';
import { standingOf, standingReasons } from '../app/plan/held.ts';
import type { FleetFlags } from '../app/session/flags.ts';
import { hostsOf, loadFleet, targetsOf } from '../app/session/fleet.ts';
import { openCluster, openTransport, paintOf, type Settings, settings } from '../app/session/settings.ts';
import { CommandError, type World, type WorldCluster } from '../app/session/world.ts';
import { type ExitReason, exitCode } from '../core/rollout/exit.ts';
import { cleanupScript, exitCodes } from '../engine/effects/host-scripts.ts';
import { fencedBy } from '../engine/effects/perform-run.ts';
import { forEachHost } from '../engine/session/each-host.ts';
import type { Session } from '../engine/session/session.ts';
import { withPrelude } from '../facts/index.ts';
import type { Facts } from '../model/fact.ts';
import type { Inventory, Target } from '../model/host.ts';
import type { Failure } from '../model/run/failure.ts';
import { table } from '../screens/layout.ts';
import { failureText } from '../screens/run/failure-text.ts';
import { heldLines } from '../screens/run/held-text.ts';
import { withFleetOptions } from './options.ts';

export function doctorCommand(program: Command, world: World, done: (exit: number) => void): void {
  withFleetOptions(program.command('doctor'))
    .description(
      'can every host be reached, is there a POSIX sh, may we become root; does the cluster answer, and may we do there what a rollout does',
    )
    .argument('[pattern]', 'hosts', 'all')
    .action(async (pattern: string, flags: FleetFlags) => done(await doctor(pattern, flags, world)));
  withFleetOptions(program.command('cleanup'))
    .description('remove everything of kmend from hosts that no run holds (/var/lib/kmend, /run/kmend)')
    .argument('<pattern>')
    .option('-y, --yes', 'do not ask')
    .action(async (pattern: string, flags: FleetFlags & { readonly yes?: boolean }) => done(await cleanup(pattern, flags, world)));
}

interface Answer {
  readonly host: string;
  readonly text: string;
  readonly failure?: Failure;
  readonly facts?: Facts;
}

/** Tools that the scripts of remedies use beside sh; each is in every distribution that kmend knows. */
const doctorScript = withPrelude(`id -u
for t in cat grep sed awk cut tail mktemp readlink setsid; do command -v "$t" > /dev/null 2>&1 || printf 'missing %s\\n' "$t"; done
d=$R/var/lib; [ -w "$d" ] && echo writable || echo readonly
for f in proc/sys/kernel/random/boot_id etc/machine-id var/lib/kmend/fence; do printf '%s %s\\n' "\${f##*/}" "$(head -n 1 "$R/$f" 2>/dev/null)"; done
`);

/** The lines that name the host and its fence, as facts. */
function identityIn(lines: readonly string[]): Facts {
  const text = (key: string): string => (lines.find((line) => line.startsWith(`${key} `)) ?? '').slice(key.length + 1).trim();
  const [run = '', , state] = text('fence').split(' ');
  return { 'boot.id': text('boot_id'), 'machine.id': text('machine-id'), 'fence.run': run, 'fence.open': state === 'open' };
}

async function doctor(pattern: string, flags: FleetFlags, world: World): Promise<number> {
  const { answers, ...fleet } = await onHosts(pattern, flags, world, async (session) => {
    const become = session.target.become !== undefined;
    const outcome = await session.read(doctorScript, { timeout: 30, become, maxOutput: 4096 });
    if (!outcome.ok) return { text: '', failure: outcome.failure };
    const [uid = '', ...rest] = outcome.value.stdout.trim().split('\n');
    const missing = rest.filter((line) => line.startsWith('missing')).map((line) => line.slice(8));
    const root = uid === '0' ? 'root' : `not root (uid ${uid}): plays with effects need become`;
    const disk = rest.includes('writable') ? '' : ', /var/lib is not writable';
    return { text: `reached, sh, ${root}${disk}${missing.length === 0 ? '' : `, lacks ${missing.join(', ')}`}`, facts: identityIn(rest) };
  });
  const cluster = await openCluster(fleet.set, world);
  const reasons = cluster === undefined ? [] : [...(await lookAtCluster(cluster, world).finally(() => cluster.close()))];
  reasons.push(...tellAnswers(answers, world));
  const standing = await standingOf(answers, fleet.targets, fleet.inventory, fleet.set, world);
  for (const line of heldLines(standing.held, standing.twins, world.width(), paintOf(world))) world.out(line);
  return exitCode([...reasons, ...standingReasons(standing)]);
}

/** Every right that a plan and a rollout need, asked of the API server itself beforehand: a 403 in the night comes after the cordon. */
async function lookAtCluster(cluster: WorldCluster, world: World): Promise<readonly ExitReason[]> {
  const reasons: ExitReason[] = [];
  const bad = (failure: Failure): void => {
    reasons.push(failure.kind === 'unreachable' ? 'unreachable' : 'failed');
    world.out(`cluster: ${failureText(failure)}`);
  };
  const nodes = await cluster.nodes(world.kill);
  if (cluster.unsafe !== undefined) world.out(`cluster: warning: ${cluster.unsafe}`);
  if (nodes.ok) world.out(`cluster: ${nodes.value.length} nodes at ${cluster.description}`);
  else bad(nodes.failure);
  if (!nodes.ok && nodes.failure.transport === true) return reasons;
  const roles = [
    ['rollout', 'cordon, drain, uncordon (role kmend-rollout)'],
    ['forecast', 'the plan and its forecast (role kmend-forecast)'],
  ] as const;
  for (const [role, what] of roles) {
    const missing = await cluster.missingRights(role, world.kill);
    if (!missing.ok) bad(missing.failure);
    else if (missing.value.length === 0) world.out(`cluster: may do all of ${what}`);
    else bad({ kind: 'auth', message: `may not ${missing.value.join(', ')}: needed for ${what}`, hint: 'docs/rbac.yaml has the roles' });
  }
  const optional = [
    ['delete', 'needed only for disable_eviction and fallback_without_eviction'],
    ['watch', 'a drain lists the pods of its node every 2 s instead, which costs the API server more'],
    ['events', 'needed only for events on nodes (role kmend-events)'],
    ['surge', 'needed only for single_replica (role kmend-surge)'],
  ] as const;
  for (const [role, what] of optional) {
    const missing = await cluster.missingRights(role, world.kill);
    if (missing.ok && missing.value.length > 0) world.out(`cluster: may not ${missing.value.join(', ')}: ${what}`);
  }
  return reasons;
}

async function cleanup(pattern: string, flags: FleetFlags & { readonly yes?: boolean }, world: World): Promise<number> {
  if (flags.yes !== true && !(world.asker.attended && (await world.asker.confirm(`Remove kmend's files from ${pattern}?`))))
    throw new CommandError(130, 'nothing was removed');
  const { answers } = await onHosts(pattern, flags, world, async (session) => {
    const outcome = await session.read(cleanupScript, { timeout: 60, become: session.target.become !== undefined });
    if (!outcome.ok) return { text: '', failure: outcome.failure };
    const { code, stderr } = outcome.value;
    if (code === 0) return { text: 'clean' };
    if (code === exitCodes.fenced) return { text: '', failure: { ...fencedBy(stderr), hint: 'resume or resolve that run first' } };
    return { text: '', failure: { kind: 'exit', message: `exit ${code}: ${stderr.trim()}` } };
  });
  return exitCode(tellAnswers(answers, world));
}

interface Asked {
  readonly answers: readonly Answer[];
  readonly targets: readonly Target[];
  readonly inventory: Inventory;
  readonly set: Settings;
}

async function onHosts(
  pattern: string,
  flags: FleetFlags,
  world: World,
  use: (session: Session) => Promise<Omit<Answer, 'host'>>,
): Promise<Asked> {
  const set = settings(flags, world);
  const inventory = loadFleet(set, world);
  const targets = await targetsOf(inventory, hostsOf(inventory, pattern, set, world), set, world);
  const transport = await openTransport(set, world);
  try {
    const options = { forks: set.forks, retries: 1, signal: world.kill };
    const answer = async (session: Session): Promise<Answer> => ({ host: session.target.name, ...(await use(session)) });
    const failed = (host: string, failure: Failure): Answer => ({ host, text: '', failure });
    const answers = await forEachHost(targets, options, { transport, clock: world.clock }, answer, failed);
    return { answers, targets, inventory, set };
  } finally {
    await transport.close();
  }
}

function tellAnswers(answers: readonly Answer[], world: World): readonly ExitReason[] {
  const rows = answers.map(({ host, text, failure }) => [host, failure === undefined ? text : failureText(failure)]);
  for (const line of table(rows, world.width())) world.out(line);
  return answers.flatMap(({ failure }): ExitReason[] =>
    failure === undefined ? [] : [failure.kind === 'unreachable' ? 'unreachable' : 'failed'],
  );
}
