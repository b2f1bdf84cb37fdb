// A credential that is made anew when it may have changed: one making serves all who ask meanwhile,
// and the last one serves on while it is good.
import { failed, type Outcome, ok } from '../../../model/run/failure.ts';

export interface Kept<T> {
  readonly get: (signal?: AbortSignal) => Promise<Outcome<T>>;
  /**
   * The server did not accept this one. One that was made meanwhile stays: of twenty calls that
   * were refused, the first renews for all.
   */
  readonly refuse: (value: T) => void;
}

export interface Making<T> {
  /** Never rejects. */
  readonly make: () => Promise<Outcome<T>>;
  /** Milliseconds since 1970 until which a value made at `at` serves without a question. */
  readonly freshUntil: (value: T, at: number) => number;
  /**
   * Until when it serves on where a new one cannot be made: a file that is being replaced, a plugin
   * that failed.
   */
  readonly goodUntil: (value: T) => number;
  readonly now: () => number;
}

export function keep<T>({ make, freshUntil, goodUntil, now }: Making<T>): Kept<T> {
  let kept: { readonly value: T; readonly at: number } | undefined;
  let pending: Promise<Outcome<T>> | undefined;

  async function anew(): Promise<Outcome<T>> {
    const made = await make();
    pending = undefined;
    if (made.ok) kept = { value: made.value, at: now() };
    return !made.ok && kept !== undefined && now() < goodUntil(kept.value) ? ok(kept.value) : made;
  }

  return {
    get: (signal) => {
      if (kept !== undefined && now() < freshUntil(kept.value, kept.at))
        return Promise.resolve(ok(kept.value));
      pending ??= anew();
      return Promise.race([pending, aborted(signal)]);
    },
    refuse: (value) => {
      if (kept?.value === value) kept = undefined;
    },
  };
}

/** Many calls wait for one plugin, so no single call's signal may end it for the others. */
function aborted(signal: AbortSignal | undefined): Promise<Outcome<never>> {
  return new Promise((resolve) => {
    if (signal === undefined) return;
    const end = (): void =>
      resolve(failed('interrupted', 'interrupted while waiting for a credential'));
    if (signal.aborted) end();
    else signal.addEventListener('abort', end, { once: true });
  });
}
