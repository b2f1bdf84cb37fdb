// The run loop: asks `decide` for the next step, journals it, carries it out, and asks again. It
// decides nothing itself.

import { decide } from '../core/decide/decide.ts';
import { type DecideContext, type Decision, eventOf } from '../core/rollout/decision.ts';
import { resolutionEvent } from '../core/run-state/resolve.ts';
import { hostState, hostStates, type RunState } from '../core/run-state/state.ts';
import type { Rollout } from '../model/playbook.ts';
import { present } from '../model/present.ts';
import type { Event, EventBody, EventOf } from '../model/run/event.ts';
import { HandedOver } from './hand-over.ts';
import type { EnginePorts, PlaySetup, RunContext } from './host/walk-context.ts';
import { HostWorks, hostsUnderWay, sitesOf } from './host-works.ts';
import { PendingTaints } from './pending.ts';
import type { Asker } from './ports/local.ts';
import type { Gates } from './ports/outside.ts';
import type { KeptOutput, Slots, Store } from './ports/store.ts';
import { Questions } from './questions.ts';
import { createQuota } from './quota.ts';
import { Readings } from './readings.ts';
import { maskedEvent, runContextOf } from './run-context.ts';
import type { RunLog } from './run-log.ts';
import { LeadingSites, type SharedSites } from './sites/leading.ts';
import { SlotClaims } from './slot-claims.ts';
import { isLate, notStarted, OutageLog } from './state-pause.ts';
import { Wakeup } from './wakeup.ts';

export interface RunInput {
  readonly runLog: RunLog;
  readonly setup: PlaySetup;
  readonly ports: EnginePorts & { readonly asker: Asker; readonly gates: Gates };
  /** Number of this controller in the run: 1, and one more with each resume. */
  readonly number: number;
  readonly takeover?: string;
  /** Only these hosts continue, until they are in service again. No host is started. */
  readonly returns?: readonly string[];
  readonly strict: boolean;
  readonly wait: boolean;
  readonly canaryHosts?: readonly string[];
  readonly operator: string;
  /** Keeps a long output of a host, without secrets. */
  readonly keepOutput: (host: string, text: string) => Promise<KeptOutput>;
  /**
   * Control commands of other processes (pause, continue, abort, promote, resolve), as events to
   * record. Read once a second.
   */
  readonly commands: () => Promise<readonly EventBody[]>;
  /** The slots of this run and of others. */
  readonly slots: Slots;
  /** Outages of the state, where they are a pause: meanwhile nothing is decided. */
  readonly outages?: NonNullable<Store['outages']>;
  /** Hosts that an operator resolved before the resume: their fences are closed. */
  readonly freed?: readonly string[];
  /** Finish the steps under way, start nothing more. */
  readonly stop: AbortSignal;
  /** Stop now. */
  readonly kill: AbortSignal;
  /**
   * Other processes carry the run on: a stop hands it over instead of ending it, and so does a host
   * that is the machine of this process, if one of the others is on another machine now.
   */
  readonly othersElsewhere?: () => Promise<boolean>;
  /** Where the state is shared: hosts of sites are handed to workers there. */
  readonly sites?: SharedSites;
}

/**
 * Runs until `decide` finishes the run, and returns its exit code. Throws only for internal errors,
 * for a journal that cannot be written, and `HandedOver`.
 */
export async function runLoop(
  input: RunInput,
): Promise<{ readonly exit: number; readonly why: string }> {
  return new Loop(input).run();
}

/** Hosts that could not be returned to service; the run stays open. */
export class NotReturned extends Error {
  readonly hosts: readonly string[];
  constructor(hosts: readonly string[]) {
    super(`not returned to service: ${hosts.join(', ')}`);
    this.hosts = hosts;
  }
}

/** Milliseconds between two reads of control commands, and the longest sleep of the loop. */
const tick = 1000;

/** What is decided, and the number of entries by which. */
interface Decided {
  readonly decision: Decision;
  readonly entries: number;
}

/** A run under way: the walks of its hosts, and all that happens beside the loop. */
class Loop {
  readonly #input: RunInput;
  readonly #policy: Rollout;
  readonly #context: RunContext;
  readonly #works: HostWorks;
  readonly #sites: LeadingSites | undefined;
  readonly #wakeup: Wakeup;
  readonly #quota = createQuota();
  readonly #slots: SlotClaims;
  readonly #pending: PendingTaints | undefined;
  readonly #outages: OutageLog;
  readonly #readings: Readings;
  readonly #questions: Questions;
  /** Fires when the run is over: calls of the cluster end. */
  readonly #over = new AbortController();
  /** Readings under way. Meanwhile the loop goes on, and starts no host. */
  readonly #reading = new Set<'gates' | 'capacity'>();
  #error: unknown;
  /** Why the run is handed over. Walks end before their next step. */
  #leaving: string | undefined;

