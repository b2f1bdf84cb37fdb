// The kmem tables, row by row: an example inside each row, and its borders.
import { describe, expect, it } from 'vitest';
import {
  asksForNokmem,
  bootArgs,
  disablesMemoryCgroup,
} from '../../src/facts/areas/boot/boot-args.ts';
import {
  el7Errata,
  generations,
  healthOf,
  parsesNokmem,
  readRelease,
  shortRelease,
  vendorSays,
} from '../../src/facts/kmem/kernels.ts';
import {
  containerdIoAccounts,
  containerdIoRow,
  containerdIoRows,
} from '../../src/facts/kmem/programs/containerd-io.ts';
import { dockerAccounts, dockerRows, engineVersion } from '../../src/facts/kmem/programs/docker.ts';
import { kubeletAccounts, kubeletRows } from '../../src/facts/kmem/programs/kubelet.ts';
import { runcAccounts, runcRows } from '../../src/facts/kmem/programs/runc.ts';
import { readingOf, readRows } from '../../src/facts/kmem/reads.ts';
import {
  isCritical,
  readSymptoms,
  symptomPatterns,
  symptomRows,
} from '../../src/facts/kmem/symptoms.ts';

describe('kernel generations', () => {
  it.each([
    ['3.10.0-862.el7.x86_64', 'el7', 'affected'],
    ['3.10.0-1160.119.1.el7.x86_64', 'el7', 'affected'],
    ['3.10.0-957.rt56.910.el7.x86_64', 'el7', 'affected'],
    ['3.10.0-1062.el7.centos.plus.x86_64', 'el7', 'affected'],
    ['3.8.13-118.20.3.el7uek.x86_64', 'uek', 'suspect'],
    ['4.1.12-124.48.6.el7uek.x86_64', 'uek', 'suspect'],
    ['4.14.35-2047.el7uek.x86_64', '4.5-5.8', 'healthy'],
    ['2.6.32-754.el6.x86_64', 'older', 'healthy'],
    ['3.16.0-6-amd64', 'upstream-3', 'affected'],
    ['3.10.108-1.el7.elrepo.x86_64', 'upstream-3', 'affected'],
    ['4.4.0-165-generic', '4.0-4.4', 'suspect'],
    ['4.9.0-8-amd64', '4.5-5.8', 'healthy'],
    ['4.18.0-553.el8_10.x86_64', '4.5-5.8', 'healthy'],
    ['5.8.18', '4.5-5.8', 'healthy'],
    ['5.9.0', '5.9+', 'healthy'],
    ['6.12.94+deb13-cloud-amd64', '5.9+', 'healthy'],
    ['custom', 'unknown', 'unknown'],
    ['', 'unknown', 'unknown'],
  ] as const)('%s is %s, %s', (release, generation, health) => {
    expect(readRelease(release).generation).toBe(generation);
    expect(healthOf(generation)).toBe(health);
  });

  it.each([
    ['3.10.0-862.el7.x86_64', '862'],
    ['6.1.0-28-amd64', '6.1'],
    ['custom', 'custom'],
  ])('%s is %s for short', (release, short) => expect(shortRelease(release)).toBe(short));
});

describe('is nokmem parsed', () => {
  it.each([
    ['3.10.0-327.el7.x86_64', 'unknown'],
    ['3.10.0-514.el7.x86_64', 'no'], // measured
    ['3.10.0-514.26.2.el7.x86_64', 'no'],
    ['3.10.0-693.61.1.el7.x86_64', 'unknown'],
    ['3.10.0-862.el7.x86_64', 'unknown'],
    ['3.10.0-957.38.1.el7.x86_64', 'unknown'],
    ['3.10.0-1061.el7.x86_64', 'unknown'],
    ['3.10.0-1062.el7.x86_64', 'yes'], // measured
    ['3.10.0-1127.el7.x86_64', 'yes'],
    ['3.10.0-1160.119.1.el7.x86_64', 'yes'],
    ['4.4.0-165-generic', 'unknown'],
    ['3.10.0-1160.41.1.vz7.183.5', 'unknown'],
    ['3.10.107-1-tlinux2_kvm_guest-0052', 'unknown'],
    ['4.4.240-1.el7.elrepo.x86_64', 'no'],
    ['4.4.302', 'no'],
    ['4.5.0', 'yes'],
    ['6.12.94', 'yes'], // measured
    ['3.16.0-6-amd64', 'unknown'],
    ['4.1.12-124.el7uek.x86_64', 'unknown'],
    ['custom', 'unknown'],
  ] as const)('%s: %s', (release, parses) =>
    expect(parsesNokmem(release, { suse: false })).toBe(parses),
  );

  it('SLES before 4.5 is not known, later ones follow upstream (model)', () => {
    expect(parsesNokmem('4.4.180-94.164-default', { suse: true })).toBe('unknown');
    expect(parsesNokmem('4.12.14-122.37-default', { suse: true })).toBe('yes');
  });
});

