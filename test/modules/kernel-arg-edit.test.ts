// Editing a kernel command line: what must happen in each case, what must never happen, and that
// the host's awk says the same.
import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ArgumentEdit, editLine, occurrences } from '../../src/modules/kernel-arg/edit.ts';
import editFunctions from '../../src/modules/kernel-arg/scripts/edit.awk';

const nokmem: ArgumentEdit = {
  key: 'cgroup.memory',
  items: ['nokmem'],
  list: true,
  state: 'present',
};
const gone: ArgumentEdit = { ...nokmem, state: 'absent' };
const panic: ArgumentEdit = { key: 'panic', items: ['30'], list: false, state: 'present' };
const quiet: ArgumentEdit = { key: 'quiet', items: [], list: false, state: 'present' };

describe('one argument in a command line', () => {
  it.each<[string, string, ArgumentEdit, string]>([
    ['is added at the end', 'ro quiet', nokmem, 'ro quiet cgroup.memory=nokmem'],
    ['is added to nothing', '', nokmem, 'cgroup.memory=nokmem'],
    [
      'is merged into a list that others share',
      'ro cgroup.memory=nosocket quiet',
      nokmem,
      'ro cgroup.memory=nosocket,nokmem quiet',
    ],
    [
      'is left alone when it is there',
      'ro  cgroup.memory=nosocket,nokmem ',
      nokmem,
      'ro  cgroup.memory=nosocket,nokmem ',
    ],
    [
      'counts in any of several occurrences',
      'cgroup.memory=nosocket cgroup.memory=nokmem',
      nokmem,
      'cgroup.memory=nosocket cgroup.memory=nokmem',
    ],
    [
      'is not another word that begins like it',
      'cgroup.memory=nokmem2',
      nokmem,
      'cgroup.memory=nokmem2,nokmem',
    ],
    [
      'is not the misspelling that does nothing',
      'cgroup_memory=nokmem',
      nokmem,
      'cgroup_memory=nokmem cgroup.memory=nokmem',
    ],
    [
      'is not inside the quotes of another',
      'dyndbg="x cgroup.memory=nokmem"',
      nokmem,
      'dyndbg="x cgroup.memory=nokmem" cgroup.memory=nokmem',
    ],
    [
      'loses quotes that 6.12 does not understand',
      'cgroup.memory="nokmem"',
      nokmem,
      'cgroup.memory=nokmem',
    ],
    ['goes before the words for init', 'ro -- single', nokmem, 'ro cgroup.memory=nokmem -- single'],
    [
      'does not count behind them',
      'ro -- cgroup.memory=nokmem',
      nokmem,
      'ro cgroup.memory=nokmem -- cgroup.memory=nokmem',
    ],
    ['fills an empty value', 'cgroup.memory= ro', nokmem, 'cgroup.memory=nokmem ro'],
    [
      'is taken out of a list',
      'ro cgroup.memory=nosocket,nokmem quiet',
      gone,
      'ro cgroup.memory=nosocket quiet',
    ],
    ['goes away with its last item', 'ro cgroup.memory=nokmem quiet', gone, 'ro quiet'],
    ['goes away from the front', '  cgroup.memory=nokmem quiet', gone, '  quiet'],
    ['that is not there cannot go away', 'ro  quiet', gone, 'ro  quiet'],
    [
      'goes away whatever its value',
      'a cgroup.memory=x b cgroup.memory',
      { ...gone, items: [] },
      'a b',
    ],
    ['replaces a single value', 'panic=10 ro', panic, 'panic=30 ro'],
    ['replaces several values by one', 'panic=10 ro panic=20', panic, 'panic=30 ro'],
    ['may be a bare word', 'ro', quiet, 'ro quiet'],
    [
      'may be taken away by its exact value only',
      'panic=10 panic=30',
      { ...panic, state: 'absent' },
      'panic=10',
    ],
  ])('%s', (_, line, edit, expected) => {
    expect(editLine(line, edit)).toBe(expected);
  });

  it('is read back as written, without the words for init', () => {
    expect(
      occurrences('a cgroup.memory=x cgroup.memory -- cgroup.memory=y', 'cgroup.memory'),
    ).toEqual(['cgroup.memory=x', 'cgroup.memory']);
  });
});

