// Inventories: INI and YAML, directories and programs, groups and variables by Ansible's
// precedence, and the place of each error.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadInventory } from '../../src/load/index.ts';
import { iniValue } from '../../src/load/inventory/python-literal.ts';
import { expandRange } from '../../src/load/inventory/range.ts';
import { hasErrors } from '../../src/model/diagnostic.ts';
import { tableReader } from '../fakes/table-reader.ts';

const load = (
  files: Readonly<Record<string, string>>,
  sources = Object.keys(files).slice(0, 1),
  playbookDir?: string,
) =>
  loadInventory(sources, {
    reader: tableReader(files),
    ...(playbookDir !== undefined && { playbookDir }),
  });
const hostsOf = (files: Readonly<Record<string, string>>, sources?: string[]) => [
  ...(load(files, sources).value?.hosts.keys() ?? []),
];
const varsOf = (host: string, ...args: Parameters<typeof load>) =>
  load(...args).value?.hosts.get(host)?.vars;
const reported = (...args: Parameters<typeof load>): readonly string[] =>
  load(...args).diagnostics.map(
    (one) =>
      `${one.place?.file}:${one.place?.line}:${one.place?.column} ${one.severity} ${one.code}: ${one.summary}`,
  );

describe('values of INI files', () => {
  it.each([
    ['1', 1],
    ['20.10', 20.1],
    ['"20.10"', '20.10'],
    ['FALSE', 'FALSE'],
    ['yes', 'yes'],
    ['01', '01'],
    ['00', 0],
    ['10,000', [10, 0]],
    ['1,2', [1, 2]],
    ['[1,2]', [1, 2]],
    ['1_000', 1000],
    ['0x1F', 31],
    ['0o17', 15],
    ['0b11', 3],
    ['True', true],
    ['None', null],
    ['true', 'true'],
    ['null', 'null'],
    ['()', []],
    ['set()', []],
    ['(1)', 1],
    ['"a" "b"', 'ab'],
    ['C:\\temp', 'C:\\temp'],
    ['1+2j', '(1+2j)'],
    ['-1j', '(-0-1j)'],
    ['{"k": true}', '{"k": true}'],
    ['{"k": "v"}', { k: 'v' }],
    ['{1: 2}', { '1': 2 }],
    ['{1, 2}', [1, 2]],
    ['1 # c', 1],
    ['"x" # c', 'x'],
    ['x # c', 'x # c'],
    ['-3', -3],
    ['+3', 3],
    ['- 3', -3],
    ['-0', 0],
    ['--1', '--1'],
    ['+-1', '+-1'],
    ['-(-1)', '-(-1)'],
    ['~1', '~1'],
    ['1__0', '1__0'],
    ['0777', '0777'],
    ['1e5', 100_000],
    ['1-0j', '(1+0j)'],
    ['1+(2j)', '(1+2j)'],
    ['1+-2j', '1+-2j'],
    ['-(1+2j)', '-(1+2j)'],
    ['[...]', ['...']],
    ['...', '...'],
    ["f'x'", "f'x'"],
    ['__import__("os")', '__import__("os")'],
    ['', ''],
    ["'it\\'s'", "it's"],
    ["r'a\\n'", 'a\\n'],
  ])('%s is %j', (text, value) => {
    expect(iniValue(text)).toEqual(value);
  });

  it('no text makes the reader throw', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom(...'[](){},:\'"\\rb01._xj+-# \tTrueNone') }),
        (text) => void iniValue(text),
      ),
      { numRuns: 3_000 },
    );
  });
});

describe('ranges', () => {
  it.each([
    ['node[01:03]', 'node01 node02 node03'],
    ['z[08:11]', 'z08 z09 z10 z11'],
    ['n[1:3]', 'n1 n2 n3'],
    ['x[a:c]', 'xa xb xc'],
    ['y[1:10:3]', 'y1 y4 y7 y10'],
    ['r[1:2]-[a:b]', 'r1-a r1-b r2-a r2-b'],
    ['x[:3]', 'x0 x1 x2 x3'],
    ['plain', 'plain'],
  ])('%s', (pattern, names) => {
    expect(expandRange(pattern)).toEqual({ ok: true, names: names.split(' ') });
  });

  it.each([
    ['n[3:1]', '3 comes after 1, so the range names no host'],
    ['n[c:a]', 'c comes after a'],
    ['n[01:3]', '01 and 3 must have the same number of digits where one has leading zeros'],
    ['n[1:]', 'a range needs its end: [from:to]'],
    ['n[1:9:0]', 'the step of a range is a number from 1'],
    ['n[1:1000000]', 'a range makes more than 200000 hosts'],
    ['n[1:999][1:999]', 'a range makes more than 200000 hosts'],
    ['n[1:3', 'its `[` is not closed'],
    ['n1:3]', 'its `]` closes nothing'],
    ['n[1:2]]', 'its `]` closes nothing'],
    ['n[a]', 'a range is [from:to] or [from:to:step]'],
    ['n[]', 'a range is [from:to] or [from:to:step]'],
    ['n[[1:3]]', 'a range goes from number to number or from letter to letter'],
  ])('%s is refused', (pattern, why) => {
    expect(expandRange(pattern)).toEqual({ ok: false, why });
  });
});

