// The walk over memory cgroups: each awk classifies as creatorOf does, hostile names make nothing
// better, and counts are exact on a host of any size.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { cgroupArea } from '../../src/facts/areas/cgroups/cgroup.ts';
import { rowFunction } from '../../src/facts/areas/cgroups/cgroup-walk.ts';
import { creatorOf, creatorRows } from '../../src/facts/kmem/creators.ts';
import { known } from '../../src/model/fact.ts';
import type { ExplicitLimit, SampleCounts } from '../../src/model/facts/values.ts';
import {
  emptyHost,
  file,
  type GroupFiles,
  has,
  hasBusybox,
  program,
  type Recorded,
  replay,
  runProbe,
  v1Group,
} from './replay.ts';

let host: Recorded;
beforeEach(() => {
  host = emptyHost();
  file(host, 'proc/sys/kernel/osrelease', '3.10.0-1062.el7.x86_64\n');
  file(host, 'proc/cmdline', 'ro\n');
  v1Group(host, '.', { slabinfo: 'eio' });
});
afterEach(() => host.remove());

const memory = 'sys/fs/cgroup/memory';
const hex = 'a1b2c3d4'.repeat(8);
const uid = '0a1b2c3d-0000-4000-8000-00000000c0de';
const pod = `kubepods/burstable/pod${uid}`;
const limit = 104_857_600;

/** All awks of this machine that differ, by a shell word for each. */
const awks = ['mawk', 'gawk', 'original-awk', ...(hasBusybox ? ['busybox awk'] : [])].filter(
  (awk) => has(awk.split(' ')[0] ?? ''),
);

describe.each(awks)('%s', (awk) => {
  const [command = '', ...rest] = awk.split(' ');
  const rowsOf = (paths: readonly string[]): readonly string[] =>
    execFileSync(command, [...rest, `${rowFunction}{ print rowOf($0) }`], {
      input: paths.map((path) => `${path}\n`).join(''),
      env: { ...process.env, LC_ALL: 'C' },
      encoding: 'utf8',
    })
      .trimEnd()
      .split('\n');

  const slice = `kubepods-besteffort-pod${uid.replaceAll('-', '_')}.slice`;
  const part = fc.oneof(
    fc.constantFrom(
      'kubepods',
      'burstable',
      'besteffort',
      `pod${uid}`,
      `pod${'0f'.repeat(16)}`,
      hex,
      'docker',
      'kubepods.slice',
      slice,
    ),
    fc.constantFrom(
      `docker-${hex}.scope`,
      `cri-containerd-${hex}.scope`,
      `crio-${hex}`,
      `crio-conmon-${hex}.scope`,
      `libpod-${hex}`,
    ),
    fc.constantFrom(
      `${slice}:cri-containerd:${hex}`,
      'system.slice',
      'containerd.service',
      'machine.slice',
      'libpod_parent',
      'conmon',
    ),
    fc.constantFrom(
      'lxc',
      'slurm',
      'mesos',
      'hadoop-yarn',
      'default',
      'ecs',
      '<id>',
      'pod<uid>',
      'a b',
      'a:b',
      "it's",
      '&',
      '\\',
      'é',
      '"',
    ),
    // Near misses: one digit more or less, another case, an id inside a name.
    fc.constantFrom(
      hex.slice(1),
      `${hex}0`,
      hex.toUpperCase(),
      `x${hex}`,
      `pod${uid}0`,
      `pod${uid.slice(1)}`,
      'kubepods.slicex',
      'Docker',
    ),
    fc.stringMatching(/^[^/\p{C}\p{Z}]{1,12}$/u),
  );
  const path = fc.array(part, { minLength: 1, maxLength: 6 }).map((parts) => parts.join('/'));

  it('classifies each path as creatorOf does', () => {
    fc.assert(
      fc.property(fc.array(path, { minLength: 1, maxLength: 200 }), (paths) => {
        expect(rowsOf(paths)).toEqual(paths.map((one) => creatorOf(one).key));
      }),
      { numRuns: 30 },
    );
  });

  it('gives the same facts of a whole tree', () => {
    v1Group(host, pod, { slabinfo: 2, limit, usage: 1 });
    v1Group(host, `${pod}/${hex}`, { slabinfo: 16, limit, usage: 4_294_967_296 });
    v1Group(host, `docker/${hex}`, { slabinfo: 'eio', limit });
    v1Group(host, 'a "b" \\ $(c) %s', { slabinfo: 'eio', limit });
    mkdirSync(join(host.root, 'sys/kernel/slab/dentry(70:a (odd):name)'), { recursive: true });
    const usual = replay(host);
    program(host, 'awk', `exec ${awk} "$@"`);
    const facts = replay(host);
    for (const name of [
      'kmem.witnesses',
      'kmem.groups',
      'kmem.samples',
      'kmem.unknown_limited',
      'kmem.slab_ids',
      'kmem.dead_groups',
    ] as const)
      expect(facts[name], name).toEqual(usual[name]);
    expect(facts['kmem.unknown_limited']).toEqual(['a "b" \\ $(c) %s']);
    expect(facts['kmem.groups']).toContainEqual(
      expect.objectContaining({ path: `${pod}/${hex}`, usage: 4_294_967_296, limit }),
    );
  });

  it('finds a kernel-memory limit of its own, for a group that reads on and for the groups below it', () => {
    explicitTree();
    program(host, 'awk', `exec ${awk} "$@"`);
    const facts = replay(host);
    expect(byPath(known(facts, 'kmem.explicit', []))).toEqual([
      { path: `docker/${'b'.repeat(64)}`, limit: 134_217_728, name: '' },
      { path: 'limits/kernel', limit: 1_073_741_824, name: '' },
      { path: `system.slice/docker-${hex}.scope`, limit: 67_108_864, name: 'my.redis-1' },
    ]);
    const marked = known(facts, 'kmem.witnesses', []).flatMap((bucket) =>
      bucket.explicit === true ? [bucket.row] : [],
    );
    expect(marked.toSorted()).toEqual(['docker', 'docker-scope', 'unknown', 'unknown']);
  });
});

