// The run loop: asks `decide` for the next step, journals it, carries it out, and asks again. It
// decides nothing itself.

import { decide } from '../core/decide/decide.ts';
import { type DecideContext, type Decision, eventOf } from '../core/rollout/decision.ts';
import { mayContinue } from '../core/rollout/may-continue.ts';
import { resolutionEvent } from '../core/run-state/resolve.ts';
import { clusterDeadline, hostState, hostStates, type RunState } from '../core/run-state/state.ts';
import type { Rollout } from '../model/playbook.ts';
import { present } from '../model/present.ts';
import type { Event, EventBody, EventOf } from '../model/run/event.ts';
import { isAway } from '../model/run/failure.ts';
import { HandedOver } from './hand-over.ts';
import { freeHost, takeOverHosts } from './host/fences.ts';
import { setupOf } from './host/fleet.ts';
import { repeatProof } from './host/repeat-proof.ts';
import { expired, walkHost } from './host/walk.ts';
import type { EnginePorts, PlaySetup, RunContext } from './host/walk-context.ts';
import { lockOutsOf, missingHosts } from './node/missing.ts';
import { type OutageOptions, overOutages } from './node/outage.ts';
import { PendingTaints } from './pending.ts';
import type { Cluster } from './ports/cluster.ts';
import type { Asker } from './ports/local.ts';
import type { Gates } from './ports/outside.ts';
import type { KeptOutput, Slots, Store } from './ports/store.ts';
import { createQuota } from './quota.ts';
import type { RunLog } from './run-log.ts';
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

/** Milliseconds after which an open question is journalled. */
const unansweredAfter = 60_000;

/** Decisions that may come while a question is open, and do not make it obsolete. */
const besideQuestions: ReadonlySet<Decision['kind']> = new Set(['ask', 'expire', 'repeat_proof']);

/** A run under way: the walks of its hosts, and all that happens beside the loop. */
class Loop {
  readonly #input: RunInput;
  readonly #policy: Rollout;
  readonly #context: RunContext;
  readonly #walks = new Map<string, AbortController>();
  readonly #busy = new Set<string>();
  readonly #wakeup: Wakeup;
  readonly #quota = createQuota();
  readonly #slots: SlotClaims;
  readonly #pending: PendingTaints | undefined;
  readonly #outages: OutageLog;
  /** Fires when the run is over: calls of the cluster end. */
  readonly #over = new AbortController();
  /** Ends readings and questions when the run stops, or is over. */
  readonly #unread: AbortSignal;
  /** Readings under way. Meanwhile the loop goes on, and starts no host. */
  readonly #reading = new Set<'gates' | 'capacity'>();
  /** Fences that are being closed for operators, by host. */
  readonly #freeing = new Map<string, Promise<void>>();
  /** Withdraws the question that waits for the operator's answer. */
  #question: AbortController | undefined;
  #askedAt = 0;
  #error: unknown;
  /** Why the run is handed over. Walks end before their next step. */
  #leaving: string | undefined;
  #lastWait = '';

  constructor(input: RunInput) {
    this.#input = input;
    this.#unread = AbortSignal.any([input.stop, input.kill, this.#over.signal]);
    this.#wakeup = new Wakeup(input.ports.clock);
    this.#policy = input.setup.play.rollout;
    this.#context = {
      setup: input.setup,
      ports: { ...input.ports, ...this.#overOutages() },
      token: {
        run: input.runLog.run,
        number: input.number,
        ...present({ takeover: input.takeover }),
      },
      record: this.#record,
      state: () => this.#state,
      keepOutput: input.keepOutput,
      overQuota: this.#quota.exceeded,
      signal: input.kill,
      isOver: () => this.#error !== undefined,
      isLeaving: () => this.#leaving !== undefined,
      leaveOwn: this.#leaveOwn,
      mayContinue: (host) => mayContinue(this.#state, this.#policy, input.ports.clock.now(), host),
      strict: input.strict,
      onlyReturns: input.returns !== undefined,
    };
    this.#slots = new SlotClaims({
      slots: input.slots,
      addresses: input.setup.addresses(),
      countsUnreachable: this.#policy.brake.unreachable === 'count',
      now: input.ports.clock.now,
      state: () => this.#state,
      record: (body) => this.#record(body, false),
    });
    const { cluster, clock } = input.ports;
    if (cluster !== undefined) {
      const more = {
        run: input.runLog.run,
        policy: this.#policy,
        state: () => this.#state,
        record: this.#record,
        stop: input.stop,
      };
      this.#pending = new PendingTaints({ cluster, clock, ...more });
    }
    this.#outages = new OutageLog(input.outages, () => this.#wakeup.notify());
    input.stop.addEventListener('abort', () => this.#wakeup.notify());
    input.kill.addEventListener('abort', () => this.#wakeup.notify());
  }

  get #state(): RunState {
    return this.#input.runLog.state();
  }

