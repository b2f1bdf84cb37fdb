// Variables of a host: layers, magic variables, and templates that are rendered when read; and the
// target of a host.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { compile } from '../../src/expression/index.ts';
import {
  hostScope,
  hostVars,
  type Layers,
  loadInventory,
  parseExtraVars,
  targetOf,
} from '../../src/load/index.ts';
import { sshArguments } from '../../src/load/inventory/ssh-arguments.ts';
import { hasErrors } from '../../src/model/diagnostic.ts';
import { secret } from '../../src/model/host.ts';
import { tableReader } from '../fakes/table-reader.ts';

const inventoryOf = (text: string) => {
  const { value } = loadInventory(['inv/h.yml'], { reader: tableReader({ 'inv/h.yml': text }) });
  if (value === undefined) throw new Error('this inventory is broken');
  return value;
};
const fleet = inventoryOf(`
all:
  vars: {port: 80, url: "http://{{ inventory_hostname }}:{{ port }}/"}
  children:
    web: {hosts: {n1.example.org: {port: 81}, n2: }}
    db: {hosts: {n2: {bad: "{{ nope }}", loop_a: "{{ loop_b }}", loop_b: "{{ loop_a }}"}}}
`);
const evaluate = (source: string, host = 'n1.example.org', layers: Layers = {}) => {
  const compiled = compile(source, 'template');
  if (compiled.kind === 'problem') throw new Error(compiled.message);
  const result = compiled.evaluate(hostScope(fleet, host, layers));
  return result.kind === 'value' ? result.value : result;
};

describe('variables', () => {
  it.each<[string, Layers, unknown]>([
    ['port', {}, 81],
    ['port', { facts: { port: 1 } }, 1],
    ['port', { facts: { port: 1 }, playVars: { port: 2 } }, 2],
    [
      'port',
      { playVars: { port: 2 }, taskVars: [{ vars: { port: 3 } }, { vars: { port: 4 } }] },
      3,
    ],
    ['port', { taskVars: [{ vars: { port: 3 } }], registered: { port: 5 } }, 5],
    ['port', { registered: { port: 5 }, extraVars: { port: 6 } }, 6],
    ['url', {}, 'http://n1.example.org:81/'],
    ['url', { extraVars: { port: 6 } }, 'http://n1.example.org:6/'],
    ['inventory_hostname', { extraVars: { inventory_hostname: 'x' } }, 'n1.example.org'],
    ['inventory_hostname_short', {}, 'n1'],
    ['group_names', {}, ['web']],
    ['groups.web', {}, ['n1.example.org', 'n2']],
    ['groups.all | length', {}, 2],
    ['groups.ungrouped', {}, []],
    ['hostvars.n2.port', {}, 80],
    ['hostvars["n2"].url', {}, 'http://n2:80/'],
    ['hostvars.n2.group_names', {}, ['db', 'web']],
    ['inventory_dir', {}, 'inv'],
    ['playbook_dir', { playbookDir: 'pb' }, 'pb'],
  ])('%s with %j is %j', (source, layers, expected) => {
    expect(evaluate(source, 'n1.example.org', layers)).toEqual(expected);
  });

  it('output of a host is data: braces in facts and results are not a template', () => {
    const said = { motd: '{{ port }}', up: 'yes' };
    expect(evaluate('out.motd', 'n1.example.org', { registered: { out: said } })).toBe(
      '{{ port }}',
    );
    expect(evaluate('os.motd', 'n1.example.org', { facts: { os: said } })).toBe('{{ port }}');
  });

  it('an unknown fact keeps other facts, and other parts of a variable, known', () => {
    const facts = { boot: { id: { $unknown: 'stale' }, loader: 'grub2' } };
    expect(evaluate('boot.loader', 'n1.example.org', { facts })).toBe('grub2');
    expect(
      evaluate('mine.b', 'n1.example.org', {
        facts,
        playVars: { mine: { a: '{{ boot.id }}', b: 'x{{ port }}' } },
      }),
    ).toBe('x81');
    expect(
      evaluate('mine.a', 'n1.example.org', {
        facts,
        playVars: { mine: { a: '{{ boot.id }}', b: 2 } },
      }),
    ).toEqual({
      kind: 'unknown',
      why: 'stale',
    });
  });

  it('a variable that cannot be rendered is shown as written, with a warning', () => {
    expect(hostVars(fleet, 'n1.example.org').value).toEqual({
      port: 81,
      url: 'http://n1.example.org:81/',
    });
    const { value, diagnostics } = hostVars(fleet, 'n2');
    expect(value).toEqual({
      port: 80,
      url: 'http://n2:80/',
      bad: '{{ nope }}',
      loop_a: '{{ loop_b }}',
      loop_b: '{{ loop_a }}',
    });
    expect(hasErrors(diagnostics)).toBe(false);
    expect(diagnostics.map((one) => one.summary)).toEqual([
      expect.stringContaining('variable bad'),
      expect.stringContaining('loop_a -> loop_b -> loop_a'),
      expect.stringContaining('loop_b -> loop_a -> loop_b'),
    ]);
  });
});