describe('what the vendor says about the leak', () => {
  it.each([
    ['3.10.0-693.61.1.el7.x86_64', 'RHSA-2019:4058'],
    ['3.10.0-862.44.2.el7.x86_64', 'RHSA-2019:3967'],
    ['3.10.0-1062.4.1.el7.x86_64', 'RHSA-2019:3055'],
    ['3.10.0-1160.el7.x86_64', 'RHSA-2019:3055'],
  ])('%s: %s', (release, erratum) => expect(vendorSays(release)).toContain(erratum));
  it.each([
    '3.10.0-862.el7.x86_64',
    '3.10.0-957.el7.x86_64',
    '3.10.0-1062.el7.x86_64',
    '4.18.0-80.el8',
  ])('%s: nothing', (release) => expect(vendorSays(release)).toBe(''));
  it('covers every row', () => expect(el7Errata.length).toBe(3));
});

describe('runc by version', () => {
  it.each([
    ['0.1.1', 'no'],
    ['1.0.0-rc2', 'no'],
    ['1.0.0-rc3', 'yes'],
    ['1.0.0-rc5', 'yes'], // measured
    ['1.0.0-rc5+dev', 'yes'],
    ['1.0.0-rc6', 'unknown'],
    ['1.0.0-rc6+dev', 'unknown'],
    ['1.0.0-rc10', 'unknown'], // measured, both ways
    ['1.0.0-rc93', 'unknown'], // measured without the tag
    ['1.0.0-rc94', 'no'],
    ['1.0.0-rc95', 'no'], // measured
    ['1.0.0', 'no'],
    ['1.1.15', 'no'], // measured
    ['', 'unknown'],
    ['nonsense', 'unknown'],
  ] as const)('%s: %s', (version, accounts) => expect(runcAccounts(version)).toBe(accounts));
});

describe('containerd.io', () => {
  it.each([
    ['1.2.0-3.el7', 'yes'],
    ['1.2.1-3.1.el7', 'no'],
    ['1.2.2-3.3.el7', 'no'],
    ['1.2.6-3.3.el7', 'no'],
    ['1.2.8-3.1.el7', 'unknown'], // model
    ['1.2.9-3.1.el7', 'yes'],
    ['1.2.10-3.2.el7', 'yes'],
    ['1.2.13-3.1.el7', 'yes'],
    ['1.2.13-3.2.el7', 'yes'],
    ['1.3.7-3.1.el7', 'unknown'], // model
    ['1.4.1-3.1.el7', 'no'],
    ['1.4.4-3.1.el7', 'no'],
    ['1.4.5-3.1.el7', 'no'],
    ['1.4.13-3.1.el7', 'no'],
    ['1.6.24-3.1.el7', 'no'],
    ['', 'unknown'],
  ] as const)('%s: %s', (evr, accounts) => expect(containerdIoAccounts(evr, true)).toBe(accounts));
  it('is disputed from 1.2.1 to 1.2.6', () => {
    expect(containerdIoRow('1.2.5-3.1.el7')?.disputed).toBe(true);
    expect(containerdIoRow('1.4.13-3.1.el7')?.disputed).toBe(false);
  });
  it('debs never had the tag: only the runc of 1.4.5 and later is clean', () => {
    expect(containerdIoAccounts('1.2.2-1', false)).toBe('yes');
    expect(containerdIoAccounts('1.4.13-1', false)).toBe('no');
  });
});

