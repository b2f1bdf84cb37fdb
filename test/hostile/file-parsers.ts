// Parsers of files: inventories, playbooks, settings, ssh configuration, known hosts, kubeconfig,
// journals, plans.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { resolveKubeconfig } from '../../src/adapters/kube/auth/kubeconfig.ts';
import { decryptVault } from '../../src/adapters/local/vault/decrypt.ts';
import { noConfig, readSshConfig } from '../../src/adapters/ssh/config/config-file.ts';
import { refusalOf } from '../../src/adapters/ssh/config/keywords.ts';
import { expandProxy, jumpIn } from '../../src/adapters/ssh/config/proxy-command.ts';
import { parseJump } from '../../src/adapters/ssh/config/route.ts';
import {
  indexKnownHosts,
  judge,
  parseKnownHosts,
} from '../../src/adapters/ssh/connect/known-hosts.ts';
import { readCertificate } from '../../src/adapters/ssh/library/certificate.ts';
import { scanJournal } from '../../src/adapters/store/journal-lines.ts';
import { parsePlan, staleness } from '../../src/core/plan/saved-plan.ts';
import { JournalError } from '../../src/engine/ports/state-errors.ts';
import { hashOf, rootOf } from '../../src/engine/state/chain.ts';
import { factDefs } from '../../src/facts/index.ts';
import {
  declaredFacts,
  draftPlaybook,
  hostVars,
  limitTo,
  loadInventory,
  loadPlaybook,
  parseExtraVars,
  parseSettings,
  readIniConfig,
  resolvePattern,
  targetOf,
} from '../../src/load/index.ts';
import { parsePlain } from '../../src/load/text/yaml-data.ts';
import type { Event } from '../../src/model/run/event.ts';
import { modules } from '../../src/modules/index.ts';
import { tableReader } from '../fakes/table-reader.ts';
import type { Parser } from './parser.ts';

const inventory = (file: string) => (text: string) => {
  const loaded = loadInventory([file], { reader: tableReader({ [file]: text }) });
  const first = loaded.value === undefined ? undefined : [...loaded.value.hosts.keys()][0];
  return [
    loaded,
    loaded.value !== undefined && first !== undefined ? hostVars(loaded.value, first) : undefined,
  ];
};

const iniSeed = `n1 ansible_host=10.0.0.1 a='b c' x=[1,'y',{"z":True}] # c
web[01:03].example.com ansible_user=ops
[pool_a]
n1
node[a:c] v="x\\"y"
[pool_a:vars]
zone = -1+2j
path=/a/b=c
[all:children]
pool_a
`;

const yamlSeed = `all:
  vars: {zone: a, n: 0x1F, t: 1:30, s: yes, f: 1.5e+3}
  children:
    pool_a:
      hosts:
        n1: {ansible_host: 10.0.0.1}
        web[01:03]:
      vars: &v
        <<: [{a: 1}, {b: 2}]
        c: "x \\n y"
        d: 'it''s'
    pool_b:
      vars: {<<: *v}
      hosts: {n2: null}
`;

const importSeed = `- hosts: all
  vars: {k: kubectl, a: "{% if b %}x{% else %}y{% endif %}"}
  force_handlers: yes
  tasks:
    - command: "{{ k }} drain {{ inventory_hostname }} --timeout=9m || true"
      delegate_to: localhost
    - replace: {path: /etc/default/grub, regexp: '(GRUB_CMDLINE_LINUX=.*)', replace: '\\1 a=b c'}
      notify: menu
    - command: grubby --update-kernel=ALL --remove-args="a b=c"
    - shell: sleep 1 && shutdown -r now
    - local_action: wait_for port={{ ansible_port }}
    - command: grep -qw cgroup.memory=nokmem /proc/cmdline
    - yum: {name: [docker-ce-18.09.9, kernel-3.10]}
    - hostname: {name: "{{ x }}"}
    - block: [{user: {name: x}}]
  handlers:
    - {name: menu, shell: update-grub 2>&1}
`;

const playbookSeed = `- name: Out of accounting
  hosts: all:!n2
  become: true
  vars: {x: "{{ 1 + 2 }}"}
  rollout:
    canary: {hosts: 1, soak: 10m}
    max_unavailable: 10%
    brake: {failures: 0}
    zone: "{{ x }}"
    windows: [{days: mon-fri, from: "22:00", to: "05:00", tz: Europe/Berlin}]
    freeze: [{from: 2026-12-20, to: 2026-12-27T00:00, tz: UTC}]
    gates: [{name: g, prometheus: {url: "http://p:9090", query: up, is: ">= 0.99"}}]
  tasks:
    - name: argument
      kernel_arg: {name: cgroup.memory, value: nokmem}
      when: kernel.release is version('3.10', '>=') and x is defined
      tags: [a, b]
    - block:
        - command: {cmd: "echo 'a b'", read_only: true}
          register: r
          until: r.rc == 0
      rescue:
        - fail: {msg: "{{ r.stdout | regex_search('a+') }}"}
`;

