// One host of a fleet lies, floods, stalls, bombs or answers at random. Every other host ends
// exactly as it would without it, and what the run writes, keeps, sends and works is bounded. The
// real loop, walks and modules on a virtual clock.
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ExecRequest } from '../../src/engine/ports/transport.ts';
import { buildProbe } from '../../src/facts/index.ts';
import type { Event } from '../../src/model/run/event.ts';
import { countedCommand, type Fate, type Recording } from '../fakes/host-world.ts';
import { recordSick } from '../fakes/recording.ts';
import { type Ended, type Hostility, type Move, runFleet } from './fleet.ts';

const worlds = process.env.KMEND_SLOW === undefined ? 60 : 2000;

const probe = buildProbe();
const honest: Move = { kind: 'honest' };

let recording: Recording;
beforeAll(async () => {
  recording = await recordSick('n1');
});

const good: Fate = {
  lossy: 0,
  draws: [0.5],
  scriptSeconds: 15,
  bootSeconds: 30,
  reboot: 'good',
  drain: 'good',
};

const fate = fc
  .record({
    lossy: fc.constantFrom(0, 0, 5),
    draws: fc.array(fc.double({ min: 0, max: 0.999, noNaN: true }), {
      minLength: 5,
      maxLength: 20,
    }),
    scriptSeconds: fc.constantFrom(0, 1, 15),
    bootSeconds: fc.constantFrom(1, 30, 100),
    reboot: fc.constantFrom('good', 'good', 'hangs', 'dark', 'loops', 'old'),
  })
  .map((its): Fate => ({ ...its, drain: 'good' }) as Fate);

/**
 * What a host may put into any answer: frames of the probe, words of our scripts, and what is known
 * to be heavy for careless readers.
 */
const texts = [
  'A',
  '\n',
  'running ',
  'running A\n',
  'done 0\n',
  'done 99999999999999999999\n',
  'interrupted\n',
  'absent\n',
  'from 1\n',
  'over\n',
  '@@kmend area 0\n',
  '@@kmend done 0\n',
  '@@kmend done 0 cut\n@@kmend area 99\n',
  'kernel-release ',
  '\u0000\u001b[2J\u009b\u202e',
  '__proto__ constructor\n',
  '{{ 7*7 }} $A $(touch x) `x`\n',
  '999999999999999999999999 ',
  '((((((((((',
];
const codes = [0, 1, 92, 93, 94, 95, 96, 97, 98, 255, null];
const times = fc.constantFrom(1, 3, 1000, 60_000);