describe('Docker engines', () => {
  it.each([
    ['docker-ce', '17.03.3-ce', 'no'],
    ['docker-engine', '17.05.0-ce', 'no'],
    ['docker-ce', '17.06.0-ce', 'yes'],
    ['docker-ce', '17.12.1-ce', 'yes'],
    ['docker-ce', '18.06.1-ce', 'yes'],
    ['docker-ce', '18.06.3-ce', 'yes'],
    ['docker-ce', '18.09.0', 'runc'],
    ['docker-ce', '18.09.1', 'runc'],
    ['docker-ce', '24.0.7', 'runc'],
    ['docker-ee', '17.06.2-ee-5', 'yes'],
    ['docker-ee', '17.06.2-ee-18', 'no'],
    ['docker-ee', '18.03.1-ee-4', 'yes'],
    ['docker-ee', '18.03.1-ee-5', 'no'],
    ['docker', '1.13.1', 'yes'],
    ['docker', '1.12.6', 'no'],
    ['docker-ce', '', 'unknown'],
  ] as const)('%s %s: %s', (name, version, accounts) =>
    expect(dockerAccounts(name, version)).toBe(accounts),
  );

  it.each([
    ['18.06.1.ce-3.el7', '18.06.1-ce'],
    ['3:18.09.1-3.el7', '18.09.1'],
    ['5:18.09.1~3-0~ubuntu-xenial', '18.09.1'],
    ['18.06.1~ce~3-0~ubuntu', '18.06.1-ce'],
    ['2:1.13.1-94.gitb2f74b2.el7.centos', '1.13.1'],
    ['17.06.2.ee.18-3.el7', '17.06.2-ee-18'],
    ['18.09.7-0ubuntu1~16.04.5', '18.09.7'],
    ['', ''],
  ])('the engine of %s is %s', (evr, version) => expect(engineVersion(evr)).toBe(version));
});

describe('kubelets with the cgroupfs driver', () => {
  it.each([
    ['1.6.13', 'no'],
    ['1.8.15', 'no'],
    ['1.9.0', 'yes'],
    ['1.12.3', 'yes'],
    ['1.13.12', 'yes'],
    ['1.14.0', 'yes'],
    ['1.20.15', 'yes'],
    ['1.21.1', 'yes'],
    ['v1.18.20-aliyun.1', 'yes'],
    ['1.21.2', 'no'],
    ['v1.21.2-eks-55daa9d', 'no'],
    ['1.22.0-beta.1', 'unknown'],
    ['1.22.0', 'no'],
    ['1.28.2+rke2r1', 'no'],
    ['', 'unknown'],
  ] as const)('%s: %s', (version, accounts) =>
    expect(kubeletAccounts(version, 'cgroupfs')).toBe(accounts),
  );
  it('with the systemd driver none does', () =>
    expect(kubeletAccounts('1.12.3', 'systemd')).toBe('no'));
});

describe('reads', () => {
  const read = { state: 'read', caches: true, charged: true, procs: true } as const;
  const header = { state: 'read', caches: false, charged: false, procs: false } as const;
  const eio = { state: 'eio', caches: false, charged: false, procs: true } as const;
  const empty = { state: 'empty', caches: false, charged: false, procs: true } as const;
  const idle = { ...empty, procs: false } as const;
  it.each([
    ['el7', 'v1', read, false, 'on'], // measured
    ['el7', 'v1', header, false, 'on'], // measured
    ['el7', 'v1', eio, false, 'off'], // measured
    ['el7', 'v1', { ...eio, charged: true }, false, 'off'], // measured: children are charged, the group is not
    ['el7', 'v1', empty, false, 'none'],
    ['el7', 'v1', { ...eio, state: 'denied' }, false, 'none'],
    ['el7', 'v1', { ...eio, state: 'gone' }, false, 'none'],
    ['upstream-3', 'v1', eio, false, 'off'], // model
    ['upstream-3', 'v1', header, false, 'none'], // model
    ['4.0-4.4', 'v1', read, false, 'on'], // model
    ['4.0-4.4', 'v1', { ...header, charged: true }, false, 'on'], // model
    ['4.0-4.4', 'v1', header, false, 'none'], // model
    ['uek', 'v1', read, false, 'on'], // model
    ['4.5-5.8', 'v1', { ...empty, charged: true }, false, 'on'], // model
    ['4.5-5.8', 'v1', empty, false, 'none'], // model
    ['4.5-5.8', 'v1', empty, true, 'off'], // model
    ['5.9+', 'v1', { ...empty, charged: true }, false, 'on'], // measured
    ['5.9+', 'v1', idle, true, 'none'], // measured
    ['5.9+', 'v2', { ...empty, state: 'read', charged: true }, false, 'on'], // measured
    ['5.9+', 'v2', empty, true, 'off'], // measured
    ['5.9+', 'v2', idle, true, 'none'], // measured
    ['5.9+', 'v2', { ...empty, state: 'denied' }, true, 'none'],
  ] as const)('%s %s %j, nokmem %s: %s', (generation, memory, sample, nokmem, reading) => {
    expect(readingOf(sample, generation, memory, nokmem)).toBe(reading);
  });
});

