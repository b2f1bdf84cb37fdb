// The model kernel against the recordings of booted kernels (test/fixtures/kmem): file for file
// where a tree was recorded, row for row elsewhere.
import { readFileSync } from 'node:fs';
import { join as joinPath } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fixtures } from '../facts/replay.ts';
import {
  activeProbe,
  type Build,
  boot,
  churn,
  failingStats,
  join,
  type Memory,
  mkdir,
  nameOf,
  read,
  remove,
  slabEntries,
  smallProcess,
  usageOf,
  writeKmemLimit,
  writeLimit,
} from './kernel.ts';
import { makeGroup, mkdirs } from './programs.ts';

const text = (...path: readonly string[]): string =>
  readFileSync(joinPath(fixtures, ...path), 'utf8');
const rows = (...path: readonly string[]): readonly (readonly string[])[] =>
  text(...path)
    .split('\n')
    .filter((line) => /^[^#\s]/.test(line))
    .map((line) => line.split('\t'));

const el7 = (build: number): Build => ({ build, obeys: build >= 1062, kmemFiles: true });
const nokmem = 'ro cgroup.memory=nokmem';

const hex = (letter: string): string => letter.repeat(64);
const [burstablePod, otherPod] = [
  'kubepods/burstable/pod11111111-2222-3333-4444-555555555555',
  'kubepods/besteffort/pod66666666-7777-8888-9999-aaaaaaaaaaaa',
];
const [a, b, c, d] = [
  `${burstablePod}/${hex('a')}`,
  `${otherPod}/${hex('b')}`,
  `docker/${hex('c')}`,
  `docker/${hex('d')}`,
];
const megabyte = 1_048_576;

const ask = (memory: Memory, path: string): Memory =>
  writeKmemLimit(writeKmemLimit(memory, path, '1'), path, '-1');

/**
 * The tree that was made on every booted kernel; `asked`: /kubepods and one docker container were
 * asked for.
 */
function makeTree(
  start: Memory,
  asked: boolean,
  pids: Readonly<Record<string, readonly number[]>> = {},
  order = ['kubepods', burstablePod, a, otherPod, b, c, d],
): Memory {
  const limits: Readonly<Record<string, number>> = {
    [burstablePod]: 256 * megabyte,
    [a]: 128 * megabyte,
    [c]: 100 * megabyte,
  };
  return order.reduce((memory, path) => {
    const made = mkdirs(memory, path);
    const ready =
      path === 'kubepods'
        ? mkdirs(
            mkdirs(asked ? ask(made, path) : made, 'kubepods/burstable'),
            'kubepods/besteffort',
          )
        : made;
    const answered = path === c && asked ? ask(ready, path) : ready;
    const limit = limits[path];
    const limited = limit === undefined ? answered : writeLimit(answered, path, limit);
    return nameOf(path).length === 64
      ? (pids[path] ?? [1]).reduce((now, pid) => join(now, path, pid, smallProcess), limited)
      : limited;
  }, start);
}
const booted = (build: number, cmdline: string): Memory =>
  ['system.slice', 'user.slice'].reduce(mkdirs, boot(el7(build), cmdline));

describe('the model kernel reproduces the recorded trees, file for file', () => {
  it.each(['1062-off', '1062-on', '1062-nokmem'])('%s', (name) => {
    const root = '/sys/fs/cgroup/memory';
    const recorded = rows(name, 'index.tsv')
      .filter(([path]) => path?.startsWith(root))
      .map(([path = '', copy = '', , errno = '']) => {
        const [group, file] = [
          path.slice(root.length + 1, path.lastIndexOf('/')),
          path.slice(path.lastIndexOf('/') + 1),
        ];
        return [group, file, errno === 'EIO' ? 'EIO' : text(name, copy)] as const;
      });
    // The numbers of the processes are the recording's own.
    const pids = Object.fromEntries(
      recorded
        .filter(([, file]) => file === 'cgroup.procs')
        .map(([group, , list]) => [
          group,
          list
            .split('\n')
            .filter((pid) => pid !== '')
            .map(Number),
        ]),
    );
    const start = booted(1062, text(name, 'tree/proc/cmdline').trim());
    const memory = makeTree(
      (pids[''] ?? []).slice(1).reduce((now, pid) => join(now, '', pid, smallProcess), start),
      name !== '1062-off',
      pids,
    );
    const model = recorded.map(([group, file]) => {
      const answer = read(memory, group, file as Parameters<typeof read>[2]);
      return [group, file, 'text' in answer ? answer.text : answer.errno];
    });
    expect(recorded).toHaveLength(52);
    expect(model).toEqual(recorded);
    expect([...slabEntries(memory)].sort()).toEqual(
      text(name, 'ls-slab.txt')
        .split('\n')
        .filter((entry) => entry.includes('('))
        .sort(),
    );
    expect(memory.groups.size).toBe(
      Number(/^memory\t\d+\t(\d+)/m.exec(text(name, 'tree/proc/cgroups'))?.[1]),
    );
    expect(memory.groups.size).toBe(new Set(recorded.map(([group]) => group)).size);
  });

  it('514 with the argument, then 1062 with it, then 1062 without it (leak/514-nokmem-then-1062.txt)', () => {
    const recorded = text('leak/514-nokmem-then-1062.txt')
      .split('===')
      .slice(1)
      .map((part) => part.split('\n'));
    const boots = [
      [514, nokmem],
      [1062, nokmem],
      [1062, 'ro'],
    ] as const;
    expect(recorded).toHaveLength(boots.length);
    for (const [n, [build, cmdline]] of boots.entries()) {
      const memory = makeTree(booted(build, cmdline), true);
      const states = [...memory.groups]
        .filter(([path]) => !path.endsWith('.slice'))
        .map(([path, group]) => {
          const file = `./${path === '' ? '' : `${path.replace(/[abcd]{64}/, 'ID')}/`}memory.kmem.slabinfo`;
          return `${group.accounted ? 'ON ' : 'off'} ${file}`;
        });
      expect(states.sort()).toEqual(
        (recorded[n] ?? []).filter((line) => /^(ON |off) /.test(line)).sort(),
      );
      expect(recorded[n]).toEqual(
        expect.arrayContaining([
          `root usage ${usageOf(memory, '')}`,
          String(slabEntries(memory).length),
        ]),
      );
    }
  });

  it('the tree removed, and made again without asking (leak/1062-tree-recreated-without-kmem.txt)', () => {
    const recorded = text('leak/1062-tree-recreated-without-kmem.txt');
    const says = (memory: Memory): string =>
      `root usage ${usageOf(memory, '')}, sysfs caches ${slabEntries(memory).length}, num_cgroups ${memory.groups.size}`;
    const before = makeTree(booted(1062, 'ro'), true, {}, [
      'kubepods',
      burstablePod,
      otherPod,
      a,
      b,
      c,
      d,
    ]);
    expect(recorded).toContain(`before: ${says(before)}`);
    const paths = [...before.groups.keys()]
      .filter((path) => /^(kubepods|docker)/.test(path))
      .reverse();
    const gone = paths.reduce(remove, before);
    expect(recorded).toContain(`tree removed: ${says(gone)}`);
    const again = join(
      mkdirs(gone, 'kubepods/burstable/podx/c'),
      'kubepods/burstable/podx/c',
      1,
      smallProcess,
    );
    expect(recorded).toContain(`tree made again without kmem writes, one process: ${says(again)}`);
    expect(read(again, 'kubepods/burstable/podx/c', 'memory.kmem.slabinfo')).toEqual({
      errno: 'EIO',
    });
    expect(usageOf(again, 'kubepods')).toBe(0);
    const stay = slabEntries(again).map((entry) => entry.replace(/([abc])\1+\)$/, '$1*)'));
    for (const entry of stay.filter((entry) => !entry.startsWith('sighand_cache(7')))
      expect(recorded).toContain(`\n${entry}\n`);
  });
});

describe('the model kernel reproduces the recorded rows', () => {
  it.each(
    rows('leak/1062-parameter-spelling.tsv').map(
      ([added = '', says = '']) => [added, says] as const,
    ),
  )('1062 booted with %s', (added, says) => {
    const [answer, usage] = says.split('|');
    const memory = makeTree(booted(1062, `ro ${added}`), true);
    const state = read(memory, 'kubepods', 'memory.kmem.slabinfo');
    expect([
      'errno' in state ? `read ${state.errno}` : 'read 0',
      String(usageOf(memory, '')),
    ]).toEqual([answer, usage]);
  });

  const runcAsks: Readonly<Record<string, boolean>> = {
    'runc-rc5': true,
    'runc-rc10': true,
    'runc-rc93': true,
    'runc-rc10-nokmem': false,
    'runc-rc95': false,
    'runc-1.1.15': false,
  };
  const runs = ['1062-on', '1062-nokmem'].flatMap((name) =>
    rows(name, 'runc.tsv')
      .slice(1)
      .filter(([, ran]) => ran === 'ok')
      .map((row) => [name, ...row] as const),
  );
  it.each(runs)('%s: %s', (name, run = '', _ran, parentSays = '', childSays = '') => {
    const [, version = '', setting = '', place = ''] =
      /^(.*)-(nolimit|memlimit|kernellimit)-(\w+)$/.exec(run) ?? [];
    const asks = runcAsks[version];
    const parent = booted(1062, name === '1062-on' ? 'ro' : nokmem);
    const below =
      place === 'newparent'
        ? parent
        : place === 'underOn'
          ? ask(mkdir(parent, 'p'), 'p')
          : mkdir(parent, 'p');
    const made = makeGroup(below, 'p/c', {
      asks: asks === true,
      limited: setting === 'nolimit' ? 'no' : 'born',
    });
    const memory = join(
      asks && setting === 'kernellimit' ? writeKmemLimit(made, 'p/c', '52428800') : made,
      'p/c',
      1,
      smallProcess,
    );
    const says = (path: string): string => {
      const answer = read(memory, path, 'memory.kmem.slabinfo');
      const limit = read(memory, path, 'memory.kmem.limit_in_bytes');
      return `${'errno' in answer ? answer.errno : 'ok'} limit ${'text' in limit ? limit.text.trim() : ''} ${usageOf(memory, path) > 0 ? 'charged' : 'not charged'}`;
    };
    const recorded = (cell: string): string =>
      cell.replace(
        /, \d+ lines \/ limit (\d+) \/ usage (\d+)$/,
        (_, limit, usage) => ` limit ${limit} ${Number(usage) > 0 ? 'charged' : 'not charged'}`,
      );
    expect([says('p'), says('p/c')]).toEqual([recorded(parentSays), recorded(childSays)]);
  });

  it.each([
    ['1062-on-50000.tsv', 'ro'],
    ['1062-nokmem-60000.tsv', nokmem],
  ])('groups made and removed: leak/%s', (name, cmdline) => {
    const parent = ask(mkdir(booted(1062, cmdline), 'leak'), 'leak');
    for (const [made, , , , , entries, usage] of rows('leak', name)
      .slice(1)
      .map((row) => row.map(Number))) {
      const memory = churn(parent, 'leak', made ?? 0, failingStats);
      expect(memory.errno).toBe('');
      // A few caches more were left than one a group, and a slab is not full to the last object.
      expect(Math.abs(slabEntries(memory).length - (entries ?? 0))).toBeLessThan(10);
      expect(Math.abs(usageOf(memory, '') - (usage ?? 0))).toBeLessThanOrEqual((usage ?? 0) / 500);
      expect(memory.groups.size).toBe(parent.groups.size);
    }
  });

  it('no id left: ENOMEM everywhere on 1062, and each removed group makes one possible again (leak/1062-on-id-exhaustion.txt)', () => {
    const full = churn(
      mkdir(ask(mkdir(booted(1062, 'ro'), 'leak'), 'leak'), 'leak/l1'),
      'leak',
      70_000,
      failingStats,
    );
    expect(full.errno).toBe('ENOMEM');
    expect(['leak/zz', 'zz', 'system.slice/zz'].map((path) => mkdir(full, path).errno)).toEqual([
      'ENOMEM',
      'ENOMEM',
      'ENOMEM',
    ]);
    const one = mkdir(remove(full, 'leak/l1'), 'leak/zz');
    expect([one.errno, mkdir(one, 'zz2').errno, activeProbe(one)]).toEqual([
      '',
      'ENOMEM',
      'failed',
    ]);
    expect(text('leak/1062-on-id-exhaustion.txt')).toContain(
      'mkdir\t/sys/fs/cgroup/memory/zz2\tENOMEM',
    );
  });

  it('no id left: ENOSPC on 514, with live groups only (leak/514-live-id-exhaustion.txt)', () => {
    const live = Number(/^memory\t4\t(\d+)/m.exec(text('leak/514-live-id-exhaustion.txt'))?.[1]);
    const empty = booted(514, 'ro');
    const group = empty.groups.get('user.slice');
    if (group === undefined) throw new Error('systemd made no user.slice');
    const filled = {
      ...empty,
      groups: new Map([
        ...empty.groups,
        ...Array.from({ length: live - empty.groups.size }, (_, n) => [`l${n}`, group] as const),
      ]),
    };
    expect([mkdir(filled, 'zz').errno, mkdir(remove(filled, 'l0'), 'zz').errno]).toEqual([
      'ENOSPC',
      '',
    ]);
  });

  it('what else was measured: errnos of writes, that accounting stays on, inheritance by use_hierarchy, the active probe', () => {
    const memory = mkdir(booted(1062, 'ro'), 'g');
    const [on, first] = [
      writeKmemLimit(memory, 'g', '1073741824'),
      writeKmemLimit(memory, 'g', '-1'),
    ];
    expect([
      on.groups.get('g')?.accounted,
      first.groups.get('g')?.accounted,
      writeKmemLimit(on, 'g', '-1').groups.get('g')?.accounted,
    ]).toEqual([true, false, true]);
    const busy = [join(memory, 'g', 7, smallProcess), mkdir(memory, 'g/h')].map(
      (some) => writeKmemLimit(some, 'g', '1').errno,
    );
    expect([
      ...busy,
      writeKmemLimit(memory, '', '1').errno,
      writeKmemLimit(memory, 'g', 'xyz').errno,
    ]).toEqual(['EBUSY', 'EBUSY', 'EINVAL', 'EINVAL']);
    expect(writeKmemLimit(join(on, 'g', 7, smallProcess), 'g', '0').errno).toBe('EBUSY');
    const flat = ask(mkdir(boot(el7(1062), 'ro', false), 'g'), 'g');
    expect(
      [mkdir(on, 'g/h'), mkdir(flat, 'g/h')].map((some) => some.groups.get('g/h')?.accounted),
    ).toEqual([true, false]);
    expect(usageOf(join(flat, 'g', 7, smallProcess), '')).toBe(0);
    expect(
      [booted(1062, 'ro'), booted(1062, nokmem), booted(514, nokmem)].map(activeProbe),
    ).toEqual(['on', 'off', 'on']);
    expect(
      writeKmemLimit(join(mkdir(booted(1062, nokmem), 'g'), 'g', 7, smallProcess), 'g', '1').errno,
    ).toBe('');
  });
});
