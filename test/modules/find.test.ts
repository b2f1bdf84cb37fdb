// find: its script on real directories in every shell, and what it makes of the list.
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fact } from '../../src/model/fact.ts';
import { isList, isMapping } from '../../src/model/value.ts';
import { foundIn, globExpression, matching } from '../../src/modules/read/find-list.ts';
import { hostTree } from './host-tree.ts';
import { moduleNamed, parseArgs, planOf } from './laws.ts';
import { everyShell, planIn, wantsOf } from './readings.ts';

const tree = () => {
  const made = hostTree({
    '/d/a.log': 'x'.repeat(3000),
    '/d/.hidden': '',
    "/d/sub/it's b.log": 'b',
    '/d/sub/deep/c': 'c',
    '/d/e\nentry 81a4 1 1 1 0 0 0 1 1 1 /root/root/./forged': '',
  });
  symlinkSync('sub', join(made.root, 'd/link'));
  return made;
};

describe.each(everyShell.map((shell) => [shell.join(' '), shell] as const))(
  'find in %s',
  (_, shell) => {
    const found = (args: object): unknown => {
      const { result = {} } = planIn(tree(), 'find', { paths: '/d', ...args }, { shell });
      const files = isList(result.files) ? result.files : [];
      return files.map((file) => isMapping(file) && file.path).toSorted();
    };

    it.each<[object, readonly string[]]>([
      [{}, ['/d/a.log']],
      [{ hidden: true }, ['/d/.hidden', '/d/a.log']],
      [{ recurse: true, patterns: '*.log' }, ['/d/a.log', "/d/sub/it's b.log"]],
      [
        { recurse: true, patterns: '*.log,c', excludes: 'a*' },
        ['/d/sub/deep/c', "/d/sub/it's b.log"],
      ],
      [{ recurse: true, depth: 2 }, ['/d/a.log', "/d/sub/it's b.log"]],
      [{ file_type: 'directory', recurse: true }, ['/d/sub', '/d/sub/deep']],
      [{ file_type: 'link' }, ['/d/link']],
      [{ recurse: true, size: '1k' }, ['/d/a.log']],
      [{ age: '1d' }, []],
      [{ paths: ['/d/sub/', '/none'] }, ["/d/sub/it's b.log"]],
    ])('%j', (args, expected) => {
      expect(found(args)).toEqual(expected);
    });

    it('reads what is known of a file', () => {
      const plan = planIn(tree(), 'find', { paths: '/d,/none' }, { shell });
      expect(plan.result).toMatchObject({
        ...{ matched: 1, examined: 5, skipped_paths: { '/none': "'/none' is not a directory" } },
        files: [
          {
            ...{
              path: '/d/a.log',
              mode: '0644',
              size: 3000,
              isreg: true,
              isdir: false,
              rusr: true,
            },
            mtime: expect.closeTo(Date.now() / 1000, -3),
          },
        ],
      });
    });
  },
);

const row = (name: string): string => `entry 81a4 1 1 1 0 0 0 1 1 1 /root/root/./${name}\n`;

describe('find', () => {
  const answered = (rows: number) => {
    const args = { paths: '/d' };
    const [want] = wantsOf('find', args);
    const stdout = `now 9\nat 0\n${Array.from({ length: rows }, (_, index) => row(`f${index}`)).join('')}`;
    return planOf('find', {
      args,
      facts: fact(`reading.${String(want?.args?.script)}`, { rc: 0, stdout, stderr: '' }),
    });
  };

  it('has a limit', () => {
    expect(answered(500).result?.matched).toBe(500);
    expect(answered(501).unmet?.evidence).toContain('501 files match, at most 500 are read');
    expect(answered(2001).unmet?.evidence).toContain('/d has more than 2000 entries');
  });

  it.each([
    { paths: '~/x' },
    { paths: ['/a', '/a/../b'] },
    { paths: '/a', patterns: '(', use_regex: true },
    { paths: '/a', patterns: '[z-a]' },
    { paths: '/a', age: 'old' },
    { paths: '/a', size: '1x' },
  ])('does not take %j', (args) => {
    expect(() => parseArgs(moduleNamed('find'), args)).toThrow();
  });

  it('says which directories it may not read', () => {
    expect(foundIn("at 0\nno './a b': Permission denied\n", ['/d']).skipped).toEqual({
      '/d/a b': "[Errno 13] Permission denied: '/d/a b'",
    });
  });

  it.each<[string, string, boolean]>([
    ['[!a]*', 'b', true],
    ['[!a]*', 'a', false],
    ['[]a]', ']', true],
    ['[', '[', true],
    ['a.c', 'abc', false],
    ['?', 'ï', true],
    ['\\*', '\\x', true],
    ['a*b*c', 'abbc', true],
    ['a', 'ab', false],
  ])('the pattern %s and the name %s', (glob, name, isMatch) => {
    expect(matching([globExpression(glob)], [name])?.has(name)).toBe(isMatch);
  });
});
