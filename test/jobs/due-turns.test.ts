// Turns of jobs by workers: taken by one, left with their run, ended when it is over.
import { beforeEach, expect, it } from 'vitest';
import { dueTurns, runTurn } from '../../src/app/jobs/due-turns.ts';
import type { Job } from '../../src/app/jobs/jobs.ts';
import type { Session } from '../../src/app/session/session.ts';
import type { KnownTurn } from '../../src/core/rollout/due-turn.ts';
import type { Notice } from '../../src/engine/ports/outside.ts';
import type { RunInfo } from '../../src/engine/ports/store.ts';
import type { Turns } from '../../src/engine/ports/turns.ts';

const at = (time: string): number => Date.parse(`2026-11-27T${time}Z`);

let now: number;
let documents: Map<string, string>;
let runs: RunInfo[];
let taken: Map<string, KnownTurn & { readonly by: string }>;
let worked: number;
let sent: Notice[];

beforeEach(() => {
  now = at('22:00:01');
  runs = [];
  taken = new Map();
  worked = 0;
  sent = [];
  documents = new Map();
  install({ since: at('20:00') });
});

function install(more: Partial<Job>): void {
  const job: Job = {
    schema: 'kmend.job/1',
    name: 'night',
    every: '22:00 UTC',
    args: ['apply', 'p.yaml'],
    directory: '/nowhere',
    who: 'eve',
    units: [],
    ...more,
  };
  documents.set(job.name, JSON.stringify(job));
}

const turnsOf = (me: string): Turns => ({
  newest: async () =>
    new Map([...taken].map(([job, { by, ...turn }]) => [job, { ...turn, isOwn: by === me }])),
  take: async (job, due) => {
    const before = taken.get(job);
    const isTaken =
      before !== undefined &&
      (before.at > due ||
        before.state === 'under_way' ||
        (before.at === due && before.state === 'ended'));
    if (!isTaken) taken.set(job, { at: due, state: 'under_way', by: me });
    return !isTaken;
  },
  leave: async (job, due) => give(me, job, due, 'left'),
  end: async (job, due) => give(me, job, due, 'ended'),
});

function give(me: string, job: string, due: number, state: KnownTurn['state']): void {
  const turn = taken.get(job);
  if (turn?.by === me && turn.at === due) taken.set(job, { at: due, state, by: '' });
}

function worker(me: string, stop = new AbortController()): Session {
  const store = {
    place: 'db',
    turns: turnsOf(me),
    runs: async () => runs,
    readFile: async (name: string) => (name.startsWith('back') ? '{"rollbackOf":"r1"}' : '{}'),
    jobs: {
      names: async () => [...documents.keys()],
      read: async (name: string) => documents.get(name),
      write: async (name: string, text: string) => void documents.set(name, text),
      placeOf: (name: string) => name,
    },
    scanEvents: async () => {},
  };
  return {
    world: {
      clock: { now: () => now },
      stop: stop.signal,
      secrets: { mask: (notice: Notice) => notice },
      notifier: async () => ({
        send: async (_to: unknown, notice: Notice) => {
          sent.push(notice);
          return { ok: true };
        },
      }),
    },
    observer: { log: () => {}, notice: () => {} },
    settings: { state: 'db', flags: {} },
    ports: { store: async () => store },
  } as unknown as Session;
}

const run = (name: string, finished?: number): RunInfo =>
  ({
    run: name,
    job: 'night',
    startedAt: now,
    head: '',
    entries: 3,
    playbook: 'p.yaml',
    play: 'P',
    ...(finished === undefined ? {} : { finished: { exit: finished, why: 'so' } }),
  }) as RunInfo;

/** `apply`, which begins a run and leaves it. */
const begins = async (): Promise<number> => {
  worked += 1;
  runs.push(run(`r${worked}`));
  return 0;
};
const last = (): unknown => JSON.parse(documents.get('night') ?? '{}').last;
const due = (open: readonly string[] = []) => dueTurns(now, new Set(open), worker('looks'));
const turn = { job: 'night', at: at('22:00') };

