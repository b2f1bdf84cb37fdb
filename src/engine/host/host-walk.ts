// A host's walk through its tasks: what is known of the host, and what its effects need.

import { chooseAnew } from '../../core/plan/overlay.ts';
import type { Frame } from '../../core/plan/task/frame.ts';
import type { TaskVars } from '../../core/plan/task/scope.ts';
import { turnOf } from '../../core/run-state/lock-out.ts';
import { awayUntil, type HostState, hostState, hostStates } from '../../core/run-state/state.ts';
import { givenFacts, newAnswer } from '../../facts/index.ts';
import type { Facts, FactWant } from '../../model/fact.ts';
import type { ModuleTask } from '../../model/playbook.ts';
import { present } from '../../model/present.ts';
import type { AnyModule, PlanContext } from '../../model/run/change.ts';
import type { Failure } from '../../model/run/failure.ts';
import type { HostPlan } from '../../model/run/plan.ts';
import type { Mapping } from '../../model/value.ts';
import { type EffectContext, recordBeside } from '../effects/effect-context.ts';
import type { Secrets } from '../effects/mask.ts';
import { crashingBefore } from '../node/ready.ts';
import { openSession, type Session } from '../session/session.ts';
import { HostView } from './host-view.ts';
import type { HostSetup, RunContext } from './walk-context.ts';

export interface ProvingTask {
  readonly task: ModuleTask;
  readonly module: AnyModule;
  readonly vars: TaskVars;
}

/** Holds a host's walk: its session, and its view of the host. */
export class HostWalk {
  readonly host: string;
  readonly plan: HostPlan;
  readonly run: RunContext;
  readonly session: Session;
  readonly secrets: Secrets;
  readonly signal: AbortSignal;
  readonly view: HostView;
  /** The task that gave the last proof, and whether the host's disk was changed since. */
  proving: { by?: ProvingTask; alteredSince: boolean } = { alteredSince: false };
  /** The task that failed last, and what the journal keeps of its result. */
  failed: { readonly task: ModuleTask; readonly result: Mapping } | undefined;
  /** Milliseconds for which an effect has waited for its entries. */
  #hindered = 0;

  constructor(
    host: string,
    plan: HostPlan,
    setup: HostSetup,
    run: RunContext,
    signal: AbortSignal,
  ) {
    this.host = host;
    this.plan = plan;
    this.run = run;
    this.signal = signal;
    this.secrets = run.setup.secrets.of(host);
    this.session = openSession(
      setup.target,
      run.setup.play.rollout.retries.transport,
      run.ports,
      signal,
    );
    const chosen = this.state.remedy ?? { remedy: plan.remedy, why: plan.remedyWhy };
    // Between the reboot and the uncordon, the pods of DaemonSets are checked too.
    const crashing = (): ReadonlySet<string> | undefined =>
      this.done.rebooted ? crashingBefore(hostStates(run.state())) : undefined;
    this.view = new HostView(
      {
        host,
        setup: run.setup,
        hostSetup: setup,
        ports: run.ports,
        session: this.session,
        signal,
        ours: [run.token.run, run.token.takeover],
        when: {
          kind: 'start',
          report: (text) => recordBeside({ type: 'warning', host, text }, run),
        },
        node: () => plan.node,
        readNode: (nodeView, hostFacts) => nodeView.read(plan.node, hostFacts, crashing()),
        given: () => givenFacts(setup.declared, run.state().kernels, plan.accepts),
        done: () => this.done,
        full: () => run.overQuota(host),
        readOnlyCommands: 'all',
      },
      chosen,
    );
  }

  get facts(): Facts {
    return this.view.facts;
  }

  get frame(): Frame {
    return this.view.frame;
  }

  get state(): HostState {
    const state = hostState(this.run.state(), this.host);
    if (state === undefined) throw new Error(`${this.host} is not of this run`);
    return state;
  }

  /** The facts may be stale: an effect was performed. */
  invalidate(keepsLooks = false): void {
    this.view.invalidate(keepsLooks);
  }

  refresh(wants: readonly FactWant[] = []): Promise<Failure | undefined> {
    return this.view.refresh(wants);
  }

  /** Before the walk begins: the remedy of the plan, or the one that today's facts call for. */
  chooseAnew(): void {
    this.view.choose(chooseAnew(this.view.chosen, this.view.raw, this.state.touched));
  }

  /** Records how an unknown kernel answered, so that the next hosts with it are planned by that. */
  async recordKernel(): Promise<void> {
    const news = newAnswer(this.facts);
    if (news === undefined) return;
    const known = this.run.state().kernels.get(news.release)?.obeys;
    if (known === 'no' || known === news.obeys) return;
    await this.run.record({ type: 'kernel.seen', host: this.host, ...news }, true);
  }

  /** What this run has done on the host, by the journal: also across a resume. */
  get done(): PlanContext['done'] {
    const { cordoned, drained, rebooted, uncordoned } = this.state.marks;
    const { touched, unproven, replaced, results, oldBootIds } = this.state;
    const bootId = String(this.facts['boot.id']);
    return {
      cordoned: cordoned && !uncordoned,
      drained: drained && !uncordoned,
      rebooted,
      newBoot: oldBootIds.length > 0 && !oldBootIds.includes(bootId),
      touched,
      acted: touched,
      ...(results.drain?.data?.mayLeave === true ? { mayLeave: true } : {}),
      ...(replaced === undefined || replaced.bootId !== this.facts['boot.id']
        ? {}
        : { replaced: replaced.names }),
      ...present({ unproven }),
    };
  }

  get effectContext(): EffectContext {
    const { run } = this;
    return {
      host: this.host,
      session: this.session,
      clock: run.ports.clock,
      ...present({
        cluster: run.ports.cluster,
        localHost: run.ports.localHost,
        node: this.plan.node,
      }),
      byName: run.setup.askedByName === this.host,
      takesCordoned: turnOf('cordon', this.state, run.state()) !== 'never',
      token: run.token,
      ownBootId: run.setup.ownBootId,
      record: this.#record,
      mask: this.secrets.mask,
      keepOutput: (text) => run.keepOutput(this.host, text),
      signal: this.signal,
      facts: () => this.facts,
      refresh: () => {
        this.invalidate();
        return this.refresh();
      },
      done: () => this.done,
      awayFor: () => awayUntil(run.state(), run.ports.clock.now()),
      unhindered: () => run.ports.clock.now() - this.#hindered,
      mayContinue: () => run.mayContinue(this.host),
    };
  }

  readonly #record: RunContext['record'] = async (body, sync) => {
    const { clock } = this.run.ports;
    const began = clock.now();
    try {
      return await this.run.record(body, sync);
    } finally {
      this.#hindered += clock.now() - began;
    }
  };
}
