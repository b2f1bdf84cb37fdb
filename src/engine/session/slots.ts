// Bounds how many things happen at once: handshakes, which cost CPU and may make a server refuse
// connections, and hosts that are read.

export interface TakeOptions {
  readonly signal?: AbortSignal;
  /** Before all others that wait, except earlier ones with `first`. */
  readonly first?: boolean;
}

export interface Slots {
  /**
   * Waits for a slot and returns the function that frees it; undefined if the signal fired first. A
   * second call of that function does nothing.
   */
  readonly take: (options?: TakeOptions) => Promise<(() => void) | undefined>;
}

export function createSlots(count: number): Slots {
  let free = Math.max(1, count);
  const [early, late] = [new Set<() => void>(), new Set<() => void>()];
  const give = (): (() => void) => {
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      const [next] = early.size > 0 ? early : late;
      if (next === undefined) free++;
      else next();
    };
  };
  return {
    take: ({ signal, first = false } = {}) => {
      if (signal?.aborted === true) return Promise.resolve(undefined);
      if (free > 0) {
        free--;
        return Promise.resolve(give());
      }
      const queue = first ? early : late;
      return new Promise((resolve) => {
        const start = (): void => {
          queue.delete(start);
          signal?.removeEventListener('abort', stop);
          resolve(give());
        };
        const stop = (): void => {
          queue.delete(start);
          resolve(undefined);
        };
        queue.add(start);
        signal?.addEventListener('abort', stop, { once: true });
      });
    },
  };
}
