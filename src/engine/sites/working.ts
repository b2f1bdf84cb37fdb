// A run for a worker of a site: its journal is followed, and work on hosts is carried out as its leader
// would do it.
import { fold } from '../../core/run-state/fold.ts';
import { emptyState, hostState, type RunState } from '../../core/run-state/state.ts';
import { present } from '../../model/present.ts';
import type { Event, EventBody } from '../../model/run/event.ts';
import { HandedOver } from '../hand-over.ts';
import { freeHost, hostsToTakeOver, takeOverHosts } from '../host/fences.ts';
import { setupOf } from '../host/fleet.ts';
import { repeatProof } from '../host/repeat-proof.ts';
import { walkHost } from '../host/walk.ts';
import type { EnginePorts, PlaySetup, RunContext } from '../host/walk-context.ts';
import type { Errand, HostWork, SiteJournal, WorksAtSites } from '../ports/sites.ts';
import { RunTakenError } from '../ports/state-errors.ts';
import { createQuota } from '../quota.ts';
import { runContextOf } from '../run-context.ts';

export type HostTask = Extract<Errand, { kind: 'host' }>;

export interface SiteRunInput {
  readonly setup: PlaySetup;
  readonly ports: EnginePorts;
  readonly strict: boolean;
  readonly keepOutput: RunContext['keepOutput'];
  /** This process is to end: no further step is begun. */
  readonly isLeaving: () => boolean;
  /** Fires when this process is to end now: nothing more is journalled. */
  readonly kill: AbortSignal;
  /** Is a worker on another machine of the host's site ready for the run? */
  readonly othersElsewhere: (host: string) => Promise<boolean>;
}

/**
 * How it came out. `left`: this process is to end. `own`: the host is the machine of this process, and
 * another worker goes on. `lost`: another worker has it.
 */
export type TaskEnd = 'ended' | 'left' | 'own' | 'lost';

export interface FollowedSite {
  readonly journal: SiteJournal;
  readonly state: () => RunState;
}

/** Opens the journal of a run that others lead, and follows it; `see` gets each event. */
export async function followSite(
  run: string,
  sites: Pick<WorksAtSites, 'openJournal'>,
  see: (event: Event) => void,
): Promise<FollowedSite> {
  let state = emptyState;
  const journal = await sites.openJournal(run, (event) => {
    state = fold(state, event);
    see(event);
  });
  return { journal, state: () => state };
}

export class SiteRun {
  readonly #input: SiteRunInput;
  readonly #followed: FollowedSite;
  readonly #quota = createQuota();

  constructor(followed: FollowedSite, input: SiteRunInput) {
    this.#followed = followed;
    this.#input = input;
  }

  /** Sees pauses, brakes and aborts. */
  catchUp(): Promise<void> {
    return this.#followed.journal.catchUp();
  }

  /** @param signal fires with the reason for which its leader ends it */
  async carryOut(task: HostTask, signal: AbortSignal): Promise<TaskEnd> {
    await this.catchUp();
    if (!isOwed(task, this.#followed.state())) return 'ended';
    const place = new TaskPlace(task, this.#followed.journal, this.#input.kill);
    const over = new AbortController();
    const context = this.#contextOf(
      task,
      place,
      AbortSignal.any([signal, place.lost]),
      over.signal,
    );
    try {
      await this.#noteBack(context);
      await carryOut(task, context);
      return place.error === undefined ? 'ended' : place.end();
    } catch (error) {
      if (place.error !== undefined) return place.end();
      if (error instanceof HandedOver) return place.isOwn ? 'own' : 'left';
      throw error;
    } finally {
      over.abort();
    }
  }

  close(): Promise<void> {
    return this.#followed.journal.close();
  }

  #contextOf(
    { run, number }: HostTask,
    place: TaskPlace,
    signal: AbortSignal,
    over: AbortSignal,
  ): RunContext {
    const { setup, ports, strict, keepOutput, isLeaving, othersElsewhere } = this.#input;
    const { state } = this.#followed;
    return runContextOf({
      setup,
      ports,
      strict,
      keepOutput,
      isLeaving,
      token: { run, number, ...present({ takeover: state().takeover }) },
      append: place.append,
      quota: this.#quota,
      over,
      state,
      signal,
      isOver: () => place.error !== undefined,
      leaveOwn: async (host) => {
        place.isOwn = await othersElsewhere(host);
        return place.isOwn;
      },
    });
  }

  /** An outage of the cluster whose end the worker before this one could not journal. */
  async #noteBack({ state, ports, record, signal }: RunContext): Promise<void> {
    const { away } = state();
    if (away === undefined || ports.cluster === undefined) return;
    const nodes = await ports.cluster.nodes(signal);
    if (!nodes.ok || state().away === undefined) return;
    const seconds = Math.round((ports.clock.now() - away.since) / 1000);
    await record({ type: 'cluster.back', seconds }, false);
  }
}

/** The place of a task in the journal of its run. */
class TaskPlace {
  readonly #task: HostTask;
  readonly #journal: SiteJournal;
  readonly #lost = new AbortController();
  /** Why nothing can be appended any more. */
  error: unknown;
  isOwn = false;

  constructor(task: HostTask, journal: SiteJournal, kill: AbortSignal) {
    this.#task = task;
    this.#journal = journal;
    const leave = (): void => this.#fail(new HandedOver('this process was asked to end at once'));
    if (kill.aborted) leave();
    else kill.addEventListener('abort', leave, { signal: this.lost });
  }

  /** Fires when nothing can be appended any more. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  readonly append = async (body: EventBody): Promise<Event> => {
    if (this.error !== undefined) throw this.error;
    try {
      return await this.#journal.append(body, this.#task);
    } catch (error) {
      this.#fail(error);
      throw error;
    }
  };

  end(): TaskEnd {
    if (this.error instanceof RunTakenError) return 'lost';
    if (this.error instanceof HandedOver) return 'left';
    throw this.error;
  }

  #fail(error: unknown): void {
    this.error ??= error;
    this.#lost.abort();
  }
}

function carryOut({ work, host }: HostTask, context: RunContext): Promise<void> {
  switch (work) {
    case 'walk': {
      const state = hostState(context.state(), host);
      if (state === undefined) throw new Error(`${host} is not of this run`);
      return walkHost(host, state.plan, setupOf(context.setup, host), context, context.signal);
    }
    case 'proof':
      return repeatProof(host, context);
    case 'free':
      return freeHost(host, context);
    case 'take_over':
      return takeOverHosts([host], context);
  }
}

/** Was it done by a worker that died before it said so? */
function isOwed({ work, host }: { work: HostWork; host: string }, state: RunState): boolean {
  const status = state.finished === undefined ? hostState(state, host)?.status : undefined;
  switch (work) {
    case 'walk':
      return status === 'running';
    case 'proof':
      return status === 'soaking' || status === 'done';
    case 'free':
      return status === 'failed';
    case 'take_over':
      return state.takeover !== undefined && hostsToTakeOver(state).includes(host);
  }
}