describe('the order of hosts', () => {
  it('is level by level, as the file declares them', () => {
    const racks =
      '[rack1]\nh1\nh2\n[rack2]\nh3\nh4\n[rack3]\nh5\nh6\n[site_a:children]\nrack1\nrack3\n[site_b:children]\nrack2\n';
    const expected = ['h1', 'h2', 'h5', 'h6', 'h3', 'h4'];
    expect(hostsOf({ 'hosts.ini': racks })).toEqual(expected);
    expect(hostsOf({ 'hosts.ini': `${racks}[rack1:vars]\na=1\n[all:vars]\nb=2\n` })).toEqual(
      expected,
    );
  });

  it('puts hosts without a group first', () => {
    expect(
      hostsOf({
        'hosts.yml': 'all:\n  children:\n    web: {hosts: {n2: , n1: }}\n  hosts: {lone: }\n',
      }),
    ).toEqual(['lone', 'n2', 'n1']);
  });
});

describe('INI files', () => {
  it('have groups, children, variables, ports and comments', () => {
    const { value, diagnostics } = load({
      'hosts.ini':
        '# c\n; c\nlone pw=ab#cd\n[web]\nn1:2222 a="x y" b=\'{"k": 1}\'\nn[2:3] # note\n[::1]:22\n[pool:children]\nweb\n[pool:vars]\nx = y # z\n',
    });
    expect(diagnostics).toEqual([]);
    expect(
      [...(value?.hosts.values() ?? [])].map(({ name, groups, vars }) => [name, groups, vars]),
    ).toEqual([
      ['lone', ['ungrouped'], { pw: 'ab' }],
      ['n1', ['web', 'pool'], { ansible_port: 2222, a: 'x y', b: { k: 1 }, x: 'y # z' }],
      ['n2', ['web', 'pool'], { x: 'y # z' }],
      ['n3', ['web', 'pool'], { x: 'y # z' }],
      ['::1', ['web', 'pool'], { ansible_port: 22, x: 'y # z' }],
    ]);
  });

  it('keep the first port of a host', () => {
    expect(varsOf('h', { 'hosts.ini': 'h:22\n[g]\nh:2222\n' })).toEqual({ ansible_port: 22 });
  });
});

describe('a file whose name does not say YAML or INI', () => {
  it.each([
    ['all:\n  hosts:\n    n1:\n'],
    ['all: # fleet\n  hosts:\n    n1:\n'],
    ['"all":\n  hosts:\n    n1:\n'],
    ["'all' :\n  hosts: {n1: }\n"],
    ['web.prod:\n  hosts:\n    n1:\n'],
    ['web servers:\n  hosts:\n    n1:\n'],
    ['# c\n\n  all:\n    hosts:\n      n1:\n'],
    ['\ufeffall:\r\n  hosts:\r\n    n1:\r\n'],
    ['? all\n: hosts: {n1: }\n'],
    ['&a all: {hosts: {n1: }}\n'],
    ['all: {hosts: n1}'],
    ['{all: {hosts: {n1: }}}\n'],
    ['{"all": {"hosts": {"n1": {}}}}\n'],
    ['%YAML 1.1\n---\nall: {hosts: {n1: }}\n'],
  ])('%j is YAML', (text) => {
    expect(hostsOf({ hosts: text })).toEqual(['n1']);
    expect(hostsOf({ 'hosts.production': text })).toEqual(['n1']);
  });

  it.each([
    ['n1\n'],
    ['n1:22\n'],
    ['n1 # web: x\n'],
    ['n1 # web: x\nn1 b=2\n'],
    ['# web: x\nn1\n'],
    ['; web: x\nn1\n'],
    ['n1 a="x: y"\n'],
    ['n1 a=\'{"k": 1}\' b=2\n'],
    ['[web]\nn1\n'],
    ['[web] # rack: 1\nn1 a="x: y"\n'],
    ['n1\n[web:vars]\nx=a: b\n[web]\nn1\n'],
  ])('%j is INI', (text) => {
    expect(hostsOf({ hosts: text })).toEqual(['n1']);
  });

  it.each([
    ['all:\n  hosts:\n\tn1:\n', 'hosts:3:1 error tab: Tabs are not allowed as indentation'],
    [
      'all: # fleet\n  hosts:\n    n1:\n    n1:\n',
      'hosts:4:5 error duplicate-key: the key `n1` is given twice',
    ],
    [
      '"all":\n  hots:\n    n1:\n',
      'hosts:2:3 error unknown-key: the group all has the unknown key `hots`',
    ],
    [
      'all: n1\n',
      'hosts:1:1 error inventory-shape: the group all should be a mapping with hosts, children or vars',
    ],
    ['[web]\nn1:\n', 'hosts:2:1 error host-name: `n1:` is not the name of a host'],
    ['n1\nn2:\n', 'hosts:2:1 error host-name: `n2:` is not the name of a host'],
    ['- n1\n', 'hosts:1:3 error ini-syntax: expected key=value, not `n1`'],
  ])('the error in %j is reported as what it is', (text, expected) => {
    expect(reported({ hosts: text })[0]).toBe(expected);
    expect(hostsOf({ hosts: text })).not.toContain('all:');
  });
});

