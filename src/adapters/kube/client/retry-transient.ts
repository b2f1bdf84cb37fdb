// Retries the first calls of a drain while the API server cannot be reached.
import type { Clock } from '../../../engine/ports/local.ts';
import type { Outcome } from '../../../model/run/failure.ts';

export interface RetryLimit {
  readonly clock: Clock;
  /** Milliseconds since 1970: the deadline of the drain. */
  readonly until: number;
  readonly signal: AbortSignal | undefined;
}

const pause = 1_000;

/** Retries failures of the network. An answer of the server, even an error, is returned at once. */
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