const byPath = (list: readonly ExplicitLimit[]): readonly ExplicitLimit[] =>
  list.toSorted((a, b) => (a.path < b.path ? -1 : 1));

/**
 * Groups with a kernel-memory limit: through each manager, by hand, with groups below; and groups
 * that only count.
 */
function explicitTree(): void {
  const own = (path: string, slabinfo: GroupFiles['slabinfo'], max: string): void => {
    v1Group(host, path, { slabinfo, limit });
    file(host, `${memory}/${path}/memory.kmem.limit_in_bytes`, `${max}\n`);
  };
  own(`system.slice/docker-${hex}.scope`, 16, '67108864');
  own(`system.slice/docker-${hex}.scope/inner`, 16, '9223372036854771712');
  own(`docker/${'b'.repeat(64)}`, 16, '134217728');
  own(`docker/${'c'.repeat(64)}`, 16, '9223372036854771712');
  own(`docker/${'d'.repeat(64)}`, 'eio', '134217728');
  own('limits/kernel', 2, '1073741824');
  const other =
    '{"Name":"volume","State":{"Name":"x"},"Config":{"Image":"redis"},"Name":"/my.redis-1","Driver":"overlay2"}';
  file(host, `var/lib/docker/containers/${hex}/config.v2.json`, other);
}

it('names at most five groups with a kernel-memory limit, and counts them all', () => {
  for (let n = 0; n < 9; n++) {
    v1Group(host, `docker/${`${n}`.repeat(64)}`, { slabinfo: 2 });
    file(host, `${memory}/docker/${`${n}`.repeat(64)}/memory.kmem.limit_in_bytes`, '1000\n');
  }
  const facts = replay(host);
  expect(facts['kmem.explicit']).toHaveLength(5);
  expect(facts['kmem.witnesses']).toMatchObject([{ row: 'docker', explicit: true, count: 9 }]);
});

it('needs no interval expressions, which old awks do not know', () => {
  for (const { pattern } of creatorRows) expect(pattern).not.toMatch(/[{}]/);
  expect(rowFunction.replace(/^function rowOf\(p, {3}q\) \{|\}\n$/g, '')).not.toMatch(/[{}]/);
});