it('a turn leaves its run, waits for its end, and then has its exit code', async () => {
  expect(await due()).toEqual([turn]);
  expect(await runTurn(turn, begins, worker('a'))).toBeUndefined();
  now = at('22:30');
  expect(await due(['r1'])).toEqual([]);
  expect(last()).toBeUndefined();
  // Its run failed: any worker ends the turn, and begins nothing more.
  runs = [run('r1', 4)];
  expect(await due()).toEqual([turn]);
  expect(await runTurn(turn, begins, worker('b'))).toEqual({ exit: 4, run: 'r1' });
  expect([worked, last()]).toEqual([1, { at: now, exit: 4, run: 'r1', turn: turn.at }]);
  expect(await due()).toEqual([]);
});

it('a turn ends as its run did, not as the rollback of its failed hosts', async () => {
  await runTurn(turn, begins, worker('a'));
  runs = [run('r1', 4), run('back1', 0)];
  expect(await runTurn(turn, begins, worker('b'))).toEqual({ exit: 4, run: 'r1' });
  expect(worked).toBe(1);
});

it.each<[string, () => Promise<number>, object]>([
  ['with a run', begins, { exit: 0, run: 'r1' }],
  ['without a run', async () => 2, { exit: 2 }],
])(
  'a turn %s that another worker ends again does nothing again, and its notice is the same',
  async (_what, work, end) => {
    install({ since: at('20:00'), notify: { command: '/bin/notify' } });
    let works = 0;
    const counted = (): Promise<number> => {
      works += 1;
      return work();
    };
    await runTurn(turn, counted, worker('a'));
    runs = runs.map(({ run: name }) => run(name, 0));
    await runTurn(turn, counted, worker('a'));
    now += 5_000;
    // The first one was killed before it could say that the turn has ended.
    taken.set('night', { at: turn.at, state: 'left', by: '' });
    expect(await runTurn(turn, counted, worker('b'))).toMatchObject(end);
    expect([works, sent.length, sent[0]?.key]).toEqual([1, 2, `job/night/${turn.at}`]);
    expect(sent[1]).toEqual(sent[0]);
    expect(last()).toMatchObject(end);
    // The next turn begins anew.
    now = Date.parse('2026-11-28T22:00:01Z');
    await runTurn({ job: 'night', at: turn.at + 86_400_000 }, counted, worker('b'));
    expect(works).toBe(2);
  },
);

it('a turn whose worker died before it began a run is carried out again', async () => {
  taken.set('night', { at: turn.at, state: 'left', by: '' });
  expect(await due()).toEqual([turn]);
  expect(await runTurn(turn, async () => 2, worker('b'))).toEqual({ exit: 2 });
  expect(last()).toEqual({ at: now, exit: 2, turn: turn.at });
});

it('of two workers one has the turn', async () => {
  await Promise.all(['a', 'b'].map((name) => runTurn(turn, begins, worker(name))));
  expect(worked).toBe(1);
});

it('a worker that is stopped leaves the turn without a result', async () => {
  const stop = new AbortController();
  const stopped = async (): Promise<number> => {
    stop.abort();
    return 143;
  };
  expect(await runTurn(turn, stopped, worker('a', stop))).toBeUndefined();
  expect([last(), (await due()).length]).toEqual([undefined, 1]);
});

it('a worker that has lost its turn keeps no result', async () => {
  const loses = async (): Promise<number> => {
    taken.set('night', { at: turn.at, state: 'under_way', by: 'other' });
    return 5;
  };
  expect(await runTurn(turn, loses, worker('a'))).toBeUndefined();
  expect([last(), taken.get('night')?.by]).toEqual([undefined, 'other']);
});

it('a run that failed to begin ends the turn, even where its journal stays open', async () => {
  const fails = async (): Promise<number> => {
    await begins();
    return 7;
  };
  expect(await runTurn(turn, fails, worker('a'))).toEqual({ exit: 7, run: 'r1' });
});

it('a job of a timer has no turns, and a damaged one hides no other', async () => {
  documents.set('broken', '{');
  expect(await due()).toEqual([turn]);
  documents.delete('night');
  install({});
  expect(await due()).toEqual([]);
});
