// A project: playbook, inventory, modules and targets, loaded and checked together.

import { zoneOf } from '../../core/plan/plan-play.ts';
import type { Planned, PlanOptions } from '../../engine/host/fleet.ts';
import type { HostSetup, PlaySetup } from '../../engine/host/walk-context.ts';
import type { HostIdentity } from '../../engine/node/match.ts';
import { mapInTurns } from '../../engine/session/in-turns.ts';
import { factDefs, wantsNamedIn } from '../../facts/index.ts';
import {
  hostScope,
  inventoryVars,
  loadPlaybook,
  openPlaybook,
  type PlaybookOptions,
  readVariable,
  SealedError,
  sealedDiagnostic,
  targetOf,
  writtenVariable,
} from '../../load/index.ts';
import type { Host, Inventory, Target } from '../../model/host.ts';
import type { PackageFiles } from '../../model/package-file.ts';
import type { Play, Playbook } from '../../model/playbook.ts';
import { present } from '../../model/present.ts';
import type { AnyModule } from '../../model/run/change.ts';
import type { Mapping } from '../../model/value.ts';
import { askedElsewhere } from '../readings/ask.ts';
import type { PlanQuestion } from '../readings/request.ts';
import { rolesPathOf } from '../session/ansible/settings.ts';
import { report } from '../session/diagnostics.ts';
import type { TaskFlags } from '../session/flags.ts';
import { askFor, declaredOf, loadFleet, matchHosts, targetsOf } from '../session/fleet.ts';
import { learnRendered, learnWritten, secretTemplates } from '../session/secrets.ts';
import type { Session } from '../session/session.ts';
import { CommandError } from '../session/world.ts';
import { packageFilesOf } from './package-files.ts';
import { hintOfMissing, playbookFile } from './shipped.ts';
import { wantedTasks } from './wanted-tasks.ts';

export interface Project {
  /** As it was given: a path, or the name of a playbook that comes with kmend. */
  readonly name: string;
  readonly path: string;
  readonly playbook: Playbook;
  readonly inventory: Inventory;
  readonly modules: ReadonlyMap<string, AnyModule>;
  readonly files: PackageFiles;
}

const noInventory: Inventory = { hosts: new Map(), groups: new Map(), files: [] };

const directoryOf = (path: string): string =>
  path.includes('/') ? path.slice(0, path.lastIndexOf('/')) || '/' : '.';

interface Opened extends Omit<Project, 'playbook' | 'files'> {
  readonly text: string;
  /** There is no inventory to check against. */
  readonly without: boolean;
  readonly options: PlaybookOptions;
}

/** A playbook as text, with all that reading it takes; `partial`: it needs no inventory. */
export async function openProject(
  name: string,
  session: Session,
  partial: boolean,
): Promise<Opened> {
  const { settings, world, observer } = session;
  const path = playbookFile(name, world);
  const read = world.reader.readText(path);
  if (!read.ok) throw new CommandError(3, `${path}: ${read.why}`, hintOfMissing(path, world));
  const modules = await world.modules();
  const loaded =
    partial && settings.inventories.length === 0
      ? noInventory
      : loadFleet(session, { playbookDir: directoryOf(path), partial });
  for (const program of loaded.notRun ?? [])
    observer.notice(
      `${program} was not run, so no inventory is checked; ${askFor(program)}`,
      'warning',
    );
  const without = loaded === noInventory || loaded.notRun !== undefined;
  const inventory = without ? noInventory : loaded;
  const options: PlaybookOptions = {
    modules,
    facts: factDefs.map((fact) => fact.name),
    ...(without ? {} : { inventory }),
    extraVars: settings.extraVars,
    reader: world.reader,
    rolesPath: rolesPathOf(world),
    vault: settings.vault,
    env: world.env,
    cwd: world.cwd,
  };
  return { name, path, text: read.text, inventory, without, modules, options };
}

/**
 * Loads a project.
 * @param options `inventoryOptional`: without an inventory, unknown names may be variables of hosts
 * and are no errors; `offline`: package files are not fetched
 */
