// Why a worker does not carry a run on: it would fail hosts that another process can remediate.
import { hostStates } from '../../core/run-state/state.ts';
import { otherVersion, ownHostUnderWay } from '../../core/workers/choose.ts';
import { bootScript } from '../../engine/effects/host-scripts.ts';
import type { LiveWorker, Workers } from '../../engine/ports/workers.ts';
import { openSession } from '../../engine/session/session.ts';
import type { Target } from '../../model/host.ts';
import { causeText, type Failure } from '../../model/run/failure.ts';
import type { KeptSettings } from '../run/kept-settings.ts';
import type { RunToCarryOn } from '../run/resume.ts';
import { runPorts, type Session } from '../session/session.ts';
import { askingFlag } from '../session/vault.ts';
import type { World } from '../session/world.ts';

/** By the settings of the run, before its project is loaded. */
export function refusedBySettings({ flags }: KeptSettings): string | undefined {
  const asked = askingFlag(flags);
  return asked === undefined
    ? undefined
    : `it was begun with ${asked}, and a worker cannot be asked for a password`;
}

/** By its journal and its hosts, before anything is done. */
export const refusedByState =
  (othersElsewhere: () => Promise<boolean>) =>
  async (run: RunToCarryOn, session: Session): Promise<string | undefined> => {
    const { world } = session;
    const version = otherVersion(run.tool, world.version);
    if (version !== undefined) return version;
    const own = ownHostUnderWay(run.state, world.ownBootId);
    if (own !== undefined && (await othersElsewhere()))
      return `its host ${own} is this machine: a worker on another machine carries it on`;
    return noLogin(await targetsLeft(run, session), session);
  };

/** Hosts that are tried, and how long each may take; milliseconds. */
const samples = 3;
const sampleLimit = 2_000;

/**
 * Without the right key every host would fail. Hosts that do not answer say nothing: one of them may
 * be booting.
 */
export async function noLogin(
  targets: readonly Target[],
  session: Session,
): Promise<string | undefined> {
  const { transport } = await runPorts(session);
  const { clock, stop } = session.world;
  const refused: { readonly host: string; readonly failure: Failure }[] = [];
  for (const target of targets.slice(0, samples)) {
    const signal = AbortSignal.any([stop, AbortSignal.timeout(sampleLimit)]);
    const login = openSession(target, 0, { transport, clock }, signal);
    const made = await login.once({
      script: bootScript,
      become: false,
      timeout: sampleLimit / 1000,
    });
    login.close();
    if (made.ok) return undefined;
    if (made.failure.kind === 'auth' || made.failure.kind === 'host_key')
      refused.push({ host: target.name, failure: made.failure });
  }
  const [first] = refused;
  return first === undefined
    ? undefined
    : `this machine cannot log in to ${first.host}: ${causeText(first.failure)}`;
}

/** The hosts that are left to the process that leads the run: those of sites have their own workers. */
async function targetsLeft(
  { state, ready }: RunToCarryOn,
  { ports }: Session,
): Promise<readonly Target[]> {
  const { sites } = await ports.store();
  return [...hostStates(state)]
    .filter(({ status }) => status === 'running' || status === 'waiting' || status === 'planned')
    .flatMap(({ host }) => ready.setup.hosts.get(host)?.target ?? [])
    .filter(({ site }) => site === undefined || sites === undefined);
}

/** Is there a worker on another machine that would carry this run on? */
export async function isElsewhere(
  run: string,
  workers: Workers,
  { version, ownBootId }: Pick<World, 'version' | 'ownBootId'>,
): Promise<boolean> {
  const wouldTake = (worker: LiveWorker): boolean =>
    worker.bootId !== ownBootId &&
    worker.most > 0 &&
    otherVersion(version, worker.version) === undefined &&
    !worker.refused.some((one) => one.run === run);
  return (await workers.alive()).some(wouldTake);
}
