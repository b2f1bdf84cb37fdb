// `doctor`: whether this machine can reach and change its fleet. `cleanup`: removes kmend's files
// from hosts.
import { type ExitReason, exitCode } from '../../core/rollout/exit.ts';
import { cleanupScript, exitCodes } from '../../engine/effects/host-scripts.ts';
import { fencedBy } from '../../engine/effects/perform-run.ts';
import { type Elsewhere, forEachHost } from '../../engine/session/each-host.ts';
import type { Session as HostSession } from '../../engine/session/session.ts';
import { withPrelude } from '../../facts/index.ts';
import type { Facts } from '../../model/fact.ts';
import type { Inventory, Target } from '../../model/host.ts';
import { present } from '../../model/present.ts';
import type { Failure } from '../../model/run/failure.ts';
import { type Standing, standingOf, standingReasons } from '../plan/held.ts';
import { askedElsewhere } from '../readings/ask.ts';
import { type ExaminedState, examineState, isUsable } from '../session/database.ts';
import { isDatabase } from '../session/flags.ts';
import { hostsOf, loadFleet, reportUnopened, targetsOf } from '../session/fleet.ts';
import type { Session } from '../session/session.ts';
import type { WorldCluster } from '../session/world.ts';

/** The findings of a host. */
export interface Answer {
  readonly host: string;
  readonly text: string;
  readonly failure?: Failure;
  readonly facts?: Facts;
}

/** The findings of the cluster, in order. */
export type ClusterAnswer =
  | { readonly kind: 'nodes'; readonly nodes: number; readonly at: string }
  | { readonly kind: 'note'; readonly text: string }
  | { readonly kind: 'failed'; readonly failure: Failure };

export interface Examined {
  readonly answers: readonly Answer[];
  readonly cluster: readonly ClusterAnswer[];
  /** Absent where the state is in files. */
  readonly state?: ExaminedState;
  readonly standing: Standing;
  readonly exit: number;
}

/** Tools that scripts of remedies need beside sh. Every supported distribution has them. */
const doctorScript = withPrelude(`id -u
for t in cat grep sed awk cut tail mktemp readlink setsid; do command -v "$t" > /dev/null 2>&1 || printf 'missing %s\\n' "$t"; done
d=$R/var/lib; [ -w "$d" ] && echo writable || echo readonly
for f in proc/sys/kernel/random/boot_id etc/machine-id var/lib/kmend/fence; do printf '%s %s\\n' "\${f##*/}" "$(head -n 1 "$R/$f" 2>/dev/null)"; done
`);

/** The identity and the fence of a host, as facts. */
function identityIn(lines: readonly string[]): Facts {
  const text = (key: string): string =>
    (lines.find((line) => line.startsWith(`${key} `)) ?? '').slice(key.length + 1).trim();
  const [run = '', , state] = text('fence').split(' ');
  return {
    'boot.id': text('boot_id'),
    'machine.id': text('machine-id'),
    'fence.run': run,
    'fence.open': state === 'open',
  };
}

async function fleetOf(pattern: string, session: Session) {
  const inventory = loadFleet(session, { readsOnly: true });
  const hosts = hostsOf(inventory, pattern, session);
  const targets = await targetsOf(inventory, hosts, session);
  reportUnopened(inventory, hosts, session);
  return { inventory, targets };
}

export async function doctor(pattern: string, session: Session): Promise<Examined> {
  const { inventory, targets } = await fleetOf(pattern, session);
  const { settings, world } = session;
  const state = isDatabase(settings.state) ? await examineState(settings.state, world) : undefined;
  const isKnown = state === undefined || isUsable(state);
  const elsewhere = isKnown ? await examineElsewhere(inventory, targets, session) : undefined;
  const answers = await examineHosts(targets, session, elsewhere);
  const cluster = await session.ports.cluster();
  const found = cluster === undefined ? [] : await examineCluster(cluster, session);
  const standing = isKnown
    ? await standingOf(answers, targets, inventory, session)
    : { held: [], twins: [] };
  const failures = [
    ...found.flatMap((one) => (one.kind === 'failed' ? [one.failure] : [])),
    ...failuresOf(answers),
  ];
  return {
    answers,
    cluster: found,
    ...present({ state }),
    standing,
    // Without its state no command does anything.
    exit: isKnown ? exitCode([...failures.map(reasonOf), ...standingReasons(standing)]) : 1,
  };
}

const failuresOf = (answers: readonly Answer[]): readonly Failure[] =>
  answers.flatMap(({ failure }) => failure ?? []);

const reasonOf = ({ kind }: Failure): ExitReason =>
  kind === 'unreachable' ? 'unreachable' : 'failed';

async function examineElsewhere(
  inventory: Inventory,
  targets: readonly Target[],
  session: Session,
): Promise<Elsewhere<Answer> | undefined> {
  const question = { kind: 'doctor' } as const;
  const asking = { question, retries, project: { inventory }, plays: [] };
  return (await askedElsewhere<Answer>(asking, targets, session))?.();
}

