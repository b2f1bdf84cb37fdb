// command: words, guards, and its script run for real.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Facts } from '../../src/model/fact.ts';
import { quote } from '../../src/model/text/quote.ts';
import { splitWords } from '../../src/modules/command/command-words.ts';
import { hostTree } from './host-tree.ts';
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

  it('runs the words as they are: nothing is expanded', () => {
    const tree = hostTree();
    tree.program('show', 'for a; do echo "<$a>"; done');
    expect(tree.run(scriptOf("show '$HOME' '`id`' \"it's\" '*'")).out).toBe(
      "<$HOME>\n<`id`>\n<it's>\n<*>\n",
    );
    expect(tree.run(scriptOf({ argv: ['show', '$(id)', 'a\nb'] })).out).toBe('<$(id)>\n<a\nb>\n');
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
    expect(planOf('command', { args: { cmd: 'true', ...guard }, facts }).changes).toHaveLength(
      runs ? 1 : 0,
    );
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
    [{ argv: [] }],
  ])('does not take %j', (args) => {
    expect(() => parseArgs(moduleNamed('command'), args)).toThrow();
  });
});