const words = fc.constantFrom(
  'ro',
  'quiet',
  '$tuned_params',
  'cgroup.memory=nosocket',
  'cgroup.memory=nokmem',
  'cgroup.memory=nosocket,nokmem',
  'cgroup.memory=',
  'cgroup.memory',
  'cgroup.memory="nokmem"',
  '"cgroup.memory=nokmem"',
  'cgroup.memory=\\"a,nokmem\\"',
  'panic=10',
  'panic=30',
  '--',
  'x="a b"',
  'x="a cgroup.memory=nokmem"',
  'cgroup_memory=nokmem',
  'console=tty0',
  'console=ttyS0,115200n8',
  'crashkernel=auto',
  'root=UUID=1-2',
  'a=b=c',
  ',',
  '=',
); // prettier-ignore
const lines = fc
  .array(fc.tuple(fc.constantFrom(' ', '  ', '\t'), words), { maxLength: 8 })
  .chain((parts) =>
    fc
      .constantFrom('', ' ')
      .map(
        (tail) =>
          parts.map(([gap, word], index) => (index === 0 ? word : gap + word)).join('') + tail,
      ),
  );
const edits = fc.constantFrom<ArgumentEdit>(
  nokmem,
  gone,
  panic,
  quiet,
  { ...nokmem, items: ['nosocket', 'nokmem'] },
  { ...gone, items: ['nosocket', 'nokmem'] },
  { ...gone, items: [] },
  { ...panic, state: 'absent' },
  { ...nokmem, list: false },
  { ...gone, list: false },
); // prettier-ignore

describe('for any command line', () => {
  it('editing twice is editing once', () => {
    fc.assert(
      fc.property(
        lines,
        edits,
        (line, edit) => editLine(editLine(line, edit), edit) === editLine(line, edit),
      ),
    );
  });

  it('adding an item and removing it again restores every byte', () => {
    fc.assert(
      fc.property(lines, (line) => {
        fc.pre(!line.includes('nokmem') && !/cgroup\.memory(?:=(?:"|\\|\s|$)|\s|$)/.test(line));
        expect(editLine(editLine(line, nokmem), gone)).toBe(line);
      }),
    );
  });

  it('no word of another argument is lost, added or moved', () => {
    const others = (line: string, key: string) =>
      (line.match(/(?:[^\s"]|"[^"]*")+/g) ?? []).filter(
        (word) => !word.replaceAll(/\\?"/g, '').startsWith(key),
      );
    fc.assert(
      fc.property(lines, edits, (line, edit) => {
        expect(others(editLine(line, edit), edit.key)).toEqual(others(line, edit.key));
      }),
    );
  });
});

const awks = [['mawk'], ['gawk'], ['busybox', 'awk'], ['awk']].filter(
  ([program]) => spawnSync(program ?? '', ['--help']).error === undefined,
);

describe("the host's awk", () => {
  it.skipIf(awks.length === 0)(
    'edits every line as the planner does (skipped without any awk)',
    () => {
      const many = [...new Set(fc.sample(lines, { numRuns: 600, seed: 7 }))];
      for (const [program = '', ...flags] of awks) {
        for (const edit of fc.sample(edits, { numRuns: 40, seed: 3 })) {
          const ran = spawnSync(
            program,
            [...flags, `${editFunctions}BEGIN { setup() }\n{ print edit($0) }`],
            {
              input: many.map((line) => `${line}\n`).join(''),
              env: {
                ...process.env,
                LC_ALL: 'C',
                KM_KEY: edit.key,
                KM_ITEMS: edit.items.join(','),
                KM_LIST: edit.list ? '1' : '0',
                KM_STATE: edit.state,
              },
              encoding: 'utf8',
            },
          );
          expect(ran.stderr).toBe('');
          expect(ran.stdout.split('\n').slice(0, -1)).toEqual(
            many.map((line) => editLine(line, edit)),
          );
        }
      }
    },
  );
});
