// What performing an effect needs: its place in the run and the context of its host; and its result.

import type { Facts } from '../../model/fact.ts';
import type { PlanContext } from '../../model/run/change.ts';
import type { EffectResult } from '../../model/run/effect.ts';
import type { Event, EventBody } from '../../model/run/event.ts';
import type { Failure } from '../../model/run/failure.ts';
import type { Cluster } from '../ports/cluster.ts';
import type { FenceToken } from '../ports/fence.ts';
import type { Clock, LocalHost } from '../ports/local.ts';
import type { KeptOutput } from '../ports/store.ts';
import type { Session } from '../session/session.ts';
import type { Mask } from './mask.ts';

/** What an effect needs of the host's walk. */
export interface EffectContext {
  readonly host: string;
  readonly session: Session;
  readonly clock: Clock;
  readonly cluster?: Cluster;
  readonly localHost?: LocalHost;
  /** The node that this host is. */
  readonly node?: string;
  /** The operator named exactly this host. */
  readonly byName: boolean;
  /** The run may cordon a node that somebody else has cordoned. */
  readonly takesCordoned: boolean;
  readonly token: FenceToken;
  readonly ownBootId: string;
  readonly record: (body: EventBody, sync: boolean) => Promise<Event>;
  /** Masks known secrets. */
  readonly mask: Mask;
  /** Keeps a long output of this host, without secrets. */
  readonly keepOutput: (text: string) => Promise<KeptOutput>;
  readonly signal: AbortSignal;
  /** Latest facts, derived. */
  readonly facts: () => Facts;
  /** Reads them again. */
  readonly refresh: () => Promise<Failure | undefined>;
  readonly done: () => PlanContext['done'];
  /** Milliseconds for which the API server or the database was away in this run, until now. */
  readonly awayFor: () => number;
  /** The clock without the time for which this walk has waited for its journal. */
  readonly unhindered: () => number;
  /** Whether the host may go on with what takes it out of service. */
  readonly mayContinue: () => 'go' | 'hold';
}

/** Records what nothing waits for. A journal that cannot be written ends the run elsewhere. */
export function recordBeside(body: EventBody, { record }: Pick<EffectContext, 'record'>): void {
  record(body, false).catch(() => {});
}

/** The failure of a step that a stop interrupted: a resume reads what became of it. */
export const interrupted = (message: string): Failure => ({
  kind: 'interrupted',
  message,
  hint: 'a resume of the run goes on here',
  resumable: true,
});

/** Place of an effect in the run. `resumed`: it was announced before, and its end is unknown. */
export interface EffectPlace {
  readonly task: string;
  readonly effect: string;
  readonly resumed: boolean;
  /** Boot id when it was announced. */
  readonly bootId?: string;
  /** A local effect: the id of the directory that has its spool. */
  readonly spool?: string;
  /** It may be performed twice: its task converges or is marked `idempotent`. */
  readonly repeatable: boolean;
}

/** A failure has a result too: `register`, `failed_when` and `until` read it. */
export interface Performed {
  readonly result: EffectResult;
  readonly failure?: Failure;
}

export const failing = (failure: Failure, result: Partial<EffectResult> = {}): Performed => ({
  result: { ok: false, ...result },
  failure,
});
