// Following the pods of a node, with a fake API and a virtual clock: lists, watches and events.
import { describe, expect, it } from 'vitest';
import type { Api, WatchEvent } from '../../src/adapters/kube/client/api.ts';
import { PodFollower } from '../../src/adapters/kube/drain/follow-pods.ts';
import { ok } from '../../src/model/run/failure.ts';

interface Pod {
  readonly uid: string;
  readonly name: string;
}

/**
 * The lists are returned in turn; the last one repeats. The watches answer in turn with a status,
 * or with events and then nothing. After the last watch the test ends. `kept` is a watch that only
 * the server ended.
 */
async function follow(
  lists: readonly (readonly Pod[])[],
  watches: readonly (number | readonly WatchEvent[])[],
) {
  let now = 0;
  const done = new AbortController();
  const made: string[] = [];
  const coming = [...lists];
  const listing = () => {
    const listed = (coming.length > 1 ? coming.shift() : coming[0]) ?? [];
    return { items: listed.map((metadata) => ({ metadata })), version: '1' };
  };
  const left = [...watches];
  const calls = {
    who: 'ann',
    serverNow: () => now,
    podNamesOf: async () => {
      made.push(`list at ${now / 1000}`);
      return ok(listing());
    },
    watchPods: async (
      _node: string,
      _version: string,
      onEvent: (event: WatchEvent) => void,
      signal: AbortSignal,
    ) => {
      made.push(`watch at ${now / 1000}`);
      const next = left.shift() ?? [];
      if (typeof next === 'number')
        return ok({
          status: next,
          body: { kind: 'Status', message: 'pods is forbidden: User "ann" cannot watch' },
        });
      for (const event of next) if (!signal.aborted) onEvent(event);
      if (left.length === 0) done.abort();
      else if (!signal.aborted) made.push('kept');
      return ok({ status: 200, body: undefined });
    },
  };
  const clock = {
    now: () => now,
    random: () => 0,
    yield: async () => {},
    gather: async () => {},
    id: () => '',
    sleep: async (milliseconds: number) => {
      now += milliseconds;
    },
  };
  const follower = new PodFollower({
    api: calls as unknown as Api,
    node: 'n1',
    clock,
    signal: done.signal,
    first: listing(),
    onChange: () => undefined,
  });
  const ended = new Promise((resolve) => done.signal.addEventListener('abort', resolve));
  void follower.watch();
  await ended;
  return { made, present: [...follower.present().keys()] };
}

const row = (type: string, name: unknown): WatchEvent => ({
  type,
  object: { kind: 'Table', rows: [{ cells: [name] }] },
});
const pods = (count: number): readonly Pod[] =>
  Array.from({ length: count }, (_, index) => ({ uid: `u${index}`, name: `p${index}` }));

describe('following the pods of a node', () => {
  it('lists once and watches; a unique name identifies a pod', async () => {
    const { made, present } = await follow(
      [pods(3)],
      [[row('MODIFIED', 'p1'), row('DELETED', 'p1'), row('DELETED', 'unknown')]],
    );
    expect(made).toEqual(['list at 0', 'watch at 0']);
    expect(present).toEqual(['u0', 'u2']);
  });

  it('lists many pods twice before it watches', async () => {
    expect((await follow([pods(64)], [[]])).made).toEqual([
      'list at 0',
      'list at 1.5',
      'watch at 1.5',
    ]);
    expect((await follow([pods(63)], [[]])).made).toEqual(['list at 0', 'watch at 0']);
  });

  const [a, b] = [
    { uid: 'a', name: 'db' },
    { uid: 'b', name: 'db' },
  ];
  it.each([
    ['a name that two have', [[a, b]], [row('DELETED', 'db')], ['a', 'b']],
    ['a name that another had before', [[a, b], [b]], [row('DELETED', 'db')], ['b']],
    [
      'a name that another has taken meanwhile',
      [[a]],
      [row('ADDED', 'db'), row('DELETED', 'db')],
      ['a'],
    ],
    ['a row without a name', [[a]], [row('DELETED', 7)], ['a']],
    ['a version that is too old', [[a]], [{ type: 'ERROR', object: { code: 410 } }], ['a']],
  ])('lists again: %s', async (_, lists, events, present) => {
    const followed = await follow(lists, [events, []]);
    expect(followed.made).toEqual(['list at 0', 'watch at 0', 'list at 0', 'watch at 0']);
    expect(followed.present).toEqual(present);
  });

  it('keeps a watch whose events it understands', async () => {
    const { made } = await follow(
      [[a]],
      [[row('ADDED', 'late'), row('MODIFIED', 'db'), row('DELETED', 'late')], []],
    );
    expect(made).toEqual(['list at 0', 'watch at 0', 'kept', 'list at 0', 'watch at 0']);
  });

  it('uses uids if the server sends whole pods', async () => {
    const whole = (type: string, uid: string): WatchEvent => ({
      type,
      object: { kind: 'Pod', metadata: { uid, name: 'db' } },
    });
    const { present } = await follow(
      [[a]],
      [[whole('ADDED', 'b'), whole('DELETED', 'a'), { type: 'BOOKMARK', object: {} }]],
    );
    expect(present).toEqual(['b']);
  });

  it('polls every two seconds without the right to watch, and tries the watch again after thirty', async () => {
    const { made } = await follow([pods(1)], [403, []]);
    expect(made).toHaveLength(2 + 15 + 1);
    expect([made[1], made[2], made[16], made[17]]).toEqual([
      'watch at 0',
      'list at 2',
      'list at 30',
      'watch at 30',
    ]);
  });
});
