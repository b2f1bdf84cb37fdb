// Files of the state directory that somebody changed: each is refused with words that name it,
// never with an internal error.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { scanJournal } from '../../src/adapters/store/journal-lines.ts';
import { decide } from '../../src/core/decide/decide.ts';
import { hostsToRollBack } from '../../src/core/history/auto-rollback.ts';
import { rollbackOf } from '../../src/core/history/rollback.ts';
import { readDurations } from '../../src/core/plan/estimate.ts';
import { parsePlan } from '../../src/core/plan/saved-plan.ts';
import { fold } from '../../src/core/run-state/fold.ts';
import { readChanges } from '../../src/core/run-state/host-history.ts';
import { emptyState, hostStates } from '../../src/core/run-state/state.ts';
import { JournalError } from '../../src/engine/ports/state-errors.ts';
import type { Transport } from '../../src/engine/ports/transport.ts';
import { hashOf, rootOf } from '../../src/engine/state/chain.ts';
import type { Event } from '../../src/model/run/event.ts';
import { failed } from '../../src/model/run/failure.ts';
import { uncoloured } from '../../src/screens/layout.ts';
import { eventLines } from '../../src/screens/run/lines.ts';
import { underWay } from '../../src/screens/run/next-steps.ts';
import { recapLines } from '../../src/screens/run/recap.ts';
import { reportMarkdown, reportText } from '../../src/screens/run/run-report.ts';
import { type Practice, practice, remediationPlay, sick } from '../cli/practice.ts';

let lab: Practice;
let run: string;
let playbook: string;
let planText: string;
let events: readonly Event[];

beforeAll(async () => {
  lab = await practice([sick('good'), sick('open', { closed: true })]);
  playbook = lab.file(
    'fix.yaml',
    remediationPlay(
      '{max_unavailable: 2, unplannable: leave_out, soak: {host: 1s}, retries: {transport: 0}}',
    ),
  );
  await lab.run(['plan', playbook, '-o', `${lab.dir}/plan.json`, '-T', '1']);
  planText = readFileSync(`${lab.dir}/plan.json`, 'utf8');
  await lab.run(['apply', playbook, '--yes', '-T', '1']);
  [run = ''] = lab.runs();
  events = lab.journal();
}, 60_000);
afterAll(() => lab.close());

/** A place in data: the keys that lead to it. */
type Path = readonly string[];

const pathsIn = (data: unknown, path: Path = []): readonly Path[] =>
  typeof data !== 'object' || data === null
    ? [path]
    : [path, ...Object.entries(data).flatMap(([key, inner]) => pathsIn(inner, [...path, key]))];

/** The data with something else in one place; `undefined` takes the place away. */
const changed = (data: unknown, [key, ...rest]: Path, to: unknown): unknown => {
  if (key === undefined) return to;
  const inner = (data as Readonly<Record<string, unknown>>)[key];
  const copy: Record<string, unknown> | unknown[] = Array.isArray(data)
    ? [...data]
    : { ...(data as object) };
  Object.assign(copy, { [key]: changed(inner, rest, to) });
  return copy;
};

const otherValue = fc.oneof(
  fc.constantFrom<unknown>(
    undefined,
    null,
    true,
    -1,
    1e300,
    '',
    'x',
    '__proto__',
    'constructor',
    [],
    {},
    [null],
    { host: null },
    [[]],
  ),
  fc.jsonValue({ maxDepth: 2 }),
);