export async function loadProject(
  name: string,
  session: Session,
  options: { readonly inventoryOptional?: boolean; readonly offline?: boolean } = {},
): Promise<Project> {
  const { settings, world, observer } = session;
  const opened = await openProject(name, session, options.inventoryOptional === true);
  const { path, inventory, modules, without } = opened;
  const checked = loadPlaybook(path, openedPlaybook(path, opened.text, session), opened.options);
  report(checked.diagnostics, observer);
  if (checked.value === undefined) throw new Error('a playbook without errors has a value');
  learnWritten(checked.value, settings.isSecret, world);
  const project = { name, path, playbook: checked.value, inventory, modules };
  const files = await packageFilesOf(
    { ...project, directory: directoryOf(path), withoutHosts: without },
    session,
    options.offline !== true,
  );
  return { ...project, files };
}

function openedPlaybook(path: string, text: string, { settings, observer }: Session): string {
  try {
    return openPlaybook(path, text, settings.vault);
  } catch (error) {
    if (!(error instanceof SealedError)) throw error;
    report([sealedDiagnostic(error)], observer);
    throw error;
  }
}

/** A play with its hosts resolved. */
export interface ReadyPlay {
  readonly setup: PlaySetup;
  readonly pool: readonly string[];
  readonly hosts: readonly string[];
  /** Variables of its hosts, not rendered. */
  readonly inventoryVars: readonly Mapping[];
  readonly canaryHosts?: readonly string[];
  /** What its plan says of the tasks that the flags leave out. */
  readonly notes: readonly string[];
  /** How workers plan its hosts that have a site; undefined where this process does. */
  readonly elsewhere: (retries: number) => Promise<PlanOptions['elsewhere']>;
}

export async function readyPlay(
  project: Project,
  given: Play,
  session: Session,
  tags: TaskFlags & { readonly takeover?: string },
): Promise<ReadyPlay> {
  const { settings, world } = session;
  const { inventory } = project;
  const cluster = await session.ports.cluster();
  const play = withRolledBackVars(given, settings.rollback?.playVars);
  const { pool, hosts } = matchHosts(inventory, play.hosts, session);
  const setups = await hostSetups(project, play, hosts, session, cluster !== undefined);
  const variables = hosts.map((host) => varsOf(inventory, host));
  const identities = (): readonly HostIdentity[] =>
    [...inventory.hosts.keys()].map((host) =>
      identityOf(host, play, inventory, settings.extraVars),
    );
  const targets = [...setups.values()].map(({ target }) => target);
  const question = questionOf(project, given, session, { ...tags, cluster: cluster !== undefined });
  const { isWanted, notes } = wantedTasks(project.playbook, given, tags);
  return {
    notes,
    setup: {
      play,
      modules: project.modules,
      hosts: setups,
      extraVars: settings.extraVars,
      secrets: world.secrets,
      isSecret: settings.isSecret,
      files: project.files,
      isWanted,
      ...(tags.runReadOnly === true ? { runReadOnly: true } : {}),
      wants: wantsNamedIn(
        JSON.stringify([
          play,
          variables,
          settings.extraVars,
          [...(settings.rollback?.vars.values() ?? [])],
        ]),
      ),
      ownBootId: world.ownBootId,
      addresses: () => addressesOf(pool, setups, play, inventory, settings.extraVars),
      ...(hosts.length === 1 && hosts[0] === settings.limit ? { askedByName: settings.limit } : {}),
      ...present({ takeover: tags.takeover }),
      ...(cluster !== undefined && inCluster(identities(), pool)),
    },
    pool,
    hosts,
    inventoryVars: variables,
    ...present({ canaryHosts: canaryOf(play, inventory, session) }),
    elsewhere: (retries) =>
      askedElsewhere<Planned>(
        { question, retries, project, plays: [{ setup: { play }, inventoryVars: variables }] },
        targets,
        session,
      ),
  };
}

/** What workers must know to plan the hosts of a play as this process does. */
function questionOf(
  { name, playbook }: Project,
  { tasks }: Play,
  { settings }: Session,
  more: TaskFlags & { readonly takeover?: string; readonly cluster: boolean },
): PlanQuestion {
  const { tags, skipTags, startAtTask, runReadOnly, takeover, cluster } = more;
  const { rollback } = settings;
  return {
    kind: 'plan',
    playbook: name,
    // The play may have another policy than in its playbook, but it has its tasks.
    play: playbook.plays.findIndex((one) => one.tasks === tasks),
    cluster,
    ...present({ tags, skipTags, startAtTask, runReadOnly, takeover }),
    ...(rollback && { rollback: { run: rollback.run, hosts: [...rollback.vars.keys()] } }),
  };
}

