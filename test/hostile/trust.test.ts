// Which files kmend obeys: owner and mode of everything on the path, links, pipes, and the files of
// a cloned repository.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lchownSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { type Identity, judgePath, trustOf } from '../../src/adapters/local/trust.ts';
import { bundlePath } from '../cli/child.ts';
import { command } from '../cli/real-world.ts';

const root = mkdtempSync(join(tmpdir(), 'kmend-trust-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let dir: string;
let count = 0;
beforeEach(() => {
  dir = join(root, `case-${count++}`);
  mkdirSync(dir);
});

const self = process.getuid?.() ?? 0;
const otherUser = 65_534;
/** Ownership can be given away by root only. */
const asRoot = self === 0;
const sh = (line: string): number | null => spawnSync('sh', ['-c', line]).status;
const canMount = asRoot && sh('unshare -m true') === 0;
const identity: Identity = {
  owners: new Set([self, 0]),
  isPrivateGroup: (gid) => gid !== otherUser,
};
const judge = (path: string): string | undefined => judgePath(path, identity);

const file = (name: string, text = 'x', mode = 0o644): string => {
  const path = join(dir, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
};
const program = (name: string): string =>
  file(
    name,
    `#!/bin/sh\necho "ran $*" >> '${dir}/ran'\necho '{"web": {"hosts": ["h1"]}}'\n`,
    0o755,
  );
const ran = (): boolean => existsSync(join(dir, 'ran'));
const link = (target: string, name: string): string => {
  mkdirSync(dirname(join(dir, name)), { recursive: true });
  symlinkSync(target, join(dir, name));
  return join(dir, name);
};

describe('the judge of a path', () => {
  it('accepts what only trusted users can write, by name and through links', () => {
    const path = file('a/b/kmend.yaml');
    expect(judge(path)).toBeUndefined();
    expect(judge(join(dir, 'a/../a/./b/kmend.yaml'))).toBeUndefined();
    expect(judge(`${link('a/b', 'short')}/kmend.yaml`)).toBeUndefined();
    expect(judge(join(dir, 'absent'))).toBeUndefined();
  });

  it.each([
    ['the file', 'a/f', 0o666],
    ['its directory', 'a', 0o777],
    ['its directory, although sticky', 'a', 0o1777],
    ['a directory above', '.', 0o777],
  ])('refuses where everybody may write %s', (_, name, mode) => {
    const path = file('a/f');
    chmodSync(join(dir, name), mode);
    expect(judge(path)).toBe(`everybody may write ${join(dir, name)}`);
  });

  it('accepts a sticky directory above, since what is in it stays with its owner', () => {
    const path = file('a/f');
    chmodSync(dir, 0o1777);
    expect(judge(path)).toBeUndefined();
  });

  it('a group that has other members is refused, a private one is not', () => {
    const path = file('a/f', 'x', 0o664);
    expect(judge(path)).toBeUndefined();
    expect(judgePath(path, { ...identity, isPrivateGroup: () => false })).toMatch(
      /^the group .*, which has other members, may write .*\/f$/,
    );
  });

  it.runIf(asRoot)(
    'another user owns neither the file, nor a directory, nor a link on the way',
    () => {
      for (const name of ['a/f', 'a', '.']) {
        const path = file('a/f');
        lchownSync(join(dir, name), otherUser, 0);
        expect(judge(path)).toMatch(new RegExp(`^${join(dir, name)} belongs to user ${otherUser}`));
        lchownSync(join(dir, name), self, 0);
      }
      const through = link('a/f', 'l');
      lchownSync(through, otherUser, 0);
      expect(judge(through)).toMatch(/\/l belongs to user/);
    },
  );

  it.runIf(canMount)(
    'a volume that everybody may write is fine while it is mounted read-only',
    () => {
      const path = join(dir, 'volume/f');
      mkdirSync(dirname(path));
      sh(`mount -t tmpfs -o mode=777,size=1m none ${dirname(path)}`);
      try {
        writeFileSync(path, 'x');
        expect(judge(path)).toBe(`everybody may write ${dirname(path)}`);
        sh(`mount -o remount,ro ${dirname(path)}`);
        expect(judge(path)).toBeUndefined();
      } finally {
        sh(`umount ${dirname(path)}`);
      }
    },
  );

  it.runIf(asRoot)(
    'knows the users of this machine: who called sudo, and who is in a group',
    () => {
      const path = file('a/f', 'x', 0o664);
      const judged = (env = {}) => trustOf(env, '').judge(path);
      const groups = readFileSync('/etc/group', 'utf8')
        .split('\n')
        .map((line) => line.split(':'));
      const users = readFileSync('/etc/passwd', 'utf8')
        .split('\n')
        .map((line) => line.split(':'));
      const [, , empty = ''] =
        groups.find(
          ([, , gid, members]) => members === '' && !users.some((user) => user[3] === gid),
        ) ?? [];
      lchownSync(path, self, Number(empty));
      expect(judged()).toBeUndefined();
      lchownSync(path, self, Number(users.find(([name]) => name === 'nobody')?.[3]));
      expect(judged()).toMatch(/^the group .*, which has other members, may write /);
      lchownSync(path, otherUser, Number(empty));
      expect(judged()).toContain('belongs to user');
      expect(judged({ SUDO_UID: String(otherUser) })).toBeUndefined();
      expect(judged({ KMEND_TRUST_FILES: 'true' })).toBeUndefined();
    },
  );

  it('judges a link at both ends', () => {
    const path = file('open/f');
    chmodSync(dirname(path), 0o777);
    expect(judge(link('../open/f', 'safe/l'))).toMatch(/^everybody may write .*\/open$/);
    mkdirSync(join(dir, 'box'));
    const inOpen = link('../safe.txt', 'box/l');
    file('safe.txt');
    chmodSync(join(dir, 'box'), 0o1777);
    expect(judge(inOpen)).toMatch(/^everybody may write .*\/box$/);
  });

  it('law: one part of a path that others may write is found, wherever it is', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 6 }),
        fc.nat(),
        fc.constantFrom(0o777, 0o773, 0o702),
        (depth, at, mode) => {
          const base = mkdtempSync(join(dir, 'law-'));
          const parts = Array.from({ length: depth }, (_, index) => `d${index}`);
          const path = join(base, ...parts, 'f');
          mkdirSync(dirname(path), { recursive: true });
          writeFileSync(path, 'x');
          const weak = join(base, ...parts.slice(0, (at % depth) + 1));
          expect(judge(path)).toBeUndefined();
          chmodSync(weak, mode);
          expect(judge(path)).toBe(`everybody may write ${weak}`);
        },
      ),
      { numRuns: 60 },
    );
  });
});