describe('a journal', () => {
  const directory = mkdtempSync(join(tmpdir(), 'kmend-hostile-'));
  afterAll(() => rmSync(directory, { recursive: true }));
  const path = join(directory, 'journal.ndjson');

  /** Everything that reads a journal. */
  const readAll = async (): Promise<void> => {
    let state = emptyState;
    const hostChanges = readChanges();
    const durations = readDurations();
    const { entries, head } = await scanJournal(path, 'r1', (event) => {
      state = fold(state, event);
      hostChanges.see(event);
      durations.see(event);
      eventLines(event, uncoloured);
    });
    const input = { state, entries, head, standing: underWay(state, 1, undefined) };
    reportText(input, 80, uncoloured);
    reportMarkdown(input);
    recapLines(hostStates(state), state.leftOut, uncoloured);
    hostsToRollBack(state);
    durations.durations();
    for (const deed of hostChanges.hostChanges().values()) rollbackOf('r1', deed, []);
    if (state.rollout !== undefined)
      decide(state, state.rollout, state.lastAt, { attended: true, wait: true });
  };

  const write = (entries: readonly unknown[]): void => {
    let prev = rootOf('r1');
    const lines = entries.map((entry, seq) => {
      const line = JSON.stringify(
        typeof entry === 'object' && entry !== null && seq < entries.length - 1
          ? { ...entry, prev }
          : entry,
      );
      prev = hashOf(line);
      return line;
    });
    writeFileSync(path, `${lines.join('\n')}\n`);
  };
  /**
   * The hash of what stands before the last entry, as in a journal whose last entry alone was
   * changed.
   */
  const headBefore = (entries: readonly unknown[]): string => {
    write([...entries, {}]);
    const line =
      readFileSync(path, 'utf8')
        .split('\n')
        .at(entries.length - 1) ?? '';
    return entries.length === 0 ? rootOf('r1') : hashOf(line);
  };

  it('whose last entry was changed is read, or refused with the number of the entry', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(events.length - 1), fc.nat(), otherValue, async (last, place, to) => {
        const before = events.slice(0, last).map((event) => ({ ...event, run: 'r1' }));
        const entry = { ...events[last], run: 'r1', prev: headBefore(before) };
        const paths = pathsIn(entry).filter((one) => one[0] !== 'prev' && one[0] !== 'seq');
        write([...before, changed(entry, paths[place % paths.length] ?? [], to) ?? 'gone']);
        await readAll().catch((error: unknown) => {
          expect(error).toBeInstanceOf(JournalError);
          expect((error as JournalError).entry).toBe(last);
        });
      }),
      { numRuns: Number(process.env.KMEND_RUNS ?? 1500) },
    );
  });

  it('with a number that no date can hold, in any place, is read or refused with the entry', async () => {
    const firsts = events.filter(
      ({ type }, index) => events.findIndex((event) => event.type === type) === index,
    );
    for (const { seq } of firsts) {
      const last = events.findIndex((event) => event.seq === seq);
      const before = events.slice(0, last).map((event) => ({ ...event, run: 'r1' }));
      const entry = { ...events[last], run: 'r1', prev: headBefore(before) };
      for (const path of pathsIn(entry).filter((one) => one[0] !== 'prev' && one[0] !== 'seq')) {
        write([...before, changed(entry, path, 1e300) ?? 'gone']);
        await readAll().catch((error: unknown) => {
          expect(error, path.join('.')).toBeInstanceOf(JournalError);
          expect((error as JournalError).entry).toBe(last);
        });
      }
    }
  });

  it('as it was written is read', async () => {
    const before = events.slice(0, -1).map((event) => ({ ...event, run: 'r1' }));
    write([...before, { ...events.at(-1), run: 'r1', prev: headBefore(before) }]);
    await readAll();
  });

  it.each(['report', 'resume', 'audit verify'])(
    'that names a host which is not of its run: %s says which entry',
    async (command) => {
      const file = join(lab.state, 'runs', run, 'journal.ndjson');
      const text = readFileSync(file, 'utf8');
      const lines = text.trimEnd().split('\n');
      const { prev, seq } = JSON.parse(lines.at(-1) ?? '') as Event;
      const entry = {
        ...events.find(({ type }) => type === 'host.done'),
        host: 'nobody',
        seq,
        prev,
      };
      writeFileSync(file, `${[...lines.slice(0, -1), JSON.stringify(entry)].join('\n')}\n`);
      const done = await lab.run([
        ...command.split(' '),
        run,
        ...(command === 'resume' ? ['--yes'] : []),
      ]);
      writeFileSync(file, text);
      // The entry stands in the place of the one that closes the journal.
      if (command === 'audit verify') return expect(done.exit).toBe(12);
      expect(done.exit).toBe(1);
      expect(done.err).toMatch(
        new RegExp(
          `journal.ndjson: entry ${seq}: does not fit those before it: the journal names a host that is not of its run: nobody`,
        ),
      );
      expect(done.err).not.toContain('internal error');
    },
  );
});

const othersLike = (value: unknown): readonly unknown[] => {
  if (typeof value === 'string') return ['', 'x', '__proto__'];
  if (typeof value === 'number') return [-1, 0.5, 1e300];
  if (typeof value === 'boolean') return [!value];
  return Array.isArray(value) ? [[]] : [{}];
};

/** No host is reached. */
const nowhere: Transport = {
  connect: async () => failed('unreachable', 'no answer'),
  close: async () => {},
};

