// Golden tests on recorded hosts: what a booted 3.10.0-1062.el7 answered, read by the real probe.

import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { derive } from '../../src/facts/index.ts';
import type { Mapping } from '../../src/model/value.ts';
import {
  emptyHost,
  file,
  fixtures,
  hasBusybox,
  isRoot,
  program,
  type Recorded,
  recordedHost,
  replay,
  v1Group,
} from './replay.ts';

const made: Recorded[] = [];
const keep = (host: Recorded): Recorded => {
  made.push(host);
  return host;
};
afterEach(() => {
  for (const host of made.splice(0)) host.remove();
});

const pick = (facts: Mapping, ...names: readonly string[]): Mapping =>
  Object.fromEntries(names.map((name) => [name, facts[name] ?? null]));
const judged = (facts: Mapping): Mapping =>
  pick(facts, 'kmem.verdict', 'kmem.evidence', 'kmem.remedy', 'kmem.remedy_why', 'kmem.proof');

describe('3.10.0-1062.el7 as recorded', () => {
  it('with accounting on', () => {
    const facts = replay(keep(recordedHost('1062-on')));
    expect(judged(facts)).toMatchInlineSnapshot(`
      {
        "kmem.evidence": "8 of 12 non-root cgroups readable",
        "kmem.proof": "none",
        "kmem.remedy": "kernel_arg",
        "kmem.remedy_why": "a kubelet that was not found (kubepods is there) may account, a docker that was not found (its groups are there) may account",
        "kmem.verdict": "on",
      }
    `);
    expect(
      pick(
        facts,
        'kmem.samples',
        'kmem.root_usage',
        'kmem.slab_entries',
        'kmem.slab_ids',
        'kmem.dead_groups',
      ),
    ).toMatchInlineSnapshot(`
      {
        "kmem.dead_groups": 0,
        "kmem.root_usage": 2322432,
        "kmem.samples": {
          "absent": 0,
          "capped": false,
          "containers": 2,
          "containers_off": 0,
          "denied": 0,
          "docker": 3,
          "docker_read": 1,
          "eio": 4,
          "empty": 0,
          "failed": 0,
          "failed_why": "",
          "gone": 0,
          "kubelet": 7,
          "kubelet_limited": 2,
          "kubelet_off": 0,
          "kubelet_read": 7,
          "limited": 3,
          "limited_off": 0,
          "other": 2,
          "other_read": 0,
          "read": 8,
          "total": 12,
        },
        "kmem.slab_entries": 42,
        "kmem.slab_ids": 3,
      }
    `);
  });

  it('with accounting off, because no program asked for it', () => {
    const facts = replay(keep(recordedHost('1062-off')));
    expect(judged(facts)).toMatchInlineSnapshot(`
      {
        "kmem.evidence": "EIO on 12 of 12, 3 memory-limited; asked by a docker that was not found (its groups are there), answered EIO",
        "kmem.proof": "samples",
        "kmem.remedy": "none",
        "kmem.remedy_why": "",
        "kmem.verdict": "off",
      }
    `);
    expect(
      pick(facts, 'kmem.samples', 'kmem.root_usage', 'kmem.slab_entries'),
    ).toMatchInlineSnapshot(`
      {
        "kmem.root_usage": 0,
        "kmem.samples": {
          "absent": 0,
          "capped": false,
          "containers": 2,
          "containers_off": 2,
          "denied": 0,
          "docker": 3,
          "docker_read": 0,
          "eio": 12,
          "empty": 0,
          "failed": 0,
          "failed_why": "",
          "gone": 0,
          "kubelet": 7,
          "kubelet_limited": 2,
          "kubelet_off": 7,
          "kubelet_read": 0,
          "limited": 3,
          "limited_off": 3,
          "other": 2,
          "other_read": 0,
          "read": 0,
          "total": 12,
        },
        "kmem.slab_entries": 0,
      }
    `);
  });

  it('with nokmem', () => {
    const facts = replay(keep(recordedHost('1062-nokmem')));
    expect(judged(facts)).toMatchInlineSnapshot(`
      {
        "kmem.evidence": "EIO on 12 of 12, 3 memory-limited, no program is known to ask; the argument is set, not proven: \`--active\` proves it",
        "kmem.proof": "none",
        "kmem.remedy": "none",
        "kmem.remedy_why": "",
        "kmem.verdict": "off",
      }
    `);
    expect(facts['kmem.slab_entries']).toBe(0);
    expect(facts['kmem.root_usage']).toBe(0);
  });

  it('names machine, kernel and next boot as the recording does', () => {
    const facts = replay(keep(recordedHost('1062-nokmem')));
    expect(
      pick(
        facts,
        'os.id',
        'os.family',
        'kernel.release',
        'kernel.next',
        'kernel.generation',
        'kernel.parses_nokmem',
        'boot.loader',
        'boot.next_cmdline',
        'boot.id',
        'boot.uptime',
      ),
    ).toMatchInlineSnapshot(`
      {
        "boot.id": "00fb08d6-39b6-40f0-ab99-88849057ca50",
        "boot.loader": "grub2",
        "boot.next_cmdline": "root=/dev/vda ro console=ttyS0 net.ifnames=0 panic=5 cgroup.memory=nokmem",
        "boot.uptime": 9,
        "kernel.generation": "el7",
        "kernel.next": "3.10.0-1062.el7.x86_64",
        "kernel.parses_nokmem": "yes",
        "kernel.release": "3.10.0-1062.el7.x86_64",
        "os.family": "rhel",
        "os.id": "centos",
      }
    `);
    const grubby = readFileSync(
      join(fixtures, '1062-nokmem/grubby-default-kernel.txt'),
      'utf8',
    ).trim();
    expect(`/boot/vmlinuz-${String(facts['kernel.next'])}`).toBe(grubby);
    const args = /args="(.*)"/.exec(
      readFileSync(join(fixtures, '1062-nokmem/grubby-info.txt'), 'utf8'),
    )?.[1];
    expect(String(facts['boot.next_cmdline']).replace(/root=\S+ /, '')).toBe(args);
  });

  it('distinguishes the groups, the accounted ones first', () => {
    const groups = replay(keep(recordedHost('1062-on')))['kmem.groups'] as readonly {
      path: string;
      state: string;
      lines: number;
      by: string;
    }[];
    expect(
      groups.map(
        ({ path, state, lines, by }) =>
          `${state} ${lines} ${by} ${path.replace(/([a-d])\1{9,}/, '$1..')}`,
      ),
    ).toMatchInlineSnapshot(`
      [
        "read 3 docker docker/c..",
        "read 2 kubelet kubepods/burstable/pod11111111-2222-3333-4444-555555555555",
        "read 3 kubelet kubepods/burstable/pod11111111-2222-3333-4444-555555555555/a..",
        "read 2 kubelet kubepods",
        "read 2 kubelet kubepods/besteffort",
        "read 2 kubelet kubepods/besteffort/pod66666666-7777-8888-9999-a..",
        "read 3 kubelet kubepods/besteffort/pod66666666-7777-8888-9999-a../bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
        "read 2 kubelet kubepods/burstable",
        "eio 0 docker docker",
        "eio 0 docker docker/d..",
        "eio 0 other system.slice",
        "eio 0 other user.slice",
      ]
    `);
  });

  it.skipIf(!hasBusybox)(
    'is read the same by busybox, whose grep takes EIO for an empty file (needs busybox)',
    () => {
      const host = keep(recordedHost('1062-on'));
      const applets = join(host.root, '../applets');
      mkdirSync(applets);
      execFileSync('busybox', ['--install', '-s', applets]);
      const busybox = replay(host, { shell: ['busybox', 'ash'], path: applets });
      const usual = replay(host);
      for (const name of [
        'kmem.samples',
        'kmem.groups',
        'kmem.verdict',
        'kmem.evidence',
        'kmem.slab_ids',
        'kernel.next',
        'boot.next_cmdline',
      ] as const)
        expect(busybox[name], name).toEqual(usual[name]);
    },
  );
});

