// modprobe: loading and taking out, and the lines in /etc/modules-load.d and /etc/modprobe.d, in a
// tree and in every shell.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isLoadedBy, withoutModule } from '../../src/modules/file/kernel-settings/module-lines.ts';
import { hostTree } from './host-tree.ts';
import { moduleNamed, parseArgs, planOf } from './laws.ts';
import { everyShell } from './readings.ts';
import { applied, treeFacts } from './setting-trees.ts';

function tree(files: Readonly<Record<string, string>> = {}) {
  const host = hostTree({
    '/proc/modules': 'loop 40960 0 - Live 0x0\n',
    '/lib/modules/6.1/modules.builtin': 'kernel/fs/ext4/ext4.ko\nkernel/crypto/zstd-x.ko\n',
    '/etc/modules-load.d/README': '',
    '/etc/modprobe.d/README': '',
    ...files,
  });
  host.program('uname', 'echo 6.1');
  host.program(
    'modprobe',
    `printf '%s\\n' "$*" >> "$KMEND_ROOT/calls"
case $* in
  "-n -q none") exit 1 ;;
  "-n -q"*) exit 0 ;;
  "-r "*) grep -v "^$2 " "$KMEND_ROOT/proc/modules" > "$KMEND_ROOT/m"; mv "$KMEND_ROOT/m" "$KMEND_ROOT/proc/modules" ;;
  *) echo "$(echo "$1" | tr - _) 1 0 - Live 0x0" >> "$KMEND_ROOT/proc/modules" ;;
esac`,
  );
  return host;
}

// busybox has a modprobe of its own.
describe.each(
  everyShell
    .filter(([program]) => program !== 'busybox')
    .map((shell) => [shell.join(' '), shell] as const),
)('in %s', (_, shell) => {
  it('loads a module with options, now and at the next boots', () => {
    const host = tree();
    const args = { name: 'br-netfilter', params: 'a=1 b=2', persistent: 'present' };
    const { plan, ends, again } = applied(host, 'modprobe', args, shell);
    expect(plan.changes).toMatchObject([
      { what: 'kernel module br-netfilter', before: 'not loaded', after: 'loaded' },
      { what: 'file /etc/modules-load.d/br-netfilter.conf', diff: '@@ -0,0 +1 @@\n+br-netfilter' },
      { what: 'file /etc/modprobe.d/br-netfilter.conf' },
    ]);
    expect(ends).toEqual(['ok', 'ok', 'ok']);
    expect(host.read('/etc/modprobe.d/br-netfilter.conf')).toBe(
      'options br-netfilter a=1\noptions br-netfilter b=2\n',
    );
    expect(host.read('calls')).toMatch(/^br-netfilter a=1 b=2$/m);
    expect(again.changes).toEqual([]);
  });

  it('takes one out, and makes comments of its lines', () => {
    const host = tree({
      '/etc/modules-load.d/x.conf': 'other\nloop\nloop_two\n',
      '/etc/modprobe.d/y.conf': 'options loop max_loop=4\noptions other z=1\n',
    });
    const args = { name: 'loop', state: 'absent', persistent: 'absent' };
    const { ends, again } = applied(host, 'modprobe', args, shell);
    expect(ends).toEqual(['ok', 'ok', 'ok']);
    expect(host.read('/etc/modules-load.d/x.conf')).toBe('other\n#loop\nloop_two\n');
    expect(host.read('/etc/modprobe.d/y.conf')).toBe(
      '#options loop max_loop=4\noptions other z=1\n',
    );
    expect(again.changes).toEqual([]);
  });
});

const planned = (args: object, host = tree(), context = {}) =>
  planOf('modprobe', { args, facts: treeFacts(host, 'modprobe', args), context });
const whats = (...given: Parameters<typeof planned>) =>
  planned(...given).changes.map(({ what }) => what);

describe('what is wanted', () => {
  it.each<[string, object, Readonly<Record<string, string>>, readonly string[]]>([
    ['is loaded', { name: 'loop' }, {}, []],
    ['is built in', { name: 'ext4' }, {}, []],
    ['is built in, with a dash', { name: 'zstd_x' }, {}, []],
    [
      'is in a file already',
      { name: 'loop', persistent: 'present' },
      { '/etc/modules-load.d/a.conf': ' loop # x' },
      [],
    ],
    [
      'is in a comment',
      { name: 'loop', persistent: 'present' },
      { '/etc/modules-load.d/a.conf': '#loop\n' },
      ['file /etc/modules-load.d/loop.conf'],
    ],
    [
      'has these options',
      { name: 'loop', persistent: 'present', params: 'b=2 a=1' },
      { '/etc/modules-load.d/a.conf': 'loop', '/etc/modprobe.d/o.conf': 'options loop a=1 b=2\n' },
      [],
    ],
    [
      'has other options',
      { name: 'loop', persistent: 'present', params: 'a=2' },
      { '/etc/modules-load.d/a.conf': 'loop', '/etc/modprobe.d/o.conf': 'options loop a=1\n' },
      ['file /etc/modprobe.d/o.conf', 'file /etc/modprobe.d/loop.conf'],
    ],
    ['is not there', { name: 'none', state: 'absent' }, {}, []],
  ])('%s', (_, args, files, expected) => {
    expect([...whats(args, tree(files))].sort()).toEqual([...expected].sort());
  });

  it('ends where the kernel has no such module, or has it in itself', () => {
    expect(planned({ name: 'none' }).unmet?.evidence).toMatch(/has no module none/);
    expect(planned({ name: 'ext4', state: 'absent' }).refuse?.why).toMatch(/part of the kernel/);
    const odd = tree({ '/etc/modules-load.d/a b.conf': 'loop\n' });
    expect(planned({ name: 'loop', persistent: 'absent' }, odd).refuse?.why).toMatch(
      /not a file that/,
    );
    const done = { drained: false, rebooted: true, cordoned: false, altered: true };
    expect(() => planned({ name: 'loop' }, tree(), { done })).toThrow(/after the reboot/);
  });

  it.each([
    [{ name: 'a b' }],
    [{ name: '../x' }],
    [{ name: '-r' }],
    [{ name: 'x', params: 'a="b c"' }],
    [{ name: 'x', persistent: 'yes' }],
  ])('nor takes %j', (args) => {
    expect(() => parseArgs(moduleNamed('modprobe'), args)).toThrow();
  });
});

it('only lines of the module become comments, once', () => {
  const line = fc.constantFrom(
    'loop',
    ' loop # c',
    'loop2',
    '#loop',
    'options loop a=1',
    'options loop2 a=1',
    'x-y',
    '',
  );
  fc.assert(
    fc.property(fc.array(line), (lines) => {
      const text = lines.map((one) => `${one}\n`).join('');
      const made = withoutModule(text, 'loop');
      expect(withoutModule(made, 'loop')).toBe(made);
      expect(isLoadedBy(made, 'loop')).toBe(false);
      expect(
        made
          .split('\n')
          .map((one, index) => one === lines[index] || one === `#${lines[index]}` || one === ''),
      ).not.toContain(false);
      expect(withoutModule(text, 'z')).toBe(text);
    }),
  );
});
