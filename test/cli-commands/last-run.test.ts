// `report` and `runs show` take the last run where none is named; a run that is done takes no
// command any more.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Practice, play, practice, sick } from '../cli/practice.ts';
import { command } from '../cli/real-world.ts';

let lab: Practice;
let runs: readonly string[] = [];
const kmend = (...words: readonly string[]) =>
  command([...words, '--state-dir', lab.state], { home: lab.dir });

beforeAll(async () => {
  lab = await practice([sick('h1')]);
});
afterAll(() => lab.close());

it('says so where there is none', async () => {
  const { exit, err } = await kmend('report');
  expect([exit, err]).toEqual([3, expect.stringContaining(`there is no run under ${lab.state}`)]);
});

it('is the newest, and is named beside the output', async () => {
  const book = lab.file('book.yaml', play("    - shell: {cmd: 'true'}\n"));
  for (const _ of [1, 2]) expect((await lab.run(['apply', book, '--yes'])).exit).toBe(0);
  runs = lab.runs();
  const [first = '', last = ''] = runs;
  for (const words of [['report'], ['runs', 'show']]) {
    const { exit, out, err } = await kmend(...words);
    expect([exit, err]).toEqual([0, `the last run: ${last}`]);
    expect(out).toBe((await kmend('report', last)).out);
    expect(out).not.toContain(first);
  }
  const json = await kmend('report', '--json');
  expect(json.out).toBe((await kmend('report', last, '--json')).out);
  expect((await kmend('runs', 'list')).err).toContain('there is no `kmend runs list`');
});

it.each(['pause', 'continue', 'abort', 'promote'])(
  '%s of a run that is done is refused',
  async (name) => {
    const [run = ''] = runs;
    const { exit, err } = await kmend(name, run);
    expect([exit, err]).toEqual([
      3,
      expect.stringMatching(new RegExp(`run ${run} is over \\(exit 0: [^]*kmend report ${run}`)),
    ]);
    expect(readdirSync(join(lab.state, 'runs', run))).not.toContain('control');
  },
);

it('promote of a run without a canary is refused', async () => {
  const book = lab.file('fails.yaml', play("    - shell: {cmd: 'false'}\n"));
  expect((await lab.run(['apply', book, '--yes'])).exit).toBe(4);
  const run = lab.runs().at(-1) ?? '';
  const { exit, err } = await kmend('promote', run);
  expect([exit, err]).toEqual([3, expect.stringContaining(`run ${run} has no canary`)]);
  expect(readdirSync(join(lab.state, 'runs', run))).not.toContain('control');
});