describe('targets', () => {
  const target = (vars: string, options: Parameters<typeof targetOf>[2] = {}) => {
    const inventory = inventoryOf(`all: {hosts: {h: ${vars}}}`);
    return targetOf('h', hostScope(inventory, 'h'), options);
  };
  const plainTarget = {
    name: 'h',
    hostKeyChecking: 'yes',
    legacyCrypto: false,
    connectTimeout: 10,
  };

  it.each<[string, object]>([
    ['{}', {}],
    [
      '{ansible_host: "10.0.0.{{ 1 + 1 }}", ansible_port: "2222", ansible_user: ops}',
      { address: '10.0.0.2', port: 2222, user: 'ops' },
    ],
    ['{ansible_ssh_common_args: "-o ProxyJump=a@b:22,c"}', { jump: 'a@b:22,c' }],
    [
      '{ansible_ssh_extra_args: "-J bastion -i ~/k -p 23 -l me"}',
      { jump: 'bastion', privateKeyFiles: ['~/k'], port: 23, user: 'me' },
    ],
    [
      '{ansible_ssh_common_args: "-o ProxyCommand=\\"ssh -W %h:%p -q me@bastion\\""}',
      { proxyCommand: 'ssh -W %h:%p -q me@bastion' },
    ],
    [
      '{ansible_ssh_common_args: "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null"}',
      { hostKeyChecking: 'no', knownHostsFiles: ['/dev/null'] },
    ],
    ['{ansible_ssh_common_args: -o ConnectTimeout=3}', { connectTimeout: 3 }],
    ['{ansible_host_key_checking: false}', { hostKeyChecking: 'no' }],
    ['{ansible_host_key_checking: accept-new}', { hostKeyChecking: 'accept-new' }],
    ['{ansible_timeout: 7, legacy_crypto: true}', { connectTimeout: 7, legacyCrypto: true }],
    ['{ansible_become: true}', { become: { method: 'sudo', user: 'root', fixed: ['become'] } }],
    [
      '{ansible_become: "yes", ansible_become_method: doas, ansible_become_user: admin}',
      { become: { method: 'doas', user: 'admin', fixed: ['become', 'user'] } },
    ],
    [
      '{ansible_ssh_args: "-4 -b 10.0.0.1 -F /f -o HostKeyAlias=a", ansible_ssh_extra_args: "-p 1 -p 2"}',
      {
        sshOptions: ['AddressFamily=inet', 'BindAddress=10.0.0.1', 'HostKeyAlias=a'],
        sshConfigFile: '/f',
        port: 1,
      },
    ],
    ['{ssh_ignore: [PKCS11Provider, Match]}', { sshIgnore: ['PKCS11Provider', 'Match'] }],
    ['{ansible_ssh_transport: openssh}', { transport: 'openssh' }],
    ['{ansible_ssh_transport: kmend}', {}],
    ['{ansible_ssh_private_key_file: ~/k}', { privateKeyFiles: ['~/k'] }],
  ])('%s', (vars, expected) => {
    expect(target(vars)).toEqual({ value: { ...plainTarget, ...expected }, diagnostics: [] });
  });

  it('variables of the host override options', () => {
    const options = { user: 'cli', become: true, becomeMethod: 'su', becomePassword: secret('p') };
    expect(target('{ansible_user: inv, ansible_become: false}', options).value).toEqual({
      ...plainTarget,
      user: 'inv',
    });
    expect(target('{}', options).value).toMatchObject({
      user: 'cli',
      become: { method: 'su', user: 'root' },
    });
  });

  it('passwords are secrets that no output shows', () => {
    const { value } = target(
      '{ansible_password: "sEcret1", ansible_become: true, ansible_become_pass: 20.5}',
    );
    expect(value?.password?.reveal()).toBe('sEcret1');
    expect(value?.become?.password?.reveal()).toBe('20.5');
    expect(JSON.stringify(value)).not.toMatch(/sEcret1|20\.5/);
  });

  it.each([
    ['{ansible_port: 99999}', 'connection-variable'],
    ['{ansible_ssh_transport: ssh}', 'connection-variable'],
    ['{ansible_port: [1]}', 'connection-variable'],
    ['{ansible_connection: local}', 'connection-kind'],
    ['{ansible_become: true, ansible_become_method: sduo}', 'become-method'],
    ['{ansible_host: "{{ nope }}"}', 'variable'],
    ['{ansible_ssh_common_args: "-o StrictHostKeyChecking=maybe"}', 'ssh-arguments'],
    ['{ansible_password: [sEcret1]}', 'connection-variable'],
    ['{ssh_ignore: {a: 1}}', 'connection-variable'],
  ])('%s is refused: %s', (vars, code) => {
    const { value, diagnostics } = target(vars);
    expect(value).toBeUndefined();
    expect(diagnostics.map((one) => one.code)).toEqual([code]);
    expect(JSON.stringify(diagnostics)).not.toContain('sEcret1');
  });

  it('unused ssh arguments are named in a warning', () => {
    expect(
      target('{ansible_ssh_common_args: "-o ControlPersist=60s -C -L 1:a:2 --odd"}').diagnostics,
    ).toEqual([
      {
        code: 'ssh-arguments',
        severity: 'warning',
        summary: 'host h: these ssh arguments are not used: --odd',
      },
    ]);
    expect(sshArguments('-oProxyJump=none').jump).toBe('');
    expect(sshArguments('-J none -o ProxyCommand=x -J gate')).toMatchObject({
      jump: '',
      proxyCommand: 'x',
    });
    expect(sshArguments('-o ProxyCommand=none -J gate')).toMatchObject({ proxyCommand: '' });
    expect(sshArguments('-o ProxyCommand=none -J gate')).not.toHaveProperty('jump');
  });
});