describe('the same tree read by a user without permission', () => {
  const shutOff = (host: Recorded): void => {
    const walk = (directory: string): void => {
      for (const entry of readdirSync(directory, { withFileTypes: true })) {
        const path = join(directory, entry.name);
        if (entry.isDirectory()) walk(path);
        else if (entry.isFile())
          chmodSync(path, entry.name === 'memory.kmem.slabinfo' ? 0o600 : statSync(path).mode);
      }
    };
    walk(join(host.root, 'sys'));
  };
  const refused = (host: Recorded): void => {
    // The recorded EIO files are 0600 root on a real host; a symbolic link has no mode of its own,
    // so they become plain files.
    for (const path of eioFiles(host)) file(host, path, '');
    shutOff(host);
  };
  const eioFiles = (host: Recorded): readonly string[] =>
    readFileSync(join(fixtures, '1062-off/index.tsv'), 'utf8')
      .split('\n')
      .filter((row) => row.split('\t')[3] === 'EIO' && host.root !== '')
      .map((row) => row.split('\t')[0] ?? '');

  it.skipIf(!isRoot)('is unknown, never off (needs root to become nobody)', () => {
    const host = keep(recordedHost('1062-off'));
    refused(host);
    const facts = replay(host, { uid: 65_534 });
    expect(facts['kmem.verdict']).toBe('unknown');
    expect(facts['kmem.evidence']).toMatch(/refused the read: needs root$/);
    expect(facts['kmem.proof']).toBe('none');
  });

  it.skipIf(!isRoot)(
    'is unknown when whole directories are closed, too (needs root to become nobody)',
    () => {
      const host = keep(recordedHost('1062-off'));
      for (const group of ['docker', 'kubepods'])
        chmodSync(join(host.root, 'sys/fs/cgroup/memory', group), 0o700);
      expect(replay(host, { uid: 65_534 })['kmem.verdict']).toBe('unknown');
    },
  );
});

