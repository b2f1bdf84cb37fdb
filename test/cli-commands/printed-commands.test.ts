// Every command that kmend prints works as it is printed: each is run, on the state that it was
// printed for.
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { asTyped } from '../../src/cli/terminal/as-typed.ts';
import { fold } from '../../src/screens/layout.ts';
import { type Practice, play, practice, sick } from '../cli/practice.ts';
import { type CommandResult, command } from '../cli/real-world.ts';

let lab: Practice;
beforeAll(async () => {
  lab = await practice(['h1', 'h2', 'h3'].map((name) => sick(name)));
});
afterAll(() => lab.close());

const runId = /\d{8}-\d{6}-\w{4}/;

/** `kmend resume RUN --retry h1, or --skip h1` is two commands. */
function commandsIn(text: string): readonly string[] {
  const found = [
    ...text.matchAll(
      /\bkmend ((?:resume|report|rollback|resolve|runs|audit verify|apply|promote|pause|abort)\b[^\n`;()]*)/g,
    ),
  ];
  return found.flatMap(([, words = '']) => {
    const [first = '', ...others] = words.split(/, (?:or|and) /);
    const base = first.split(/ --(?:retry|skip|done) /)[0] ?? '';
    // After a comma, or a word without dash, text goes on.
    const plain = (one: string): string =>
      (/^(?:.*?)(?=, | lists | shows | names |: | \(|$)/.exec(one)?.[0] ?? one).trim();
    return [
      plain(first),
      ...others.filter((one) => one.startsWith('--')).map((one) => `${base} ${plain(one)}`),
    ];
  });
}

const wordsOf = (line: string): readonly string[] =>
  [...line.matchAll(/'((?:[^']|'\\'')*)'|(\S+)/g)].map(
    ([, quoted, plain]) => quoted?.replaceAll("'\\''", "'") ?? plain ?? '',
  );

/** What the lines say has to be added: the variables that are secret. */
const added = (text: string): readonly string[] =>
  /-e @FILE with what .*secret: /.test(text) ? ['-e', 'secret_x=abc'] : [];

const isYes = (words: readonly string[]): readonly string[] =>
  ['apply', 'resume', 'rollback'].includes(words[0] ?? '') ? [...words, '--yes'] : words;

/** Runs each command that stands in a text, each on the state as it is now. */
async function runAll(text: string): Promise<readonly (readonly [string, CommandResult])[]> {
  const results: (readonly [string, CommandResult])[] = [];
  const before = join(lab.dir, 'before');
  cpSync(lab.state, before, { recursive: true, preserveTimestamps: true });
  for (const line of new Set(commandsIn(text))) {
    const words = wordsOf(line);
    const more = ['resume', 'rollback', 'apply'].includes(words[0] ?? '') ? added(text) : [];
    results.push([
      line,
      await command([...isYes(words), ...more], { home: join(lab.dir, 'home') }),
    ]);
    rmSync(lab.state, { recursive: true });
    cpSync(before, lab.state, { recursive: true, preserveTimestamps: true });
  }
  rmSync(before, { recursive: true });
  return results;
}

/** 1 internal error, 3 usage, 8 stale: the line was wrong. */
function expectAllWork(
  results: readonly (readonly [string, CommandResult])[],
  least: number,
): void {
  expect(results.length).toBeGreaterThanOrEqual(least);
  for (const [line, { exit, err }] of results) {
    expect(line).toContain('--state-dir');
    expect([line, exit, err]).toEqual([
      line,
      expect.toSatisfy((code: number) => ![1, 3, 8].includes(code)),
      err,
    ]);
  }
}

const text = ({ out, err }: CommandResult): string => `${out}\n${err}`;
const work = (command: string, host: string): string =>
  play(`    - name: First\n      shell: {cmd: '${command}'}\n`).replace(
    'hosts: all',
    `hosts: ${host}`,
  );

describe.each<[string, readonly string[]]>([
  ['no variables', []],
  ['variables', ['-e', 'n=5', '-e', '{"words": ["a b", "it\'s"]}']],
  ['a variable that may be secret', ['-e', 'n=5', '-e', 'secret_x=abc']],
])('of a run with %s', (_name, vars) => {
  it('whose host failed', async () => {
    const applied = await lab.run([
      'apply',
      lab.file('a.yaml', work('false', 'h1')),
      '--yes',
      ...vars,
    ]);
    const run = runId.exec(applied.out)?.[0] ?? '';
    expect(applied.out.includes('-e @FILE with what is not kept')).toBe(
      vars.includes('secret_x=abc'),
    );
    expectAllWork(await runAll(text(applied)), 4);
    expectAllWork(await runAll(text(await lab.run(['report', run]))), 3);
    const skipped = await lab.run(['resume', run, '--skip', 'h1']);
    expect(/these variables were not kept.*: secret_x;/.test(skipped.err)).toBe(
      vars.includes('secret_x=abc'),
    );
    if (skipped.exit !== 4) await lab.run(['resume', run, '--skip', 'h1', ...vars]);
  }, 60_000);

  it('that was stopped', async () => {
    const going = lab.start(['apply', lab.file('b.yaml', work('sleep 1', 'h2')), '--yes', ...vars]);
    const aborted = await stop(going);
    const results = await runAll(text(aborted));
    expectAllWork(results, 2);
    expect(results.find(([line]) => line.startsWith('resume'))?.[1].exit).toBe(0);
  }, 60_000);

  it('that is only planned', async () => {
    const file = join(lab.dir, "it's a plan.json");
    const planned = await lab.run([
      'plan',
      lab.file('c.yaml', work('true', 'h3')),
      '-o',
      file,
      '-T',
      '9',
      ...vars,
    ]);
    const results = await runAll(text(planned));
    expectAllWork(results, 1);
    expect(results[0]).toMatchObject([
      expect.stringMatching(/--timeout 9 --state-dir/),
      { exit: 0 },
    ]);
  }, 60_000);
});

async function stop(going: ReturnType<Practice['start']>): Promise<CommandResult> {
  while (!going.out().includes('h2 started'))
    await new Promise((resolve) => setTimeout(resolve, 50));
  going.stop('SIGTERM');
  return going.result;
}

it('of a run that is not there, and of hosts that it has not', async () => {
  const missing = await lab.run(['report', '20200101-000000-none']);
  expectAllWork(await runAll(text(missing)), 1);
  const [run = ''] = lab.runs();
  const wrong = await lab.run(['resume', run, '--retry', 'nothing-like-it']);
  expect(wrong.exit).toBe(3);
  expectAllWork(await runAll(text(wrong)), 1);
}, 30_000);

it('is broken by no fold, whatever the width', () => {
  const commands = [
    'kmend resume 20260101-000000-00aa --retry h1',
    "kmend resume 20260101-000000-00aa --retry 'a b'\\''c d'",
    "kmend resolve 20260101-000000-00aa 'a b c'",
    'kmend runs show 20260101-000000-00aa',
  ];
  for (let width = 20; width < 120; width++) {
    const lines = fold(
      `h1 was left out of service by a run (${commands.join(', or see what ')}, with all that it says)`,
      width,
    );
    for (const one of commands)
      expect(
        lines.find((line) => line.includes(one)),
        `${width} columns`,
      ).toBeDefined();
  }
});

it.each([
  [
    'go on with: kmend resume 20260101-000000-00aa',
    'go on with: kmend resume 20260101-000000-00aa --state-dir /s',
  ],
  [
    'kmend resume 20260101-000000-00aa --retry h1',
    'kmend resume 20260101-000000-00aa --state-dir /s --retry h1',
  ],
  [
    'see `kmend runs`; kmend runs lists them',
    'see `kmend runs --state-dir /s`; kmend runs --state-dir /s lists them',
  ],
  ['kmend runs on this node', 'kmend runs on this node'],
  ['kmend audit verify', 'kmend audit verify --state-dir /s'],
  [
    'kmend audit verify 20260101-000000-00aa',
    'kmend audit verify 20260101-000000-00aa --state-dir /s',
  ],
  [
    'kmend resume 20260101-000000-00aa --state-dir /t',
    'kmend resume 20260101-000000-00aa --state-dir /t',
  ],
  ['{"hint": "kmend runs"}', '{"hint": "kmend runs"}'],
  ['kmend runs prune --keep 90d', 'kmend runs prune --keep 90d'],
])('%s is printed as %s', (line, printed) => {
  expect(asTyped(line, ['--state-dir', '/s'])).toBe(printed);
  const url = 'postgres://db/k?sslmode=require';
  const quoted = printed.replaceAll('--state-dir /s', `--state '${url}'`);
  expect(asTyped(line, ['--state', url])).toBe(quoted);
});
