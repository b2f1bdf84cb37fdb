// Patience with an API server that is away for a moment, for the calls that a drain begins with.
import type { Clock } from '../../../engine/ports/local.ts';
import type { Outcome } from '../../../model/run/failure.ts';

export interface RetryLimit {
  readonly clock: Clock;
  /** Milliseconds since 1970: the drain's own deadline. */
  readonly until: number;
  readonly signal: AbortSignal | undefined;
}

const pause = 1_000;

/**
 * Asks again while the way to the server is the trouble; what the server itself says is told at
 * once.
 */
export async function retryTransient<T>(
  ask: () => Promise<Outcome<T>>,
  { clock, until, signal }: RetryLimit,
): Promise<Outcome<T>> {
  for (;;) {
    const answer = await ask();
    if (
      answer.ok ||
      answer.failure.transport !== true ||
      signal?.aborted === true ||
      clock.now() + pause > until
    )
      return answer;
    await clock.sleep(pause, signal);
  }
}
