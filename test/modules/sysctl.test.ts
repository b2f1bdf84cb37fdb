// sysctl: the edit of the file, the value of now, and both in a tree, in every shell.
// test/hosts/sysctl-differential.test.ts compares the edits with Ansible's.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { withSetting } from '../../src/modules/file/kernel-settings/setting-lines.ts';
import { hostTree } from './host-tree.ts';
import { moduleNamed, parseArgs, planOf } from './laws.ts';
import { everyShell } from './readings.ts';
import { applied, treeFacts } from './setting-trees.ts';

const file = '/etc/sysctl.d/90-nodes.conf';
const tree = (text?: string, more: Readonly<Record<string, string>> = {}) =>
  hostTree({
    '/proc/sys/vm/max_map_count': '65530\n',
    '/proc/sys/net/ipv4/tcp_rmem': '4096\t131072\t6291456\n',
    '/proc/sys/net/ipv4/conf/eth0.100/forwarding': '0\n',
    '/etc/sysctl.d/README': '',
    ...(text === undefined ? {} : { [file]: text }),
    ...more,
  });
const map = { name: 'vm.max_map_count', value: 262_144, sysctl_file: file };

describe.each(everyShell.map((shell) => [shell.join(' '), shell] as const))('in %s', (_, shell) => {
  it('sets the value now and in the file, and has nothing to do then', () => {
    const host = tree('a.b = 1\n');
    const { plan, again, ends } = applied(host, 'sysctl', map, shell);
    expect(plan.changes).toMatchObject([
      { what: 'sysctl vm.max_map_count', before: '65530', after: '262144', risk: 'write' },
      { what: `file ${file}`, diff: '@@ -1 +1,2 @@\n-a.b = 1\n+a.b=1\n+vm.max_map_count=262144' },
    ]);
    expect(ends).toEqual(['ok', 'ok']);
    expect(host.read('/proc/sys/vm/max_map_count')).toBe('262144\n');
    expect(host.read(file)).toBe('a.b=1\nvm.max_map_count=262144\n');
    expect(again.changes).toEqual([]);
  });

  it('says that the kernel does not take a value, and leaves the file', () => {
    const host = tree('');
    host.remove('/proc/sys/vm/max_map_count');
    host.write('/proc/sys/vm/max_map_count/x', '');
    const facts = treeFacts(tree(''), 'sysctl', map, shell);
    const [effect] = planOf('sysctl', { args: map, facts }).changes[0]?.effects ?? [];
    if (effect?.kind !== 'run') throw new Error('no script');
    expect(host.run(effect.script, shell).code).toBe(71);
    expect(host.read(file)).toBe('');
  });
});

describe('what is wanted', () => {
  const changes = (args: object, host = tree('')) =>
    planOf('sysctl', {
      args: { sysctl_file: file, ...args },
      facts: treeFacts(host, 'sysctl', { sysctl_file: file, ...args }),
    }).changes.map(({ what }) => what);

  it.each<[string, object, readonly string[]]>([
    ['the file alone', { ...map, reload: false }, [`file ${file}`]],
    ['the value alone', { ...map, persist: false }, ['sysctl vm.max_map_count']],
    [
      'numbers with other blanks',
      { name: 'net.ipv4.tcp_rmem', value: '4096 131072  6291456' },
      [`file ${file}`],
    ],
    [
      'a name with a dot in it',
      { name: 'net.ipv4.conf.eth0/100.forwarding', value: 'yes' },
      ['sysctl net.ipv4.conf.eth0/100.forwarding', `file ${file}`],
    ],
    [
      'the same with slashes',
      { name: 'net/ipv4/conf/eth0.100/forwarding', value: true },
      ['sysctl net/ipv4/conf/eth0.100/forwarding', `file ${file}`],
    ],
    ['no line of it', { name: 'vm.max_map_count', state: 'absent' }, []],
    [
      'a setting that is not there',
      { name: 'vm.none', value: 1, ignoreerrors: true },
      [`file ${file}`],
    ],
  ])('%s', (_, args, expected) => {
    expect(changes(args)).toEqual(expected);
  });

  it('is refused where the kernel has no such setting, or an earlier task may bring it', () => {
    const args = { name: 'net.bridge.bridge-nf-call-iptables', value: 1, sysctl_file: file };
    const facts = treeFacts(tree(''), 'sysctl', args);
    expect(planOf('sysctl', { args, facts }).unmet?.evidence).toMatch(/has no setting net.bridge/);
    const done = { drained: false, rebooted: false, cordoned: false, altered: true };
    expect(() => planOf('sysctl', { args, facts, context: { done } })).toThrow(/earlier task/);
    expect(() =>
      planOf('sysctl', {
        args: map,
        facts: treeFacts(tree(''), 'sysctl', map),
        context: { done: { ...done, rebooted: true } },
      }),
    ).toThrow(/after the reboot/);
  });

  it.each([
    [{ name: '../../etc/passwd', value: 1 }],
    [{ name: 'vm/../../x', value: 1 }],
    [{ name: 'vm..x', value: 1 }],
    [{ name: 'net.ipv4.conf.*.rp_filter', value: 1 }],
    [{ name: 'vm.swappiness' }],
    [{ name: 'vm.swappiness', value: ' ' }],
    [{ name: 'vm.swappiness', value: '1\n2' }],
    [{ name: 'vm.swappiness', value: 1, sysctl_file: 'x.conf' }],
  ])('nor takes %j', (args) => {
    expect(() => parseArgs(moduleNamed('sysctl'), args)).toThrow();
  });
});

describe('the edit of the file', () => {
  it.each<[string, string, string | undefined, string]>([
    ['a.b = 1\n# c\n\n  x.y=2  \n', 'x.y', '3', 'a.b=1\n# c\n\nx.y=3\n'],
    ['x.y=2', 'k.l', '3 4', 'x.y=2\nk.l=3 4\n'],
    ['x.y=2\nx.y = 3\nz=1 # c\n', 'x.y', '3', 'x.y=2\nx.y = 3\nz=1 # c\n'],
    ['x.y=2\nx.y = 3\nz=1 # c\n', 'x.y', undefined, 'z=1 # c\n'],
    ['#x.y=1\n', 'x.y', '1', '#x.y=1\nx.y=1\n'],
    ['', 'x.y', undefined, ''],
  ])('%j with %s=%s', (text, name, value, expected) => {
    expect(withSetting(text, name, value)).toBe(expected);
  });

  it('is done once, and leaves the value of every other setting', () => {
    const line = fc.constantFrom(
      'a=1',
      'b = 2',
      ' a=3',
      '# a=1',
      ';',
      '',
      'b',
      'c=a=b',
      '-a=1',
      'a\t=\t4',
    );
    const texts = fc.array(line).map((lines) => lines.join('\n'));
    const value = fc.constantFrom('1', '2 3', undefined);
    fc.assert(
      fc.property(texts, fc.constantFrom('a', 'b', 'd'), value, (text, name, wanted) => {
        const made = withSetting(text, name, wanted);
        expect(withSetting(made, name, wanted)).toBe(made);
        const valuesOf = (from: string) =>
          new Map(
            from
              .split('\n')
              .filter((one) => /^\s*[^#;\s].*=/.test(one))
              .map((one) => [one.split('=')[0]?.trim() ?? '', one.replace(/^[^=]*=/, '').trim()]),
          );
        const [before, after] = [valuesOf(text), valuesOf(made)];
        if (wanted === undefined) before.delete(name);
        else before.set(name, wanted);
        expect(new Map([...after].sort())).toEqual(new Map([...before].sort()));
      }),
    );
  });
});
