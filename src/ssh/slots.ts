// A bounded number of handshakes at once: they are what costs CPU here and what makes a server shed load.

export interface Slots {
  /** Waits for a slot; undefined when the signal fired first. The function that comes back gives the slot free; a second call does nothing. */
  readonly take: (signal?: AbortSignal) => Promise<(() => void) | undefined>;
}

export function createSlots(count: number): Slots {
  let free = Math.max(1, count);
  const queue = new Set<() => void>();
  const give = (): (() => void) => {
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      const next = queue.values().next();
      if (next.done === true) free++;
      else next.value();
    };
  };
  return {
    take: (signal) => {
      if (signal?.aborted === true) return Promise.resolve(undefined);
      if (free > 0) {
        free--;
        return Promise.resolve(give());
      }
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