  constructor(input: RunInput) {
    this.#input = input;
    const { clock, asker, gates } = input.ports;
    const unread = AbortSignal.any([input.stop, input.kill, this.#over.signal]);
    this.#wakeup = new Wakeup(clock);
    this.#policy = input.setup.play.rollout;
    this.#context = this.#makeContext();
    const { record } = this.#context;
    this.#sites = this.#makeSites();
    this.#works = new HostWorks({
      context: this.#context,
      sites: this.#sites,
      failed: this.#fail,
      changed: this.#changed,
    });
    this.#slots = new SlotClaims({
      slots: input.slots,
      addresses: input.setup.addresses(),
      countsUnreachable: this.#policy.brake.unreachable === 'count',
      now: clock.now,
      state: () => this.#state,
      record: (body) => record(body, false),
    });
    this.#pending = this.#makePending();
    this.#readings = new Readings({
      context: this.#context,
      gates,
      slots: this.#slots,
      unread,
      see: (nodes) => this.#pending?.see(nodes),
    });
    const { operator } = input;
    const beside = this.#beside.bind(this);
    this.#questions = new Questions({ record, asker, operator, now: clock.now, unread, beside });
    this.#outages = new OutageLog(input.outages, this.#changed);
    input.stop.addEventListener('abort', this.#changed);
    input.kill.addEventListener('abort', this.#changed);
  }

  #makeContext(): RunContext {
    const input = this.#input;
    return runContextOf({
      setup: input.setup,
      ports: input.ports,
      token: {
        run: input.runLog.run,
        number: input.number,
        ...present({ takeover: input.takeover }),
      },
      append: this.#append,
      quota: this.#quota,
      over: AbortSignal.any([input.kill, this.#over.signal]),
      state: () => this.#state,
      keepOutput: input.keepOutput,
      signal: input.kill,
      isOver: () => this.#error !== undefined,
      isLeaving: () => this.#leaving !== undefined,
      leaveOwn: this.#leaveOwn,
      strict: input.strict,
      onlyReturns: input.returns !== undefined,
    });
  }

  /** Undefined where no host has a site, or all hosts are worked on here. */
  #makeSites(): LeadingSites | undefined {
    const { sites, runLog, ports } = this.#input;
    const siteByHost = sitesOf(this.#context);
    if (sites === undefined || siteByHost.size === 0) return undefined;
    return new LeadingSites({
      ...sites,
      run: runLog.run,
      sites: siteByHost,
      clock: ports.clock,
      catchUp: runLog.catchUp,
      changed: this.#changed,
    });
  }

  #makePending(): PendingTaints | undefined {
    const { ports, runLog, stop } = this.#input;
    const { cluster, clock } = ports;
    if (cluster === undefined) return undefined;
    return new PendingTaints({
      cluster,
      clock,
      run: runLog.run,
      policy: this.#policy,
      state: () => this.#state,
      record: this.#context.record,
      stop,
    });
  }

  get #state(): RunState {
    return this.#input.runLog.state();
  }

  readonly #changed = (): void => this.#wakeup.notify();

  readonly #fail = (error: unknown): void => {
    if (!(error instanceof HandedOver)) this.#error ??= error;
  };

  readonly #leaveOwn = async (host: string): Promise<boolean> => {
    const { othersElsewhere } = this.#input;
    if (othersElsewhere === undefined || !(await othersElsewhere())) return false;
    this.#leaving ??= `${host} is the machine of this process`;
    return true;
  };

  readonly #append: RunContext['record'] = (masked, sync) =>
    this.#seen(() => this.#input.runLog.append(masked, sync));

  /** The run fails with its journal. */
  async #seen<T>(append: () => Promise<T>): Promise<T> {
    try {
      return await append();
    } catch (error) {
      this.#error ??= error;
      throw error;
    } finally {
      this.#wakeup.notify();
    }
  }

  /** Journals a decision; undefined where others have appended since: it is made again. */
  #recordDecided(body: EventBody, entries: number): Promise<Event | undefined> {
    const masked = maskedEvent(body, this.#input.setup.secrets);
    return this.#seen(() => this.#input.runLog.appendAfter(entries, masked));
  }

  async run(): Promise<{ readonly exit: number; readonly why: string }> {
    try {
      return await this.#loop();
    } catch (error) {
      // Nothing can be journalled any more: all walks stop, and a resume reads what became of them.
      this.#works.abort();
      await this.#slots.sync().catch(() => {});
      throw error;
    } finally {
      this.#over.abort();
      this.#outages.close();
      this.#sites?.close();
    }
  }

  async #loop(): Promise<{ readonly exit: number; readonly why: string }> {
    await this.#begin();
    for (;;) {
      if (this.#error !== undefined) throw this.#error;
      if (this.#input.stop.aborted && this.#input.othersElsewhere !== undefined)
        this.#leaving ??= 'this process was asked to end';
      if (this.#leaving !== undefined) await this.#handOver(this.#leaving);
      await this.#takeCommands();
      await this.#sites?.look();
      await this.#slots.sync();
      this.#pending?.reconcile().catch(this.#fail);
      const before = this.#wakeup.count;
      if (this.#outages.isAway) {
        await this.#sleep(undefined, before);
        continue;
      }
      for (const body of this.#outages.take()) await this.#context.record(body, true);
      const decided = this.#decide();
      const { decision } = decided;
      this.#questions.withdraw(decision);
      if (decision.kind === 'start') await this.#start(decision);
      else if (decision.kind !== 'finish') await this.#carryOut(decision, decided.entries, before);
      else if (await this.#finish(decision)) return decision;
    }
  }

  async #begin(): Promise<void> {
    await this.#sites?.look();
    if (this.#input.takeover !== undefined) await this.#works.takeOver();
    for (const host of this.#input.freed ?? []) {
      const freed = this.#works.free(host);
      if (this.#sites?.isAway(host) !== true) await freed;
    }
    // After a resume: hosts that were under way continue.
    for (const host of this.#input.returns ?? hostsUnderWay(this.#state))
      if (hostState(this.#state, host)?.status === 'running') this.#works.walk(host);
    if (this.#input.returns !== undefined) await this.#awaitReturns();
  }

  /** A start that an outage of the state has delayed rests on old readings: it is not carried out. */
  async #start(first: Extract<Decision, { kind: 'start' }>): Promise<void> {
    const { clock } = this.#input.ports;
    let decidedAt = clock.now();
    let entries = -1;
    const again = (): Decision => {
      decidedAt = clock.now();
      const decided = this.#decide();
      entries = decided.entries;
      return decided.decision;
    };
    if (!(await this.#slots.take(first.host, again))) return;
    const event = eventOf(first);
    // Refused, its slot is dropped with the next comparison of slots, unless it is started then.
    if (event !== undefined && (await this.#recordDecided(event, entries)) === undefined) return;
    const isTouched = hostState(this.#state, first.host)?.touched === true;
    if (isLate(decidedAt, clock.now()) && !isTouched)
      await this.#context.record(notStarted(first.host), true);
    else this.#works.walk(first.host, this.#pending?.reconciled());
  }

  /** Waits for the steps under way here; the hosts stay under way in the journal. */
  async #handOver(why: string): Promise<never> {
    this.#questions.withdraw();
    while (this.#works.isBusyHere) {
      await this.#sleep(undefined, this.#wakeup.count);
      if (this.#error !== undefined) throw this.#error;
    }
    await Promise.all([this.#works.leave(), this.#pending?.reconciled()]);
    throw new HandedOver(why);
  }

  /**
   * Ends readings, closes fences and removes taints, and journals the end; false where others have
   * appended meanwhile.
   */
  async #finish(decision: Extract<Decision, { kind: 'finish' }>): Promise<boolean> {
    this.#over.abort();
    await Promise.all([this.#endWorks(), this.#pending?.end()]);
    if (this.#error !== undefined) throw this.#error;
    const event = eventOf(decision);
    const { entries } = this.#input.runLog.end();
    if (event !== undefined && (await this.#recordDecided(event, entries)) === undefined)
      return false;
    await this.#sites?.end();
    return true;
  }

  async #endWorks(): Promise<void> {
    let ended = false;
    const end = this.#works.end().finally(() => {
      ended = true;
      this.#wakeup.notify();
    });
    while (this.#sites !== undefined && !ended && this.#error === undefined) {
      await this.#sites.look();
      if (!ended) await this.#sleep(undefined, this.#wakeup.count);
    }
    await end;
  }

  #decide(): Decided {
    const { runLog, ports } = this.#input;
    const { entries } = runLog.end();
    const now = ports.clock.now();
    return { decision: decide(this.#state, this.#policy, now, this.#decideContext()), entries };
  }

  /**
   * Ends the run when none of its hosts is under way; later runs take those that it did not start.
   * Otherwise the run stays open for its own resume.
   */
  async #awaitReturns(): Promise<void> {
    while (this.#works.isWalking) {
      await this.#sites?.look();
      await this.#sleep(undefined, this.#wakeup.count);
      if (this.#error !== undefined) throw this.#error;
    }
    const states = [...hostStates(this.#state)];
    const left = states.filter(
      ({ status, failure }) =>
        status === 'running' || (status === 'failed' && failure?.resumable === true),
    );
    if (left.length > 0) await this.#pending?.end();
    if (left.length > 0) throw new NotReturned(left.map(({ host }) => host));
    const { operator: who } = this.#input;
    const why =
      'its hosts that were under way are in service again; the others are left to later runs (rollout.adopt)';
    if (
      states.some(
        ({ status }) => status === 'planned' || status === 'waiting' || status === 'soaking',
      )
    )
      await this.#context.record({ type: 'run.aborted', who, why }, true);
  }

  #decideContext(): DecideContext {
    const input = this.#input;
    return {
      attended: input.ports.asker.attended,
      wait: input.wait,
      ...present({ canaryHosts: input.canaryHosts }),
      busy: this.#works.busy,
      readingGates: this.#reading.has('gates'),
      capacitySource: input.ports.cluster !== undefined,
      readingCapacity: this.#reading.has('capacity'),
      slotsReadAt: this.#slots.readAt,
      ...this.#sites?.context(),
    };
  }

  async #takeCommands(): Promise<void> {
    const { stop, operator: who } = this.#input;
    if (stop.aborted && this.#state.aborted === undefined)
      await this.#context.record(
        { type: 'run.aborted', who, why: String(stop.reason ?? 'interrupted') },
        true,
      );
    for (const body of await this.#input.commands()) {
      if (body.type === 'host.resolved') await this.#resolve(body);
      else await this.#context.record(body, true);
    }
  }

  async #resolve(body: EventOf<'host.resolved'>): Promise<void> {
    const event = resolutionEvent(this.#state, body);
    await this.#context.record(event, true);
    if (event === body && body.as !== 'retry') this.#works.free(body.host).catch(this.#fail);
  }

  async #carryOut(
    decision: Exclude<Decision, { kind: 'finish' | 'start' }>,
    entries: number,
    before: number,
  ): Promise<void> {
    switch (decision.kind) {
      case 'begin_wave':
      case 'end_wave':
      case 'promote':
      case 'trip':
      case 'release':
      case 'pause': {
        const event = eventOf(decision);
        if (event !== undefined) await this.#recordDecided(event, entries);
        return;
      }
      case 'read_gates':
        return this.#read('gates', this.#readings.readGates(decision.gates));
      case 'read_capacity':
        return this.#read('capacity', this.#readings.readCapacity());
      case 'repeat_proof':
        return this.#works.proveAgain(decision.host);
      case 'expire':
        return this.#works.expire(decision.host);
      case 'ask':
        await this.#questions.ask(decision);
        return this.#sleep(undefined, before);
      case 'wait':
        if (this.#reading.size === 0) await this.#questions.recordWait(decision);
        return this.#sleep(decision.until, before);
    }
  }

  /** Runs beside the loop, which serves operators, deadlines and other hosts meanwhile. */
  #beside(work: Promise<void>, ended: () => void): void {
    work.catch(this.#fail).finally(() => {
      ended();
      this.#wakeup.notify();
    });
  }

  #read(what: 'gates' | 'capacity', reading: Promise<void>): void {
    this.#reading.add(what);
    this.#beside(reading, () => this.#reading.delete(what));
  }

  /** Until an event comes, but not past `until` or the next read of control commands. */
  #sleep(until: number | undefined, before: number): Promise<void> {
    const left = (until ?? Number.POSITIVE_INFINITY) - this.#input.ports.clock.now();
    const look = this.#sites?.nextLook() ?? tick;
    return this.#wakeup.sleep(Math.max(0, Math.min(tick, left, look)), before);
  }
}