/** Forms of Ansible that become those of kmend, and names of other files. */
const ansibleSeed = `- hosts: all
  vars: {x: 1}
  roles: [a.b.c, {role: x, port: 1}]
  handlers: [{import_tasks: t.yml}, {name: restart x, service: {name: x, state: restarted}, listen: all of it}]
  tasks:
    - import_tasks: t.yml
    - apt: name=docker-ce=18.09.9,curl state=present
    - yum: {name: docker-ce-18.09.9-3.el7.x86_64, update_cache: yes}
    - shell: echo "a b" creates=/x chdir="/tmp" a\\=b
    - debug: {msg: "{{ item }}"}
      with_items: ["a-{{ x }}", b]
    - command: touch x
      args: {creates: /x}
      notify: ["x : restart x"]
    - meta: flush_handlers
    - reboot: {post_reboot_delay: 0, reboot_timeout: 600}
    - k8s_drain: {name: "{{ inventory_hostname }}", delete_options: {ignore_daemonsets: yes}}
`;
const ansibleFiles = {
  't.yml': '- debug: {msg: x}\n',
  'roles/x/tasks/main.yml': '- debug: {msg: "{{ port }}"}\n',
};

const kubeconfigSeed = `apiVersion: v1
kind: Config
current-context: lab
contexts: [{name: lab, context: {cluster: c, user: u}}]
clusters: [{name: c, cluster: {server: "https://10.0.0.1:6443", certificate-authority-data: QQ==}}]
users: [{name: u, user: {exec: {command: ./plug, apiVersion: client.authentication.k8s.io/v1, args: [a], env: [{name: A, value: b}]}}}]
`;

/** A mapping that takes in another one many times. */
const mergeOfMany = (size: number): string => {
  const keys = Array.from({ length: size / 40 }, (_, at) => `  k${at}: ${at}`).join('\n');
  return `x: &x\n${keys}\nall:\n  vars:\n    <<: [*x, *x, *x]\n`;
};

