// Who has a host, by its fence, its node and the journals; and which hosts are one machine.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  heldHosts,
  isOrphan,
  type KnownRun,
  remainsOf,
  type Seen,
  seenOf,
  twinsAmong,
  twinsText,
} from '../../src/core/history/orphans.ts';
import { foldAll } from '../../src/core/run-state/fold.ts';
import type { Event, EventBody } from '../../src/model/run/event.ts';
import { begin, fleet } from './fleet.ts';

const [older, run, newer] = [
  '20261120-000000-aaaa',
  '20261124-153012-k3f9',
  '20261125-000000-bbbb',
] as const;
const seen = (more: Partial<Seen> = {}): Seen => ({ ...seenOf('n1', {}), ...more });

const [host] = fleet(1);
if (host === undefined) throw new Error('no host');
const name = host.host;
const reboot = {
  type: 'effect.started',
  host: name,
  task: 't',
  effect: 'e',
  kind: 'reboot',
  what: 'reboot',
  timeout: 1,
  detached: false,
} as const;
const started: readonly EventBody[] = [
  begin([host]),
  { type: 'host.started', host: name, why: '' },
  reboot,
];
const failure = { kind: 'exit', message: 'no' } as const;
const failed: EventBody = {
  type: 'host.failed',
  host: name,
  failure,
  touched: true,
  state: 'drained',
};
const retried: EventBody = { type: 'host.resolved', host: name, who: 'ops', note: '', as: 'retry' };
const aborted: EventBody = { type: 'run.aborted', who: 'ops', why: 'answered no' };

const known = (bodies: readonly EventBody[], holder?: string): ReadonlyMap<string, KnownRun> => {
  const state = foldAll(
    bodies.map((body, seq): Event => ({ ...body, v: 1, seq, at: seq, run, prev: '' })),
  );
  return new Map([
    [run, { remains: remainsOf(state), ...(holder === undefined ? {} : { holder }) }],
  ]);
};
const heldIn = (one: Partial<Seen>, runs: ReadonlyMap<string, KnownRun>) =>
  heldHosts([seen({ host: name, ...one })], runs).get(name);

describe('who has a host', () => {
  const open = { fence: run, fenceOpen: true };
  const resume = `kmend resume ${run}`;
  it.each([
    ['its process lives', open, known(started, 'process 1 on m'), 'under_way', 'wait for it'],
    ['its process is gone', open, known(started), 'interrupted', resume],
    ['only the journal says so', {}, known(started), 'interrupted', resume],
    ['an older run had the host before', { fence: older }, known(started), 'interrupted', resume],
    [
      'a signal ended it',
      open,
      known([...started, { ...aborted, why: 'SIGTERM' }]),
      'interrupted',
      resume,
    ],
    ['an operator ended it', open, known([...started, aborted]), 'aborted', resume],
    [
      'the host failed',
      open,
      known([...started, failed]),
      'failed',
      `${resume} --retry ${name}, or --skip ${name}, or --done ${name}`,
    ],
    [
      'the host was tried again and failed again',
      open,
      known([...started, failed, retried, ...started.slice(1), failed]),
      'failed',
      resume,
    ],
    ['its journal is elsewhere', open, new Map(), 'elsewhere', `--takeover ${run}`],
    ['only the node has its mark', { owner: run }, new Map(), 'elsewhere', `--takeover ${run}`],
  ] as const)('%s', (_, one, runs, kind, hint) => {
    const held = heldIn(one, runs);
    expect(held).toMatchObject({ kind, run, hint: expect.stringContaining(hint) });
    expect(held !== undefined && isOrphan(held)).toBe(kind !== 'under_way');
  });

  it.each([
    ['a closed fence of a run elsewhere', { fence: run }, new Map()],
    ['a host that was begun and not touched', {}, known(started.slice(0, 2))],
    ['a host that a newer run took over', { fence: newer }, known(started)],
    [
      'a failure that was acknowledged',
      open,
      known([
        ...started,
        failed,
        { type: 'host.resolved', host: name, who: 'ops', note: '', as: 'done' },
      ]),
    ],
    ['a fence that is no run', { fence: '; reboot', fenceOpen: true }, new Map()],
  ] as const)('nobody: %s', (_, one, runs) => {
    const { fence = '', fenceOpen = false } = one as Partial<Seen>;
    const read = seenOf(name, { 'fence.run': fence, 'fence.open': fenceOpen });
    expect(heldHosts([read], runs).get(name)).toBeUndefined();
  });
});

describe('one machine under several names', () => {
  const ids = fc.constantFrom('', 'a', 'b', 'c');
  const hosts = fc
    .array(fc.record({ bootId: ids, machineId: ids, hostKey: fc.constantFrom('k', 'l') }), {
      maxLength: 8,
    })
    .map((list) => list.map((ids, at) => seen({ ...ids, host: `n${at}` })));

  it('is every host whose boot id another one with its host key has, and no other', () => {
    fc.assert(
      fc.property(hosts, (list) => {
        const found = twinsAmong(list)
          .filter(({ by }) => by === 'boot')
          .flatMap(({ hosts: same }) => same);
        const expected = list.filter(
          ({ bootId, hostKey, host: own }) =>
            bootId !== '' &&
            list.some(
              (other) => other.host !== own && other.bootId === bootId && other.hostKey === hostKey,
            ),
        );
        expect(found.toSorted()).toEqual(expected.map((one) => one.host).toSorted());
      }),
    );
  });
  it('is not one by the word of a host that has another host key', () => {
    const honest = seen({ host: 'a', bootId: '1', hostKey: 'k' });
    expect(twinsAmong([honest, seen({ host: 'b', bootId: '1', hostKey: 'l' })])).toEqual([
      { hosts: ['a', 'b'], by: 'word', id: '1' },
    ]);
  });
  it('may be one where only the machine id is the same', () => {
    const [twins] = twinsAmong([
      seen({ host: 'a', bootId: '1', machineId: 'm' }),
      seen({ host: 'b', bootId: '2', machineId: 'm' }),
    ]);
    expect(twins).toEqual({ hosts: ['a', 'b'], by: 'machine', id: 'm' });
  });
  it('names five of many', () => {
    expect(twinsText({ hosts: ['a', 'b', 'c', 'd', 'e', 'f', 'g'], by: 'boot', id: 'x' })).toMatch(
      /^a, b, c, d, e and 2 more are one machine/,
    );
  });
});
