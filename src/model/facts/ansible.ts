// Facts by the names that Ansible gives them, each twice as there: `ansible_NAME` and
// `ansible_facts.NAME`.
import { boot, disk, type FactRow } from './row.ts';
import type { Selinux } from './values.ts';

const rows = {
  distribution: disk<string>(
    "Ansible's name of the distribution; unknown where kmend does not know it",
    'CentOS',
  ),
  distribution_version: disk<string>('its version, with the minor one where Ansible has it', '7.9'),
  distribution_major_version: disk<string>('the first part of its version', '7'),
  distribution_release: disk<string>('the name of its release; NA when there is none', 'Core'),
  os_family: disk<string>('RedHat, Debian, Suse or Flatcar', 'RedHat'),
  kernel: boot<string>('as `kernel.release`', '3.10.0-1160.el7.x86_64'),
  architecture: disk<string>('as `machine.arch`; i386 for all of its kind', 'x86_64'),
  hostname: disk<string>('`host.name` up to its first dot', 'node-a1'),
  nodename: disk<string>('as `host.name`', 'node-a1.example.org'),
  pkg_mgr: disk<string>(
    'as `packages.manager`: yum, dnf, apt, zypper, atomic_container or unknown',
    'yum',
  ),
  service_mgr: boot<string>('systemd, sysvinit, openrc, ...', 'systemd'),
  memtotal_mb: boot<number>('memory of the host in MiB', 15_884),
  selinux: boot<Selinux>('`status` is disabled or enabled; where it is enabled the rest is there', {
    status: 'enabled',
    mode: 'enforcing',
    config_mode: 'enforcing',
    type: 'targeted',
    policyvers: 31,
  }),
};

type Rows = typeof rows;
type Both = { readonly [Name in keyof Rows as `ansible_${Name}`]: Rows[Name] } & {
  readonly [Name in keyof Rows as `ansible_facts.${Name}`]: Rows[Name];
};

const named = (prefix: string): readonly (readonly [string, FactRow])[] =>
  Object.entries(rows).map(([name, row]) => [`${prefix}${name}`, row]);

// Object.fromEntries loses the names, which the type above has.
export const ansibleFacts = Object.fromEntries([
  ...named('ansible_'),
  ...named('ansible_facts.'),
]) as unknown as Both;
