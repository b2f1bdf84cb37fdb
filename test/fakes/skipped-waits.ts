// A clock for tests whose waits are only waits: while nothing of this process is at work it goes on
// to the next timer, and real work takes its real time. It stands for all timers of JavaScript and
// for Date; those inside Node's sockets stay real.
import { syncBuiltinESMExports } from 'node:module';
import { setImmediate as nextTurn, setTimeout as realSleep } from 'node:timers/promises';
import { afterAll, beforeAll, vi } from 'vitest';

const [pause, turn] = [realSleep, nextTurn];

/**
 * A file, a program, a connection, the next turn is waited for. Open sockets are always there: what
 * was sent on loopback has come by the next turn.
 */
const isWork = (resource: string): boolean =>
  /^(FSReq|CloseReq|Process|GetAddrInfo|Connect|Immediate)|Shutdown/.test(resource);

/** Turns of the event loop without work after which all that is left is a timer. */
const quietTurns = 12;

/** The waits of all tests of this file are skipped. */
export function skipWaits(): void {
  let over = false;

  async function goOn(): Promise<void> {
    for (let quiet = 0; !over; quiet += 1) {
      await turn();
      const work = process.getActiveResourcesInfo().filter(isWork);
      // Other processes need the processor, and the kernel a moment to hand over what was sent.
      if (work.some((resource) => resource !== 'Immediate') || quiet === quietTurns / 2)
        await pause(1);
      if (work.length > 0) quiet = 0;
      if (quiet < quietTurns || over) continue;
      quiet = 0;
      vi.advanceTimersToNextTimer();
    }
  }

  beforeAll(() => {
    vi.useFakeTimers({
      toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date', 'performance'],
      shouldAdvanceTime: true,
      advanceTimeDelta: 5,
    });
    // Named imports of node:timers/promises.
    syncBuiltinESMExports();
    void goOn();
  });

  afterAll(() => {
    over = true;
    vi.useRealTimers();
    syncBuiltinESMExports();
  });
}