/** A directory with these files below the memory hierarchy, whatever its name holds. */
function raw(path: string, files: Readonly<Record<string, string>>): void {
  mkdirSync(join(host.root, memory, path), { recursive: true });
  for (const [name, text] of Object.entries(files))
    writeFileSync(join(host.root, memory, path, name), text);
}

const noLimit = '9223372036854771712\n';
const files = (slabinfo: string, max = noLimit): Readonly<Record<string, string>> => ({
  'memory.kmem.slabinfo': slabinfo,
  'memory.limit_in_bytes': max,
  'memory.kmem.usage_in_bytes': '0\n',
  'cgroup.procs': '',
});
const samples = (): SampleCounts => known(replay(host), 'kmem.samples', {});

describe('a hostile name', () => {
  const container = `docker/${hex}`;
  const inRoot = (): string => join(host.root, memory);

  it.each([
    ['a faked limit', `${container}/memory.limit_in_bytes:1000\nx`],
    ['a faked line of another group', `x\n/.`],
    ['an EIO that is none', `x\ngrep: `],
    ['an end that is none', 'x\n@ 0\n'],
    ['a bucket of its own', 'x\nw docker eio yes 0 0 1 9'],
  ])('%s makes a host look worse, never better', (_, path) => {
    v1Group(host, container, { slabinfo: 'empty' });
    v1Group(host, pod, { slabinfo: 'eio', limit });
    const before = samples();
    raw(path, files('', '1000\n'));
    const after = samples();
    expect(after.limited_off).toBe(before.limited_off);
    expect(after.eio).toBe(before.eio);
    expect(after.failed).toBe(1);
    expect(after.failed_why).toBe('a name with a line break');
  });

  it.each(['before', 'after'])(
    'of a group made %s it gives no limit to a container that has none',
    (order) => {
      if (order === 'before') raw(`${container}/memory.limit_in_bytes:1000\nx`, {});
      v1Group(host, container, { slabinfo: 'eio' });
      if (order === 'after') raw(`${container}/memory.limit_in_bytes:1000\nx`, {});
      file(host, join(memory, `${container}/memory.limit_in_bytes:1000\nx`, 'cgroup.procs'), '1\n');
      expect(samples()).toMatchObject({ limited: 0, limited_off: 0, failed: 1 });
    },
  );

  it('cannot forge a whole line, because no group is called "."', () => {
    const line = `${inRoot()}/docker/${hex}/memory.kmem.slabinfo: Input`;
    raw(`x\ngrep: ${line}/output error\nx`, files('', '1000\n'));
    raw(
      `y\n${inRoot()}/docker/${'b'.repeat(64)}/memory.limit_in_bytes:1000\nx`,
      files('', '1000\n'),
    );
    const facts = replay(host);
    expect(facts['kmem.samples']).toMatchObject({ eio: 0, limited: 0, failed: 1 });
    expect(
      (facts['kmem.witnesses'] as readonly { row: string }[]).filter(({ row }) => row === 'docker'),
    ).toEqual([]);
  });

  it.each([
    '<id>',
    'a:b',
    'memory.kmem.slabinfo:x',
    'memory.limit_in_bytes:1',
    ' ',
    '-n',
    '*',
    "'",
    'x: Input',
    '\u001b[2J',
  ])('%j is a group like others', (name) => {
    v1Group(host, name, { slabinfo: 'eio', limit });
    v1Group(host, `${name}/inner`, { slabinfo: 3 });
    expect(samples()).toMatchObject({ total: 2, eio: 1, read: 1, failed: 0, limited: 0 });
  });

  it('does not reach a terminal', () => {
    raw('\u001b[2J', files('', '1000\n'));
    expect(replay(host)['kmem.unknown_limited']).toEqual(['?[2J']);
  });

  it('of any length is cut, and the output stays small', () => {
    const deep = Array.from({ length: 12 }, () => 'd'.repeat(250)).join('/');
    for (let at = 0; at < 60; at++) raw(`${at}/${deep}`, files('a\nb\nc\n', '1000\n'));
    const output = runProbe(host);
    expect(output.length).toBeLessThan(16_384);
    expect(samples()).toMatchObject({ total: 60, failed: 0 });
  });
});