/** Variables of the play that is rolled back are below those of this play. */
const withRolledBackVars = (play: Play, vars: Mapping | undefined): Play =>
  vars === undefined ? play : { ...play, vars: { ...vars, ...play.vars } };

const inCluster = (
  known: readonly HostIdentity[],
  pool: readonly string[],
): Pick<PlaySetup, 'known' | 'pool'> => {
  const inPool = new Set(pool);
  return { known, pool: known.filter(({ host }) => inPool.has(host)) };
};

/** Hosts of the canary's pattern; undefined where the canary is a number of hosts. */
function canaryOf(
  { rollout }: Play,
  inventory: Inventory,
  session: Session,
): readonly string[] | undefined {
  const canary = rollout.canary?.hosts;
  return canary !== undefined && 'pattern' in canary
    ? matchHosts(inventory, canary.pattern, session).pool
    : undefined;
}

/** What a run knows of each host before it connects: target, variables, node and zone. */
async function hostSetups(
  { inventory, path }: Project,
  play: Play,
  hosts: readonly string[],
  session: Session,
  hasCluster: boolean,
): Promise<ReadonlyMap<string, HostSetup>> {
  const { settings, world } = session;
  const targets = await targetsOf(inventory, hosts, session, play);
  const declared = declaredOf(inventory, hosts, session, play);
  const common = secretTemplates([play, settings.extraVars], settings.isSecret);
  const setupFor = (target: Target): readonly [string, HostSetup] => {
    const rolledBack = settings.rollback?.vars.get(target.name);
    const variables: HostSetup['variables'] = (layers) =>
      hostScope(inventory, target.name, {
        ...layers,
        ...present({ rolledBack }),
        playbookDir: directoryOf(path),
      });
    const scope = variables({
      extraVars: settings.extraVars,
      playVars: play.vars,
      ...present({ playDefaults: play.defaults }),
    });
    const own = [varsOf(inventory, target.name), { secret: [...settings.vault.templates] }];
    learnRendered([...common, ...secretTemplates(own, settings.isSecret)], scope, world);
    const setup = {
      target,
      variables,
      written: (name: string) =>
        writtenVariable(inventory, hostIn(inventory, target.name), name, rolledBack),
      declared: declared.get(target.name) ?? {},
      ...present({
        node: hasCluster ? nodeName(scope.lookup('node_name')) : undefined,
        zone: zoneOf(play.rollout, scope),
      }),
    };
    return [target.name, setup];
  };
  return new Map(await mapInTurns(targets, setupFor, world.clock));
}

const hostIn = ({ hosts }: Inventory, name: string): Host =>
  hosts.get(name) ?? { name, groups: [], vars: {} };

const varsOf = ({ hosts }: Inventory, name: string): Mapping => {
  const host = hosts.get(name);
  return host === undefined ? {} : inventoryVars(host);
};

const nodeName = (given: unknown): string | undefined =>
  typeof given === 'string' && given !== '' ? given : undefined;

type Reached = Pick<Target, 'name'> & Partial<Pick<Target, 'address' | 'port'>>;

/** The address of a host: two names of one machine have the same. */
export const addressOf = ({ name, address, port }: Reached): string =>
  `${address ?? name}:${port ?? 22}`;

/** Hosts of the pool by address, with those that the run leaves out. */
function addressesOf(
  pool: readonly string[],
  setups: ReadonlyMap<string, HostSetup>,
  play: Play,
  inventory: Inventory,
  extraVars: Mapping,
): ReadonlyMap<string, string> {
  const targetFor = (host: string): Reached =>
    setups.get(host)?.target ??
    targetOf(host, hostScope(inventory, host, { extraVars, playVars: play.vars })).value ?? {
      name: host,
    };
  return new Map(pool.map((host) => [addressOf(targetFor(host)), host]));
}

/** A host by the inventory, also one that the run leaves out, since its node is taken all the same. */
function identityOf(
  host: string,
  play: Play,
  inventory: Inventory,
  extraVars: Mapping,
): HostIdentity {
  const scope = hostScope(inventory, host, { extraVars, playVars: play.vars });
  // An invalid variable is reported where it is used.
  const read = (name: string): string | undefined => {
    const variable = readVariable(scope, name);
    return variable.ok && typeof variable.value === 'string' && variable.value !== ''
      ? variable.value
      : undefined;
  };
  const node = read('node_name');
  const address = read('ansible_host');
  return {
    host,
    ...present({ nodeName: node }),
    ...(address === undefined ? {} : { addresses: [address] }),
  };
}
