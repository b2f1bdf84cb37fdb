// Which open runs a worker takes: one worker takes a run, the others wait for it a while.
import { describe, expect, it } from 'vitest';
import { type Choice, otherVersion, runsToTake, turn } from '../../src/core/workers/choose.ts';

const worker = (id: number, runs = 0, most = 4, refused: readonly string[] = []) => ({
  id,
  runs,
  most,
  refused: new Set(refused),
});

const choice = (me: number, changes: Partial<Choice>): Choice => ({
  me,
  now: 10_000,
  workers: [worker(1), worker(2), worker(3)],
  free: new Map([['r1', 10_000]]),
  notBefore: new Map(),
  ...changes,
});

describe('the runs that a worker takes', () => {
  const everyone = (changes: Partial<Choice>): readonly (readonly string[])[] =>
    [1, 2, 3].map((me) => runsToTake(choice(me, changes)));

  it.each<[string, Partial<Choice>, readonly (readonly string[])[]]>([
    ['a run goes to one of them', {}, [['r1'], [], []]],
    [
      'to the one with the fewest runs',
      { workers: [worker(1, 2), worker(2, 1), worker(3, 2)] },
      [[], ['r1'], []],
    ],
    [
      'not to one that has as many as it may',
      { workers: [worker(1, 1, 1), worker(2, 2), worker(3, 3)] },
      [[], ['r1'], []],
    ],
    [
      'not to one that ends',
      { workers: [worker(1, 0, 0), worker(2), worker(3)] },
      [[], ['r1'], []],
    ],
    [
      'not to one that refused it',
      { workers: [worker(1, 0, 4, ['r1']), worker(2), worker(3)], notBefore: new Map() },
      // The first does not know here that it refused: its own time counts for itself.
      [['r1'], ['r1'], []],
    ],
    [
      'several are spread',
      {
        free: new Map(['r1', 'r2', 'r3', 'r4'].map((run) => [run, 10_000])),
        workers: [worker(1), worker(2), worker(3, 1)],
      },
      [['r1', 'r3'], ['r2', 'r4'], []],
    ],
    [
      'the second takes what the first has left for a while',
      { free: new Map([['r1', 10_000 - turn]]) },
      [['r1'], ['r1'], []],
    ],
    [
      'and later the third',
      { free: new Map([['r1', 10_000 - 2 * turn]]) },
      [['r1'], ['r1'], ['r1']],
    ],
    ['nothing where all are led', { free: new Map() }, [[], [], []]],
  ])('%s', (_what, changes, expected) => {
    expect(everyone(changes)).toEqual(expected);
  });

  it('waits with a run that it has just refused', () => {
    const notBefore = new Map([['r1', 10_001]]);
    expect(runsToTake(choice(1, { notBefore }))).toEqual([]);
    expect(runsToTake(choice(1, { notBefore, now: 10_001 }))).toEqual(['r1']);
  });

  it('takes no more than it may, also of many', () => {
    const free = new Map(['r1', 'r2', 'r3'].map((run) => [run, 0]));
    expect(runsToTake(choice(1, { workers: [worker(1, 3)], free }))).toEqual(['r1']);
  });

  it('takes a run though others do not see this worker yet', () => {
    expect(runsToTake(choice(9, { workers: [worker(9), worker(1, 1)] }))).toEqual(['r1']);
  });
});

describe('versions', () => {
  it.each([
    ['1.2.3', '1.2.9', true],
    ['1.2.3', '1.3.0', false],
    ['1.2.3', '2.2.3', false],
    ['1.2.3', '1.20.3', false],
  ])('a run of %s on a worker of %s: %s', (tool, own, carries) => {
    expect(otherVersion(tool, own) === undefined).toBe(carries);
  });
});
