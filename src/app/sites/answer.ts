// Answers what commands ask the workers of a site: reads the hosts with what this machine has.
import { type Planned, planHosts, type Survey } from '../../engine/host/fleet.ts';
import type { NewReading } from '../../engine/ports/sites.ts';
import type { Store } from '../../engine/ports/store.ts';
import type { Inventory } from '../../model/host.ts';
import { present } from '../../model/present.ts';
import { toJson } from '../../model/text/printable.ts';
import { type Answer, examineHosts } from '../hosts/doctor.ts';
import { surveyHosts } from '../hosts/survey.ts';
import { loadProject, type ReadyPlay, readyPlay } from '../plan/project.ts';
import {
  type About,
  type AskedHosts,
  type PlanQuestion,
  type ReadingRequest,
  requestIn,
} from '../readings/request.ts';
import { rollbackSettings } from '../run/rollback-settings.ts';
import { sentenceOf } from '../session/diagnostics.ts';
import { onlyVars } from '../session/extra-vars.ts';
import type { FleetFlags } from '../session/flags.ts';
import { loadFleet, targetsOf } from '../session/fleet.ts';
import { type Digests, digestsOf, summarized } from '../session/inputs.ts';
import { inSession, runPorts, type Session } from '../session/session.ts';
import { readingSignal } from '../session/settings.ts';
import { CommandError, type Surroundings } from '../session/world.ts';

/**
 * The answer to a question, as text: what was read of each host, or why this worker reads none. An
 * abort of the signals of the world ends it with an error.
 * @param flags of the worker: they win over those of the question
 */
export async function answerReading(
  reading: NewReading,
  around: Surroundings,
  store: Store,
  flags: FleetFlags,
): Promise<string> {
  const { world, observer } = around;
  const isStopped = (): boolean => world.stop.aborted || world.kill.aborted;
  try {
    const request = requestIn(reading.request);
    if (typeof request === 'string')
      throw new CommandError(1, `the question cannot be understood: ${request}`);
    const rows = await rowsOf(request, around, store, flags);
    if (isStopped()) throw new Error('interrupted while hosts were read');
    return toJson(world.secrets.mask({ rows }));
  } catch (error) {
    if (isStopped()) throw error;
    const refused = world.secrets.mask(sentenceOf(error));
    observer.log(`hosts of site ${reading.site} are not read: ${refused}`);
    return toJson({ refused, bootId: world.ownBootId });
  }
}

function rowsOf(
  { about, hosts }: ReadingRequest,
  { world, observer }: Surroundings,
  store: Store,
  flags: FleetFlags,
): Promise<readonly (Survey | Planned | Answer)[]> {
  // A worker asks no other one, and its session lives on.
  const { sites: _, ...own } = store;
  const inner: Surroundings = {
    observer,
    world: {
      ...onlyVars(about.withheld, world),
      store: async () => ({ ...own, close: async () => {} }),
    },
  };
  const extraVars = [...about.flags.extraVars, ...(flags.extraVars ?? [])];
  const { inventory, limit } = about.flags;
  const all = { ...about.flags, ...flags, ...present({ inventory, limit }), extraVars };
  const takeover = about.question.kind === 'plan' ? about.question.takeover : undefined;
  return inSession(all, inner, (session) => read(about, hosts, store, session), takeover);
}

async function read(
  about: About,
  hosts: AskedHosts,
  store: Store,
  session: Session,
): Promise<readonly (Survey | Planned | Answer)[]> {
  const { world } = session;
  const { question, retries } = about;
  refuseMissing(about.withheld, session);
  const { inventory, digests, ready } = await loadedOnce(about, store, session);
  const found = hosts.names.map((name) => digests.get(name) ?? [`variables of ${name}`, '']);
  refuseOthers(hosts.inputs, Object.fromEntries(found));
  const options = { retries, signal: readingSignal(world), onHost: () => {} };
  if (question.kind === 'plan') return planned(ready, hosts, options, session);
  const targets = await targetsOf(inventory, hosts.names, session);
  if (question.kind === 'doctor') return examineHosts(targets, session);
  const accepted = new Map(Object.entries(hosts.accepted ?? {}));
  return surveyHosts({ inventory, targets, accepted }, question, options, session);
}

