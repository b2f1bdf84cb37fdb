// One run for whose hosts a worker of their site is ready: its plan is loaded with what this machine has,
// as for a resume, and its hosts are tried.
import { hostStates, type RunState } from '../../core/run-state/state.ts';
import type { WorksAtSites } from '../../engine/ports/sites.ts';
import type { LiveWorker } from '../../engine/ports/workers.ts';
import { type FollowedSite, followSite, SiteRun } from '../../engine/sites/working.ts';
import type { Target } from '../../model/host.ts';
import { present } from '../../model/present.ts';
import { refuseClosed } from '../plan/closed-values.ts';
import type { ReadyPlay } from '../plan/project.ts';
import { keptSettings, stillMissing } from '../run/kept-settings.ts';
import { planOfRun, withSavedPlan } from '../run/load-saved.ts';
import { refuseChanged } from '../run/resume.ts';
import { onlyVars } from '../session/extra-vars.ts';
import type { FleetFlags } from '../session/flags.ts';
import { inSession, runPorts, type Session } from '../session/session.ts';
import { CommandError, type Surroundings } from '../session/world.ts';
import type { Shared } from './carry-on.ts';
import { noLogin, refusedBySettings } from './refusals.ts';

export interface SiteRunOptions {
  /** Of the worker: they win over those that the run keeps. */
  readonly flags: FleetFlags;
  readonly around: Surroundings;
  readonly shared: Shared;
  readonly sites: WorksAtSites;
  /** The sites of this worker. */
  readonly names: readonly string[];
}

/** Works with the run as long as `use` does. Throws where this worker does not take its hosts. */
export async function withSiteRun(
  run: string,
  options: SiteRunOptions,
  use: (run: SiteRun) => Promise<void>,
): Promise<void> {
  const { flags, around, shared, sites } = options;
  const world = {
    ...around.world,
    store: async () => ({ ...shared.store, close: async () => {} }),
  };
  await inSession(flags, { ...around, world }, async (session) => {
    const plan = await planOfRun(run, session);
    const kept = await keptSettings(run, session);
    const why = refusedBySettings(kept);
    if (why !== undefined) throw new CommandError(3, why);
    let files: Readonly<Record<string, string>> = {};
    const followed = await followSite(run, sites, (event) => {
      if (event.type === 'run.started') files = event.files ?? {};
    });
    try {
      await refuseChanged(run, files, session);
      const { takeover } = followed.state();
      const saved = { plan, name: `run ${run}`, kept, strictVersion: false };
      const own = { ...session, world: onlyVars(kept.withheld, session.world) };
      await withSavedPlan({ ...saved, ...present({ takeover }) }, own, async (made, inner) => {
        const missing = stillMissing(kept, inner.settings.extraVars);
        if (missing.length > 0) throw new CommandError(3, lacking(missing));
        const [play] = plan.plays;
        const [ready] = made.plays;
        if (play === undefined || ready === undefined)
          throw new CommandError(1, `the plan of run ${run} has no play`);
        const left = targetsLeft(followed.state(), ready, options.names);
        const hosts = left.map(({ name }) => name);
        await refuseClosed(play, ready, hosts, inner);
        await refuseWithoutLogin(left, options.names, inner);
        const strict = kept.carriedOn.strict === true;
        await use(await siteRunOf(ready, followed, { ...options, strict }, inner));
      });
    } finally {
      await followed.journal.close();
    }
  });
}

const lacking = (names: readonly string[]): string =>
  `this worker lacks variables of the run: give it ${names.map((name) => `KMEND_VAR_${name}`).join(', ')}`;

/** The hosts of these sites that are not over. */
const targetsLeft = (
  state: RunState,
  { setup }: ReadyPlay,
  names: readonly string[],
): readonly Target[] =>
  [...hostStates(state)]
    .filter(({ status }) => ['planned', 'waiting', 'running', 'soaking'].includes(status))
    .flatMap(({ host }) => setup.hosts.get(host)?.target ?? [])
    .filter(({ site }) => site !== undefined && names.includes(site));

/** Otherwise a host would be started, and would fail by the login. */
async function refuseWithoutLogin(
  left: readonly Target[],
  names: readonly string[],
  session: Session,
): Promise<void> {
  for (const name of names) {
    const why = await noLogin(
      left.filter(({ site }) => site === name),
      session,
    );
    if (why !== undefined) throw new CommandError(3, why);
  }
}

async function siteRunOf(
  { setup }: ReadyPlay,
  followed: FollowedSite,
  { shared, strict }: SiteRunOptions & { readonly strict: boolean },
  session: Session,
): Promise<SiteRun> {
  const { world } = session;
  const ports = await runPorts(session);
  const { run } = followed.journal;
  const isReadyElsewhere = ({ bootId, ready, sites }: LiveWorker, host: string): boolean =>
    bootId !== world.ownBootId &&
    ready.includes(run) &&
    sites.includes(setup.hosts.get(host)?.target.site ?? '');
  return new SiteRun(followed, {
    setup,
    ports: { ...ports, clock: world.clock },
    strict,
    keepOutput: (host, text) => ports.store.keepOutput(run, host, text),
    isLeaving: () => world.stop.aborted,
    kill: world.kill,
    othersElsewhere: async (host) =>
      (await shared.workers.alive()).some((worker) => isReadyElsewhere(worker, host)),
  });
}
