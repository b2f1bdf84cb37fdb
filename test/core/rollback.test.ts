// Back from the journal of a run to what was there before, as a table; refused where the journal
// cannot say.
import { describe, expect, it } from 'vitest';
import { type LaterRun, rollbackOf } from '../../src/core/history/rollback.ts';
import type { HostChanges, MadeChange } from '../../src/core/run-state/host-history.ts';

const change = (
  module: string,
  sign: MadeChange['sign'],
  what: string,
  before?: string,
  after?: string,
): MadeChange => ({
  sign,
  what,
  ...(before === undefined ? {} : { before }),
  ...(after === undefined ? {} : { after }),
  risk: 'write',
  task: 'The task',
  module,
});
const hostChanges = (...changes: readonly MadeChange[]): HostChanges => ({
  host: 'h1',
  changes,
  end: 'done',
  at: 0,
});

const [a, b] = ['a'.repeat(64), 'b'.repeat(64)];
const kept = '/var/lib/kmend/backup';

describe('a rollback from a journal', () => {
  it.each<[string, readonly MadeChange[], object]>([
    [
      'an argument that was not there',
      [change('kernel_arg', '+', 'boot argument cgroup.memory', undefined, 'cgroup.memory=nokmem')],
      {
        rollback_arguments: [{ key: 'cgroup.memory', state: 'absent', value: 'nokmem' }],
        rollback_made: ['nokmem'],
        rollback_before: [],
      },
    ],
    [
      'an item of a list that others share',
      [
        change(
          'kernel_arg',
          '~',
          'boot argument cgroup.memory',
          'cgroup.memory=nosocket',
          'cgroup.memory=nosocket,nokmem',
        ),
      ],
      {
        rollback_arguments: [{ key: 'cgroup.memory', state: 'absent', value: 'nokmem' }],
        rollback_made: ['nokmem'],
      },
    ],
    [
      'another value of an argument',
      [change('kernel_arg', '~', 'boot argument audit', 'audit=1', 'audit=0')],
      {
        rollback_arguments: [{ key: 'audit', state: 'present', value: '1' }],
        rollback_made: ['audit=0'],
        rollback_before: ['audit=1'],
      },
    ],
    [
      'an argument that was taken away',
      [change('kernel_arg', '-', 'boot argument quiet', 'quiet')],
      {
        rollback_arguments: [{ key: 'quiet', state: 'present' }],
        rollback_made: [],
        rollback_before: ['quiet'],
      },
    ],
    [
      'packages of an engine, but not its restart',
      [
        change(
          'container_runtime',
          '~',
          'package docker-ce',
          '18.06.1.ce-3.el7',
          '3:18.09.1-3.el7',
        ),
        change('container_runtime', '+', 'package docker-ce-cli', undefined, '1:18.09.1-3.el7'),
        change('container_runtime', '!', 'restart docker', '18.06.1-ce'),
      ],
      {
        rollback_packages: { 'docker-ce': '18.06.1.ce-3.el7', 'docker-ce-cli': 'absent' },
        rollback_arguments: [],
        rollback_kernel: '',
      },
    ],
    [
      'the kernel that boots; the newer one stays installed',
      [
        change('kernel', '+', 'package kernel', undefined, '3.10.0-1160.el7'),
        change(
          'kernel',
          '~',
          'kernel that boots next',
          '3.10.0-862.el7.x86_64',
          '3.10.0-1160.el7.x86_64',
        ),
      ],
      { rollback_kernel: '3.10.0-862.el7.x86_64', rollback_packages: {} },
    ],
    [
      'the kernel of another line; whose updates become the default follows it',
      [
        change('kernel', '+', 'package kernel-lt', undefined, '5.4.278-1.el7.elrepo'),
        change(
          'kernel',
          '~',
          'kernel that boots next',
          '3.10.0-862.el7.x86_64',
          '5.4.278-1.el7.elrepo.x86_64',
        ),
        change(
          'kernel',
          '~',
          'package whose updates become the default kernel',
          'kernel',
          'kernel-lt',
        ),
      ],
      { rollback_kernel: '3.10.0-862.el7.x86_64', rollback_packages: {} },
    ],
    [
      'a repository that was not there, and one that was another',
      [
        change(
          'yum_repository',
          '+',
          'repository vault-os in /etc/yum.repos.d/own.repo',
          undefined,
          '[vault-os]\nname=x',
        ),
        change(
          'yum_repository',
          '~',
          'repository base in /etc/yum.repos.d/CentOS-Base.repo',
          '[base]\nname=a = b\nexclude=',
          '[base]',
        ),
      ],
      {
        rollback_repositories: [
          { name: 'vault-os', file: 'own', state: 'absent' },
          {
            name: 'base',
            file: 'CentOS-Base',
            state: 'present',
            options: { name: 'a = b', exclude: '' },
          },
        ],
        rollback_arguments: [],
      },
    ],
    [
      'a setting of the kernel',
      [change('sysctl', '~', 'sysctl vm.swappiness', '60', '1')],
      { rollback_settings: [{ name: 'vm.swappiness', value: '60' }], rollback_files: [] },
    ],
    [
      'holds that were not there, and that were',
      [
        change('hold', '+', 'hold of docker-ce', undefined, 'versionlock 3:docker-ce-18-3.*'),
        change('hold', '-', 'hold of vim', 'hold', undefined),
      ],
      {
        rollback_holds: [
          { name: 'docker-ce', state: 'absent' },
          { name: 'vim', state: 'present' },
        ],
      },
    ],
    [
      'files: their content by the backup, their rights, links, and what was not there',
      [
        change('copy', '+', 'file /etc/new', undefined, `0644 root:root sha256:${b}`),
        change(
          'copy',
          '~',
          'file /etc/f',
          `0640 root:adm sha256:${a}`,
          `0644 root:root sha256:${b}`,
        ),
        change('file', '-', 'file /etc/old file', `0600 root:root sha256:${a}`),
        change(
          'file',
          '~',
          'file /etc/g',
          `0640 root:adm sha256:${a}`,
          `0644 root:adm sha256:${a}`,
        ),
        change(
          'file',
          '~',
          'file /srv/big',
          '0640 root:adm 99999999 bytes',
          '0600 root:adm 99999999 bytes',
        ),
        change('file', '~', 'file /srv/d', 'directory 0755 root:root', 'directory 0700 root:root'),
        change('file', '~', 'file /etc/l', 'link to a b', 'link to c'),
        change('copy', '~', 'file /etc/m', 'link to m', `0644 root:root sha256:${b}`),
      ],
      {
        rollback_files: [
          { path: '/etc/new', state: 'absent' },
          { path: '/etc/f', mode: '0640', owner: 'root', group: 'adm', backup: `${kept}/${a}` },
          {
            path: '/etc/old file',
            mode: '0600',
            owner: 'root',
            group: 'root',
            backup: `${kept}/${a}`,
          },
          { path: '/etc/g', mode: '0640', owner: 'root', group: 'adm' },
          { path: '/srv/big', mode: '0640', owner: 'root', group: 'adm' },
          { path: '/srv/d', mode: '0755', owner: 'root', group: 'root' },
          { path: '/etc/l', state: 'link', src: 'a b' },
          { path: '/etc/m', state: 'link', src: 'm' },
        ],
      },
    ],
  ])('%s', (_, changes, vars) => {
    expect(rollbackOf('r1', hostChanges(...changes), [])).toMatchObject({
      kind: 'rollback',
      rollback: { left: [], vars },
    });
  });

  it.each<[string, HostChanges, RegExp]>([
    [
      'a value from before is not in the journal',
      hostChanges(change('package', '~', 'package jq', undefined, '2')),
      /no earlier value of: package jq/,
    ],
    [
      'no_log hid it',
      hostChanges(change('package', '~', '(hidden by no_log)')),
      /no_log of the task "The task" hid/,
    ],
    [
      'an argument was set several times',
      hostChanges(change('kernel_arg', '~', 'boot argument a', 'a=1 a=2', 'a=3')),
      /several times/,
    ],
    [
      'the run is not over there',
      { ...hostChanges(change('package', '+', 'package jq')), end: 'under_way' },
      /not over/,
    ],
  ])('refused where %s', (_, host, why) => {
    const back = rollbackOf('r1', host, []);
    expect(back.kind === 'refused' ? back.failure.message : back.kind).toMatch(why);
  });

  it('what a command did is not rolled back, and named', () => {
    expect(rollbackOf('r1', hostChanges(change('command', '!', 'run rm -rf /tmp/x')), [])).toEqual({
      kind: 'nothing',
      left: ['the task "The task" (command)'],
    });
  });

  it.each<[string, MadeChange]>([
    ['a directory that was made', change('file', '+', 'file /d', undefined, 'directory 0755 r:r')],
    ['one that was removed', change('file', '-', 'file /d', 'directory 0755 r:r')],
    [
      'one that a link replaced',
      change('file', '~', 'file /d', 'directory 0755 r:r', 'link to /srv'),
    ],
    ['a long file that was removed', change('file', '-', 'file /d', '0644 r:r 99999999 bytes')],
    [
      'a long file that was replaced',
      change('copy', '~', 'file /d', '0644 r:r 99999999 bytes', `0644 r:r sha256:${a}`),
    ],
  ])('%s is left, and named', (_, made) => {
    expect(rollbackOf('r1', hostChanges(made), [])).toEqual({
      kind: 'nothing',
      left: [expect.stringMatching(/^file \/d \(task "The task"\)/)],
    });
  });

  it('whose updates become the default stays where nothing else was changed, and is said', () => {
    const updates = change(
      'kernel',
      '~',
      'package whose updates become the default kernel',
      'kernel',
      'kernel-lt',
    );
    expect(rollbackOf('r1', hostChanges(updates), [])).toEqual({
      kind: 'nothing',
      left: [`${updates.what} (task "The task")`],
    });
    const ended = change('kernel', '-', 'kernel on trial', '5.4.278-1.el7.elrepo.x86_64');
    expect(rollbackOf('r1', hostChanges(ended), [])).toEqual({ kind: 'nothing', left: [] });
  });

  it('a repository whose password was never read is not written again, and said', () => {
    const masked = change(
      'yum_repository',
      '-',
      'repository els in /etc/yum.repos.d/els.repo',
      '[els]\nname=x\npassword=***',
    );
    expect(rollbackOf('r1', hostChanges(masked), [])).toEqual({
      kind: 'nothing',
      left: ['repository els in /etc/yum.repos.d/els.repo (task "The task")'],
    });
  });

  it('a file of this machine is left, and named, also where a later run changed it', () => {
    const what = 'on this machine: file /r';
    const made = change('copy', '~', what, `0644 o:o sha256:${a}`, `0644 o:o sha256:${b}`);
    const masked = change('copy', '~', `${what}/***`, `0644 o:o sha256:${a}`, '0644 o:o 1 bytes');
    const ours = hostChanges(made, masked, change('package', '+', 'package x', undefined, '1'));
    const later: LaterRun = { run: 'r2', hostChanges: hostChanges(made) };
    expect(rollbackOf('r1', ours, [later])).toMatchObject({
      kind: 'rollback',
      rollback: { left: [`${what} (task "The task")`, `${what}/*** (task "The task")`] },
    });
  });

  it('a later run that changed it again goes first; a rollback that was begun does not block itself', () => {
    const ours = hostChanges(change('package', '~', 'package docker-ce', '1', '2'));
    const later = (before: string, after: string): LaterRun => ({
      run: 'r2',
      hostChanges: hostChanges(change('package', '~', 'package docker-ce', before, after)),
    });
    expect(rollbackOf('r1', ours, [later('2', '3')])).toMatchObject({
      kind: 'refused',
      failure: { message: 'run r2 changed package docker-ce after run r1' },
    });
    expect(rollbackOf('r1', ours, [later('2', '1')]).kind).toBe('rollback');
  });
});
