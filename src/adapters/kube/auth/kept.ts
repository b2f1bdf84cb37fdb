// Keeps a credential and renews it when it may have changed. Concurrent callers share one renewal.
import { failed, type Outcome, ok } from '../../../model/run/failure.ts';

export interface Kept<T> {
  readonly get: (signal?: AbortSignal) => Promise<Outcome<T>>;
  /**
   * Call it when the server refused `value`. A newer value stays: of twenty refused calls, only the
   * first renews.
   */
  readonly refuse: (value: T) => void;
}

export interface Making<T> {
  /** Never rejects. */
  readonly make: () => Promise<Outcome<T>>;
  /** Until when a value made at `at` is used without a renewal, milliseconds since 1970. */
  readonly freshUntil: (value: T, at: number) => number;
  /** Until when a value is used if the renewal fails (a file being replaced, a failed plugin). */
  readonly goodUntil: (value: T) => number;
  readonly now: () => number;
}

export function keep<T>({ make, freshUntil, goodUntil, now }: Making<T>): Kept<T> {
  let kept: { readonly value: T; readonly at: number } | undefined;
  let pending: Promise<Outcome<T>> | undefined;

  async function renew(): Promise<Outcome<T>> {
    const made = await make();
    pending = undefined;
    if (made.ok) kept = { value: made.value, at: now() };
    return !made.ok && kept !== undefined && now() < goodUntil(kept.value) ? ok(kept.value) : made;
  }

  return {
    get: (signal) => {
      if (kept !== undefined && now() < freshUntil(kept.value, kept.at))
        return Promise.resolve(ok(kept.value));
      pending ??= renew();
      return Promise.race([pending, aborted(signal)]);
    },
    refuse: (value) => {
      if (kept?.value === value) kept = undefined;
    },
  };
}

/** Ends the wait of one caller. The renewal goes on for the others. */
function aborted(signal: AbortSignal | undefined): Promise<Outcome<never>> {
  return new Promise((resolve) => {
    if (signal === undefined) return;
    const end = (): void =>
      resolve(failed('interrupted', 'interrupted while waiting for a credential'));
    if (signal.aborted) end();
    else signal.addEventListener('abort', end, { once: true });
  });
}