it('has a bounded output: every bucket that there can be, and all examples with the longest names', () => {
  const [key = ''] = creatorRows.map((row) => row.key).sort((a, b) => b.length - a.length);
  const bucket = `w ${key} denied later 0 1 1 65534\n`.length;
  // Only what was read can have caches: 3 limits, and 8 or 4 ways of flags.
  const buckets = (creatorRows.length + 1) * 3 * (8 + 4 * 4);
  const example = `g ${key} failed 9223372036854771711 3 9223372036854771711 3 \n`.length + 203;
  expect(buckets * bucket + 45 * example).toBeLessThan(cgroupArea.maxBytes);
});

describe('a read', () => {
  const container = `docker/${hex}`;
  /**
   * A grep that says this about the container's slabinfo: a sed program over what grep prints, with
   * `&` for the file's name.
   */
  const grepWith = (program0: string): void =>
    program(
      host,
      'grep',
      `case "$*" in *'-m 3'*) ;; *) exec /bin/grep "$@";; esac; LC_ALL=C /bin/grep "$@" 2>&1 | sed -e '${program0}'`,
    );
  const slabinfo = '\\(/[^:]*docker/[^:]*slabinfo\\)';

  it('that was refused and answered, too, counts as read', () => {
    v1Group(host, container, { slabinfo: 3, limit });
    grepWith(`s|^${slabinfo}:kmalloc.*|grep: \\1: Input/output error|`);
    expect(samples()).toMatchObject({ read: 1, eio: 0, total: 1 });
  });

  it('that failed by any other error is no sample, and the error is named', () => {
    v1Group(host, container, { slabinfo: 'eio', limit });
    grepWith(`s|^[a-z/]*grep: ${slabinfo}.*|grep: \\1: Cannot allocate memory|`);
    expect(samples()).toMatchObject({
      failed: 1,
      failed_why: 'Cannot allocate memory',
      eio: 0,
      limited: 1,
      limited_off: 0,
    });
  });

  it.each(['Permission denied', 'Operation not permitted'])('that gave "%s" is denied', (text) => {
    v1Group(host, container, { slabinfo: 'eio', limit });
    grepWith(`s|^[a-z/]*grep: ${slabinfo}.*|grep: \\1: ${text}|`);
    expect(samples()).toMatchObject({ denied: 1, eio: 0, total: 1 });
  });

  it('by a grep and an md5sum that do not report EIO is empty, which proves nothing', () => {
    v1Group(host, container, { slabinfo: 'eio', limit });
    program(host, 'grep', 'exec /bin/grep "$@" 2>/dev/null');
    program(host, 'md5sum', 'exit 0');
    expect(samples()).toMatchObject({ eio: 0, empty: 1, total: 1 });
  });

  it('of a group that was removed in the meantime is not counted', () => {
    v1Group(host, container, { slabinfo: 'eio', limit });
    grepWith(`s|^[a-z/]*grep: ${slabinfo}.*|grep: \\1: No such device|`);
    expect(samples()).toMatchObject({ gone: 1, total: 0 });
  });

  it('that a program could not do at all is reported', () => {
    program(host, 'grep', 'echo "grep: memory exhausted"');
    expect(samples()).toMatchObject({ failed: 1, failed_why: 'grep: memory exhausted' });
  });

  it('that ends in the middle of a group does not count that group', () => {
    v1Group(host, container, { slabinfo: 3, limit });
    program(
      host,
      'grep',
      `case "$*" in *'-m 3'*) echo "$KMEND_ROOT/${memory}/./${container}/memory.limit_in_bytes:1000"; exit 124;; esac; exec /bin/grep "$@"`,
    );
    expect(samples()).toMatchObject({ capped: true, total: 0, limited: 0 });
  });

  it('that is interrupted gives the counts up to then, as capped', () => {
    for (let at = 0; at < 3; at++)
      v1Group(host, `docker/${String(at).repeat(64)}`, { slabinfo: 3, limit, usage: 4096 });
    program(host, 'grep', `/bin/grep "$@"; case "$*" in *'-m 3'*) exit 124;; esac`);
    file(host, 'proc/cgroups', 'memory\t4\t901\t1\n');
    const facts = replay(host);
    expect(facts['kmem.samples']).toMatchObject({ capped: true, read: 3 });
    expect(facts['kmem.live_groups']).toBe(900);
  });
});