describe('a plan file', () => {
  const apply = async (text: string) =>
    lab.run(['apply', lab.file('other.json', text), '--yes', '-T', '1']);

  it.each([
    ['playbook', 'playbook is missing'],
    ['plays', 'plays should be a list'],
    ['inputs', 'inputs should be a mapping'],
    ['inventories', 'inventories should be a list'],
  ])('without `%s` is refused, and says so', async (key, why) => {
    const { [key]: _gone, ...rest } = JSON.parse(planText) as Record<string, unknown>;
    const done = await apply(JSON.stringify(rest));
    expect(done.exit).toBe(3);
    expect(done.err).toContain(`other.json is not a plan that \`kmend plan -o\` saved: ${why}`);
  });

  it.each(['', 'x', '[]', 'null', '{}', '{"schema": "kmend.plan/2"}'])(
    'that is none is refused: %j',
    async (text) => {
      const done = await apply(text);
      expect([done.exit, done.err]).toEqual([
        3,
        expect.stringContaining('is not a plan that `kmend plan -o` saved'),
      ]);
    },
  );

  it('with another value of the same type in any place never makes it an internal error', async () => {
    const plan: unknown = JSON.parse(planText);
    // Of many tasks, changes and facts that were read one is as good as the other.
    const paths = new Map(
      pathsIn(plan).map((path) => [
        path
          .join('.')
          .replace(/\b\d+\b/g, '0')
          .replace(/(?<=\.reads)\..*/, '.x'),
        path,
      ]),
    );
    const faults: string[] = [];
    let tried = 0;
    for (const path of paths.values())
      for (const to of othersLike(
        path.reduce<unknown>((data, key) => (data as Readonly<Record<string, unknown>>)[key], plan),
      )) {
        const text = JSON.stringify(changed(plan, path, to));
        if (!parsePlan(text).ok) continue;
        const done = await lab.run(['apply', lab.file('other.json', text), '--yes'], {
          transport: async () => nowhere,
        });
        if (done.err.includes('internal error'))
          faults.push(`${path.join('.')} as ${JSON.stringify(to)}: ${done.err}`);
        tried += 1;
      }
    expect(faults).toEqual([]);
    expect(tried).toBeGreaterThan(100);
  });
});

describe('a lock', () => {
  it.each([
    [
      'hosts that are none',
      '{"run":"x","hosts":null,"state":"held","machine":"m","boot":"b","pid":1,"started":"1"}',
      'hosts should be a list',
    ],
    ['nothing of a claim', '{}', 'run is missing'],
    ['no JSON', 'x', 'should be a mapping'],
  ])('with %s is named, and no run is begun', async (_, text, why) => {
    const file = join(lab.state, 'locks', '20261124-153012-k3f9.1.2.3.lock');
    mkdirSync(join(lab.state, 'locks'), { recursive: true });
    writeFileSync(file, text);
    const done = await lab.run(['apply', playbook, '--yes', '-T', '1']);
    rmSync(file);
    expect(done.exit).toBe(1);
    expect(done.err).toContain(`${file}: is no lock that kmend wrote`);
    expect(done.err).toContain(why);
    expect(done.err).not.toContain('internal error');
  });
});

describe('other files of a run', () => {
  it.each([
    ['settings.json', 'x'],
    ['settings.json', '[]'],
    ['settings.json', '{"flags": {"extraVars": "x"}}'],
    ['settings.json', '{"flags": {"inventory": [1]}}'],
    ['plan.json', '{"schema": "kmend.plan/1"}'],
  ])('%s as %j: resume and rollback name it', async (name, text) => {
    const file = join(lab.state, 'runs', run, name);
    const before = readFileSync(file, 'utf8');
    writeFileSync(file, text);
    for (const command of name === 'plan.json' ? ['resume'] : ['resume', 'rollback']) {
      const done = await lab.run([command, run, '--yes']);
      expect([command, done.exit]).toEqual([command, 1]);
      expect(done.err).toMatch(
        new RegExp(`the (?:settings|plan) of run ${run} (?:are|is) damaged`),
      );
      expect(done.err).toContain(file);
    }
    writeFileSync(file, before);
  });

  it('a job as another shape is named', async () => {
    mkdirSync(join(lab.state, 'jobs'), { recursive: true });
    writeFileSync(join(lab.state, 'jobs', 'nightly.json'), '{"schema": "kmend.job/1"}');
    const done = await lab.run(['schedule', 'list']);
    rmSync(join(lab.state, 'jobs'), { recursive: true });
    expect(done.exit).toBe(1);
    expect(done.err).toContain('jobs/nightly.json is damaged: name is missing');
  });
});
