// package_facts: lists of dpkg and of rpm, in every shell, and what of them is no package.
import { describe, expect, it } from 'vitest';
import { hostTree } from './host-tree.ts';
import { everyShell, planIn } from './readings.ts';

const deb = `install ok installed vim 2:9.1-1 amd64 editors
deinstall ok config-files old 1 all misc
install ok half-configured bad 1 all
install ok installed libc6 2.41-12 amd64 libs
install ok installed libc6 2.41-12 i386 libs
not a line`;
const rpm = `kernel 3.10.0 1160.el7 (none) x86_64
kernel 3.10.0 957.el7 (none) x86_64
vim 9.1 1.el7 2 x86_64
gpg-pubkey f4a80eb5 53a7ff4b (none) (none)

x`;

// busybox has a dpkg and an rpm of its own.
describe.each(
  everyShell
    .filter(([program]) => program !== 'busybox')
    .map((shell) => [shell.join(' '), shell] as const),
)('in %s', (_, shell) => {
  it('reads packages of Debian', () => {
    const tree = hostTree({ '/var/lib/dpkg/status': 'x', '/list': deb });
    tree.program('dpkg-query', 'cat "$KMEND_ROOT/list"');
    expect(planIn(tree, 'package_facts', {}, { shell }).sets).toEqual({
      'ansible_facts.packages': {
        vim: [
          { name: 'vim', version: '2:9.1-1', arch: 'amd64', category: 'editors', source: 'apt' },
        ],
        bad: [{ name: 'bad', version: '1', arch: 'all', category: '', source: 'apt' }],
        libc6: ['amd64', 'i386'].map((arch) => ({
          ...{ name: 'libc6', version: '2.41-12', arch, category: 'libs', source: 'apt' },
        })),
      },
    });
  });

  it('reads packages of rpm', () => {
    const tree = hostTree({ '/list': rpm });
    tree.program('rpm', 'cat "$KMEND_ROOT/list"');
    const { sets, note } = planIn(tree, 'package_facts', {}, { shell });
    const row = (name: string, version: string, release: string, epoch: number | null) => ({
      ...{ name, version, release, epoch, arch: 'x86_64', source: 'rpm' },
    });
    expect(sets).toEqual({
      'ansible_facts.packages': {
        kernel: [
          row('kernel', '3.10.0', '1160.el7', null),
          row('kernel', '3.10.0', '957.el7', null),
        ],
        vim: [row('vim', '9.1', '1.el7', 2)],
        'gpg-pubkey': [{ ...row('gpg-pubkey', 'f4a80eb5', '53a7ff4b', null), arch: null }],
      },
    });
    expect(note).toMatch(/3 of them/);
  });

  it('says why it cannot be read', () => {
    const tree = hostTree();
    tree.program('rpm', 'echo "error: cannot open Packages" >&2; exit 1');
    expect(planIn(tree, 'package_facts', {}, { shell }).unmet?.evidence).toBe(
      'error: cannot open Packages',
    );
  });
});