describe('each runc on 1062, as recorded', () => {
  const rows = ['1062-on', '1062-nokmem'].flatMap((state) =>
    readFileSync(join(fixtures, state, 'runc.tsv'), 'utf8')
      .split('\n')
      .filter((line) => line.includes('\tok\t'))
      .map((line) => {
        const [name = '', , parent = '', container = ''] = line.split('\t');
        return { state, name, parent, container };
      }),
  );
  const filesOf = (
    cell: string,
  ): { readonly slabinfo: 'eio' | number; readonly usage: number } => ({
    slabinfo: cell.startsWith('EIO') ? 'eio' : Number(/(\d+) lines/.exec(cell)?.[1]),
    usage: Number(/usage (\d+)/.exec(cell)?.[1]),
  });

  it('has enough rows to mean something', () => expect(rows.length).toBeGreaterThan(60));

  it.each(rows)('$state $name', ({ name, parent, container }) => {
    const host = keep(emptyHost());
    file(host, 'proc/sys/kernel/osrelease', '3.10.0-1062.el7.x86_64\n');
    file(host, 'proc/cmdline', 'ro\n');
    v1Group(host, '.', { slabinfo: 'eio' });
    v1Group(host, 'docker', filesOf(parent));
    v1Group(host, `docker/${'c'.repeat(64)}`, {
      ...filesOf(container),
      ...(name.includes('nolimit') ? {} : { limit: 104_857_600 }),
    });
    const facts = replay(host);
    const on = [parent, container].filter((cell) => !cell.startsWith('EIO')).length;
    expect(facts['kmem.samples']).toMatchObject({
      read: on,
      eio: 2 - on,
      total: 2,
      limited: name.includes('nolimit') ? 0 : 1,
    });
    // A container without a limit reads EIO on a fully affected host: that is no proof.
    expect(facts['kmem.verdict']).toBe(
      on > 0 ? 'on' : name.includes('nolimit') ? 'at_risk' : 'off',
    );
  });
});