const folder = mkdtempSync(join(tmpdir(), 'kmend-parsers-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

/** For parsers that read a file themselves. */
const filed =
  (name: string, parse: (path: string) => Promise<unknown>) =>
  (text: string): Promise<unknown> => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return parse(path);
  };

async function sshConfig(path: string): Promise<unknown> {
  const config = (() => {
    try {
      return readSshConfig([{ path, base: folder, isOwn: false }], folder);
    } catch (error) {
      // Of this file, or of one that it includes.
      if (!/ cannot be read(: | \([A-Z_]+\)$)/.test(String(error))) throw error;
      return noConfig;
    }
  })();
  return ['n1', 'web1.example.com', 'constructor'].map((name) => {
    const query = { names: [name, '10.0.0.1'], before: new Map(), ignore: new Set<string>() };
    return [...config.lookup(query).settings.values()].map(refusalOf);
  });
}

async function journal(path: string): Promise<unknown> {
  const events: Event[] = [];
  try {
    await scanJournal(path, 'r', (event) => events.push(event));
  } catch (error) {
    if (!(error instanceof JournalError)) throw error;
  }
  return events.length;
}

function chainOf(texts: readonly string[]): string {
  let prev = rootOf('r');
  const lines = texts.map((text, seq) => {
    const line = JSON.stringify({ v: 1, seq, at: 1, run: 'r', prev, type: 'warning', text });
    prev = hashOf(line);
    return line;
  });
  return `${lines.join('\n')}\n`;
}

/** Half a million syntax errors, each with its stack, are the worst. */
const large = 1024;

const key = 'AAAAC3NzaC1lZDI1NTE5AAAAIGJVXqSVlVOYzLHJ2R1Uq9ZJbJ6tJzA0sZ1v5X5x5x5x';
const fleet = loadInventory(['i.ini'], { reader: tableReader({ 'i.ini': iniSeed }) }).value;

export const fileParsers: readonly Parser[] = [
  {
    name: 'inventory, INI',
    megabytes: large,
    parse: inventory('hosts.ini'),
    seeds: [iniSeed],
    attacks: [
      (size) => 'a[1:9]b[1:9999].c[1:2]\n'.repeat(size / 23),
      (size) => `n[1:100000] ${'a=1 '.repeat(size / 4)}`,
      (size) =>
        Array.from(
          { length: size / 40 },
          (_, at) => `[g${at}:children]\ng${at + 1}\n[g${at + 1}]`,
        ).join('\n'),
    ],
  },
  {
    name: 'inventory, YAML',
    megabytes: large,
    parse: inventory('hosts.yaml'),
    attacks: [mergeOfMany, (size) => `a: [}\n`.repeat(size / 6)],
    seeds: [yamlSeed],
  },
  {
    name: 'inventory, JSON',
    megabytes: large,
    parse: inventory('hosts.json'),
    seeds: ['{"all": {"hosts": {"n1": {"a": [1, "x"]}}, "children": {"g": null}}}'],
  },
  {
    name: 'inventory, form not named',
    megabytes: large,
    parse: inventory('hosts'),
    seeds: [iniSeed, yamlSeed],
  },
  {
    name: 'inventory, program',
    megabytes: large,
    parse: (text) =>
      loadInventory(['run'], {
        reader: tableReader(
          { run: '#!/bin/sh' },
          { 'run --list': text, 'run --host n1': text, 'run --host n2': text },
        ),
      }),
    seeds: [
      '{"_meta": {"hostvars": {"n1": {"a": 1}}}, "g": {"hosts": ["n1", "n2"], "vars": {"x": "y"}, "children": ["h"]}, "h": ["n1"]}',
    ],
  },
  {
    name: 'group_vars',
    megabytes: large,
    parse: (text) =>
      loadInventory(['d/i.ini'], {
        reader: tableReader({ 'd/i.ini': '[g]\nn1\n', 'd/group_vars/g.yml': text }),
      }),
    seeds: ['zone: a\nlist: [1, {b: c}]\nlong: |\n  x\n  y\nbin: !!str 1\nu: !unsafe "{{ x }}"\n'],
  },
  {
    name: 'playbook',
    megabytes: large,
    parse: (text) =>
      loadPlaybook('p.yaml', text, {
        modules,
        facts: factDefs.map(({ name }) => name),
        reader: tableReader(ansibleFiles),
      }),
    seeds: [playbookSeed, ansibleSeed],
  },
  {
    name: 'import',
    megabytes: large,
    parse: (text) =>
      draftPlaybook('p.yaml', text, {
        modules,
        facts: factDefs.map(({ name }) => name),
        reader: tableReader(ansibleFiles),
      }),
    seeds: [importSeed, ansibleSeed],
  },
  {
    name: 'file of a playbook',
    megabytes: large,
    parse: (text) =>
      loadPlaybook('p.yaml', '- hosts: all\n  roles: [x]\n  tasks: [{import_tasks: t.yml}]\n', {
        modules,
        facts: [],
        reader: tableReader({ 't.yml': text, 'roles/x/defaults/main.yml': text }),
      }),
    seeds: ['- {debug: {msg: "{{ x }}"}, when: x is defined}\n', 'x: 1\ny: "{{ x }}"\n'],
  },
  {
    name: 'settings file',
    megabytes: large,
    parse: (text) => parseSettings('kmend.yaml', text),
    seeds: ['inventory: [a, b]\nforks: 20\nbecome: true\nuser: ops\n'],
  },
  {
    name: 'vault text',
    parse: (text) => decryptVault(text, []),
    seeds: [
      '$ANSIBLE_VAULT;1.1;AES256\n30310a3032\n0a3033\n',
      '$ANSIBLE_VAULT;1.2;AES256;prod\r\n30310a30\r\n',
    ],
  },
  {
    name: 'ansible.cfg',
    parse: (text) => readIniConfig('ansible.cfg', text),
    seeds: [
      '[defaults]\nvault_password_file = ~/x ; y\n# a\nvault_identity_list: a@b, c@prompt\n[ssh]\nx=y\n',
    ],
  },
  {
    name: 'extra variables',
    megabytes: large,
    parse: (text) => [
      parseExtraVars([text], tableReader({})),
      parseExtraVars(['@f'], tableReader({ f: text })),
    ],
    seeds: ['a=b c="d e" f=\'g\'\\ h', '{"a": {"b": [1]}}'],
  },
  {
    name: 'limit file',
    megabytes: large,
    parse: (text) =>
      fleet === undefined
        ? undefined
        : limitTo([...fleet.hosts.keys()], '@f', fleet, tableReader({ f: text })),
    seeds: ['n1\n# c\npool_a\nweb*\n'],
  },
  {
    name: 'host pattern',
    megabytes: large,
    parse: (text) =>
      fleet === undefined
        ? undefined
        : [resolvePattern(text, fleet), limitTo([...fleet.hosts.keys()], text, fleet)],
    seeds: [
      'web[0:1]:&pool_a:!n1',
      'web*,node[a]',
      '2001:db8::1',
      '~web0[12]',
      'w?b[!a]*',
      'pool_a[-1]',
      '[::1]:22',
      'a[1:2].b:22',
    ],
  },
  {
    name: 'connection variables',
    parse: (text) => {
      const words = new Map(
        text
          .split('\n')
          .map((line) => [line.split('=')[0] ?? '', line.slice(line.indexOf('=') + 1)]),
      );
      return targetOf('n1', { lookup: (name) => words.get(name) });
    },
    seeds: [
      'ansible_host=10.0.0.1\nansible_port=22\nansible_user=ops\nansible_connection=ssh\nansible_become=yes\nansible_become_method=sudo\nansible_ssh_common_args=-o ProxyJump=a@b:22,c -o "StrictHostKeyChecking=no" -i ~/k -C\nansible_ssh_extra_args=-o ProxyCommand="ssh -W [%h]:%p -q -l u -p 22 bastion"\nansible_ssh_timeout=10',
    ],
  },
  {
    name: 'certificate',
    megabytes: large,
    parse: (text) => [
      readCertificate(Buffer.from(text, 'latin1')),
      readCertificate(Buffer.from(text, 'base64')),
    ],
    seeds: [
      'AAAAIHNzaC1lZDI1NTE5LWNlcnQtdjAxQG9wZW5zc2guY29tAAAAAW4AAAABawAAAAAAAAABAAAAAQAAAAFpAAAAAAAAAAAAAAAAAAAAAAAAAAE=',
    ],
  },
  {
    name: 'proxy command',
    megabytes: large,
    parse: (text) => [
      jumpIn(text),
      expandProxy(text, { alias: 'n1', host: text.slice(0, 100), port: 22, user: 'ops' }),
    ],
    seeds: ['ssh -q -W [%h]:%p -l ops -p 22 bastion', 'nc -x %r@%h:%p %n %% %q'],
  },
  {
    name: 'jump host',
    parse: parseJump,
    seeds: ['ssh://ops@bastion:22/', '[2001:db8::1]:22', 'a@b@c'],
  },
  {
    name: 'declared answers',
    parse: (text) => {
      const file = `all:\n  hosts:\n    n1:\n      kmem_kernels: {${text.split('\n').join(', ')}}\n`;
      const { value } = loadInventory(['i.yaml'], { reader: tableReader({ 'i.yaml': file }) });
      return value === undefined ? undefined : declaredFacts(value, ['n1'], { extraVars: {} });
    },
    seeds: ['3.10.0-862.el7.x86_64: try', '3.10.0-1160.el7.x86_64: no\nx: maybe'],
    megabytes: large,
  },
  {
    name: 'ssh configuration',
    parse: filed('config', sshConfig),
    seeds: [
      'ProxyCommand none\nAddressFamily any\nHost n1 web* !web2\n  HostName 10.0.0.1\n  User ops\n  Port 2222\n  IdentityFile ~/.ssh/a\n  ProxyJump b,c\nInclude conf.d/*\nMatch host x\n  User y\nHost "a b"\n\tconstructor=x\n# c\n',
    ],
  },
  {
    name: 'known hosts',
    parse: (text) => {
      const index = indexKnownHosts(parseKnownHosts(text, 'known_hosts'));
      return [
        judge([index], 'n1', 22, 'ssh-ed25519', key),
        judge([index], 'n2', 2222, 'ssh-ed25519', key),
        index.types('n1'),
      ];
    },
    seeds: [
      `n1,10.0.0.1,*.a?b,!x ssh-ed25519 ${key} c\n[n2]:2222 ssh-ed25519 ${key}\n@revoked * ssh-rsa AAAA\n@cert-authority *.x ssh-rsa AAAA\n|1|F1E1KeoE/eEWhi10WpGv4OdiO6Y=|3988QV0VE8wmZL7suNrYQLITLCg= ssh-ed25519 ${key}\n# c\n`,
    ],
  },
  {
    name: 'kubeconfig',
    megabytes: large,
    parse: (text) => resolveKubeconfig([{ path: '/k', text }], parsePlain),
    seeds: [kubeconfigSeed],
  },
  {
    name: 'journal',
    parse: filed('journal.ndjson', journal),
    seeds: [chainOf(['one', 'two', 'three'])],
  },
  {
    name: 'saved plan',
    parse: (text) => {
      const plan = parsePlan(text);
      return [plan, plan.ok && staleness(plan.value, '1', { a: 'b' })];
    },
    seeds: ['{"schema":"kmend.plan/1","tool":"0.1.0","inputs":{"a":"b"},"hosts":[]}'],
  },
];
