// Harder reboots: the script sends each once a boot, to the boot that was meant, and only while our fence holds.
import { describe, expect, it } from 'vitest';
import { patience } from '../../src/engine/escalate.ts';
import { escalateScript } from '../../src/engine/host-scripts.ts';
import type { RebootEffect } from '../../src/model/effect.ts';
import { type HostTree, hostTree, shells } from '../modules/host-tree.ts';

const token = { run: 'r-1', number: 2 };
const script = (step: 'force' | 'sysrq', boot = 'b-1') => escalateScript(token, 'h/1/0', boot, step);

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
const run = (tree: HostTree, text: string, shell: readonly string[]) => {
  const ran = tree.run(`${text}wait\n`, shell);
  return ran.code === 0 ? 0 : [ran.code, ran.err.trim()];
};
const calls = (tree: HostTree): string => tree.run('cat "$KMEND_ROOT/calls" 2>/dev/null').out;

describe.each(shells.map((shell) => [shell.join(' '), shell] as const))('under %s', (_, shell) => {
  it('force leaves the units alone, and is sent once a boot', () => {
    const tree = sickHost();
    expect([run(tree, script('force'), shell), run(tree, script('force'), shell), calls(tree)]).toEqual([0, 0, 'reboot -f\n']);
  });
  it('sysrq asks the kernel, its last word is b', () => {
    const tree = sickHost();
    expect([run(tree, script('sysrq'), shell), tree.read('/proc/sysrq-trigger')]).toEqual([0, 'b\n']);
  });
  it('does nothing in another boot than the one that was meant', () => {
    const tree = sickHost();
    expect([run(tree, script('force', 'b-0'), shell), calls(tree)]).toEqual([0, '']);
  });
  it.each([['r-2 1 open'], ['r-1 3 open'], ['r-1 2 closed']])('is refused where the fence says %s', (fence) => {
    const tree = sickHost(fence);
    expect([run(tree, script('force'), shell), calls(tree)]).toEqual([[97, fence.split(' ')[0]], '']);
  });
});

it.each<[Partial<RebootEffect>, number]>([
  [{ timeout: 1200 }, 120],
  [{ timeout: 60 }, 120],
  [{ timeout: 1200, escalate: ['force'] }, 120],
  [{ timeout: 90, escalate: ['force', 'sysrq'] }, 30],
])('the time of %j is shared', (some, seconds) => {
  expect(patience({ kind: 'reboot', what: 'reboot', timeout: 1, stableFor: 1, drain: 'none', ...some })).toBe(seconds);
});