describe('precedence', () => {
  const inline =
    '[child_a]\nh1 host=inline\n[child_b]\nh1\n[parent:children]\nchild_a\nchild_b\n[all:vars]\nv=all\n[parent:vars]\nv=parent\n';

  it.each([
    ['a child beats its parent', `${inline}[child_a:vars]\nv=a\n`, {}, 'a'],
    [
      'of one depth the last name wins',
      `${inline}[child_a:vars]\nv=a\n[child_b:vars]\nv=b\n`,
      {},
      'b',
    ],
    [
      'priority beats the alphabet',
      `${inline}[child_a:vars]\nv=a\nansible_group_priority=10\n[child_b:vars]\nv=b\n`,
      {},
      'a',
    ],
    [
      'group_vars/all beats inline group variables',
      `${inline}[child_a:vars]\nv=a\n`,
      { 'inv/group_vars/all.yml': 'v: file' },
      'file',
    ],
    [
      'group_vars of a group beats group_vars/all of the playbook',
      inline,
      { 'inv/group_vars/child_a': 'v: file', 'pb/group_vars/all': 'v: pb' },
      'file',
    ],
    [
      'the playbook beats the inventory',
      inline,
      { 'inv/group_vars/child_a': 'v: inv', 'pb/group_vars/child_a': 'v: pb' },
      'pb',
    ],
    [
      'host variables beat group files',
      `${inline}[x]\nh1 v=host\n`,
      { 'pb/group_vars/child_a': 'v: pb' },
      'host',
    ],
    [
      'host_vars beats inline',
      `${inline}[x]\nh1 v=host\n`,
      { 'inv/host_vars/h1.json': '{"v": "file"}' },
      'file',
    ],
    [
      'host_vars of the playbook is the last',
      `${inline}[x]\nh1 v=host\n`,
      { 'inv/host_vars/h1': 'v: inv', 'pb/host_vars/h1': 'v: pb' },
      'pb',
    ],
    [
      'a name without ending is read before .yml',
      inline,
      { 'inv/host_vars/h1': 'v: bare', 'inv/host_vars/h1.yml': 'v: yml' },
      'bare',
    ],
    [
      'priority in group_vars has no effect',
      `${inline}[child_a:vars]\nv=a\n[child_b:vars]\nv=b\n`,
      { 'inv/group_vars/child_a': 'ansible_group_priority: 10' },
      'b',
    ],
  ])('%s', (_, ini, files, expected) => {
    expect(varsOf('h1', { 'inv/hosts.ini': ini, ...files }, ['inv/hosts.ini'], 'pb')?.v).toBe(
      expected,
    );
  });

  it('all files of a directory are read in order of name, hidden and backup ones not', () => {
    const dir = 'group_vars/all';
    const files = {
      [`${dir}/1.yml`]: 'a: 1\nb: 1',
      [`${dir}/2.json`]: '{"b": 2}',
      [`${dir}/.x.yml`]: 'c: 1',
      [`${dir}/x.yml~`]: 'c: 1',
      [`${dir}/n.txt`]: 'c: 1',
      [`${dir}/sub/s`]: 'd: 1',
    };
    expect(varsOf('h', { 'h.ini': 'h\n', ...files })).toEqual({ a: 1, b: 2, d: 1 });
  });
});

