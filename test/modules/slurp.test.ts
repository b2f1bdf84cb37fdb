// slurp: files of every length and byte, in every shell, with and without the program base64.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { hostTree } from './host-tree.ts';
import { everyShell, planIn } from './readings.ts';

const bytes = Buffer.from(Array.from({ length: 256 }, (_, index) => index));

describe.each(everyShell.map((shell) => [shell.join(' '), shell] as const))(
  'slurp in %s',
  (_, shell) => {
    it.each([0, 1, 2, 3, 256])('reads %d bytes', (length) => {
      const tree = hostTree();
      writeFileSync(join(tree.root, 'it is'), bytes.subarray(0, length));
      expect(planIn(tree, 'slurp', { src: '/it is' }, { shell })).toEqual({
        changes: [],
        result: {
          content: bytes.subarray(0, length).toString('base64'),
          encoding: 'base64',
          source: '/it is',
        },
      });
    });

    it('says why it cannot be read', () => {
      const tree = hostTree({ '/etc/big': 'x'.repeat(256 * 1024 + 1) });
      const why = (src: string) => planIn(tree, 'slurp', { src }, { shell }).unmet?.evidence;
      expect([why('/none'), why('/etc'), why('/etc/big')]).toEqual([
        'File not found: /none',
        'Source is a directory and must be a file: /etc',
        '/etc/big has more than 262144 bytes, which kmend does not read',
      ]);
    });
  },
);

it.each([0, 1, 2, 3, 256])('slurp reads %d bytes on a host without base64', (length) => {
  const tree = hostTree();
  writeFileSync(join(tree.root, 'x'), bytes.subarray(0, length));
  const { result } = planIn(tree, 'slurp', { src: '/x' }, { shell: ['sh', '-c', without] });
  expect(result?.content).toBe(bytes.subarray(0, length).toString('base64'));
});

/** A shell whose `command -v base64` finds nothing. */
const without = 'command() { [ "$2" != base64 ]; }; eval "$(cat)"';