const run = (args: readonly string[], cwd = dir) => {
  const before = process.cwd();
  process.chdir(cwd);
  return command(args, { home: root, cwd }).finally(() => process.chdir(before));
};
const playbook = '- hosts: all\n  tasks:\n    - debug: {msg: hello}\n';

describe('files that somebody else could have written', () => {
  const cases: readonly (readonly [string, (name: string) => readonly string[], string])[] = [
    ['kmend.yaml', () => ['inventory', '--list', '-i', 'h1,'], 'user: eve\n'],
    ['inventory.yaml', () => ['inventory', '--list'], 'all: {hosts: {h1: }}\n'],
    ['hosts.ini', (path) => ['inventory', '--list', '-i', path], 'h1\n'],
    ['group_vars/all.yml', () => ['inventory', '--list', '-i', 'inv.ini'], 'a: 1\n'],
    ['host_vars/h1', () => ['inventory', '--list', '-i', 'inv.ini'], 'a: 1\n'],
    ['vars.yml', (path) => ['inventory', '--list', '-i', 'h1,', '-e', `@${path}`], 'a: 1\n'],
    [
      'limit.txt',
      (path) => ['plan', 'play.yaml', '--list-hosts', '-i', 'h1,', '-l', `@${path}`],
      'h1\n',
    ],
    ['bad.yaml', (path) => ['validate', path], playbook],
    ['plan.json', (path) => ['apply', path], '{}'],
    [
      'webhook',
      (path) => [
        'schedule',
        'install',
        'j',
        '--every',
        'daily',
        '--notify-url-file',
        path,
        '--',
        'check',
      ],
      'https://x/\n',
    ],
  ];
  it.each(cases)('%s is refused, and --trust-files takes it', async (name, args, text) => {
    file('inv.ini', 'h1\n');
    file('play.yaml', playbook);
    const path = file(name, text, 0o666);
    const refused = await run([...args(path)]);
    expect(refused).toMatchObject({ exit: 3, out: '' });
    expect(refused.err).toContain('everybody may write');
    expect(refused.err).toContain('--trust-files');
    expect((await run(['--trust-files', ...args(path)])).err).not.toContain('everybody may write');
  });

  it('a program in a directory of others is never run, whichever command is given', async () => {
    const path = program('box/inventory');
    file('play.yaml', playbook);
    chmodSync(dirname(path), 0o1777);
    for (const args of [
      ['validate', '../play.yaml'],
      ['inventory', '--list'],
      ['inventory', '--graph', '-i', 'inventory'],
      ['docs'],
      ['schema'],
    ]) {
      await run(args, dirname(path));
      await run([...args], dir);
    }
    for (const args of [['check'], ['plan', '../play.yaml'], ['doctor']])
      expect(await run(args, dirname(path))).toMatchObject({
        exit: 3,
        err: expect.stringContaining('everybody may write'),
      });
    expect(ran()).toBe(false);
  });
});