/** What `doctor` finds on hosts. */
export const examineHosts = (
  targets: readonly Target[],
  session: Session,
  elsewhere?: Elsewhere<Answer>,
): Promise<readonly Answer[]> =>
  onHosts(targets, session, { use: examineHost, ...present({ elsewhere }) });

async function examineHost(session: HostSession): Promise<Omit<Answer, 'host'>> {
  const become = session.target.become !== undefined;
  const outcome = await session.read(doctorScript, { timeout: 30, become, maxOutput: 4096 });
  if (!outcome.ok) return { text: '', failure: outcome.failure };
  const [uid = '', ...rest] = outcome.value.stdout.trim().split('\n');
  const missing = rest.filter((line) => line.startsWith('missing')).map((line) => line.slice(8));
  const root = uid === '0' ? 'root' : `not root (uid ${uid}): plays with effects need become`;
  const disk = rest.includes('writable') ? '' : ', /var/lib is not writable';
  return {
    text: `reached, sh, ${root}${disk}${missing.length === 0 ? '' : `, lacks ${missing.join(', ')}`}`,
    facts: identityIn(rest),
  };
}

/** Asks the API server for every right that a rollout needs, since a 403 would come after a cordon. */
async function examineCluster(
  cluster: WorldCluster,
  { world }: Session,
): Promise<readonly ClusterAnswer[]> {
  const found: ClusterAnswer[] = [];
  const note = (text: string): void => void found.push({ kind: 'note', text });
  const nodes = await cluster.nodes(world.kill);
  if (cluster.unsafe !== undefined) note(`warning: ${cluster.unsafe}`);
  if (nodes.ok) found.push({ kind: 'nodes', nodes: nodes.value.length, at: cluster.description });
  else found.push({ kind: 'failed', failure: nodes.failure });
  if (!nodes.ok && nodes.failure.transport === true) return found;
  const roles = [
    ['rollout', 'cordon, drain, uncordon (role kmend-rollout)'],
    ['forecast', 'the plan and its forecast (role kmend-forecast)'],
  ] as const;
  for (const [role, what] of roles) {
    const missing = await cluster.missingRights(role, world.kill);
    if (!missing.ok) found.push({ kind: 'failed', failure: missing.failure });
    else if (missing.value.length === 0) note(`may do all of ${what}`);
    else found.push({ kind: 'failed', failure: lacking(missing.value, what) });
  }
  const optional = [
    ['delete', 'needed only for disable_eviction and fallback_without_eviction'],
    [
      'watch',
      'a drain lists the pods of its node every 2 s instead, which costs the API server more',
    ],
    ['events', 'needed only for events on nodes (role kmend-events)'],
    ['surge', 'needed only for single_replica (role kmend-surge)'],
  ] as const;
  for (const [role, what] of optional) {
    const missing = await cluster.missingRights(role, world.kill);
    if (missing.ok && missing.value.length > 0)
      note(`may not ${missing.value.join(', ')}: ${what}`);
  }
  return found;
}

const lacking = (rights: readonly string[], what: string): Failure => ({
  kind: 'auth',
  message: `may not ${rights.join(', ')}: needed for ${what}`,
  hint: 'docs/rbac.yaml has the roles',
});

/** Removes all files of kmend from hosts that no run holds. */
export async function cleanup(
  pattern: string,
  session: Session,
): Promise<{ readonly answers: readonly Answer[]; readonly exit: number }> {
  const { targets } = await fleetOf(pattern, session);
  const answers = await onHosts(targets, session, { use: cleanHost });
  return { answers, exit: exitCode(failuresOf(answers).map(reasonOf)) };
}

async function cleanHost(host: HostSession): Promise<Omit<Answer, 'host'>> {
  const outcome = await host.read(cleanupScript, {
    timeout: 60,
    become: host.target.become !== undefined,
  });
  if (!outcome.ok) return { text: '', failure: outcome.failure };
  const { code, stderr } = outcome.value;
  if (code === 0) return { text: 'clean' };
  const failure: Failure =
    code === exitCodes.fenced
      ? { ...fencedBy(stderr), hint: 'resume or resolve that run first' }
      : { kind: 'exit', message: `exit ${code}: ${stderr.trim()}` };
  return { text: '', failure };
}

/** Retries after a transport failure. */
const retries = 1;

interface HostWork {
  readonly use: (host: HostSession) => Promise<Omit<Answer, 'host'>>;
  readonly elsewhere?: Elsewhere<Answer>;
}

async function onHosts(
  targets: readonly Target[],
  session: Session,
  { use, elsewhere }: HostWork,
): Promise<readonly Answer[]> {
  const { settings, world } = session;
  const options = { forks: settings.forks, retries, signal: world.kill };
  const ports = { transport: await session.ports.transport(), clock: world.clock };
  const answer = async (host: HostSession): Promise<Answer> => ({
    host: host.target.name,
    ...(await use(host)),
  });
  const failed = (host: string, failure: Failure): Answer => ({ host, text: '', failure });
  return forEachHost(targets, options, ports, {
    use: answer,
    failed,
    ...present({ elsewhere }),
  });
}
