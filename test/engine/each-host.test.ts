// Many hosts at once, on a virtual clock: no silent or refusing host keeps a place from the others,
// and nobody is forgotten.
import { setMaxListeners } from 'node:events';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../src/adapters/local/index.ts';
import { createSilence } from '../../src/adapters/ssh/silence.ts';
import type { Connection, Transport } from '../../src/engine/ports/transport.ts';
import { type Elsewhere, forEachHost } from '../../src/engine/session/each-host.ts';
import type { Target } from '../../src/model/host.ts';
import { failed, ok } from '../../src/model/run/failure.ts';

type Kind = 'live' | 'silent' | 'refusing' | 'late';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const sleep = (milliseconds: number, signal?: AbortSignal): Promise<void> =>
  systemClock.sleep(milliseconds, signal);
let gathered = 0;
const clock = {
  ...systemClock,
  random: () => 0,
  gather: () => {
    gathered++;
    return systemClock.gather();
  },
};
const limit = 10_000;

/**
 * Hosts `0live`, `1silent`, ...: what was done to them, when, and how many were worked at in the
 * same moment.
 */
function fleet(kinds: readonly Kind[]) {
  const began = Date.now();
  const log: { readonly what: 'try' | 'work'; readonly host: number; readonly at: number }[] = [];
  const silence = createSilence();
  let working = 0;
  let most = 0;
  const connection: Connection = {
    alive: () => true,
    close: () => {},
    exec: async () => {
      most = Math.max(most, ++working);
      await sleep(300);
      working--;
      return ok({ code: 0, stdout: '', stderr: '', truncated: false });
    },
  };
  const answers: Readonly<Record<Kind, number>> = {
    live: 50,
    refusing: 50,
    late: 4000,
    silent: limit,
  };
  const transport: Transport = {
    close: async () => {},
    connect: async ({ name }, { signal, turn } = {}) => {
      const host = Number.parseInt(name, 10);
      log.push({ what: 'try', host, at: Date.now() - began });
      const kind = kinds[host] ?? 'live';
      const quiet = silence(turn);
      await sleep(answers[kind], signal);
      if (signal?.aborted === true || kind === 'silent' || kind === 'refusing') {
        quiet.end();
        return signal?.aborted === true
          ? failed('interrupted', 'stopped')
          : failed('unreachable', kind, { transport: true });
      }
      await quiet.broken();
      return ok(connection);
    },
  };
  const targets = kinds.map((kind, index): Target => ({ name: `${index}${kind}` }) as Target);
  return { targets, transport, log, since: () => Date.now() - began, most: () => most };
}

/** Runs it on the virtual clock; when each host was done, and how. */
async function visit(
  kinds: readonly Kind[],
  forks: number,
  stopAt = Number.POSITIVE_INFINITY,
  retries = 2,
) {
  const hosts = fleet(kinds);
  gathered = 0;
  const stop = new AbortController();
  setMaxListeners(0, stop.signal);
  if (stopAt < Number.POSITIVE_INFINITY) setTimeout(() => stop.abort(), stopAt);
  const done = new Map<number, number>();
  const options = { forks, retries, signal: stop.signal };
  let end: number | undefined;
  const all = forEachHost(
    hosts.targets,
    options,
    { transport: hosts.transport, clock },
    {
      use: async (session) => {
        const outcome = await session.read('true', { timeout: 5, become: false });
        return {
          host: Number.parseInt(session.target.name, 10),
          end: outcome.ok ? 'read' : outcome.failure.kind,
        };
      },
      failed: () => ({ host: -1, end: 'thrown' }),
      onHost: ({ host }) => done.set(host, hosts.since()),
    },
  ).then((results) => {
    end = hosts.since();
    return results;
  });
  for (let step = 0; end === undefined && step < 2000; step++)
    await vi.advanceTimersByTimeAsync(1000);
  return { ...hosts, done, end: end ?? Number.POSITIVE_INFINITY, results: await all };
}

const tries = (log: Awaited<ReturnType<typeof visit>>['log'], host: number): number =>
  log.filter((one) => one.host === host).length;
const mixed = Array.from(
  { length: 100 },
  (_, index): Kind => (index % 5 === 0 || index % 5 === 2 ? 'live' : 'silent'),
);