describe('a repository of somebody else that the operator has cloned', () => {
  it.each([
    ['called `inventory`', 'inventory', undefined],
    ['named by kmend.yaml', 'fleet.sh', 'inventory: fleet.sh\n'],
    ['in a directory that kmend.yaml names', 'fleet/list.sh', 'inventory: fleet\n'],
  ])(
    'what only looks does not run a program that is %s, and says so',
    async (_, name, settings) => {
      program(name);
      file('play.yaml', playbook);
      if (settings !== undefined) file('kmend.yaml', settings);
      const validated = await run(['validate', 'play.yaml']);
      expect(validated).toMatchObject({ exit: 0, out: 'play.yaml: 1 play fine' });
      expect(validated.err).toMatch(/warning: .* was not run, so no inventory is checked; .* -i /);
      for (const args of [
        ['inventory', '--list'],
        ['plan', 'play.yaml', '--syntax-check'],
        ['apply', 'play.yaml', '--list-hosts'],
      ])
        expect(await run(args)).toMatchObject({
          exit: 3,
          err: expect.stringMatching(
            /is an inventory program, and was not named with -i[\s\S]*-i /,
          ),
        });
      expect(ran()).toBe(false);
      expect(await run(['validate', 'play.yaml', '-i', name])).toMatchObject({ exit: 0, err: '' });
      expect(ran()).toBe(true);
    },
  );

  it.each([
    'copy: {src: FILE, dest: /etc/x}',
    'template: {src: FILE, dest: /etc/x}',
    'include_vars: FILE',
  ])('%s sends nothing from outside of the project', async (task) => {
    mkdirSync(join(dir, '.git'));
    const secret = join(root, `secret-${count}`);
    writeFileSync(secret, 'root: hash-of-the-password\n');
    link(secret, 'inside');
    for (const name of ['inside', secret, `../${basename(secret)}`]) {
      file('play.yaml', `- hosts: all\n  tasks:\n    - ${task.replace('FILE', name)}\n`);
      const seen = await run(['validate', 'play.yaml']);
      expect(seen).toMatchObject({
        exit: 3,
        err: expect.stringMatching(/is outside of the project|a link leads from|no file/),
      });
      expect(seen.err + seen.out).not.toContain('hash-of');
    }
  });

  it.each(['group_vars/all', 'group_vars/all.yml', 'host_vars/h1.yml'])(
    '%s may not be a link out of the project',
    async (name) => {
      mkdirSync(join(dir, '.git'));
      file('inv.ini', 'h1\n');
      const secret = join(root, `secret-${count}`);
      writeFileSync(secret, 'root: hash-of-the-password\n');
      link(secret, name);
      const seen = await run(['inventory', '--list', '-i', 'inv.ini']);
      expect(seen).toMatchObject({
        exit: 3,
        err: expect.stringContaining(`a link leads from ${dir} to ${secret}`),
      });
      expect(seen.err + seen.out).not.toContain('hash-of');
      expect((await run(['--trust-files', 'inventory', '--list', '-i', 'inv.ini'])).out).toContain(
        'hash-of',
      );
    },
  );

  it.each([
    ['', []],
    ['kmend.yaml', ['kmend.yaml']],
    ['ansible.cfg', ['ansible.cfg']],
    ['a directory `playbooks`', []],
  ])('a name in a playbook leads no further than its project (%s)', async (what, marks) => {
    for (const mark of marks) file(mark, '');
    const home = what.startsWith('a directory') ? 'playbooks' : 'plays';
    file('../outside.yml', 'x: 1\n');
    file('vars.yml', 'x: 1\n');
    file(`${home}/own.yml`, 'x: 1\n');
    const seen = async (name: string): Promise<string> => {
      const book = `- hosts: all\n  vars_files: [${name}]\n  tasks:\n    - debug: {msg: "{{ x }}"}\n`;
      const { err } = await run(['validate', file(`${home}/p.yml`, book)]);
      return err;
    };
    expect(await seen('own.yml')).toBe('');
    expect(await seen('../../outside.yml')).toContain(
      `${join(root, 'outside.yml')} is outside of the project ${dir}`,
    );
    if (what === '') expect(await seen('../vars.yml')).toContain('is outside of the project');
    else expect(await seen('../vars.yml')).toBe('');
  });

  it('a directory of inventories may not hold a link out of the project; a link inside it is followed', async () => {
    mkdirSync(join(dir, '.git'));
    file('common/all.yml', 'colour: blue\n');
    file('prod/inv/hosts.ini', 'h1\n');
    link('../../../common/all.yml', 'prod/inv/group_vars/all.yml');
    expect((await run(['inventory', '--list', '-i', 'prod/inv'])).out).toContain(
      '"colour": "blue"',
    );
    link('/etc/passwd', 'prod/inv/passwd');
    expect(await run(['inventory', '--list', '-i', 'prod/inv'])).toMatchObject({
      exit: 3,
      err: expect.stringContaining('a link leads from'),
    });
  });
});

