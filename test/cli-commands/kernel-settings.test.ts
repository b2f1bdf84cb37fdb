// sysctl and modprobe on a practice host: the plan shows values and diffs, a run does it once, a
// reboot keeps it, and a rollback restores what was there.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Practice, play, practice, sick } from '../cli/practice.ts';

const tasks = `
  - name: Settings
    ansible.posix.sysctl:
      name: "{{ item.key }}"
      value: "{{ item.value }}"
      sysctl_file: /etc/sysctl.d/90-nodes.conf
      sysctl_set: yes
    loop: "{{ wanted | dict2items }}"
    vars: { wanted: { vm.max_map_count: 262144, net.core.somaxconn: 4096 } }
  - name: Bridges
    community.general.modprobe: { name: br_netfilter, state: present, persistent: present }
`;

describe('settings and modules of the kernel', () => {
  let fleet: Practice;
  const read = (path: string): string => readFileSync(join(fleet.host('h1').root, path), 'utf8');
  const book = () => fleet.file('p.yaml', play(tasks.replaceAll('\n', '\n  ').trimEnd()));
  const now = () => [
    read('proc/sys/vm/max_map_count').trim(),
    read('proc/sys/net/core/somaxconn').trim(),
    read('etc/sysctl.d/90-nodes.conf'),
  ];
  const before = ['65530', '128', 'vm.max_map_count = 1\n'];

  beforeAll(async () => {
    fleet = await practice([sick('h1')]);
    writeFileSync(join(fleet.host('h1').root, 'etc/sysctl.d/90-nodes.conf'), before[2] ?? '');
  }, 60_000);
  afterAll(() => fleet.close());

  it('the plan shows each value and each line', async () => {
    const { exit, out } = await fleet.run(['plan', book()]);
    expect(exit).toBe(2);
    expect(out).toMatch(/~ sysctl vm.max_map_count: 65530 -> 262144 \[write\]/);
    expect(out).toMatch(/-vm.max_map_count = 1\n +\+vm.max_map_count=262144/);
    expect(out).toMatch(/ vm.max_map_count=262144\n +\+net.core.somaxconn=4096/);
    expect(out).toMatch(/~ kernel module br_netfilter: not loaded -> loaded \[write\]/);
    expect(out).toMatch(/\+ file \/etc\/modules-load.d\/br_netfilter.conf/);
    expect(now()).toEqual(before);
  });

  it('a run sets them, once, and its rollback restores them but for the module', async () => {
    const applied = await fleet.run(['apply', book(), '--yes']);
    expect(`${applied.exit} ${applied.err}`).toBe('0 ');
    expect(now()).toEqual(['262144', '4096', 'vm.max_map_count=262144\nnet.core.somaxconn=4096\n']);
    expect(read('proc/modules')).toMatch(/^br_netfilter /m);
    expect((await fleet.run(['plan', book()])).exit).toBe(0);
    const back = await fleet.run(['rollback', fleet.runs()[0] ?? '', '--yes']);
    expect(back.exit).toBe(0);
    expect(back.err).toMatch(/not rolled back: kernel module br_netfilter/);
    expect(now()).toEqual(before);
  }, 60_000);
});