describe('other recordings of 3.10.0-1062.el7', () => {
  const pod = 'kubepods/burstable/pod0a1b2c3d-0000-4000-8000-00000000c0de';
  const host1062 = (): Recorded => {
    const host = keep(emptyHost());
    file(host, 'proc/sys/kernel/osrelease', '3.10.0-1062.el7.x86_64\n');
    file(host, 'proc/cmdline', 'ro\n');
    return host;
  };

  it('the tree made again without accounting reads off; what is dead stays until a reboot', () => {
    const host = host1062();
    v1Group(host, '.', { slabinfo: 'eio', usage: 589_824 });
    v1Group(host, 'kubepods', { slabinfo: 'eio' });
    v1Group(host, pod, { slabinfo: 'eio', limit: 134_217_728 });
    v1Group(host, `${pod}/${'c'.repeat(64)}`, { slabinfo: 'eio', limit: 134_217_728 });
    const recording = readFileSync(
      join(fixtures, 'leak/1062-tree-recreated-without-kmem.txt'),
      'utf8',
    );
    const entries = [...recording.matchAll(/^\S+\(\d+:\S+\)$/gm)]
      .map(([entry]) => entry)
      .slice(0, 9);
    for (const entry of entries)
      mkdirSync(join(host.root, 'sys/kernel/slab', entry), { recursive: true });
    const facts = replay(host);
    expect(judged(facts)).toMatchInlineSnapshot(`
      {
        "kmem.evidence": "EIO on 3 of 3, 2 memory-limited",
        "kmem.proof": "samples",
        "kmem.remedy": "none",
        "kmem.remedy_why": "",
        "kmem.verdict": "off",
      }
    `);
    expect(facts['kmem.dead_groups']).toBe(3);
    expect(facts['kmem.leaves_open']).toEqual(['about 3 dead groups stay until the next reboot']);
  });

  it.each(
    readFileSync(join(fixtures, 'leak/1062-parameter-spelling.tsv'), 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => {
        const [argument = '', answer = ''] = line.split('\t');
        const [read = '', usage = '', cmdline = ''] = answer.split('|');
        return { argument, off: read === 'read EIO', usage: Number(usage), cmdline };
      }),
  )('$argument', ({ off, usage, cmdline }) => {
    const host = host1062();
    file(host, 'proc/cmdline', `${cmdline}\n`);
    v1Group(host, '.', { slabinfo: 'eio', usage });
    v1Group(host, 'kubepods', { slabinfo: off ? 'eio' : 2 });
    v1Group(host, pod, { slabinfo: off ? 'eio' : 16, limit: 1_000_000 });
    const asking = {
      'kubelet.installed': true,
      'kubelet.version': '1.12.3',
      'kubelet.driver': 'cgroupfs',
    };
    const facts = derive({ ...replay(host), ...asking });
    expect(facts['kmem.verdict']).toBe(off ? 'off' : 'on');
    // The contradiction "nokmem in force, and yet on" must not come up: our reading of the command
    // line agrees with the kernel's.
    expect(facts['kmem.remedy']).toBe(off ? 'none' : 'unsupported');
  });

  it('an exhausted id table: dead groups are counted from the slab entries', () => {
    const host = host1062();
    v1Group(host, '.', { slabinfo: 'eio' });
    const facts = derive({
      ...replay(host),
      'kmem.slab_ids': 50_009,
      'kmem.slab_entries': 50_009,
      'kmem.dead_groups': 50_009,
    });
    expect(facts['kmem.verdict']).toBe('leaking');
    expect(facts['kmem.evidence']).toBe(
      '50009 slab caches of accounted groups, about 50009 of the groups dead; dead groups hold 76 % of the cgroup ids',
    );
    expect(facts['kmem.remedy']).toBe('reboot');
  });
});

describe('3.10.0-514.el7 with nokmem, as recorded', () => {
  it('is on, whatever the command line says', () => {
    const host = keep(emptyHost());
    file(host, 'proc/sys/kernel/osrelease', '3.10.0-514.el7.x86_64\n');
    file(host, 'proc/cmdline', 'root=/dev/vda ro panic=5 cgroup.memory=nokmem\n');
    file(
      host,
      'boot/grub2/grub.cfg',
      "menuentry 'C' {\n\tlinux16 /boot/vmlinuz-3.10.0-514.el7.x86_64 root=/dev/vda ro cgroup.memory=nokmem\n}\n",
    );
    program(host, 'uname', 'echo x86_64');
    v1Group(host, '.', { slabinfo: 'eio', usage: 2_322_432 });
    v1Group(host, 'kubepods', { slabinfo: 2 });
    v1Group(host, 'docker', { slabinfo: 'eio' });
    v1Group(host, `docker/${'c'.repeat(64)}`, { slabinfo: 16, limit: 104_857_600 });
    const facts = replay(host);
    expect(judged(facts)).toMatchInlineSnapshot(`
      {
        "kmem.evidence": "2 of 3 non-root cgroups readable",
        "kmem.proof": "none",
        "kmem.remedy": "kernel_and_arg",
        "kmem.remedy_why": "514 does not parse nokmem",
        "kmem.verdict": "on",
      }
    `);
    expect(facts['kmem.leaves_open']).toEqual([
      'cgroup.memory=nokmem is set, but the kernel that boots next is not known to parse it',
    ]);
  });
});