describe('what is no regular file', () => {
  const pipe = (name: string): string => {
    const path = join(dir, name);
    mkdirSync(dirname(path), { recursive: true });
    expect(spawnSync('mkfifo', [path]).status).toBe(0);
    return path;
  };
  it.each([
    ['kmend.yaml', (_: string) => ['inventory', '--list', '-i', 'h1,']],
    ['inv', (path: string) => ['inventory', '--list', '-i', path]],
    ['inv.d/f', (path: string) => ['inventory', '--list', '-i', dirname(path)]],
    ['group_vars/all', (_: string) => ['inventory', '--list', '-i', 'hosts.ini']],
    ['play.yaml', (path: string) => ['validate', path]],
    ['plan.json', (path: string) => ['apply', path]],
    ['v', (path: string) => ['inventory', '--list', '-i', 'h1,', '-e', `@${path}`]],
  ])('a pipe as %s is refused without waiting', async (name, args) => {
    file('hosts.ini', 'h1\n');
    expect(await run(args(pipe(name)))).toMatchObject({
      exit: 3,
      err: expect.stringContaining('is no regular file'),
    });
  });

  it('a device is refused, and so is a pipe among probe outputs', async () => {
    expect(await run(['inventory', '--list', '-i', link('/dev/zero', 'inv')])).toMatchObject({
      exit: 3,
      err: expect.stringContaining('no regular'),
    });
    pipe('probes/h1');
    expect((await run(['check', '--from', 'probes'])).out).toContain('is no regular file');
  });

  it('an open descriptor that the caller gave is read', async () => {
    const line = `exec "$0" "$1" inventory --host h1 -i h1, -e @<(echo '{a: given}')`;
    const done = spawnSync('bash', ['-c', line, process.execPath, bundlePath()], {
      encoding: 'utf8',
      cwd: dir,
    });
    expect(done.stdout + done.stderr).toContain('"a": "given"');
  });
});