async function planned(
  ready: ReadyPlay | undefined,
  { names, disputed = {} }: AskedHosts,
  { retries, signal }: { readonly retries: number; readonly signal: AbortSignal },
  session: Session,
): Promise<readonly Planned[]> {
  if (ready === undefined) throw new Error('a plan without a play');
  const gone = names.find((name) => !ready.setup.hosts.has(name));
  if (gone !== undefined) throw new CommandError(8, `its play has no host ${gone}`);
  const { clock } = session.world;
  const input = {
    // Another worker of the site may carry the host out that this machine is: its walk decides that.
    setup: { ...ready.setup, ownBootId: '' },
    ports: { ...(await runPorts(session)), clock },
    since: clock.now(),
    disputed: new Map(Object.entries(disputed)),
  };
  return planHosts(names, input, { forks: session.settings.forks, retries, signal }, () => {});
}

/** What the questions of one command share: fleets are large, and each question has few hosts. */
interface Loaded {
  readonly inventory: Inventory;
  readonly digests: ReadonlyMap<string, readonly [string, string]>;
  /** Of a plan. */
  readonly ready?: ReadyPlay;
}

/** Commands whose files stay loaded: those of the newest questions. */
const mostLoaded = 2;

const loadedBy = new WeakMap<Store, Map<string, Promise<Loaded>>>();

/** Each command has its own salt, so files that changed since are loaded again for the next one. */
async function loadedOnce(about: About, store: Store, session: Session): Promise<Loaded> {
  const all = loadedBy.get(store) ?? new Map<string, Promise<Loaded>>();
  loadedBy.set(store, all);
  const key = JSON.stringify(about);
  const loaded = all.get(key) ?? load(about, session);
  all.delete(key);
  all.set(key, loaded);
  for (const old of [...all.keys()].slice(0, -mostLoaded)) all.delete(old);
  // What failed may be right for the next question.
  loaded.catch(() => all.delete(key));
  return loaded;
}

async function load(about: About, session: Session): Promise<Loaded> {
  const { question, salt, inputs } = about;
  if (question.kind !== 'plan') {
    const inventory = loadFleet(session);
    const { shared, hosts } = digestsOf({ inventory }, salt, session);
    refuseOthers(inputs, summarized(shared));
    return { inventory, digests: hosts };
  }
  const own = await withRollback(question, session);
  const project = await loadProject(question.playbook, own);
  const { shared, hosts } = digestsOf(project, salt, own);
  refuseOthers(inputs, summarized(shared));
  await refuseCluster(question, own);
  const play = project.playbook.plays[question.play];
  if (play === undefined) throw new CommandError(8, 'its playbook has fewer plays');
  const ready = await readyPlay(project, play, own, question);
  return { inventory: project.inventory, digests: hosts, ready };
}

async function withRollback({ rollback }: PlanQuestion, session: Session): Promise<Session> {
  if (rollback === undefined) return session;
  const found = await rollbackSettings(rollback.run, rollback.hosts, session);
  return { ...session, settings: { ...session.settings, rollback: found } };
}

/** A plan without the cluster that the command has would drain no node, and the reverse. */
async function refuseCluster({ cluster }: PlanQuestion, { ports }: Session): Promise<void> {
  const has = (await ports.cluster()) !== undefined;
  if (has === cluster) return;
  throw new CommandError(
    3,
    has
      ? 'it has a kubeconfig, and the command has none'
      : 'it has no kubeconfig, and the command has one',
  );
}

function refuseMissing(withheld: readonly string[], session: Session): void {
  const { extraVars } = session.settings;
  const missing = withheld.filter((name) => !Object.hasOwn(extraVars, name));
  if (missing.length === 0) return;
  throw new CommandError(
    3,
    `it lacks variables that are not sent, because they may be secret: ${missing.join(', ')}; the worker needs KMEND_VAR_${missing[0]} in its environment`,
  );
}

/** Other files than those of the command would give other plans. */
function refuseOthers(asked: Digests, own: Digests): void {
  const names = [...new Set([...Object.keys(asked), ...Object.keys(own)])];
  const others = names.filter((name) => asked[name] !== own[name]);
  const [first] = others;
  if (first === undefined) return;
  const more = others.length === 1 ? '' : ` (and ${others.length - 1} more)`;
  throw new CommandError(8, `it has another version of ${first}, or none${more}`);
}
