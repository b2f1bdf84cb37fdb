// yum_repository: what it plans as a table, and its real script on files that others share, read
// again by the real probe.
import { chmodSync, lstatSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { buildProbe, parseProbe } from '../../src/facts/index.ts';
import { type Facts, viewOf } from '../../src/model/fact.ts';
import type { ModulePlan } from '../../src/model/run/change.ts';
import { type HostTree, hostTree, shells } from './host-tree.ts';
import { moduleNamed, noContext, parseArgs, planOf } from './laws.ts';

const os = {
  name: 'vault-os',
  description: 'CentOS 7 os',
  baseurl: 'https://vault.example.com/7/os/$basearch/',
};
const section = '[vault-os]\nname=CentOS 7 os\nbaseurl=https://vault.example.com/7/os/$basearch/';

const facts = (before = '', elsewhere: readonly string[] = [], more: Facts = {}): Facts => ({
  'packages.manager': 'yum',
  'space.root_kb': 1_000_000,
  'repository.vault-os/vault-os.section': before,
  'repository.vault-os/vault-os.elsewhere': [...elsewhere],
  ...more,
});
const planned = (args: object, given: Facts, acceptNoRollback = false) =>
  planOf('yum_repository', {
    args: { name: 'vault-os', ...args },
    facts: given,
    context: { acceptNoRollback },
  });
const shown = ({ changes }: ModulePlan) =>
  changes.map(({ sign, before, after }) => [sign, before, after]);

describe('what it plans', () => {
  it.each<[string, object, string, readonly unknown[]]>([
    ['a new one', os, '', [['+', undefined, section]]],
    ['one that is as it should be', os, section, []],
    [
      'another address',
      os,
      section.replace('vault.', 'old.'),
      [['~', section.replace('vault.', 'old.'), section]],
    ],
    [
      'an option that nobody gave',
      os,
      `${section}\nfailovermethod=priority`,
      [['~', `${section}\nfailovermethod=priority`, section]],
    ],
    ['absent', { state: 'absent' }, section, [['-', section, undefined]]],
    ['absent already', { state: 'absent' }, '', []],
    ['the header alone is not the whole', os, '[vault-os]', [['~', '[vault-os]', section]]],
    [
      'what Ansible wrote, in its order and its spelling',
      {
        ...os,
        enabled: true,
        gpgcheck: false,
        exclude: ['docker*', 'kernel*'],
        gpgkey: ['file:///a', 'file:///b'],
      },
      `[vault-os]\nbaseurl=https://vault.example.com/7/os/$basearch/\nenabled=True\nexcludepkgs=docker*, kernel*\ngpgcheck=no\ngpgkey=file:///a file:///b\nname=CentOS 7 os`,
      [],
    ],
  ])('%s', (_, args, before, changes) => {
    expect(shown(planned(args, facts(before)))).toEqual(changes);
  });

  it('writes every argument as yum names it, an option a line', () => {
    const all = {
      ...os,
      baseurl: ['https://a.example.com/7', 'https://b.example.com/7'],
      enabled: false,
      gpgcheck: 'yes',
      gpgkey: 'file:///etc/pki/rpm-gpg/RPM-GPG-KEY-CentOS-7',
      sslverify: true,
      sslcacert: '/opt/own.pem',
      proxy: '_none_',
      skip_if_unavailable: true,
      exclude: ['docker-ce*', 'kernel'],
      priority: 5,
      options: { throttle: '5M', keepalive: true, retries: 3 },
    };
    expect(planned(all, facts()).changes[0]?.after).toMatchInlineSnapshot(`
      "[vault-os]
      name=CentOS 7 os
      baseurl=https://a.example.com/7 https://b.example.com/7
      enabled=0
      gpgcheck=1
      gpgkey=file:///etc/pki/rpm-gpg/RPM-GPG-KEY-CentOS-7
      sslverify=1
      sslcacert=/opt/own.pem
      proxy=_none_
      skip_if_unavailable=1
      exclude=docker-ce* kernel
      priority=5
      throttle=5M
      keepalive=1
      retries=3"
    `);
  });

  it.each<[string, object, Facts, RegExp]>([
    [
      'the id is in another file',
      os,
      facts('', ['CentOS-Base']),
      /vault-os is in \/etc\/yum\.repos\.d\/CentOS-Base\.repo already/,
    ],
    [
      'apt is the package manager',
      os,
      facts('', [], { 'packages.manager': 'apt' }),
      /not read here \(package manager: apt\)/,
    ],
    [
      'a password was there',
      os,
      facts(`${section}\nusername=a\npassword=***`),
      /section of before again \(password\)/,
    ],
    ['an address had a password', os, facts(section.replace('//', '//***@')), /again \(baseurl\)/],
    ['an option stood twice', os, facts(`${section}\nenabled=0\nenabled=1`), /again \(enabled\)/],
    ['the disk is full', os, facts('', [], { 'space.root_kb': 10 }), /\/ has 0 MB left/],
  ])('refuses a host where %s', (_, args, given, why) => {
    expect(planned(args, given).refuse?.why).toMatch(why);
  });

  it('goes on without a rollback where the play says so', () => {
    expect(
      shown(planned({ state: 'absent' }, facts(`${section}\npassword=***`), true)),
    ).toHaveLength(1);
  });

  it('says where a repository is that it does not remove', () => {
    expect(planned({ state: 'absent' }, facts('', ['CentOS-Base'])).note).toBe(
      'vault-os is in CentOS-Base: name that as `file` to remove it',
    );
  });
});

describe('what it takes', () => {
  it.each<[object, RegExp]>([
    [{ name: 'x' }, /needs `description` and one of/],
    [{ name: 'x', description: 'd' }, /needs `description` and one of/],
    [{ ...os, name: 'main' }, /id of a repository/],
    [{ ...os, name: 'a]b' }, /id of a repository/],
    [{ ...os, file: '../../etc/passwd' }, /name of a file below/],
    [{ ...os, file: 'a.repo' }, /without \.repo/],
    [{ ...os, baseurl: 'vault.example.com/7' }, /should be a URL/],
    [{ ...os, baseurl: 'https://a, https://b' }, /should be a URL/],
    [{ ...os, baseurl: 'https://user:secret@a/7' }, /no user or password/],
    [{ ...os, proxy: 'http://user:secret@proxy:3128' }, /no user or password/],
    [{ ...os, description: 'a\nexclude=*' }, /one line/],
    [{ ...os, options: { password: 'secret' } }, /no user or password/],
    [{ ...os, options: { proxy: 'http://user:secret@proxy' } }, /no user or password/],
    [{ ...os, options: { proxy: 'user:secret@proxy:3128' } }, /no user or password/],
    [{ ...os, password: 'secret' }, /has no key/],
    [{ ...os, priority: 0 }, /1 or more/],
  ])('not %j', (args, why) => {
    const attempt = () => parseArgs(moduleNamed('yum_repository'), args);
    expect(attempt).toThrow(why);
    expect(attempt).not.toThrow(/secret/);
  });
});

// ---- The real script, and the real probe ----

const module = moduleNamed('yum_repository');
const base =
  '# the mirrors\n\n[base]\nname=Base\nmirrorlist=http://mirrorlist.example.com/?repo=os\n\n# next\n[updates]\nname=Updates\npassword = top\n';

function read(tree: HostTree, args: object): Facts {
  const wants = module.facts(parseArgs(module, args), viewOf({}));
  const probed = parseProbe(tree.run(buildProbe(wants)).out, wants);
  if (!probed.ok) throw new Error(probed.failure.message);
  return {
    'packages.manager': 'yum',
    ...Object.fromEntries(
      Object.entries(probed.value).filter(([name]) => name.startsWith('repository.')),
    ),
  };
}

/** Plans on what the probe reads, runs the script, and plans again: nothing may be left. */
function carryOut(
  tree: HostTree,
  args: object,
  shell?: readonly string[],
): { readonly code: number | null; readonly err: string } {
  const plan = module.plan(parseArgs(module, args), viewOf(read(tree, args)), {
    ...noContext,
    acceptNoRollback: true,
  });
  expect(plan.refuse).toBeUndefined();
  const [effect] = plan.changes.flatMap(({ effects }) => effects);
  if (effect?.kind !== 'run') throw new Error('there is nothing to do');
  const ran = tree.run(effect.script, shell);
  if (ran.code === 0)
    expect(
      module.plan(parseArgs(module, args), viewOf(read(tree, args)), noContext).changes,
    ).toEqual([]);
  return ran;
}

const path = '/etc/yum.repos.d/own.repo';
const own = { ...os, file: 'own' };
const mode = (tree: HostTree): string =>
  (lstatSync(join(tree.root, path)).mode & 0o7777).toString(8);

describe.each([['sh'], ...shells].map((shell) => [shell.join(' '), shell] as const))(
  'its script under %s',
  (_, shell) => {
    it('makes a file that everybody may read, and removes it with its last section', () => {
      const tree = hostTree();
      tree.write('/etc/hosts', '');
      const before = tree.picture();
      expect(carryOut(tree, own, shell).code).toBe(0);
      expect([tree.read(path), mode(tree)]).toEqual([`${section}\n`, '644']);
      expect(carryOut(tree, { ...own, state: 'absent' }, shell).code).toBe(0);
      expect(tree.picture()).toEqual(before);
    });

    it('appends to a file that others share, changes it in its place, and takes it out to the byte', () => {
      const tree = hostTree({ [path]: base });
      chmodSync(join(tree.root, path), 0o600);
      carryOut(tree, own, shell);
      expect([tree.read(path), mode(tree)]).toEqual([`${base}\n${section}\n`, '600']);
      tree.write(path, `${section}\n# not ours\n\n${base}`);
      carryOut(tree, { ...own, enabled: false }, shell);
      expect(tree.read(path)).toBe(`${section}\nenabled=0\n# not ours\n\n${base}`);
      tree.write(path, `${base}\n${section}\n`);
      carryOut(tree, { ...own, state: 'absent' }, shell);
      expect(tree.read(path)).toBe(base);
    });

    it('follows a link, and throws away what was fetched from the address of before', () => {
      const tree = hostTree({ '/srv/own.repo': base, '/etc/yum.repos.d/other.repo': '' });
      symlinkSync(join(tree.root, 'srv/own.repo'), join(tree.root, path));
      tree.program('yum', 'echo "$@" >> "$KMEND_ROOT/said"');
      carryOut(tree, own, shell);
      expect(tree.read('/srv/own.repo')).toBe(`${base}\n${section}\n`);
      expect(tree.read('/said')).toContain('--disablerepo=* --enablerepo=vault-os clean metadata');
    });
  },
);

it('leaves all as it was where the new text cannot be made, or has lost what others wrote', () => {
  const tree = hostTree({ [path]: base });
  tree.program('mktemp', 'exit 1');
  const before = tree.picture();
  expect(carryOut(tree, own).code).toBe(70);
  tree.program('mktemp', 'f="$KMEND_ROOT/new"; : > "$f"; echo "$f"');
  tree.program('awk', 'case $* in *ENVIRON*) echo "[base]";; *) exec /usr/bin/awk "$@";; esac');
  expect(carryOut(tree, own).code).toBe(71);
  expect(tree.picture()).toEqual(before);
});

describe('what the probe reads', () => {
  it('a section as others write it: comments, continued lines, blanks, capitals, CRLF', () => {
    const tree = hostTree({
      [path]:
        '[other]\nname=x\n[vault-os] \r\nName = A = b\r\n# no\r\nbaseurl=https://a/7\r\n   https://b/7\r\n\r\n[third]\nname=y\n',
      '/etc/yum.repos.d/CentOS-Base.repo': '[vault-os]\nname=twice\n',
      '/etc/yum.repos.d/none.repo': '[vault-os-debug]\n',
    });
    expect(read(tree, own)).toMatchObject({
      'repository.own/vault-os.section': '[vault-os]\nname=A = b\nbaseurl=https://a/7 https://b/7',
      'repository.own/vault-os.elsewhere': ['CentOS-Base'],
    });
  });

  it('a file as Ansible 2.19 writes it for the same arguments: nothing is left to do', () => {
    const given = {
      ...own,
      baseurl: ['https://a/7/os/$basearch/', 'https://b/7/os/$basearch/'],
      enabled: false,
      gpgkey: ['file:///a', 'file:///b'],
      exclude: ['docker*', 'kernel'],
      proxy: '_none_',
      priority: 5,
    };
    const tree = hostTree({
      [path]:
        '[vault-os]\nbaseurl = https://a/7/os/$basearch/\n\thttps://b/7/os/$basearch/\nenabled = 0\nexclude = docker* kernel\ngpgkey = file:///a\n\tfile:///b\nname = CentOS 7 os\npriority = 5\nproxy = _none_\n\n',
    });
    expect(
      module.plan(parseArgs(module, given), viewOf(read(tree, given)), noContext).changes,
    ).toEqual([]);
  });

  it('never a password', () => {
    const tree = hostTree({
      [path]:
        '[vault-os]\npassword = top-1\n  top-2\nProxy_Password: top-3\nbaseurl=https://me:top-4@a/7 https://top-5@b/7\nproxy = me:top-6@p:3128\n',
    });
    const wants = module.facts(parseArgs(module, own), viewOf({}));
    expect(tree.run(buildProbe(wants)).out).not.toContain('top-');
    expect(read(tree, own)['repository.own/vault-os.section']).toBe(
      '[vault-os]\npassword=***\nproxy_password=***\nbaseurl=https://***@a/7 https://***@b/7\nproxy=***@p:3128',
    );
  });

  it('no more of a file than a section of yum may have', () => {
    const tree = hostTree({ [path]: `[vault-os]\n${'a=b\n'.repeat(300)}` });
    expect(read(tree, own)['repository.own/vault-os.section']).toEqual({
      $unknown: 'the section is too long to be one of yum',
    });
  });
});

describe('a file that others share', () => {
  const word = fc.constantFrom(
    'a',
    'enabled=1',
    'name = x',
    '# remark',
    '',
    ';',
    '  continued',
    'baseurl=http://x/[y]',
  );
  const others = fc
    .array(
      fc.tuple(
        fc.constantFrom('base', 'updates', 'vault-os-debug'),
        fc.array(word, { maxLength: 4 }),
      ),
      { maxLength: 4 },
    )
    .map((sections) =>
      sections.map(([name, lines]) => [`[${name}]`, ...lines].join('\n')).join('\n'),
    );

  it('keeps every line of theirs, whatever stands in it', () => {
    const tree = hostTree();
    mkdirSync(join(tree.root, 'etc/yum.repos.d'), { recursive: true });
    const foreign = () =>
      tree
        .read(path)
        .split('\n')
        .filter((line) => line.trim() !== '' && !section.split('\n').includes(line));
    fc.assert(
      fc.property(others, others, fc.boolean(), (head, tail, there) => {
        writeFileSync(
          join(tree.root, path),
          `${[head, ...(there ? ['[vault-os]', 'name=old'] : []), tail].join('\n')}\n[end]\n`,
        );
        const before = foreign().filter((line) => line !== 'name=old');
        carryOut(tree, own);
        expect(foreign()).toEqual(before);
        carryOut(tree, { ...own, state: 'absent' });
        expect(foreign()).toEqual(before);
      }),
      { numRuns: process.env.KMEND_SLOW === undefined ? 10 : 200 },
    );
  });
});