  readonly #fail = (error: unknown): void => {
    if (!(error instanceof HandedOver)) this.#error ??= error;
  };

  readonly #leaveOwn = async (host: string): Promise<boolean> => {
    const { othersElsewhere } = this.#input;
    if (othersElsewhere === undefined || !(await othersElsewhere())) return false;
    this.#leaving ??= `${host} is the machine of this process`;
    return true;
  };

  readonly #record = async (body: EventBody, sync: boolean): Promise<Event> => {
    const { secrets } = this.#input.setup;
    const { mask } = 'host' in body && body.host !== undefined ? secrets.of(body.host) : secrets;
    const masked = mask(body);
    this.#quota.count(masked);
    try {
      return await this.#input.runLog.append(masked, sync);
    } catch (error) {
      this.#error ??= error;
      throw error;
    } finally {
      this.#wakeup.notify();
    }
  };

  async run(): Promise<{ readonly exit: number; readonly why: string }> {
    try {
      return await this.#loop();
    } catch (error) {
      // Nothing can be journalled any more: all walks stop, and a resume reads what became of them.
      for (const walk of this.#walks.values()) walk.abort();
      await this.#slots.sync().catch(() => {});
      throw error;
    } finally {
      this.#over.abort();
      this.#outages.close();
    }
  }

  #overOutages(): { readonly cluster?: Cluster } {
    const { cluster, clock } = this.#input.ports;
    if (cluster === undefined) return {};
    const record: OutageOptions['record'] = (body) => this.#record(body, false);
    const over = AbortSignal.any([this.#input.kill, this.#over.signal]);
    return {
      cluster: overOutages({ cluster, clock, limit: clusterDeadline(this.#policy), record, over }),
    };
  }

  async #loop(): Promise<{ readonly exit: number; readonly why: string }> {
    if (this.#input.takeover !== undefined) await takeOverHosts(this.#context);
    for (const host of this.#input.freed ?? []) await freeHost(host, this.#context);
    this.#continueWalks();
    if (this.#input.returns !== undefined) await this.#awaitReturns();
    for (;;) {
      if (this.#error !== undefined) throw this.#error;
      if (this.#input.stop.aborted && this.#input.othersElsewhere !== undefined)
        this.#leaving ??= 'this process was asked to end';
      if (this.#leaving !== undefined) await this.#handOver(this.#leaving);
      await this.#takeCommands();
      await this.#slots.sync();
      this.#pending?.reconcile().catch(this.#fail);
      const before = this.#wakeup.count;
      if (this.#outages.isAway) {
        await this.#sleep(undefined, before);
        continue;
      }
      for (const body of this.#outages.take()) await this.#record(body, true);
      const decision = this.#decide();
      if (!besideQuestions.has(decision.kind)) this.#question?.abort();
      if (decision.kind === 'start') {
        await this.#start(decision);
        continue;
      }
      if (decision.kind === 'finish') await this.#windUp();
      const event = eventOf(decision);
      if (event !== undefined) await this.#record(event, true);
      if (decision.kind === 'finish') return decision;
      await this.#carryOut(decision, before);
    }
  }

  /** A start that an outage of the state has delayed rests on old readings: it is not carried out. */
  async #start(first: Extract<Decision, { kind: 'start' }>): Promise<void> {
    const { clock } = this.#input.ports;
    let decidedAt = clock.now();
    const again = (): Decision => {
      decidedAt = clock.now();
      return this.#decide();
    };
    if (!(await this.#slots.take(first.host, again))) return;
    const event = eventOf(first);
    if (event !== undefined) await this.#record(event, true);
    const isTouched = hostState(this.#state, first.host)?.touched === true;
    if (isLate(decidedAt, clock.now()) && !isTouched)
      await this.#record(notStarted(first.host), true);
    else this.#launch(first.host, this.#pending?.reconciled());
  }

  /** Waits for the steps under way; the hosts stay under way in the journal. */
  async #handOver(why: string): Promise<never> {
    this.#question?.abort();
    while (this.#walks.size > 0 || this.#busy.size > 0) {
      await this.#sleep(undefined, this.#wakeup.count);
      if (this.#error !== undefined) throw this.#error;
    }
    await Promise.all([...this.#freeing.values(), this.#pending?.reconciled()]);
    throw new HandedOver(why);
  }

  /** Before the last entry of the journal: ends readings, closes fences, removes taints. */
  async #windUp(): Promise<void> {
    this.#over.abort();
    await Promise.all([...this.#freeing.values(), this.#pending?.end()]);
    if (this.#error !== undefined) throw this.#error;
  }

  #decide(): Decision {
    return decide(this.#state, this.#policy, this.#input.ports.clock.now(), this.#decideContext());
  }

  /** After a resume: hosts that were under way continue. */
  #continueWalks(): void {
    const hosts = this.#input.returns ?? this.#input.setup.hosts.keys();
    for (const host of hosts)
      if (hostState(this.#state, host)?.status === 'running') this.#launch(host);
  }

  /**
   * Ends the run when none of its hosts is under way; later runs take those that it did not start.
   * Otherwise the run stays open for its own resume.
   */
  async #awaitReturns(): Promise<void> {
    while (this.#walks.size > 0) await this.#sleep(undefined, this.#wakeup.count);
    if (this.#error !== undefined) throw this.#error;
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
      await this.#record({ type: 'run.aborted', who, why }, true);
  }

  #decideContext(): DecideContext {
    const input = this.#input;
    return {
      attended: input.ports.asker.attended,
      wait: input.wait,
      ...present({ canaryHosts: input.canaryHosts }),
      busy: this.#busy,
      readingGates: this.#reading.has('gates'),
      capacitySource: input.ports.cluster !== undefined,
      readingCapacity: this.#reading.has('capacity'),
      slotsReadAt: this.#slots.readAt,
    };
  }

  async #takeCommands(): Promise<void> {
    const { stop, operator: who } = this.#input;
    if (stop.aborted && this.#state.aborted === undefined)
      await this.#record(
        { type: 'run.aborted', who, why: String(stop.reason ?? 'interrupted') },
        true,
      );
    for (const body of await this.#input.commands()) {
      if (body.type === 'host.resolved') await this.#resolve(body);
      else await this.#record(body, true);
    }
  }

  async #resolve(body: EventOf<'host.resolved'>): Promise<void> {
    const event = resolutionEvent(this.#state, body);
    await this.#record(event, true);
    if (event !== body || body.as === 'retry') return;
    const freed = freeHost(body.host, this.#context).catch(this.#fail);
    this.#freeing.set(body.host, freed);
  }

  async #carryOut(
    decision: Exclude<Decision, { kind: 'finish' | 'start' }>,
    before: number,
  ): Promise<void> {
    switch (decision.kind) {
      case 'begin_wave':
      case 'end_wave':
      case 'promote':
      case 'trip':
      case 'release':
      case 'pause':
        return;
      case 'read_gates':
        return this.#read('gates', this.#readGates(decision.gates));
      case 'read_capacity':
        return this.#read('capacity', this.#readCapacity());
      case 'repeat_proof':
        this.#busy.add(decision.host);
        return this.#beside(repeatProof(decision.host, this.#context), () =>
          this.#busy.delete(decision.host),
        );
      case 'expire':
        this.#walks.get(decision.host)?.abort(expired);
        this.#busy.add(decision.host);
        return;
      case 'ask':
        if (this.#question === undefined) this.#ask(decision);
        await this.#recordOpenQuestion(decision.question);
        return this.#sleep(undefined, before);
      case 'wait':
        if (this.#reading.size === 0) await this.#recordWait(decision);
        return this.#sleep(decision.until, before);
    }
  }

  /** @param first the walk waits for it, the loop does not */
  #launch(host: string, first?: Promise<void>): void {
    const state = hostState(this.#state, host);
    if (state === undefined) throw new Error(`${host} is not of this run`);
    const own = new AbortController();
    this.#walks.set(host, own);
    const signal = AbortSignal.any([this.#input.kill, own.signal]);
    const walk = async (): Promise<void> => {
      await Promise.all([first, this.#freeing.get(host)]);
      await walkHost(host, state.plan, setupOf(this.#input.setup, host), this.#context, signal);
    };
    this.#beside(walk(), () => {
      this.#walks.delete(host);
      this.#busy.delete(host);
    });
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

  async #readGates(names: readonly string[]): Promise<void> {
    const specs = this.#policy.gates.filter((gate) => names.includes(gate.name));
    const { gates } = this.#input.ports;
    const readings = await Promise.all(
      specs.map(async (gate) => ({ gate, reading: await gates.read(gate, this.#unread) })),
    );
    for (const { gate, reading } of readings)
      if (!this.#unread.aborted)
        await this.#record(
          { type: 'gate.read', gate: gate.name, open: reading.open, read: reading.read },
          false,
        );
  }

  /**
   * Reads the slots of other runs and the nodes that are out of service. If the API server refuses,
   * there is no capacity: fail closed.
   */
  async #readCapacity(): Promise<void> {
    await this.#slots.read();
    const nodes = await this.#context.ports.cluster?.nodes(this.#unread);
    // An outage pauses the run: it is no answer.
    if (nodes === undefined || this.#unread.aborted || (!nodes.ok && isAway(nodes.failure))) return;
    if (!nodes.ok) {
      await this.#record(
        {
          type: 'warning',
          text: `the cluster does not report which nodes are out of service: ${nodes.failure.message}`,
        },
        false,
      );
      await this.#record(
        { type: 'capacity.read', unavailable: [...this.#input.setup.hosts.keys()] },
        false,
      );
      return;
    }
    this.#pending?.see(nodes.value);
    const { run } = this.#input.runLog;
    const unavailable = missingHosts(
      hostStates(this.#state),
      this.#input.setup.pool ?? [],
      nodes.value,
      run,
    );
    const lockOuts = lockOutsOf(hostStates(this.#state), nodes.value);
    await this.#record(
      {
        type: 'capacity.read',
        unavailable,
        ...(lockOuts.length === 0 && this.#state.setAside.length === 0 ? {} : { lockOuts }),
      },
      false,
    );
  }

  /** Asks the operator beside the loop: the abort of another process must not wait for an answer. */
  #ask(decision: Extract<Decision, { kind: 'ask' }>): void {
    const question = new AbortController();
    this.#question = question;
    this.#askedAt = this.#input.ports.clock.now();
    const signal = AbortSignal.any([question.signal, this.#unread]);
    this.#beside(this.#recordAnswer(decision, signal), () => {
      this.#question = undefined;
    });
  }

  async #recordAnswer(
    decision: Extract<Decision, { kind: 'ask' }>,
    signal: AbortSignal,
  ): Promise<void> {
    const { operator: who, ports } = this.#input;
    const yes = await ports.asker.confirm(decision.question, signal);
    if (signal.aborted) return;
    if (yes)
      await this.#record(
        { type: 'approved', risk: decision.risk, who, how: 'asked', about: decision.about },
        true,
      );
    else
      await this.#record(
        { type: 'run.aborted', who, why: `answered no: ${decision.question}` },
        true,
      );
  }

  async #recordWait(decision: Extract<Decision, { kind: 'wait' }>): Promise<void> {
    const why = decision.why.map((one) => one.text).join('; ');
    if (why === this.#lastWait || why === '') return;
    this.#lastWait = why;
    const needs = decision.why.find((one) => one.needs !== undefined)?.needs;
    const { until } = decision;
    await this.#record({ type: 'waiting', why, ...present({ until, needs }) }, false);
  }

  /** Nobody may be at the terminal: a question that stays open becomes a notice. */
  async #recordOpenQuestion(why: string): Promise<void> {
    const openFor = this.#input.ports.clock.now() - this.#askedAt;
    if (openFor < unansweredAfter || why === this.#lastWait) return;
    this.#lastWait = why;
    await this.#record({ type: 'waiting', why, needs: 'answer' }, false);
  }

  /** Until an event comes, but not past `until` or the next read of control commands. */
  #sleep(until: number | undefined, before: number): Promise<void> {
    const left = (until ?? Number.POSITIVE_INFINITY) - this.#input.ports.clock.now();
    return this.#wakeup.sleep(Math.max(0, Math.min(tick, left)), before);
  }
}
