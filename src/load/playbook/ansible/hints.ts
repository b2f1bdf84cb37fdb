// Modules of Ansible that kmend does not have, each with kmend's way to the same end.
import { otherSystem } from './other-systems.ts';

const reads = (what: string): string => `use \`command: ${what}\` with \`read_only: true\``;
const files =
  'use `copy` with `content`, `blockinfile`, `lineinfile` or `replace`; for a boot argument `kernel_arg`, for a yum repository `yum_repository`';
const deploys = 'deploy it before or after the run: kmend moves packages, kernels and services';
const accounts = 'leave it to what manages the accounts of the host, or use `command`';
const noCopy =
  'kmend copies no file to or from this machine: let the host fetch it, or use `command` with `register`';
const afterPlan =
  'hosts are those of the inventory: the plan names each before one is changed; use groups, or a `when`';
const cluster =
  '`drain`, `uncordon` and gates reach the cluster; other objects of it are no part of a host';

/**
 * By Ansible's name without its collection. A module that kmend has, or carries out under another
 * name, has no row.
 */
export const moduleHints: Readonly<Record<string, string>> = {
  add_host: afterPlan,
  apt_key: 'use `shell` with `creates`, or `files` of `package`, which needs no repository',
  apt_repository: 'use `shell` with `creates`, or `files` of `package`, which needs no repository',
  assemble: files,
  cron: 'use `shell` with `creates`; kmend itself is started by `kmend schedule`',
  deb822_repository:
    'use `shell` with `creates`, or `files` of `package`, which needs no repository',
  debconf: 'use `command: debconf-set-selections` with `stdin`',
  expect: 'no task asks a question: use `command` with `stdin`',
  fetch: noCopy,
  get_url: 'use `command: curl -fsSLo FILE URL` with `creates`; packages: `files` of `package`',
  getent: reads('getent DATABASE KEY'),
  git: deploys,
  group: accounts,
  group_by: afterPlan,
  hostname: 'use `command: hostnamectl set-hostname NAME`',
  import_playbook: 'it stands in the list of plays',
  iptables: 'use `shell`: `iptables -C RULE || iptables -A RULE`',
  known_hosts: 'use `lineinfile`',
  mount_facts: `the facts \`space.*\` say what is free; for more ${reads('findmnt')}`,
  pip: deploys,
  raw: 'use `shell`: it needs no Python on the host',
  rpm_key: '`gpgkey` of `yum_repository` is the key of its packages',
  script: 'write the script below `shell: |`',
  set_stats: 'use `set_fact` within a host; `kmend report RUN --json` has what a run did',
  subversion: deploys,
  sysvinit: 'use `service`, which drives systemd',
  tempfile: 'use `command: mktemp` with `register`',
  unarchive: 'use `command: tar -xf FILE -C DIR` with `creates`',
  user: accounts,
  validate_argument_spec: 'use `assert`',

  // Beyond ansible.builtin: what playbooks for nodes use most.
  authorized_key: accounts,
  docker_container: deploys,
  docker_prune: 'use `command: docker system prune --force`',
  firewalld: 'use `command: firewall-cmd`',
  helm: cluster,
  ini_file: files,
  k8s: cluster,
  k8s_info: cluster,
  mail: '`--notify-mail` of `kmend apply` sends it',
  mount: 'use `command: mount`',
  selinux: 'use `command: setenforce`; `kernel_arg` sets `selinux` of the boot',
  slack: '`--notify-url-file` of `kmend apply` posts to a webhook',
  synchronize: noCopy,
  timezone: 'use `command: timedatectl set-timezone ZONE`',
};

/** Kmend's way to what this module of Ansible does, whatever its collection. */
export function moduleHint(key: string): string | undefined {
  const system = otherSystem(key);
  if (system !== undefined)
    return `it is for ${system}: a task with a \`when\` loads, and is skipped where that does not hold`;
  const name = key.slice(key.lastIndexOf('.') + 1);
  return Object.hasOwn(moduleHints, name) ? moduleHints[name] : undefined;
}
