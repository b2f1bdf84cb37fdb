// How many commands run at once over one connection: a server allows ten (MaxSessions), or fewer.

export interface Sessions {
  /** Waits for a place, and returns what frees it. `last`: at once, in the place that is kept free. */
  readonly take: (last: boolean) => Promise<() => void>;
  /** The server has refused a session. True: fewer run from now on, and another try is of use. */
  readonly refused: () => boolean;
}

export function createSessions(most: number): Sessions {
  let limit = most;
  let running = 0;
  const waiting: (() => void)[] = [];
  const begin = (): (() => void) => {
    running++;
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      running--;
      while (running < limit && waiting.length > 0) waiting.shift()?.();
    };
  };
  return {
    take: (last) =>
      last || running < limit
        ? Promise.resolve(begin())
        : new Promise((resolve) => waiting.push(() => resolve(begin()))),
    refused: () => {
      if (limit === 1) return false;
      limit = Math.max(1, Math.min(limit - 1, running));
      return true;
    },
  };
}
