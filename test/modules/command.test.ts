// command: words, guards, and its script run for real.
import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Facts } from '../../src/model/fact.ts';
import { quote } from '../../src/model/text/quote.ts';
import { splitWords } from '../../src/model/text/split-words.ts';
import { hostTree, shells } from './host-tree.ts';
import { moduleNamed, parseArgs, planOf } from './laws.ts';

const scriptOf = (args: unknown) => {
  const [effect] = planOf('command', { args, facts: {} }).changes.flatMap(
    (change) => change.effects,
  );
  return effect?.kind === 'run' ? effect.script : '';
};

describe('command', () => {
  it.each<[string, readonly string[] | undefined]>([
    ['docker ps -q', ['docker', 'ps', '-q']],
    ["echo 'a b'  c", ['echo', 'a b', 'c']],
    ['echo "a \\"b\\" $HOME"', ['echo', 'a "b" $HOME']],
    ['echo a\\ b ""', ['echo', 'a b', '']],
    ['echo "open', undefined],
    ["a'b'c", ['abc']],
  ])('splits %j', (line, words) => {
    expect(splitWords(line)).toEqual(words);
  });

  it('splits what was quoted for a shell into the very same words', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: 'grapheme' }).filter((word) => !word.includes('\0'))),
        (words) => {
          expect(splitWords(words.map(quote).join(' '))).toEqual(words);
        },
      ),
    );
  });

  it('runs the words as they are: no pattern and no command is expanded', () => {
    const tree = hostTree();
    tree.program('show', 'for a; do echo "<$a>"; done');
    expect(tree.run(scriptOf("show '$1' '`id`' \"it's\" '*' '$R'")).out).toBe(
      "<$1>\n<`id`>\n<it's>\n<*>\n<$R>\n",
    );
    expect(tree.run(scriptOf({ argv: ['show', '$(id)', 'a\nb'] })).out).toBe('<$(id)>\n<a\nb>\n');
    expect(tree.run(scriptOf({ cmd: "show '$HOME' ~", expand_argument_vars: false })).out).toBe(
      '<$HOME>\n<~>\n',
    );
  });

  const python = '/usr/bin/python3';
  const hasPython = spawnSync(python, ['-c', '']).status === 0;
  it.skipIf(!hasPython)(
    'expands variables and home directories as Python does, which Ansible uses for it',
    () => {
      const braced = (name: string): string => `$\{${name}}`;
      const parts = [
        '$HOME',
        braced('HOME'),
        '$KMEND_NONE',
        braced('KMEND_NONE'),
        `$\{HOME`,
        '$',
        braced(''),
      ];
      const more = [
        '~',
        '~root',
        '~kmend-none',
        '~/',
        '/',
        'a',
        '*',
        "'",
        '"',
        '\\',
        ' ',
        '}',
        '-',
      ];
      const words = fc
        .sample(
          fc
            .array(fc.constantFrom(...parts, ...more), { maxLength: 5 })
            .map((some) => some.join('')),
          { numRuns: 400, seed: 7 },
        )
        .filter((word) => !/^~[^/]*\$/.test(word));
      const tree = hostTree();
      tree.program('show', 'for a; do printf "%s\\0" "$a"; done');
      const home = tree.run('echo "$HOME"').out.trim();
      const expanded = spawnSync(
        python,
        [
          '-c',
          'import json,os,sys\njson.dump([os.path.expanduser(os.path.expandvars(w)) for w in json.load(sys.stdin)], sys.stdout)',
        ],
        { input: JSON.stringify(words), env: { HOME: home }, encoding: 'utf8' },
      ).stdout;
      const script = scriptOf({ argv: ['show', ...words] });
      for (const shell of [['sh'], ...shells])
        expect(tree.run(script, shell).out.split('\0').slice(0, -1), shell.join(' ')).toEqual(
          JSON.parse(expanded),
        );
    },
  );

  it('gives its standard input one more line end, as Ansible does', () => {
    const stdinOf = (args: object) =>
      planOf('command', { args: { cmd: 'cat', ...args }, facts: {} }).changes[0]?.effects[0];
    expect(stdinOf({ stdin: 'a' })).toMatchObject({ stdin: 'a\n' });
    expect(stdinOf({ stdin: 'a', stdin_add_newline: false })).toMatchObject({ stdin: 'a' });
  });

  it('runs in a directory, and says so when there is none', () => {
    const tree = hostTree({ '/srv/it/x': '' });
    expect(tree.run(scriptOf({ cmd: 'ls', chdir: '/srv/it' })).out).toBe('x\n');
    expect(tree.run(scriptOf({ cmd: 'ls', chdir: '/nowhere' })).code).toBe(125);
  });

  it.each<[object, Facts, boolean]>([
    [{ creates: '/x' }, { 'path./x.exists': true }, false],
    [{ creates: '/x' }, { 'path./x.exists': false }, true],
    [{ removes: '/x' }, { 'path./x.exists': false }, false],
    [{ removes: '/x' }, { 'path./x.exists': true }, true],
    [{ unless: '/x' }, { 'path./x.exists': true }, false],
  ])('%j with %j: runs %s', (guard, facts, runs) => {
    const { changes, result } = planOf('command', { args: { cmd: 'true', ...guard }, facts });
    expect(changes).toHaveLength(runs ? 1 : 0);
    if (!runs) expect(result).toMatchObject({ rc: 0, stdout: expect.stringMatching(/^skipped/) });
  });

  it('is done once a run', () => {
    const module = moduleNamed('command');
    const isConvergent = (args: object) =>
      typeof module.convergent === 'function'
        ? module.convergent(parseArgs(module, args))
        : module.convergent;
    expect(isConvergent({ cmd: 'touch x' })).toBe(false);
    expect(isConvergent({ cmd: 'ls', read_only: true })).toBe(true);
    expect(
      module.facts(parseArgs(module, { cmd: 'ls', creates: '/x' }), { get: () => undefined }),
    ).toEqual([{ area: 'path', args: { path: '/x' } }]);
  });

  describe('that only reads', () => {
    const module = moduleNamed('command');
    const args = { cmd: 'ls /x', read_only: true };
    const [want] = module.facts(parseArgs(module, args), { get: () => undefined });
    const output = (said: object) =>
      planOf('command', { args, facts: { [`output.${want?.args?.script}`]: said } as Facts });

    it('is a fact: what it says is wanted, and it is no change', () => {
      expect(want).toMatchObject({ area: 'output', args: { timeout: 600 } });
      expect(output({ rc: 0, stdout: 'y', stderr: '' })).toEqual({
        changes: [],
        result: { rc: 0, stdout: 'y', stderr: '' },
      });
    });

    it('ends the host with its exit status when that is bad', () => {
      expect(output({ rc: 2, stdout: '', stderr: 'no such file' })).toMatchObject({
        changes: [],
        unmet: { kind: 'exit', evidence: 'run ls /x ended with 2: no such file' },
      });
    });
  });

  it.each([
    [{}],
    [{ cmd: 'a', argv: ['a'] }],
    [{ cmd: 'a "b' }],
    [{ cmd: 'a', creates: 'x' }],
    [{ cmd: 'a', creates: '/x*' }],
    [{ cmd: 'a', removes: '/home/$USER' }],
    [{ cmd: 'a', chdir: '~' }],
    [{ cmd: 'a', strip_empty_ends: false }],
    [{ argv: [] }],
  ])('does not take %j', (args) => {
    expect(() => parseArgs(moduleNamed('command'), args)).toThrow();
  });
});
