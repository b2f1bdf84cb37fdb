// What kmend does not have of Ansible: each module of it works, or its error names kmend's way; and
// well-known tasks get the name of a better module.
import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { factDefs } from '../../src/facts/index.ts';
import { loadInventory, loadPlaybook } from '../../src/load/index.ts';
import { moduleHints } from '../../src/load/playbook/ansible/hints.ts';
import { ansibleModules } from '../../src/load/playbook/ansible/modules.ts';
import { modules } from '../../src/modules/index.ts';
import { tableReader } from '../fakes/table-reader.ts';

const load = (task: string) =>
  loadPlaybook('p.yml', `- hosts: all\n  tasks:\n    - ${task}\n`, {
    modules,
    facts: factDefs.map(({ name }) => name),
  }).diagnostics;

/** All of ansible-core 2.19. */
const builtin = `
  add_host apt apt_key apt_repository assemble assert async_status blockinfile command copy cron
  deb822_repository debconf debug dnf dnf5 dpkg_selections expect fail fetch file find gather_facts
  get_url getent git group group_by hostname import_playbook import_role import_tasks include_role
  include_tasks include_vars iptables known_hosts lineinfile meta mount_facts package package_facts
  pause ping pip raw reboot replace rpm_key script service service_facts set_fact set_stats setup
  shell slurp stat subversion systemd systemd_service sysvinit tempfile template unarchive uri user
  validate_argument_spec wait_for wait_for_connection yum_repository`
  .trim()
  .split(/\s+/);

const works = (name: string): boolean => modules.has(name) || ansibleModules.has(name);

describe('a module of Ansible', () => {
  it.each(builtin)('%s works, or names the way', (name) => {
    for (const key of [name, `ansible.builtin.${name}`]) {
      const found = load(`{${key}: {}}`).filter(({ code }) =>
        /^un(?:known-module|supported-keyword)$/.test(code),
      );
      if (works(name)) expect(found).toEqual([]);
      for (const { hint } of found) {
        expect(hint).toMatch(/\w/);
        expect(hint).not.toMatch(/lists the modules|did you mean/);
      }
    }
  });

  it.each(Object.entries(moduleHints))('%s has a hint, and does not work', (name, hint) => {
    expect(works(name), `kmend has ${name} now: take its row out of hints.ts`).toBe(false);
    const arguments_ = /`(\w+)` of `(\w+)`/g;
    for (const [, , module = ''] of hint.matchAll(arguments_))
      expect([...modules.keys()]).toContain(module);
  });

  it.each<[string, RegExp]>([
    ['community.general.timezone: {name: x}', /timedatectl/],
    ['ansible.posix.synchronize: {src: a, dest: b}', /copies no file/],
    ['kubernetes.core.k8s: {}', /`drain`, `uncordon` and gates/],
    ['ansible.windows.win_reboot: {}', /is for Windows/],
    ['community.docker.docker_thing: {}', /`kmend docs` lists the modules/],
  ])('%s', (task, hint) => {
    expect(load(`{${task}}`)[0]?.hint).toMatch(hint);
  });
});

describe('a well-known task', () => {
  it.each<[string, RegExp]>([
    ['shell: kubectl drain {{ inventory_hostname }} --ignore-daemonsets', /^use `drain: \{\}`/],
    ['command: /usr/bin/kubectl --kubeconfig=/x drain n1', /^use `drain/],
    ['command: {argv: [oc, adm, drain, n1]}', /^use `drain/],
    ['shell: kubectl cordon n1', /`drain: \{\}` cordons/],
    ['ansible.builtin.shell: kubectl uncordon n1', /^use `uncordon/],
    [
      'lineinfile: {path: /etc/default/grub, regexp: "^GRUB_CMDLINE_LINUX=", line: x}',
      /^use `kernel_arg/,
    ],
    ['command: grub2-mkconfig -o /boot/grub2/grub.cfg', /`kernel_arg`/],
    ['command: grubby --update-kernel=ALL --args=x', /`kernel_arg`/],
    ['shell: grep -q nokmem /proc/cmdline', /`verify_kmem/],
    ['yum: {name: docker-ce-18.09.9, state: present}', /^use `container_runtime/],
    ['apt: {name: [vim, "docker-ce={{ v }}"]}', /^use `container_runtime/],
    ['yum: name=containerd.io state=latest', /^use `container_runtime/],
  ])('%s', (task, hint) => {
    expect(load(task).map((one) => one.hint)).toContainEqual(expect.stringMatching(hint));
  });

  it.each([
    'shell: kubectl get nodes',
    'yum: {name: docker-compose}',
    'package: {name: docker-ce}',
    'command: cat /proc/meminfo',
    'apt: {name: vim, update_cache: yes}',
    'debug: {msg: kubectl drain}',
  ])('%s is none', (task) => {
    expect(load(task).filter(({ code }) => code === 'better-module')).toEqual([]);
  });

  it('is a note where it works as it is written', () => {
    expect(load('shell: kubectl drain n1')).toMatchObject([
      { severity: 'note', code: 'better-module' },
    ]);
  });
});

it.each([
  'ansible_date_time.iso8601',
  'ansible_date_time',
  "ansible_facts['date_time'].epoch",
  'ansible_facts.date_time.date',
])('the time of a host is not known in a plan: %s', (name) => {
  const text = `- hosts: all\n  tasks:\n    - debug: {msg: "{{ ${name} }}"}\n`;
  const { value: inventory } = loadInventory(['hosts.yml'], {
    reader: tableReader({ 'hosts.yml': 'all: {hosts: {a: }}' }),
  });
  if (inventory === undefined) throw new Error('no inventory');
  const { diagnostics } = loadPlaybook('p.yml', text, {
    modules,
    facts: factDefs.map(({ name: fact }) => fact),
    inventory,
  });
  expect(diagnostics).toMatchObject([
    { severity: 'error', code: 'unknown-name', hint: expect.stringContaining('-e stamp=$(date') },
  ]);
});

describe('what a plan would refuse on every host', () => {
  it.each<[string, string]>([
    ["assert: {that: boot.cmdlin == 'x'}", 'unknown-name'],
    ['assert: {that: ["os.idd == \'x\'"]}', 'unknown-name'],
    ["assert: {that: 'a ='}", 'expression-syntax'],
    [`debug: {msg: "{{ lookup('file', 'x') }}"}`, 'missing-file'],
    [`debug: {msg: "{{ query('pipe', 'id') }}"}`, 'unavailable-function'],
    ['debug: {msg: x}\n      when: now().year > 2020', 'unavailable-function'],
  ])('%s is an error already', (task, code) => {
    expect(load(task).map((one) => one.code)).toEqual([code]);
  });

  it('is no variable with the name of such a function', () => {
    expect(load('{command: id, register: q}\n    - debug: {msg: "{{ q.stdout }}"}')).toEqual([]);
  });
});

const hasAnsible = spawnSync('/usr/bin/ansible-doc', ['--version']).status === 0;

it.skipIf(!hasAnsible)('an installed ansible-core has no other modules', () => {
  const { stdout } = spawnSync('/usr/bin/ansible-doc', ['-l', 'ansible.builtin'], {
    encoding: 'utf8',
  });
  const listed = stdout
    .split('\n')
    .flatMap((line) => /^ansible\.builtin\.(\w+)/.exec(line)?.[1] ?? []);
  expect(listed.length).toBeGreaterThan(50);
  expect(listed.filter((name) => !builtin.includes(name))).toEqual([]);
});
