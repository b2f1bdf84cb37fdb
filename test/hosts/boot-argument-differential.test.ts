// Editing boot arguments against the real grub-mkconfig: what it makes of a host's shell files
// before and after, on generated trees.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ArgumentEdit } from '../../src/modules/kernel-arg/edit.ts';
import { grubDebianScript, grubSuseScript } from '../../src/modules/kernel-arg/scripts.ts';
import { inverseOf, lawsOfEdit } from '../modules/boot-argument-laws.ts';
import { debianFiles, edits, oddWords, suseFiles } from '../modules/boot-argument-trees.ts';
import { argumentsOf, grubMissing, grubTree } from '../modules/grub-tree.ts';

const missing = grubMissing();
const backups = /\.kmend-before$/;

interface Family {
  readonly name: string;
  readonly menu: string;
  readonly generator: string;
  readonly script: (edit: ArgumentEdit) => string;
  readonly files: fc.Arbitrary<Readonly<Record<string, string>>>;
}

const families: readonly Family[] = [
  {
    name: 'Debian',
    menu: '/boot/grub/grub.cfg',
    generator: 'update-grub',
    script: grubDebianScript,
    files: debianFiles,
  },
  {
    name: 'SUSE',
    menu: '/boot/grub2/grub.cfg',
    generator: 'grub2-mkconfig',
    script: grubSuseScript,
    files: suseFiles,
  },
];

type Files = Readonly<Record<string, string>>;

describe.skipIf(missing !== '').each(families)(
  `$name with the real grub-mkconfig (${missing || 'all there'})`,
  ({ menu, generator, script, files: arbitrary }) => {
    const trees =
      missing === ''
        ? fc.sample(fc.tuple(arbitrary, edits), { numRuns: 60, seed: 20_261_125 })
        : [];
    let refused = 0;

    it.each(trees.map(([files, edit], index) => ({ index, edit, files })))(
      'tree $index',
      ({ edit, files }) => {
        const tree = grubTree(files, menu);
        expect(tree.run(`${generator} 2>/dev/null`)).toEqual({ code: 0, out: '', err: '' });
        const start = tree.picture(backups);
        const before = argumentsOf(tree.read(menu));
        expect(before.length).toBeGreaterThanOrEqual(4);

        const ran = tree.run(script(edit));
        if (ran.code !== 0) {
          refused += 1;
          expect([ran.code, tree.picture(backups)], ran.err).toEqual([25, start]);
          expect(mayBeRefused(files, edit), ran.err).toBe(true);
          return;
        }
        expect(ran).toEqual({ code: 0, out: '', err: '' });
        const after = argumentsOf(tree.read(menu));
        expect(after.length).toBe(before.length);
        for (const [entry, line] of before.entries()) lawsOfEdit(line, after[entry] ?? '', edit);

        const once = tree.picture();
        expect([tree.run(script(edit)).code, tree.picture()]).toEqual([0, once]);
        const back = inverseOf(edit, Object.values(files));
        if (back === undefined || hasOddWords(files)) return;
        expect(tree.run(script(back))).toEqual({ code: 0, out: '', err: '' });
        expect(tree.picture(backups)).toEqual(start);
      },
    );

    it('few command lines cannot be edited, and those stay unchanged', () => {
      expect(refused).toBeLessThanOrEqual(6);
    });
  },
);

const hasOddWords = (files: Files): boolean =>
  Object.values(files).some((text) => oddWords.some((word) => word.test(text)));

/**
 * An argument with a single value, or one to be removed, may be where no edit reaches it (in
 * another variable); one that is added to a list may not.
 */
const mayBeRefused = (files: Files, edit: ArgumentEdit): boolean =>
  !edit.list || edit.state === 'absent' || hasOddWords(files);
