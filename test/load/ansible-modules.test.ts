// Modules of Ansible that kmend carries out: each by its names, with all of its arguments.
import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { loadPlaybook } from '../../src/load/index.ts';
import { ansibleModules } from '../../src/load/playbook/ansible/modules.ts';
import { hasErrors } from '../../src/model/diagnostic.ts';
import { keysAt } from '../../src/model/shape/schema.ts';
import { modules } from '../../src/modules/index.ts';

const load = (task: string) =>
  loadPlaybook('p.yml', `- hosts: all\n  tasks:\n    - ${task}\n`, { modules, facts: [] });

/** The module and the arguments of one task, or its errors. */
function asked(task: string): unknown {
  const { value, diagnostics } = load(task);
  const [found] = value?.plays[0]?.tasks ?? [];
  if (hasErrors(diagnostics) || found?.kind !== 'task')
    return diagnostics.map(({ summary, hint }) => `${summary}: ${hint}`);
  return { [found.module]: found.args };
}

describe('a module of Ansible', () => {
  it.each<[string, unknown]>([
    ['apt: {name: nginx}', { package: { name: 'nginx' } }],
    ['apt: {pkg: [a, b], state: latest}', { package: { name: ['a', 'b'], state: 'latest' } }],
    ['apt: {name: nginx=1.18.0-6}', { package: { name: 'nginx', version: '1.18.0-6' } }],
    [
      'apt: {name: "docker-ce={{ v }}", allow_change_held_packages: yes}',
      { package: { name: 'docker-ce', version: '{{ v }}', holds: 'lift' } },
    ],
    ['apt: {name: "a=1,b", state: present}', { package: { packages: { a: '1', b: 'present' } } }],
    ['apt: name=nginx state=absent', { package: { name: 'nginx', state: 'absent' } }],
    [
      'apt: {update_cache: yes, cache_valid_time: 3600}',
      { os_update: { upgrade: 'none', update_cache: true, cache_valid_time: 3600 } },
    ],
    [
      'apt: {cache_valid_time: 600}',
      { os_update: { upgrade: 'none', update_cache: true, cache_valid_time: 600 } },
    ],
    [
      'apt: {upgrade: dist, autoremove: yes, autoclean: yes, update_cache: yes, force_apt_get: yes}',
      { os_update: { upgrade: 'full', autoremove: true, update_cache: true } },
    ],
    ['apt: {upgrade: yes}', { os_update: { upgrade: 'safe' } }],
    ['apt: upgrade=full', { os_update: { upgrade: 'full' } }],
    ['apt: {upgrade: "safe", purge: no}', { os_update: { upgrade: 'safe' } }],
    ['apt: {name: "*", state: latest}', { os_update: { upgrade: 'safe' } }],
    ['apt: {autoremove: yes}', { os_update: { upgrade: 'none', autoremove: true } }],
    ['apt: {autoclean: yes}', { command: { cmd: 'apt-get -q -y autoclean' } }],
    ['apt: {name: vim, upgrade: no, autoremove: no}', { package: { name: 'vim' } }],
    [
      'yum: {name: "*", state: latest, exclude: "kernel*, docker*", update_cache: yes}',
      { os_update: { exclude: ['kernel*', 'docker*'], update_cache: true } },
    ],
    [
      'ansible.builtin.dnf: {name: ["*"], state: latest, security: true, update_only: yes}',
      { os_update: { security: true } },
    ],
    ['dnf: {autoremove: yes}', { os_update: { upgrade: 'none', autoremove: true } }],
    ['package: {name: "*", state: latest}', { os_update: {} }],
    [
      'package: {name: "*", state: latest, update-cache: yes}',
      { os_update: { update_cache: true } },
    ],
    ['package: {name: vim, update_cache: yes}', { package: { name: 'vim' } }],
    ['package: {update_cache: yes}', { os_update: { upgrade: 'none', update_cache: true } }],
    [
      'apt: {upgrade: dist, dpkg_options: "force-confold,force-confdef"}',
      { os_update: { upgrade: 'full' } },
    ],
    ['apt: {name: vim, dpkg_options: force-confdef}', { package: { name: 'vim' } }],
    [
      'yum: {name: docker-ce, state: installed}',
      { package: { name: 'docker-ce', state: 'present' } },
    ],
    ['dnf: {name: vim, state: removed}', { package: { name: 'vim', state: 'absent' } }],
    [
      'ansible.builtin.yum: {name: docker-ce-18.09.9-3.el7.x86_64, enablerepo: docker}',
      { package: { enablerepo: 'docker', name: 'docker-ce', version: '18.09.9-3.el7' } },
    ],
    ['yum: {name: java-1.8.0-openjdk}', { package: { name: 'java-1.8.0-openjdk' } }],
    ['yum: {name: gcc-toolset-9}', { package: { name: 'gcc-toolset-9' } }],
    ['yum: {name: "vim,tmux"}', { package: { name: ['vim', 'tmux'] } }],
    ['yum: {update_cache: yes}', { os_update: { upgrade: 'none', update_cache: true } }],
    [
      'community.general.zypper: {name: vim, oldpackage: yes}',
      { package: { name: 'vim', allow_downgrade: true } },
    ],
    [
      'package: {name: vim, state: removed, use: auto}',
      { package: { name: 'vim', state: 'absent' } },
    ],
    [
      'blockinfile: {dest: /f, content: a, insertafter: EOF, backup: yes}',
      { blockinfile: { path: '/f', block: 'a', insertafter: 'EOF' } },
    ],
    ['debug: {var: kmem.remedy}', { debug: { msg: '{{ kmem.remedy }}' } }],
    ['debug: var=result.stdout_lines', { debug: { msg: '{{ result.stdout_lines }}' } }],
    ['debug: {var: "{{ x }}", verbosity: 1}', { debug: { msg: '{{ x }}' } }],
    ['debug: a text', { debug: 'a text' }],
    [
      'ansible.posix.sysctl: {key: vm.swappiness, val: 1, sysctl_set: yes}',
      { sysctl: { name: 'vm.swappiness', value: 1, sysctl_set: true } },
    ],
    [
      'ansible.posix.sysctl: {name: kernel.shmmax, value: 18446744073692774399}',
      { sysctl: { name: 'kernel.shmmax', value: '18446744073692774399' } },
    ],
    [
      'ansible.posix.sysctl: {name: kernel.x, value: 1.10}',
      { sysctl: { name: 'kernel.x', value: '1.10' } },
    ],
    ['community.general.modprobe: {name: loop}', { modprobe: { name: 'loop' } }],
    [
      'dpkg_selections: {name: docker-ce, selection: hold}',
      { hold: { name: 'docker-ce', state: 'hold' } },
    ],
    [
      'community.general.yum_versionlock: {name: [a, b], state: absent}',
      { hold: { name: ['a', 'b'], state: 'absent' } },
    ],
    [
      'community.general.dnf_versionlock: {name: docker-ce, raw: no}',
      { hold: { name: 'docker-ce' } },
    ],
    ['systemd: {daemon_reload: yes}', { service: { daemon_reload: true } }],
    [
      'ansible.builtin.systemd_service: {unit: docker, masked: no, scope: system, no_block: no}',
      { service: { name: 'docker', masked: false } },
    ],
    ['ping:', { debug: { msg: 'pong' } }],
    ['ansible.builtin.ping: {data: x}', { debug: { msg: 'pong' } }],
    ['ansible.builtin.sysctl: {key: a.b, val: 1}', { sysctl: { name: 'a.b', value: 1 } }],
    ['ansible.legacy.zypper: {name: x}', { package: { name: 'x' } }],
    ['apt: {upgrade: dist, state: latest}', { os_update: { upgrade: 'full' } }],
    [
      'wait_for_connection: timeout=300 delay=30',
      { wait_for_connection: { timeout: 300, delay: 30 } },
    ],
    ['set_fact: a=5 b=yes c="x y"', { set_fact: { a: '5', b: true, c: 'x y' } }],
    ['service: name=docker state=restarted', { service: { name: 'docker', state: 'restarted' } }],
    [
      'reboot: {reboot_timeout: 600, post_reboot_delay: 30, msg: x, connect_timeout: 5, pre_reboot_delay: 0, test_command: uptime, search_paths: [/sbin], boot_time_command: id}',
      { reboot: { timeout: 600, stable_for: 30, test_command: 'uptime' } },
    ],
    ['reboot: {post_reboot_delay: 0}', { reboot: {} }],
    [
      'kubernetes.core.k8s_drain: {name: "{{ inventory_hostname }}", state: drain, delete_options: {ignore_daemonsets: yes, delete_emptydir_data: yes, wait_timeout: 900, terminate_grace_period: 30}}',
      {
        drain: {
          ignore_daemonsets: true,
          delete_emptydir_data: true,
          timeout: 900,
          grace_period: 30,
        },
      },
    ],
    ['k8s_drain: {name: "{{ inventory_hostname }}", state: uncordon}', { uncordon: {} }],
  ])('%s', (task, expected) => {
    expect(asked(task)).toEqual(expected);
  });

  it.each<[string, RegExp]>([
    ['apt: {name: x, upgrade: dist}', /`name`/],
    ['apt: {upgrade: dist, purge: yes}', /no `purge` of apt/],
    ['apt: {upgrade: dist, deb: x}', /no `deb` of apt/],
    ['apt: {upgrade: some}', /upgrade/],
    ['dnf: {name: x, security: yes}', /belongs to an update of all packages/],
    ['dnf: {name: "*", state: latest, bugfix: yes}', /no `bugfix` of dnf/],
    ['dnf: {name: "*", state: latest, enablerepo: x}', /no `enablerepo` of dnf/],
    ['yum: {name: "*"}', /moved by `state: latest` only/],
    ['dnf: {name: ["*"], state: present}', /leave the task out, write `state: latest`/],
    ['yum: {list: installed}', /`package_facts` reads what is installed/],
    ['apt: {name: x, purge: yes}', /no `purge` of apt/],
    ['apt: {name: x, state: installed}', /state/],
    ['zypper: {name: "*", state: latest}', /with zypper use `shell`/],
    ['yum: {name: x, disable_gpg_check: yes}', /repair the key/],
    ['systemd: {name: x, state: started, scope: user}', /scope/],
    ['dpkg_selections: {name: x, selection: purge}', /`selection: purge` of.*apt-get purge/],
    ['dpkg_selections: {name: x, selection: deinstall}', /`package` with `state: absent`/],
    ['community.general.dnf_versionlock: {state: clean}', /dnf versionlock clear/],
    ['community.general.dnf_versionlock: {name: x, state: excluded}', /versionlock exclude/],
    ['community.general.dnf_versionlock: {name: x, raw: yes}', /version that is installed/],
    ['reboot: {reboot_timeout: 600, timeout: 20}', /`timeout`, which is given already/],
    ['k8s_drain: {name: node-7, state: drain}', /drains its own node/],
    ['apt: {name: vim, dpkg_options: force-confnew}', /no such `dpkg_options`/],
    ['apt: {name: vim, dpkg_options: "force-confold,force-all"}', /no such `dpkg_options`/],
    ['apt: {name: vim, dpkg_options: "{{ o }}"}', /no such `dpkg_options`/],
    [
      'k8s_drain: {name: "{{ inventory_hostname }}", state: cordon}',
      /cordons a node when it drains.*for a cordon alone use `command: kubectl cordon/,
    ],
    ['community.general.apt: {name: x}', /no module is called `community.general.apt`/],
    ['ansible.builtin.yum_versionlock: {name: x}', /no module is called/],
    ['community.general.sysctl: {name: x, value: 1}', /no module is called/],
  ])('refuses %s', (task, why) => {
    expect(String(asked(task))).toMatch(why);
  });

  it('says which arguments change nothing', () => {
    expect(load('apt: {name: x, update_cache: yes}').diagnostics).toMatchObject([
      { severity: 'note', summary: 'apt: `update_cache` changes nothing' },
    ]);
  });
});

const hasAnsible = spawnSync('/usr/bin/ansible-doc', ['--version']).status === 0;

describe.skipIf(!hasAnsible)('against an installed ansible-core', () => {
  it.each([...ansibleModules].filter(([, { collection }]) => collection === undefined))(
    'every argument of %s has a place',
    (name, { module, args }) => {
      const asked = spawnSync('/usr/bin/ansible-doc', ['-j', name], { encoding: 'utf8' });
      const docs: Record<string, { doc?: { options?: Record<string, { aliases?: string[] }> } }> =
        JSON.parse(asked.stdout || '{}');
      const options = Object.values(docs).flatMap(({ doc }) =>
        Object.entries(doc?.options ?? {}).flatMap(([key, { aliases = [] }]) => [key, ...aliases]),
      );
      const ours = modules.get(module);
      const known = [...Object.keys(args), ...(ours === undefined ? [] : keysAt(ours.args, []))];
      expect(options.filter((key) => !known.includes(key) && key !== 'scope')).toEqual([]);
    },
  );
});
