// What `audit verify` finds, forgery by forgery: without a head, with the head that a run printed,
// and by the word of a later run.
import { createHash } from 'node:crypto';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createStore } from '../../src/adapters/store/index.ts';
import { hashOf } from '../../src/engine/state/chain.ts';
import { command } from '../cli/real-world.ts';
import { begin, fleet } from '../core/fleet.ts';

let state: string;
beforeEach(() => {
  state = mkdtempSync(join(tmpdir(), 'kmend-audit-'));
});
afterEach(() => rmSync(state, { recursive: true }));

const at = (run: string, file = 'journal.ndjson'): string => join(state, 'runs', run, file);
const linesOf = (run: string): string[] => readFileSync(at(run), 'utf8').trimEnd().split('\n');
const rewrite = (run: string, lines: readonly string[]): void =>
  writeFileSync(at(run), `${lines.join('\n')}\n`);

/** A run of one host with a long output; gives the head that it would print. */
async function makeRun(run: string, finished = true): Promise<string> {
  const store = createStore(state, () => 1000);
  const previous = await store.newest();
  const journal = await store.createJournal(run);
  writeFileSync(at(run, 'plan.json'), '{"plays":[]}');
  const named = {
    who: 'eve',
    files: { 'plan.json': hashOf('{"plays":[]}') },
    ...(previous === undefined ? {} : { previous }),
  };
  await journal.append(begin(fleet(1), {}, named), true);
  for (const text of ['one', 'two']) {
    const kept = await store.keepOutput(run, 'h1', `${text}\n`);
    if (!kept.kept) throw new Error(kept.why);
    const result = { ok: true, output: { bytes: 4, file: kept.file, piece: kept.piece } };
    await journal.append(
      { type: 'effect.done', host: 'h1', task: '0', effect: `h1/0/${text}`, result },
      true,
    );
  }
  if (finished) await journal.append({ type: 'run.finished', exit: 0, why: '1 done' }, true);
  if (finished) await journal.append({ type: 'run.closed' }, true);
  const { head } = journal.end();
  await journal.close();
  return head;
}

/** Every hash made anew: what ten lines of any language do. */
function chained(run: string, lines: readonly string[]): readonly string[] {
  let prev = createHash('sha256').update(`kmend journal ${run}`).digest('hex');
  return lines.map((line, seq) => {
    const made = JSON.stringify({ ...JSON.parse(line), seq, prev });
    prev = createHash('sha256').update(made).digest('hex');
    return made;
  });
}

const verify = async (
  ...words: string[]
): Promise<{ readonly exit: number; readonly out: string; readonly err: string }> =>
  command(['audit', 'verify', ...words, '--state-dir', state], { home: state });

describe('a run that nobody changed', () => {
  it('holds, with its files, and with its head', async () => {
    const head = await makeRun('r1');
    const done = await verify('r1', '--head', head);
    expect([done.exit, done.out]).toEqual([
      0,
      `run r1: 5 entries, every link holds, closed by its final record, head ${head}; 3 files and pieces of output as its entries say\n` +
        '  the head that was given is here: nothing was added since',
    ]);
  });

  it('holds a head from before it was resumed, and says how much came after it', async () => {
    const head = await makeRun('r1');
    const { journal } = await createStore(state, () => 2000).openJournal('r1', () => {});
    await journal.append({ type: 'run.resumed', who: 'eve', tool: '0' }, true);
    await journal.append({ type: 'run.finished', exit: 0, why: 'all done' }, true);
    await journal.append({ type: 'run.closed' }, true);
    await journal.close();
    const done = await verify('r1', '--head', head);
    expect([done.exit, done.out]).toMatchObject([
      0,
      expect.stringContaining('3 entries came after it'),
    ]);
  });

  it('is 12 without its final record: killed, or cut off', async () => {
    await makeRun('r1', false);
    const done = await verify('r1');
    expect([done.exit, done.out]).toMatchObject([
      12,
      expect.stringContaining('without a final record: it was killed, or its end was cut off'),
    ]);
  });
});

const replacing = (from: string, to: string) => (): void =>
  rewrite(
    'r1',
    linesOf('r1').map((line) => line.replace(from, to)),
  );
const keeping = (...numbers: number[]): readonly string[] =>
  numbers.map((number) => linesOf('r1')[number] ?? '');

/**
 * Ways to change a run that is over. `alone`: the exit of `audit verify RUN` without any head;
 * `says`: what it says with the head of the run.
 */