const move: fc.Arbitrary<Move> = fc.oneof(
  { weight: 6, arbitrary: fc.constant<Move>({ kind: 'honest' }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom<Move>({ kind: 'hang' }, { kind: 'drop' }, { kind: 'drip' }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('insert' as const),
      text: fc.constantFrom(...texts),
      times,
      where: fc.double({ min: 0, max: 1, noNaN: true }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('say' as const),
      text: fc.constantFrom(...texts),
      times,
      code: fc.constantFrom(...codes),
      stderr: fc.constantFrom('', 'r0 (it took this host over)\n', 'E'),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom<Move>(
      { kind: 'lie', about: 'bad-1', instead: 'bad-2' },
      { kind: 'lie', about: 'bad-', instead: 'h1-' },
      { kind: 'lie', about: 'n1', instead: 'h2' },
      { kind: 'lie', about: 'running', instead: 'done 0' },
      { kind: 'lie', about: 'done', instead: 'running' },
      { kind: 'lie', about: 'nokmem', instead: '' },
      { kind: 'lie', about: '3.10.0', instead: '6.1.0' },
    ),
  },
);

const others = ['h1', 'h2', 'h3'];

/**
 * All that a journal says of a host, without when and where in the journal it says so, and in which
 * slot it was.
 */
const storyOf = (events: readonly Event[], host: string): readonly unknown[] =>
  events
    .filter((event) => 'host' in event && event.host === host && event.type !== 'host.started')
    .map(({ seq: _seq, at: _at, prev: _prev, ...body }) => body);

interface World {
  readonly fates: readonly Fate[];
  /** It is honest up to a command, and goes by its moves from then on. */
  readonly honest: number;
  readonly moves: readonly Move[];
}

const world: fc.Arbitrary<World> = fc.record({
  fates: fc.array(fate, { minLength: others.length, maxLength: others.length }),
  honest: fc.nat(12),
  moves: fc.array(move, { minLength: 1, maxLength: 12 }),
});

const fatesOf = (some: readonly Fate[]): ReadonlyMap<string, Fate> =>
  new Map(others.map((name, index) => [name, some[index] ?? good]));

const withHostile = (fates: readonly Fate[], move: Hostility): Promise<Ended> =>
  runFleet({
    recording,
    fates: new Map([['bad', good], ...fatesOf(fates)]),
    hostile: { host: 'bad', move },
  });

/** Everything that must be true of a run with it, beside the same run without it. */
async function expectHarmless(fates: readonly Fate[], move: Hostility): Promise<Ended> {
  const without = await runFleet({ recording, fates: fatesOf(fates) });
  const ended = await withHostile(fates, move);
  for (const host of others) {
    expect(ended.plans.get(host)).toEqual(without.plans.get(host));
    expect(storyOf(ended.events, host)).toEqual(storyOf(without.events, host));
  }
  expect(ended.paced).toBe(true);
  expect(ended.written('bad')).toBeLessThan(most.written);
  expect(ended.kept).toBeLessThan(most.kept);
  return ended;
}

/**
 * What the journal has of a host, and the state in memory, may be this long. An honest host writes
 * about 5,000 characters.
 */
const most = { written: 600_000, kept: 800_000 };

describe('a hostile host in a fleet', () => {
  it(`changes nothing for the others, and all that it costs is bounded (${worlds} worlds)`, async () => {
    await fc.assert(
      fc.asyncProperty(world, async ({ fates, honest: first, moves }) => {
        await expectHarmless(fates, (_request, turn) =>
          turn <= first ? honest : (moves[turn % moves.length] ?? honest),
        );
      }),
      { numRuns: worlds },
    );
  }, 600_000);

  it('gives the boot id of another host: that one is not refused as the same machine', async () => {
    const ended = await expectHarmless([good, good, good], () => ({
      kind: 'lie',
      about: 'bad-',
      instead: 'h1-',
    }));
    expect(doneOf(ended)).toEqual(expect.arrayContaining(others));
  }, 60_000);

  const isPoll = ({ script }: ExecRequest): boolean => script.includes('echo absent');
  const isProbe = ({ script }: ExecRequest): boolean => script === probe;
  const say = (text: string, times = 1, code = 0): Move => ({
    kind: 'say',
    text,
    times,
    code,
    stderr: '',
  });
  const doneOf = ({ events }: Ended): readonly string[] =>
    events.flatMap((event) => (event.type === 'host.done' ? [event.host] : [])).sort();
  const failureOf = ({ events }: Ended): unknown =>
    events.find((event) => event.type === 'host.failed' && event.host === 'bad');

  it.each<[string, Hostility, string]>([
    [
      'answers each poll at once with another long line',
      (request, turn) => (isPoll(request) ? say(`running ${turn} ${'A'.repeat(400_000)}`) : honest),
      'timeout',
    ],
    ['never answers a poll', (request) => (isPoll(request) ? { kind: 'hang' } : honest), 'timeout'],
    [
      'ends a script with megabytes on both streams',
      (request) =>
        isPoll(request) ? ({ ...say('done 1\n', 500_000), stderr: 'E' } as Move) : honest,
      'exit',
    ],
    [
      'refuses each script in a thousand words',
      (request) =>
        request.stdin === undefined ? honest : ({ ...say('', 60_000, 97), stderr: 'r0 ' } as Move),
      'fenced',
    ],
    [
      'says that its boot id changes all the time',
      (request, turn) =>
        isProbe(request) ? honest : { kind: 'lie', about: 'bad-', instead: `x${turn}-` },
      'boot_loop',
    ],
  ])(
    '%s',
    async (_name, move, kind) => {
      const ended = await expectHarmless([good, good, good], move);
      expect(doneOf(ended)).toEqual(others);
      expect(failureOf(ended)).toMatchObject({ failure: { kind } });
    },
    60_000,
  );

  it('fills the journal with what is registered: it fails when its share is used up', async () => {
    const tasks = Array.from(
      { length: 8 },
      (_, index) => `    - shell: {cmd: ${countedCommand}}\n      register: result${index}\n`,
    ).join('');
    const loud = say(`done 0\n${'\u0001'.repeat(500_000)}`);
    const move: Hostility = (request) => (isPoll(request) ? loud : honest);
    const ended = await runFleet({
      recording,
      fates: new Map([
        ['bad', good],
        ['h1', good],
      ]),
      tasks,
      hostile: { host: 'bad', move },
    });
    expect(doneOf(ended)).toEqual(['h1']);
    expect(failureOf(ended)).toMatchObject({
      failure: { kind: 'parse', message: expect.stringMatching(/MiB of the journal/) },
    });
    expect(ended.written('bad')).toBeLessThan(32 * 1024 * 1024);
  }, 60_000);

  it('defines its variables in terms of each other, ten times each', async () => {
    const bomb = Array.from(
      { length: 12 },
      (_, level) => `A${level}="${(level === 0 ? 'x' : `\${A${level - 1}}`).repeat(10)}"`,
    );
    const lines = [...bomb, 'PRETTY_NAME="$A11"'].flatMap((line) => [
      `os ${line}`,
      `grub ${line}`,
      line,
    ]);
    await expectHarmless([good, good, good], (request) =>
      isProbe(request)
        ? { kind: 'insert', text: `${lines.join('\n')}\n`, times: 1, where: 0.02 }
        : honest,
    );
  }, 60_000);

  it.each([
    ['env a=', '#', 'a'],
    ['grub ', 'menuentry {', ''],
    ['grub ', '$A', ''],
    ['os A="', '$A', '"'],
    ['', '(', ''],
  ])(
    'gives the others their turn: a line twice as long, %s%s...%s, is at most three times the work',
    async (head, text, tail) => {
      const turns = async (times: number): Promise<readonly number[]> => {
        const runs: number[] = [];
        for (let run = 0; run < 3; run++) {
          const line = head + text.repeat(times) + tail;
          const move: Hostility = (request) =>
            isProbe(request) ? { kind: 'plant', line } : honest;
          runs.push(
            (
              await runFleet({
                recording,
                fates: new Map([['bad', good]]),
                hostile: { host: 'bad', move },
              })
            ).longest,
          );
        }
        return runs;
      };
      // Twice the text is just below the longest line that is read.
      const times = Math.ceil(30_000 / text.length);
      // What a short line costs is the floor: below it the collector's own turns are measured, and
      // no parser.
      const floor = Math.max(...(await turns(1)));
      const once = Math.min(...(await turns(times)));
      expect(Math.min(...(await turns(2 * times)))).toBeLessThan(3 * Math.max(floor, once));
    },
    120_000,
  );
});