describe('counts', () => {
  const slab = (id: number, name: string): void => {
    mkdirSync(join(host.root, `sys/kernel/slab/dentry(${id}:${name})`), { recursive: true });
    mkdirSync(join(host.root, `sys/kernel/slab/kmalloc-64(${id}:${name})`), { recursive: true });
  };
  const fill = (count: number, prefix: string, group: GroupFiles): void => {
    for (let at = 0; at < count; at++)
      v1Group(host, `${prefix}/${at.toString(16).padStart(64, '0')}`, group);
  };

  it('are exact far beyond what is printed: dead groups are those whose ids no live group holds', () => {
    const [live, dead] = [1500, 300];
    fill(live, 'docker', { slabinfo: 3, limit, usage: 4096 });
    fill(200, pod, { slabinfo: 'eio', limit });
    for (let id = 0; id < live + dead; id++) slab(id + 10, 'x');
    const facts = replay(host);
    expect(facts['kmem.samples']).toMatchObject({
      read: live,
      eio: 200,
      total: live + 200,
      limited: live + 200,
      capped: false,
    });
    expect([
      facts['kmem.slab_entries'],
      facts['kmem.slab_ids'],
      facts['kmem.dead_groups'],
      facts['kmem.live_groups'],
    ]).toEqual([2 * (live + dead), live + dead, dead, live + 200]);
    expect(facts['kmem.groups']).toHaveLength(8);
    expect(runProbe(host).length).toBeLessThan(16_384);
  }, 60_000);

  it('of slab entries with a line break in a name are exact', () => {
    slab(5, 'a\nb(6:c');
    slab(7, 'x');
    const facts = replay(host);
    expect([facts['kmem.slab_entries'], facts['kmem.slab_ids']]).toEqual([4, 2]);
  });

  it.each(['4.5.0-1', '4.18.0-553.el8_10', '5.14.0', '6.12.1'])(
    'of slab entries say nothing on %s, and are not read',
    (release) => {
      file(host, 'proc/sys/kernel/osrelease', `${release}\n`);
      slab(5, 'a');
      expect(replay(host)['kmem.slab_entries']).toBe(0);
    },
  );

  it.each(['3.10.0-862.el7', '4.1.12-124.uek', '4.4.58', '4.4'])(
    'of slab entries are read on %s',
    (release) => {
      file(host, 'proc/sys/kernel/osrelease', `${release}\n`);
      slab(5, 'a');
      expect(replay(host)['kmem.slab_entries']).toBe(2);
    },
  );
});

describe.skipIf(!hasBusybox)(
  'busybox, whose grep takes EIO for an empty file (needs busybox)',
  () => {
    const applets = (): string => {
      const directory = join(dirname(host.root), 'applets');
      mkdirSync(directory);
      execFileSync('busybox', ['--install', '-s', directory]);
      return directory;
    };
    const tree = (): void => {
      for (let at = 0; at < 700; at++)
        v1Group(host, `${pod}/${at.toString(16).padStart(64, '0')}`, {
          slabinfo: at % 7 === 0 ? 3 : 'eio',
          limit,
        });
      v1Group(host, pod, { slabinfo: 2 });
    };

    it('gives the same facts, in one pass', () => {
      tree();
      const path = applets();
      const [busybox, usual] = [replay(host, { shell: ['busybox', 'ash'], path }), replay(host)];
      for (const name of ['kmem.samples', 'kmem.witnesses', 'kmem.dead_groups'] as const)
        expect(busybox[name], name).toEqual(usual[name]);
      expect(busybox['kmem.samples']).toMatchObject({ eio: 600, read: 101, empty: 0 });
    }, 60_000);
  },
);

it('is done by mawk where the host has it', () => {
  program(host, 'mawk', `echo called >>"$KMEND_ROOT/../mawk"; exec awk "$@"`);
  replay(host);
  expect(readFileSync(join(host.root, '../mawk'), 'utf8')).toBe('called\n');
});