const forgeries: readonly {
  readonly name: string;
  readonly change: () => void;
  readonly alone: number;
  readonly says: RegExp;
}[] = [
  {
    name: 'one letter in the middle',
    change: replacing('eve', 'ewe'),
    alone: 1,
    says: /entry 1: does not follow the entry before it/,
  },
  {
    name: 'how it finished',
    change: replacing('1 done', '1 lost'),
    alone: 1,
    says: /entry 4: does not follow the entry before it/,
  },
  {
    name: 'the last entry',
    change: replacing('"type":"run.closed"', '"type":"run.closed" '),
    alone: 0,
    says: /no entry has the head/,
  },
  {
    name: 'the final record cut off',
    change: () => rewrite('r1', keeping(0, 1, 2, 3)),
    alone: 12,
    says: /no entry has the head/,
  },
  {
    name: 'the second half cut off',
    change: () => rewrite('r1', keeping(0, 1)),
    alone: 12,
    says: /no entry has the head/,
  },
  {
    name: 'all of it rewritten, with good links',
    change: () =>
      rewrite(
        'r1',
        chained(
          'r1',
          linesOf('r1').map((line) => line.replace('eve', 'alice')),
        ),
      ),
    alone: 0,
    says: /no entry has the head/,
  },
  {
    name: 'cut off and closed again, with good links',
    change: () => rewrite('r1', chained('r1', keeping(0, 3, 4))),
    alone: 0,
    says: /no entry has the head/,
  },
  {
    name: 'plan.json changed',
    change: () => appendFileSync(at('r1', 'plan.json'), ' '),
    alone: 1,
    says: /plan\.json was changed/,
  },
  {
    name: 'plan.json removed',
    change: () => rmSync(at('r1', 'plan.json')),
    alone: 1,
    says: /plan\.json is not there \(entry 0\)/,
  },
  {
    name: 'one letter of an output',
    change: () => writeFileSync(at('r1', 'output/h1.log'), 'one\ntwi\n'),
    alone: 1,
    says: /output\/h1\.log was changed \(entry 2\)/,
  },
  {
    name: 'the end of an output',
    change: () => writeFileSync(at('r1', 'output/h1.log'), 'one\n'),
    alone: 1,
    says: /h1\.log was changed/,
  },
];

describe.each(forgeries)('$name', ({ change, alone, says }) => {
  it('is found with the head', async () => {
    const head = await makeRun('r1');
    change();
    const done = await verify('r1', '--head', head);
    expect([done.exit, `${done.out}\n${done.err}`]).toEqual([1, expect.stringMatching(says)]);
  });

  it(`without the head: ${alone}`, async () => {
    await makeRun('r1');
    change();
    expect((await verify('r1')).exit).toBe(alone);
  });

  it('is found where a later run names its head, and in all runs at once', async () => {
    await makeRun('r1');
    await makeRun('r2');
    change();
    expect((await verify('r1')).exit).toBe(1);
    const all = await verify();
    expect(all.exit).toBe(1);
    expect(all.err).toContain('r1');
    expect(all.out).toContain('run r2: 5 entries, every link holds');
  });
});

describe('the head of the newest run', () => {
  it('vouches for the runs before it: who knows it finds all of them rewritten', async () => {
    await makeRun('r1');
    const head = await makeRun('r2');
    expect((await verify('--head', head)).exit).toBe(0);
    rewrite(
      'r1',
      chained(
        'r1',
        linesOf('r1').map((line) => line.replace('eve', 'alice')),
      ),
    );
    const forged = createHash('sha256')
      .update(linesOf('r1').at(-1) ?? '')
      .digest('hex');
    rewrite(
      'r2',
      chained(
        'r2',
        linesOf('r2').map((line) => line.replace(/"head":"[0-9a-f]{64}"/, `"head":"${forged}"`)),
      ),
    );
    expect((await verify()).exit).toBe(0);
    expect((await verify('--head', head)).exit).toBe(1);
  });
});

it('a run that was removed is a warning, where the next one names it', async () => {
  await makeRun('r1');
  await makeRun('r2');
  rmSync(join(state, 'runs/r1'), { recursive: true });
  expect(await verify()).toMatchObject({
    exit: 0,
    err: 'warning: run r1 is not there any more; run r2 names it as the one before it',
  });
});

describe('what no entry names', () => {
  it('is a note: a crash leaves such', async () => {
    await makeRun('r1');
    appendFileSync(at('r1', 'output/h1.log'), 'more\n');
    const done = await verify('r1');
    expect([done.exit, done.out]).toMatchObject([
      0,
      expect.stringContaining('output/h1.log has 5 bytes that no entry names'),
    ]);
  });

  it('a rewritten journal has no other files read', async () => {
    await makeRun('r1');
    rewrite(
      'r1',
      chained(
        'r1',
        linesOf('r1').map((line) =>
          line.replace('output/h1.log', '../../../etc/passwd').replace('plan.json', '/etc/passwd'),
        ),
      ),
    );
    const done = await verify('r1', '--json');
    expect(JSON.parse(done.out)).toMatchObject({
      schema: 'kmend.audit/1',
      run: 'r1',
      end: 'closed',
      entries: 5,
      files: 0,
      wrong: [],
    });
  });
});

it.each([['abc'], ['A'.repeat(64)]])('--head %s is a usage error', async (head) => {
  await makeRun('r1');
  expect((await verify('r1', '--head', head)).exit).toBe(3);
});

it('a run that is not there is a usage error', async () => {
  expect((await verify('r9')).exit).toBe(3);
});