describe('-e', () => {
  const read = (...words: string[]) =>
    parseExtraVars(words, tableReader({ 'v.yml': 'a: 1\nb: 20.10\n', bad: '[' }));

  it.each<[string[], object]>([
    [['a=1 b="x y"'], { a: '1', b: 'x y' }],
    [['{"a": 1}'], { a: 1 }],
    [['{a: off}'], { a: false }],
    [['@v.yml', 'a=2'], { a: '2', b: 20.1 }],
    [['a=#x=y'], { a: '#x=y' }],
    [[], {}],
  ])('%j is %j', (words, expected) => {
    expect(read(...words).value).toEqual(expected);
  });

  it.each([['x'], ['=1'], ['@nope'], ['@bad'], ['[1]'], ['a="x']])('%j is an error', (word) => {
    expect(read(word).value).toBeUndefined();
  });
});

it('the example inventory is valid and matches its comments', () => {
  const text = readFileSync('inventory.example.yaml', 'utf8');
  const { value, diagnostics } = loadInventory(['inventory.example.yaml'], {
    reader: tableReader({ 'inventory.example.yaml': text }),
  });
  expect(diagnostics).toEqual([]);
  if (value === undefined) throw new Error('no inventory');
  expect(value.hosts.size).toBe(27);
  expect(value.hosts.get('node-a13')?.groups).toEqual(['pool_a', 'production']);
  const targets = [...value.hosts.keys()].map((host) => targetOf(host, hostScope(value, host)));
  expect(targets.flatMap((one) => one.diagnostics)).toEqual([]);
  expect(targets[12]?.value).toMatchObject({
    name: 'node-a13',
    address: '10.0.1.13',
    user: 'ops',
    jump: 'bastion.example.net',
    become: { method: 'sudo' },
  });
  expect(hostVars(value, 'node-a01').value).toMatchObject({
    node_name: 'node-a01.example.net',
    zone: 'eu-1a',
  });
});
