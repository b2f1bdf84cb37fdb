// What passes through the door beside an effect: where it stands, what it needs of the host's walk,
// what came of it.

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
  readonly here?: LocalHost;
  /** The node that this host is. */
  readonly node?: string;
  /** A person asked for exactly this host. */
  readonly byName: boolean;
  /** May its node be taken, though somebody else has cordoned it? */
  readonly takesCordoned: boolean;
  readonly token: FenceToken;
  readonly ownBootId: string;
  readonly record: (body: EventBody, sync: boolean) => Promise<Event>;
  /** Takes known secrets out. */
  readonly mask: Mask;
  /** Keeps a long output of this host, without secrets. */
  readonly keepOutput: (text: string) => Promise<KeptOutput>;
  readonly signal: AbortSignal;
  /** Latest facts, derived. */
  readonly facts: () => Facts;
  /** Reads them again. */
  readonly refresh: () => Promise<Failure | undefined>;
  readonly done: () => PlanContext['done'];
  /** Milliseconds for which the API server was away in this run, until now. */
  readonly awayFor: () => number;
}

/** A stop now: the end of what is under way is not known, and resume will look. */
export const cutShort = (message: string): Failure => ({
  kind: 'interrupted',
  message,
  hint: 'a resume of the run goes on here',
  resumable: true,
});

/**
 * Where in the run an effect stands. `resumed` = it was announced before and its end is not known.
 */
export interface EffectPlace {
  readonly task: string;
  readonly effect: string;
  readonly resumed: boolean;
  /** Boot id journalled when it was first announced. */
  readonly bootId?: string;
  /** It may be done twice: its task converges, or says so. */
  readonly repeatable: boolean;
}

/** The result is there also when it is a failure: `register`, `failed_when` and `until` read it. */
export interface Performed {
  readonly result: EffectResult;
  readonly failure?: Failure;
}

export const failing = (failure: Failure, result: Partial<EffectResult> = {}): Performed => ({
  result: { ok: false, ...result },
  failure,
});
