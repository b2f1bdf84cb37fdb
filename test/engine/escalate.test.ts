// Harder reboots: the script sends each once a boot, to the boot that was meant, and only while our
// fence holds.
import { describe, expect, it } from 'vitest';
import { escalateScript, heldScript, rebootScript } from '../../src/engine/effects/host-scripts.ts';
import { type HostTree, hostTree, shells } from '../modules/host-tree.ts';

const token = { run: 'r-1', number: 2 };
const script = (step: 'force' | 'sysrq', boot = 'b-1') =>
  escalateScript(token, 'h/1/0', boot, step);

function sickHost(fence = 'r-1 2 open'): HostTree {
  const tree = hostTree({
    '/proc/sys/kernel/random/boot_id': 'b-1\n',
    '/proc/sysrq-trigger': '',
    '/var/lib/kmend/fence': `${fence}\n`,
    '/run/kmend/reboot': 'r-1 h/1/0 b-1\n',
  });
  tree.program('systemctl', 'echo "$*" >> "$KMEND_ROOT/calls"');
  tree.program('sleep', ':');
  // At once and attached, so that the test sees what it did.
  tree.program('setsid', 'exec "$@"');
  return tree;
}
function busy(tree: HostTree): HostTree {
  tree.write('/var/run/yum.pid', '77\n');
  tree.write('/proc/77/comm', 'yum\n');
  tree.write('/proc/77/cmdline', 'yum\0update\0');
  return tree;
}
const run = (tree: HostTree, text: string, shell: readonly string[]) => {
  const ran = tree.run(`${text}wait\n`, shell);
  return ran.code === 0 ? 0 : [ran.code, ran.err.trim()];
};
const calls = (tree: HostTree): string => tree.run('cat "$KMEND_ROOT/calls" 2>/dev/null').out;

describe.each(shells.map((shell) => [shell.join(' '), shell] as const))('under %s', (_, shell) => {
  it('force leaves the units alone, and is sent once a boot', () => {
    const tree = sickHost();
    expect([
      run(tree, script('force'), shell),
      run(tree, script('force'), shell),
      calls(tree),
    ]).toEqual([0, 0, 'reboot -f\n']);
  });
  it('sysrq asks the kernel, its last word is b', () => {
    const tree = sickHost();
    expect([run(tree, script('sysrq'), shell), tree.read('/proc/sysrq-trigger')]).toEqual([
      0,
      'b\n',
    ]);
  });
  it.each([
    ['the reboot', rebootScript(token, 'h/2/0')],
    ['force', script('force')],
    ['what is done from outside', heldScript(token)],
  ])('%s is not sent while packages are changed', (_title, text) => {
    const tree = busy(sickHost());
    expect([run(tree, text, shell), calls(tree), tree.read('/run/kmend/reboot')]).toEqual([
      [91, expect.stringMatching(/^yum \(pid 77.*\) holds \/var\/run\/yum\.pid$/)],
      '',
      'r-1 h/1/0 b-1\n',
    ]);
  });
  // busybox has a sleep and a setsid of its own, which no program of the tree replaces.
  if (shell[0] !== 'busybox')
    it('a reboot is withheld when packages begin to be changed after its answer', () => {
      const tree = busy(sickHost());
      tree.write('/var/run/yum.pid', '');
      tree.program('setsid', 'echo 77 > "$KMEND_ROOT/var/run/yum.pid"; exec "$@"');
      expect([
        run(tree, rebootScript(token, 'h/2/0'), shell),
        calls(tree),
        tree.read('/run/kmend/reboot'),
      ]).toEqual([0, '', 'r-1 h/2/0 withheld\n']);
    });
  it('does nothing in another boot than the one that was meant', () => {
    const tree = sickHost();
    expect([run(tree, script('force', 'b-0'), shell), calls(tree)]).toEqual([0, '']);
  });
  it.each([['r-2 1 open'], ['r-1 3 open'], ['r-1 2 closed']])(
    'is refused where the fence says %s',
    (fence) => {
      const tree = sickHost(fence);
      expect([run(tree, script('force'), shell), calls(tree)]).toEqual([
        [97, fence.split(' ')[0]],
        '',
      ]);
    },
  );
});