describe('symptoms', () => {
  const lines: Readonly<Record<string, string>> = {
    slub: '[  1.0] SLUB: Unable to allocate memory on node -1 (gfp=0x20)',
    slub_memcg:
      '  cache: kmalloc-192(1234:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef), object size: 192',
    ip6mr_oops: 'IP: [<ffffffff894dfb20>] ip6mr_sk_done+0x60/0xf0',
    no_sockets: '[381022.000001] socket: no more sockets',
    icmp6_socket: 'IPv6: Failed to initialize the ICMP6 control socket (err -23)',
    soft_lockup: 'NMI watchdog: BUG: soft lockup - CPU#3 stuck for 23s! [runc:[1:CHILD]:4711]',
    cache_create: 'kmem_cache_create(nf_conntrack_ffff9d0a) failed with error -12',
    page_allocation: 'runc:[1:CHILD]: page allocation failure: order:6, mode:0xc0d0',
    hung_task: 'INFO: task jbd2/dm-0-8:412 blocked for more than 120 seconds.',
    kernel_memory_limit:
      'level=warning msg="You specified a kernel memory limit on a kernel older than 4.0. Kernel memory limits are experimental on older kernels, it won\'t work as expected"',
    cgroup_mkdir: 'mkdir /sys/fs/cgroup/memory/docker/aa: no space left on device',
  };
  const found = (kernel: readonly string[], runtime: readonly string[] = []): readonly string[] =>
    readSymptoms({ kernel, runtime }).map(({ kind, from, count }) => `${kind} ${from} ${count}`);

  it.each(symptomRows.map(({ kind, from }) => ({ kind, from })))(
    '$kind is found, by the probe too, and only where it is written',
    (row) => {
      const line = lines[row.kind] ?? '';
      expect(line).toMatch(new RegExp(symptomPatterns[row.from]));
      const [kernel, runtime] = [
        found([line, 'something else']),
        found([], [line, 'something else']),
      ];
      expect(row.from === 'kernel' ? [kernel, runtime] : [runtime, kernel]).toEqual([
        [`${row.kind} ${row.from} 1`],
        [],
      ]);
    },
  );
  it('both texts of an exhausted id table count, in the words of every runc', () => {
    const group = '/sys/fs/cgroup/memory/docker';
    const words = [
      lines.cgroup_mkdir ?? '',
      `container_linux.go:349: starting container process caused "process_linux.go:297: applying cgroup configuration for process caused \\"mkdir ${group}: cannot allocate memory\\""`,
      `runc run failed: unable to start container process: unable to apply cgroup configuration: mkdir ${group}: cannot allocate memory`,
    ];
    expect(found([], words)).toEqual(['cgroup_mkdir runtime 3']);
    expect(
      found(
        [],
        ['mkdir /var/lib/docker: no space left on device', `mkdir ${group}: permission denied`],
      ),
    ).toEqual([]);
  });
  it('a memcg cache that could not be made counts, although its name holds parentheses', () => {
    expect(found(['kmem_cache_create(kmalloc-64(12:abc)) failed with error -12'])).toEqual([
      'cache_create kernel 1',
    ]);
  });

  const hostile = [
    'INFO: task ',
    'INFO: task x blocked for more than 1',
    'SLUB: Unable to allocate memory on node -1',
    'cache: ',
    'cache: x(1:',
    '(1:',
    'cache:',
    'BUG: soft lockup - CPU#1',
    'IP: [<1',
    'IP: [<1>] ip6mr_sk_done',
    'ICMP6 control socket (err -2',
    'kmem_cache_create(',
    ') failed with error -1',
    'mkdir ',
    'You specified a kernel memory limit on a kernel older than 4',
    'mkdir /cgroup/memory',
    '/cgroup/memory',
    '/cgroup/memory: ',
    '1',
  ];
  const seconds = (text: string): number => {
    const start = performance.now();
    readSymptoms({ kernel: [text], runtime: [text] });
    return (performance.now() - start) / 1000;
  };
  /** The least of several: in turns, so that other work of the machine meets both. */
  const least = (texts: readonly [string, string]): readonly [number, number] => {
    const rounds = Array.from({ length: 6 }, () => texts.map(seconds));
    return [
      Math.min(...rounds.map(([first = 0]) => first)),
      Math.min(...rounds.map(([, second = 0]) => second)),
    ];
  };
  it.each(
    hostile.flatMap((part) =>
      [part, `cache: ${part}`, `mkdir ${part}`].map((start) => ({ start, part })),
    ),
  )('256 KiB of "$start", "$part" again and again, are read in linear time', ({ start, part }) => {
    const line = (size: number): string => `${start}${part.repeat(Math.ceil(size / part.length))}`;
    const [quarter, whole] = least([line(65_536), line(262_144)]);
    // Four times the text: 4 where time is linear, 16 where it is quadratic.
    expect(whole / Math.max(quarter, 0.0025)).toBeLessThan(9);
  });

  it('a cache that is no memcg cache, and another bug, are not ours', () => {
    expect(
      found([
        '  cache: kmalloc-192, object size: 192',
        'unregister_netdevice: waiting for lo to become free',
      ]),
    ).toEqual([]);
    expect(isCritical('slub')).toBe(false);
    expect(isCritical('slub_memcg')).toBe(true);
  });
});