describe('40 live and 60 silent hosts, 50 at once, three tries of 10 s', () => {
  it('takes one round of tries, and all that live are read in the first seconds', async () => {
    const { done, end, results, most } = await visit(mixed, 50);
    const live = mixed.flatMap((kind, index) =>
      kind === 'live' ? [done.get(index) ?? Number.POSITIVE_INFINITY] : [],
    );
    expect(Math.max(...live)).toBeLessThan(3000);
    // Three tries, two back-offs, and a second for those that began behind 50 others. As many ssh
    // in a pool take 60 s.
    expect(end).toBeLessThan(3 * limit + 500 + 1000 + 2000);
    expect(results.filter((result) => result.end === 'read')).toHaveLength(40);
    // Answers wait for each other, and failures for nobody.
    expect(gathered).toBe(40);
    expect(most()).toBeLessThanOrEqual(50);
  });

  it('ends at once with the signal, whoever is silent, backing off or waiting', async () => {
    for (const stopAt of [500, 5000, 10_300, 15_000]) {
      const { end, results, log } = await visit(mixed, 5, stopAt);
      expect(
        results.filter((result) => result.end !== 'read' && result.end !== 'interrupted'),
      ).toEqual([]);
      expect(end).toBeLessThan(stopAt + 400);
      expect(log.filter(({ at }) => at < stopAt).length).toBeLessThan(200);
    }
  });
});

describe('one place', () => {
  it('a host that refuses leaves it between its tries, and comes back behind the others', async () => {
    const { log } = await visit(['refusing', 'live', 'live', 'live'], 1);
    expect(log.map(({ host }) => host)).toEqual([0, 1, 2, 3, 0, 0]);
  });

  it('a host that answers late is read before those that have not begun', async () => {
    const kinds: readonly Kind[] = ['late', ...Array.from({ length: 40 }, (): Kind => 'live')];
    const { done } = await visit(kinds, 1);
    expect(done.get(0)).toBeLessThan(5000);
    expect(Math.max(...done.values())).toBeGreaterThan(10_000);
  });
});

it('no more than the forks are worked at, every host has its tries, and no second try comes before a first one that could begin', async () => {
  const kind = fc.constantFrom<Kind>('live', 'silent', 'refusing', 'late');
  await fc.assert(
    fc.asyncProperty(
      fc.array(kind, { minLength: 1, maxLength: 30 }),
      fc.integer({ min: 1, max: 6 }),
      async (kinds, forks) => {
        const { log, most, results } = await visit(kinds, forks);
        expect(most()).toBeLessThanOrEqual(forks);
        const good = (one: Kind | undefined): boolean => one === 'live' || one === 'late';
        expect(results).toEqual(
          kinds.map((one, host) => ({ host, end: good(one) ? 'read' : 'unreachable' })),
        );
        for (const [host, one] of kinds.entries()) expect(tries(log, host)).toBe(good(one) ? 1 : 3);
        const firsts = kinds.map((_, host) => log.findIndex((one) => one.host === host));
        expect(firsts).toEqual([...firsts].sort((a, b) => a - b));
        const second = log.findIndex(
          (one, index) => log.findIndex(({ host }) => host === one.host) < index,
        );
        if (second >= 0) expect(Math.max(...firsts)).toBeLessThan(second);
      },
    ),
    { numRuns: 60 },
  );
});

describe('hosts that others reach', () => {
  it('are left to them, together with the own ones, and results keep the order of the hosts', async () => {
    const { targets, transport, log, since } = fleet(['live', 'live', 'refusing', 'live']);
    const seen: string[] = [];
    const elsewhere: Elsewhere<string> = {
      has: ({ name }) => name === '1live' || name === '2refusing',
      read: async (there, _, { failed: fail, onHost, keep }) => {
        await sleep(200);
        onHost?.('theirs 1live');
        const failure = await fail('2refusing', { kind: 'unreachable', message: 'no worker' });
        onHost?.(failure);
        return there.map(({ name }) => keep?.(name === '1live' ? 'theirs 1live' : failure) ?? '');
      },
    };
    const all = forEachHost(
      targets,
      { forks: 4, retries: 0, signal: new AbortController().signal },
      { transport, clock },
      {
        use: async (session) => {
          await session.once({ script: 'true', become: false, timeout: 5 });
          return `own ${session.target.name}`;
        },
        failed: (host, { message }) => `${host}: ${message}`,
        onHost: (result) => void seen.push(result),
        // All of them are held until the last host has answered, so only this stays.
        keep: (result) => result.slice(0, 6),
        elsewhere,
      },
    );
    await vi.runAllTimersAsync();
    expect(await all).toEqual(['own 0l', 'theirs', '2refus', 'own 3l']);
    expect(seen.slice(0, 2)).toEqual(['theirs 1live', '2refusing: no worker']);
    expect(log.filter(({ what }) => what === 'try').map(({ host }) => host)).toEqual([0, 3]);
    expect(since()).toBeLessThan(1000);
  });
});