describe('several inventories', () => {
  it('are read in order; later variables win', () => {
    expect(
      varsOf('h', { 'a.ini': '[g]\nh v=1\n', 'b.yml': 'g: {hosts: {h: {v: 2}}}\n' }, [
        'a.ini',
        'b.yml',
      ]),
    ).toEqual({ v: 2 });
  });

  it('a directory gives all its inventories, and skips its other files', () => {
    const files = {
      'inv/1.ini': 'a\n',
      'inv/2.yml': 'ungrouped: {hosts: {b: }}\n',
      'inv/README.md': 'x y',
      'inv/old.bak': 'x y',
      'inv/.hidden': 'x y',
      'inv/group_vars/all.yml': 'v: 1',
    };
    expect(hostsOf(files, ['inv'])).toEqual(['a', 'b']);
    expect(varsOf('a', files, ['inv'])).toEqual({ v: 1 });
  });

  it('names with a comma are an inventory', () => {
    expect(hostsOf({}, ['n[1:2],x,'])).toEqual(['n1', 'n2', 'x']);
  });

  it('a program is asked with --list, and with --host where it gives no _meta', () => {
    const files = { './inv.py': '#!/usr/bin/env python3\n' };
    const withMeta = tableReader(files, {
      './inv.py --list':
        '{"web": {"hosts": ["a"], "vars": {"v": 1}, "children": ["sub"]}, "sub": ["b"], "_meta": {"hostvars": {"a": {"w": 2}}}}',
    });
    expect(loadInventory(['./inv.py'], { reader: withMeta }).value?.hosts.get('a')?.vars).toEqual({
      v: 1,
      w: 2,
    });
    expect(loadInventory(['./inv.py'], { reader: withMeta }).value?.hosts.get('b')?.groups).toEqual(
      ['web', 'sub'],
    );
    const without = tableReader(files, {
      './inv.py --list': '{"web": ["a"]}',
      './inv.py --host a': '{"w": 3}',
    });
    expect(loadInventory(['./inv.py'], { reader: without }).value?.hosts.get('a')?.vars).toEqual({
      w: 3,
    });
    expect(loadInventory(['./inv.py'], { reader: tableReader(files) }).diagnostics[0]?.code).toBe(
      'inventory-program',
    );
  });
});

