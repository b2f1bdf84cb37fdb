// What is done with the hosts of a run: walks, repeated proofs, and fences outside of walks. A host of
// a site is handed to a worker of the site, the others are worked on here.
import { type HostState, hostState, hostStates, type RunState } from '../core/run-state/state.ts';
import { interrupted } from './effects/effect-context.ts';
import { freeHost, hostsToTakeOver, takeOverHosts } from './host/fences.ts';
import { setupOf } from './host/fleet.ts';
import { repeatProof } from './host/repeat-proof.ts';
import { expired, walkHost } from './host/walk.ts';
import type { RunContext } from './host/walk-context.ts';
import type { HostWork } from './ports/sites.ts';
import type { LeadingSites } from './sites/leading.ts';

export interface WorksInput {
  readonly context: RunContext;
  readonly sites: LeadingSites | undefined;
  /** Gets the error of a work. */
  readonly failed: (error: unknown) => void;
  /** Called when a work has ended. */
  readonly changed: () => void;
}

export class HostWorks {
  readonly #input: WorksInput;
  readonly #walks = new Map<string, AbortController>();
  /** Hosts whose proof or whose expiry is under way. */
  readonly busy = new Set<string>();
  /** Fences that are being closed for operators, by host. */
  readonly #freeing = new Map<string, Promise<void>>();
  /** Works in this process. */
  readonly #here = new Set<Promise<unknown>>();
  #isEnding = false;

  constructor(input: WorksInput) {
    this.#input = input;
  }

  get #state(): RunState {
    return this.#input.context.state();
  }

  /** Walks are under way, here or at a site. */
  get isWalking(): boolean {
    return this.#walks.size > 0;
  }

  /** Work is under way in this process. */
  get isBusyHere(): boolean {
    return this.#here.size > 0;
  }

  /** Fences the other run out, before this one does anything. At sites their workers do that. */
  async takeOver(): Promise<void> {
    const { context, sites } = this.#input;
    const hosts = hostsToTakeOver(this.#state);
    for (const host of hosts)
      if (sites?.isAway(host) === true) this.#beside(host, this.#hand(host, 'take_over'), noEnd);
    await takeOverHosts(
      hosts.filter((host) => sites?.isAway(host) !== true),
      context,
    );
  }

  /** Closes the fence of a host that an operator has resolved. */
  free(host: string): Promise<void> {
    const { sites, context, failed } = this.#input;
    const freed = sites?.isAway(host) === true ? this.#freeAway(host) : freeHost(host, context);
    this.#freeing.set(host, freed.catch(failed));
    return freed;
  }

  /** @param first the walk waits for it, the loop does not */
  walk(host: string, first?: Promise<void>): void {
    const own = new AbortController();
    this.#walks.set(host, own);
    const { context, sites } = this.#input;
    const signal = AbortSignal.any([context.signal, own.signal]);
    const state = this.#hostOf(host);
    const walk = async (): Promise<void> => {
      await Promise.all([first, this.#freeing.get(host)]);
      if (sites?.isAway(host) === true) await this.#walkAway(host, signal);
      else await walkHost(host, state.plan, setupOf(context.setup, host), context, signal);
    };
    this.#beside(host, walk(), () => {
      this.#walks.delete(host);
      this.busy.delete(host);
    });
  }

  proveAgain(host: string): void {
    const { context, sites } = this.#input;
    this.busy.add(host);
    const proof =
      sites?.isAway(host) === true ? this.#hand(host, 'proof') : repeatProof(host, context);
    this.#beside(host, proof, () => this.busy.delete(host));
  }

  /** Its deadline is over. */
  expire(host: string): void {
    this.#walks.get(host)?.abort(expired);
    this.busy.add(host);
  }

  /** Ends the walks of this process. Those at sites go on for the next leader. */
  abort(): void {
    const { sites } = this.#input;
    for (const [host, walk] of this.#walks) if (sites?.isAway(host) !== true) walk.abort();
  }

  /** Before the end of the run: waits until the fences of resolved hosts are closed. */
  async end(): Promise<void> {
    this.#isEnding = true;
    await Promise.all(this.#freeing.values());
  }

  /** Waits for the fences that this process closes. */
  async leave(): Promise<void> {
    const { sites } = this.#input;
    const here = [...this.#freeing].filter(([host]) => sites?.isAway(host) !== true);
    await Promise.all(here.map(([, freed]) => freed));
  }

  #hostOf(host: string): HostState {
    const state = hostState(this.#state, host);
    if (state === undefined) throw new Error(`${host} is not of this run`);
    return state;
  }

  /** Runs beside the loop, which serves operators, deadlines and other hosts meanwhile. */
  #beside(host: string, work: Promise<unknown>, ended: () => void): void {
    const { failed, changed, sites } = this.#input;
    const over: Promise<unknown> = work.catch(failed).finally(() => {
      this.#here.delete(over);
      ended();
      changed();
    });
    if (sites?.isAway(host) !== true) this.#here.add(over);
  }

  /** Its worker may be gone. After the second signal nobody waits for another one. */
  async #walkAway(host: string, signal: AbortSignal): Promise<void> {
    if ((await this.#hand(host, 'walk', signal)) === 'ended') return;
    const { touched, status } = this.#hostOf(host);
    if (status !== 'running') return;
    await this.#input.context.record(
      {
        type: 'host.failed',
        host,
        failure: interrupted('the run was ended, and no worker of its site has this host'),
        touched,
        state: touched ? 'as the last worker left it' : 'untouched',
      },
      true,
    );
  }

  async #freeAway(host: string): Promise<void> {
    if (hostState(this.#state, host)?.touched !== true) return;
    const { context, sites } = this.#input;
    const givesUp = (site: string): boolean => this.#isEnding && sites?.isReady(site) !== true;
    if ((await this.#hand(host, 'free', context.signal, givesUp)) === 'ended') return;
    const text = `its fence is still open (no worker of its site is ready): a later run needs --takeover ${context.token.run}`;
    await context.record({ type: 'warning', host, text }, false);
  }

  async #hand(
    host: string,
    work: HostWork,
    signal: AbortSignal = this.#input.context.signal,
    givesUp: (site: string) => boolean = () => false,
  ): Promise<'ended' | 'left'> {
    const { sites, context } = this.#input;
    if (sites === undefined) return 'left';
    return sites.hand(host, work, signal, (site) => context.signal.aborted || givesUp(site));
  }
}

const noEnd = (): void => {};

/** The sites of the hosts that have one. */
export const sitesOf = ({ setup }: Pick<RunContext, 'setup'>): ReadonlyMap<string, string> =>
  new Map(
    [...setup.hosts].flatMap(([host, { target }]) =>
      target.site === undefined ? [] : [[host, target.site] as const],
    ),
  );

/** Hosts that this run has left under way. */
export const hostsUnderWay = (state: RunState): readonly string[] =>
  [...hostStates(state)].filter(({ status }) => status === 'running').map(({ host }) => host);