describe('nokmem on a command line', () => {
  it.each([
    ['cgroup.memory=nokmem', true, true],
    ['ro cgroup.memory=nosocket,nokmem quiet', true, true],
    ['cgroup.memory=nokmem,bogus', true, true],
    ['cgroup.memory=nosocket cgroup.memory=nokmem', true, true],
    ['cgroup.memory=nokmem cgroup.memory=nosocket', true, true],
    ['cgroup.memory=NOKMEM', false, false],
    ['cgroup_memory=nokmem', false, false],
    ['cgroup.memory=', false, false],
    ['xcgroup.memory=nokmem', false, false],
    ['cgroup.memory=nokmemx', false, false],
    ['cgroup.memory="nokmem"', true, false],
    ['ro -- cgroup.memory=nokmem', true, false],
    ['a="b cgroup.memory=nokmem c"', false, false],
    ['', false, false],
  ])('%s: el7 %s, 6.12 %s', (cmdline, el7, later) => {
    expect(asksForNokmem(cmdline, true)).toBe(el7);
    expect(asksForNokmem(cmdline, false)).toBe(later);
  });
  it('splits at blanks outside quotes', () =>
    expect(bootArgs('a "b c" d="e f"g  h')).toEqual(['a', '"b c"', 'd="e f"g', 'h']));
  it('sees a memory controller that is switched off', () => {
    expect(disablesMemoryCgroup('ro cgroup_disable=cpu,memory')).toBe(true);
    expect(disablesMemoryCgroup('ro cgroup_disable=pids')).toBe(false);
  });
});

describe('every row of every table', () => {
  const rows = [
    ...generations,
    ...runcRows,
    ...containerdIoRows,
    ...dockerRows,
    ...kubeletRows,
    ...readRows,
    ...symptomRows,
    ...el7Errata,
  ];
  it('names its source and how well it is known', () => {
    for (const row of rows) {
      expect(row.source).not.toBe('');
      expect(['measured', 'source', 'vendor', 'report', 'model']).toContain(row.basis);
    }
  });
});