describe('a broken inventory', () => {
  it.each([
    [
      'h.ini',
      'n1 docker_version=20.10\n',
      'h.ini:1:4 warning value-loses-characters: `docker_version`: 20.10 is read as 20.1',
    ],
    [
      'h.yml',
      'all: {vars: {v: 20.10}, hosts: {n: }}\n',
      'h.yml:1:17 warning value-loses-characters: `v`: 20.10 is read as 20.1',
    ],
    ['h.ini', 'web\n[web]\nn1\n', 'h.ini:1:1 warning same-name: `web` is a host and a group'],
    ['h.ini', 'n1=5\n', 'h.ini:1:1 warning host-name: this makes a host called `n1=5`'],
    [
      'h.ini',
      'n[3:1]\n',
      'h.ini:1:1 error range: `n[3:1]` cannot be read: 3 comes after 1, so the range names no host',
    ],
    [
      'h.ini',
      'all: # fleet\n  hosts:\n',
      'h.ini:1:1 error host-name: `all:` is not the name of a host',
    ],
    [
      'h.ini',
      '[web]\nn1\n  n2: a=1\n',
      'h.ini:3:3 error host-name: `n2:` is not the name of a host',
    ],
    ['h.ini', '[web]\n---\n', 'h.ini:2:1 error host-name: `---` is not the name of a host'],
    [
      'h.ini',
      '[web]\nn1\nn[1:3\n',
      'h.ini:3:1 error range: `n[1:3` cannot be read: its `[` is not closed',
    ],
    [
      'h.ini',
      'n[a]\n',
      'h.ini:1:1 error range: `n[a]` cannot be read: a range is [from:to] or [from:to:step]',
    ],
    [
      'h.yml',
      'all: {hosts: {"n1:": }}\n',
      'h.yml:1:15 error host-name: `n1:` is not the name of a host',
    ],
    [
      'h.yml',
      'all: {hosts: {"n[1:3": }}\n',
      'h.yml:1:15 error range: `n[1:3` cannot be read: its `[` is not closed',
    ],
    ['h.ini', 'n1 ; note\n', 'h.ini:1:4 error ini-syntax: expected key=value, not `;`'],
    [
      'h.ini',
      "n1 a='x\n",
      "h.ini:1:1 error ini-syntax: this host line cannot be read: a ' is not closed",
    ],
    [
      'h.ini',
      '[g:vars]\na=1\n[x]\nn\n',
      'h.ini:1:1 error undefined-group: [g:vars] names the group g, which is not declared',
    ],
    [
      'h.ini',
      '[g:children]\nsub\n[x]\nn\n',
      'h.ini:2:1 error undefined-group: [g:children] names the group sub, which is not declared',
    ],
    [
      'h.ini',
      '[g:foo]\nx\n',
      'h.ini:1:1 error ini-syntax: the section [g:foo] is of an unknown kind',
    ],
    [
      'h.ini',
      '[a:children]\nb\n[b:children]\na\n[b]\nn\n',
      'h.ini:1:1 error cyclic-groups: groups are children of themselves: a > b > a',
    ],
    ['h.ini', '', 'h.ini:1:1 error empty-inventory: the inventory has no hosts'],
    ['h.yml', '', 'h.yml:1:1 error empty-inventory: the inventory has no hosts'],
    ['h.yml', 'n1\n', 'h.yml:1:1 error inventory-shape: an inventory is a mapping of groups'],
    [
      'h.yml',
      'web: [a]\n',
      'h.yml:1:1 error inventory-shape: the group web should be a mapping with hosts, children or vars',
    ],
    [
      'h.yml',
      'web: {hosts: [a, b]}\n',
      'h.yml:1:7 error inventory-shape: `hosts` of the group web should be a mapping',
    ],
    [
      'h.yml',
      'web:\n  hots: {a: }\n',
      'h.yml:2:3 error unknown-key: the group web has the unknown key `hots`',
    ],
    [
      'h.yml',
      'all:\n  hosts:\n    a: 1\n    a: 2\n',
      'h.yml:4:5 error duplicate-key: the key `a` is given twice',
    ],
    ['h.yml', 'all:\n\thosts: {}\n', 'h.yml:2:1 error tab: Tabs are not allowed as indentation'],
  ])('%s %j', (name, text, expected) => {
    expect(reported({ [name]: text })[0]).toBe(expected);
  });

  it('reports a missing file and a broken variables file', () => {
    expect(reported({}, ['nope.yml'])[0]).toBe(
      'nope.yml:1:1 error unreadable: the inventory nope.yml cannot be read: there is no such file',
    );
    expect(reported({ 'h.ini': 'n\n', 'group_vars/all.yml': 'a: [\n' })[0]).toMatch(
      /^group_vars\/all\.yml:\d+:\d+ error yaml-syntax/,
    );
  });

  it('is reported with all its errors', () => {
    expect(reported({ 'h.ini': 'n1 x\nn[2:1]\n[g:foo]\n' })).toHaveLength(3);
  });

  it('random files never throw', () => {
    const piece = fc.constantFrom(
      '[',
      ']',
      ':',
      'a',
      'all',
      'vars',
      'hosts',
      'children',
      '\n',
      '\n  ',
      ' ',
      '=',
      '1',
      '"',
      "'",
      '#',
      '{',
      '}',
      ',',
      '-',
      '\\',
      '\f',
    );
    fc.assert(
      fc.property(
        fc.constantFrom('h.ini', 'h.yml', 'h'),
        fc.array(piece, { maxLength: 30 }),
        (name, parts) => {
          load({ [name]: parts.join('') });
        },
      ),
      { numRuns: 3_000 },
    );
  });
});

describe('ten thousand hosts', () => {
  const flat = (count: number): string =>
    `all:\n  hosts:\n${Array.from({ length: count }, (_, i) => `    n${i}: {ansible_host: 10.0.${i >> 8}.${i & 255}, zone: z${i % 3}}\n`).join('')}`;
  const time = (count: number): number => {
    const files = { 'h.yml': flat(count) };
    const before = process.cpuUsage();
    expect(load(files).value?.hosts.size).toBe(count);
    return process.cpuUsage(before).user;
  };

  it('take time in proportion to their number', () => {
    time(1_000);
    const [small, large] = [
      Math.min(time(2_000), time(2_000)),
      Math.min(time(16_000), time(16_000)),
    ];
    // Eight times the hosts; a quadratic step would make it 64 times.
    expect(large / small).toBeLessThan(20);
  });
});

it('a good inventory has no errors and keeps its files for the digest of a plan', () => {
  const read = load({ 'h.ini': 'n\n', 'group_vars/all': 'a: 1' });
  expect(hasErrors(read.diagnostics)).toBe(false);
  expect(read.value?.files).toEqual(['h.ini', 'group_vars/all']);
});
