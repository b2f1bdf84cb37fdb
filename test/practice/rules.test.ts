// The rules by which practice hosts are made: what kernels parse, which groups are accounted, how
// boot loader files are read and edited.
import { describe, expect, it } from 'vitest';
import { groupsAtBoot } from '../../practice/host/groups.ts';
import {
  addEntry,
  defaultEntry,
  editArgs,
  editEntries,
  makeConfig,
  readEntries,
  removeEntries,
  scriptIsSound,
  writeEnv,
} from '../../practice/host/grub.ts';
import { kubeletAccounts, nokmemInForce, parsesNokmem } from '../../practice/host/kernel.ts';

it.each([
  ['3.10.0-514.el7.x86_64', false],
  ['3.10.0-862.el7.x86_64', false],
  ['3.10.0-1062.4.1.el7.x86_64', true],
  ['3.10.0-1160.el7.x86_64', true],
  ['4.4.0-165-generic', false],
  ['4.5.0', true],
  ['6.1.0-28-amd64', true],
])('%s knows the argument: %s', (release, expected) => {
  expect(parsesNokmem(release)).toBe(expected);
});

it.each([
  ['3.10.0-1160.el7.x86_64', 'ro cgroup.memory=nokmem', true],
  ['3.10.0-1160.el7.x86_64', 'ro cgroup.memory=nosocket,nokmem', true],
  ['3.10.0-1160.el7.x86_64', 'ro -- cgroup.memory=nokmem', true],
  ['6.1.0-28-amd64', 'ro -- cgroup.memory=nokmem', false],
  ['3.10.0-1160.el7.x86_64', 'ro cgroup.memory=NOKMEM', false],
  ['3.10.0-1160.el7.x86_64', 'ro cgroup_memory=nokmem', false],
  ['3.10.0-862.el7.x86_64', 'ro cgroup.memory=nokmem', false],
])('%s with `%s` keeps accounting off: %s', (release, cmdline, expected) => {
  expect(nokmemInForce(release, cmdline)).toBe(expected);
});

it.each([
  ['v1.8.15', false],
  ['v1.12.3', true],
  ['v1.21.1', true],
  ['v1.21.2', false],
  ['v1.22.17', false],
])('kubelet %s accounts /kubepods: %s', (version, expected) => {
  expect(kubeletAccounts(version)).toBe(expected);
});

describe('groups', () => {
  const accounted = (nokmem: boolean, engine: boolean, kubelet?: boolean): number =>
    groupsAtBoot({
      nokmem,
      engine: { accounts: engine },
      ...(kubelet === undefined ? {} : { kubelet: { accounts: kubelet } }),
    }).filter((group) => group.accounted).length;

  it('an old runc accounts containers with a limit only; a kubelet that accounts takes all pods with it; nokmem stops both', () => {
    expect([
      accounted(false, true),
      accounted(false, false),
      accounted(false, true, false),
      accounted(false, false, true),
    ]).toEqual([1, 0, 4, 11]);
    expect(accounted(true, true, true)).toBe(0);
  });
});

describe('boot loader files', () => {
  const kernel = (release: string, args = 'root=/dev/sda2 ro quiet') => ({
    release,
    title: `CentOS Linux (${release}) 7 (Core)`,
    args,
  });
  const config = makeConfig('el7', [
    kernel('3.10.0-1160.el7.x86_64'),
    kernel('3.10.0-862.el7.x86_64', 'root=/dev/sda2 ro'),
  ]);
  const saved = (title: string): string => writeEnv(new Map([['saved_entry', title]]));

  it('the saved entry boots, by title or number, and the first one where it names none', () => {
    expect(readEntries(config)).toHaveLength(2);
    expect(
      defaultEntry(config, saved('CentOS Linux (3.10.0-862.el7.x86_64) 7 (Core)'))?.kernel,
    ).toBe('/vmlinuz-3.10.0-862.el7.x86_64');
    expect(defaultEntry(config, saved('1'))?.kernel).toBe('/vmlinuz-3.10.0-862.el7.x86_64');
    expect(defaultEntry(config, saved('gone'))?.kernel).toBe('/vmlinuz-3.10.0-1160.el7.x86_64');
    expect(defaultEntry('', '')).toBeUndefined();
    expect(saved('x')).toHaveLength(1024);
  });

  it('a new kernel comes first with the arguments of the default one, and goes away again', () => {
    const more = addEntry(config, saved('1'), { release: '3.10.0-1127.el7.x86_64', title: 'new' });
    expect(readEntries(more)[0]).toMatchObject({ title: 'new', args: ['root=/dev/sda2', 'ro'] });
    expect(removeEntries(more, '3.10.0-1127.el7.x86_64')).toBe(config);
  });

  it('an argument is replaced in place or added at the end, and removed by its name, as grubby does', () => {
    expect(
      editArgs(['a=1', 'cgroup.memory=nosocket', 'b'], ['cgroup.memory=nokmem', 'c'], []),
    ).toEqual(['a=1', 'cgroup.memory=nokmem', 'b', 'c']);
  });

  it.each<[string, readonly string[], readonly string[], readonly string[], readonly string[]]>([
    ['removes the first word of a name only', ['a=1', 'a=2', 'b'], [], ['a=3'], ['a=2', 'b']],
    ['removes one word for each that is named', ['a=1', 'a=2', 'b'], [], ['a', 'a'], ['b']],
    ['replaces the first word only', ['a=1', 'a=2'], ['a=3'], [], ['a=3', 'a=2']],
    [
      'replaces one word for each that is named',
      ['a=1', 'a=2'],
      ['a=3', 'a=4', 'a=5'],
      [],
      ['a=3', 'a=4', 'a=5'],
    ],
  ])('as grubby 8.28 does, %s', (_, args, add, remove, expected) => {
    expect(editArgs(args, add, remove)).toEqual(expected);
  });

  it('edits the chosen entries', () => {
    const edited = editEntries(
      config,
      (_entry, index) => index === 1,
      (args) => [...args, 'x=y'],
    );
    expect(readEntries(edited).map((entry) => entry.args.includes('x=y'))).toEqual([false, true]);
  });

  it('a whole file is sound, and half of one is not', () => {
    expect(scriptIsSound(config)).toBe(true);
    expect(scriptIsSound(makeConfig('debian', [kernel('6.1.0-28-amd64')]))).toBe(true);
    for (const end of [0.3, 0.6, 0.9])
      expect(scriptIsSound(config.slice(0, Math.round(config.length * end)))).toBe(false);
  });
});
