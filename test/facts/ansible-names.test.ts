// Facts by Ansible's names, through the real script: the release files of each distribution, with what
// Ansible says of them.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { wantsNamedIn } from '../../src/facts/index.ts';
import type { Facts } from '../../src/model/fact.ts';
import { isUnknown, type Value } from '../../src/model/value.ts';
import { emptyHost, file, type Recorded, replay } from './replay.ts';

let host: Recorded;
beforeEach(() => {
  host = emptyHost();
  file(host, 'proc/sys/kernel/osrelease', '3.10.0-1160.el7.x86_64\n');
});
afterEach(() => host.remove());

const read = (): Facts => replay(host, { wants: [{ area: 'ansible' }] });
const ansible = (facts: Facts, name: string): Value | undefined => {
  const values: Readonly<Record<string, Value>> = { ...facts };
  return values[`ansible_${name}`];
};

/**
 * Release files, and what ansible-core 2.19 says of them: distribution, version, major version,
 * release, family.
 */
const releases: readonly (readonly [string, Readonly<Record<string, string>>, string])[] = [
  [
    'CentOS 7',
    {
      'etc/os-release':
        'NAME="CentOS Linux"\nVERSION="7 (Core)"\nID="centos"\nID_LIKE="rhel fedora"\nVERSION_ID="7"\nPRETTY_NAME="CentOS Linux 7 (Core)"\n',
      'etc/redhat-release': 'CentOS Linux release 7.9.2009 (Core)\n',
    },
    'CentOS | 7.9 | 7 | Core | RedHat',
  ],
  [
    'RHEL 7',
    {
      'etc/os-release':
        'NAME="Red Hat Enterprise Linux Server"\nVERSION="7.9 (Maipo)"\nID="rhel"\nID_LIKE="fedora"\nVERSION_ID="7.9"\nPRETTY_NAME="Red Hat Enterprise Linux Server 7.9 (Maipo)"\n',
      'etc/redhat-release': 'Red Hat Enterprise Linux Server release 7.9 (Maipo)\n',
    },
    'RedHat | 7.9 | 7 | Maipo | RedHat',
  ],
  [
    'Oracle Linux 7',
    {
      'etc/os-release':
        'NAME="Oracle Linux Server"\nVERSION="7.9"\nID="ol"\nID_LIKE="fedora"\nVERSION_ID="7.9"\nPRETTY_NAME="Oracle Linux Server 7.9"\n',
      'etc/redhat-release': 'Red Hat Enterprise Linux Server release 7.9 (Maipo)\n',
    },
    'OracleLinux | 7.9 | 7 | NA | RedHat',
  ],
  [
    'CentOS Stream 8',
    {
      'etc/os-release':
        'NAME="CentOS Stream"\nVERSION="8"\nID="centos"\nID_LIKE="rhel fedora"\nVERSION_ID="8"\nPRETTY_NAME="CentOS Stream 8"\n',
      'etc/redhat-release': 'CentOS Stream release 8\n',
    },
    'CentOS | 8 | 8 | Stream | RedHat',
  ],
  [
    'Rocky 8',
    {
      'etc/os-release':
        'NAME="Rocky Linux"\nVERSION="8.8 (Green Obsidian)"\nID="rocky"\nID_LIKE="rhel centos fedora"\nVERSION_ID="8.8"\nPRETTY_NAME="Rocky Linux 8.8 (Green Obsidian)"\n',
      'etc/redhat-release': 'Rocky Linux release 8.8 (Green Obsidian)\n',
    },
    'Rocky | 8.8 | 8 | Green Obsidian | RedHat',
  ],
  [
    'AlmaLinux 9',
    {
      'etc/os-release':
        'NAME="AlmaLinux"\nVERSION="9.2 (Turquoise Kodkod)"\nID="almalinux"\nID_LIKE="rhel centos fedora"\nVERSION_ID="9.2"\nPRETTY_NAME="AlmaLinux 9.2 (Turquoise Kodkod)"\n',
      'etc/redhat-release': 'AlmaLinux release 9.2 (Turquoise Kodkod)\n',
    },
    'AlmaLinux | 9.2 | 9 | Turquoise Kodkod | RedHat',
  ],
  [
    'Fedora 38',
    {
      'etc/os-release':
        'NAME="Fedora Linux"\nVERSION="38 (Server Edition)"\nID=fedora\nVERSION_ID=38\nVERSION_CODENAME=""\nPRETTY_NAME="Fedora Linux 38 (Server Edition)"\n',
      'etc/redhat-release': 'Fedora release 38 (Thirty Eight)\n',
    },
    'Fedora | 38 | 38 |  | RedHat',
  ],
  [
    'Amazon Linux 2',
    {
      'etc/os-release':
        'NAME="Amazon Linux"\nVERSION="2"\nID="amzn"\nID_LIKE="centos rhel fedora"\nVERSION_ID="2"\nPRETTY_NAME="Amazon Linux 2"\n',
    },
    'Amazon | 2 | 2 | NA | RedHat',
  ],
  [
    'CentOS 6',
    { 'etc/redhat-release': 'CentOS release 6.10 (Final)\n' },
    'CentOS | 6.10 | 6 | Final | RedHat',
  ],
  [
    'Ubuntu 22.04',
    {
      'etc/os-release':
        'PRETTY_NAME="Ubuntu 22.04.3 LTS"\nNAME="Ubuntu"\nVERSION_ID="22.04"\nVERSION="22.04.3 LTS (Jammy Jellyfish)"\nVERSION_CODENAME=jammy\nID=ubuntu\nID_LIKE=debian\nUBUNTU_CODENAME=jammy\n',
      'etc/debian_version': 'bookworm/sid\n',
    },
    'Ubuntu | 22.04 | 22 | jammy | Debian',
  ],
  [
    'Ubuntu 16.04',
    {
      'etc/os-release':
        'NAME="Ubuntu"\nVERSION="16.04.7 LTS (Xenial Xerus)"\nID=ubuntu\nID_LIKE=debian\nPRETTY_NAME="Ubuntu 16.04.7 LTS"\nVERSION_ID="16.04"\nVERSION_CODENAME=xenial\nUBUNTU_CODENAME=xenial\n',
      'etc/debian_version': 'stretch/sid\n',
    },
    'Ubuntu | 16.04 | 16 | xenial | Debian',
  ],
  [
    'Debian 13',
    {
      'etc/os-release':
        'PRETTY_NAME="Debian GNU/Linux 13 (trixie)"\nNAME="Debian GNU/Linux"\nVERSION_ID="13"\nVERSION="13 (trixie)"\nVERSION_CODENAME=trixie\nDEBIAN_VERSION_FULL=13.6\nID=debian\n',
      'etc/debian_version': '13.6\n',
    },
    'Debian | 13.6 | 13 | trixie | Debian',
  ],
  [
    'Debian 9',
    {
      'etc/os-release':
        'PRETTY_NAME="Debian GNU/Linux 9 (stretch)"\nNAME="Debian GNU/Linux"\nVERSION_ID="9"\nVERSION="9 (stretch)"\nVERSION_CODENAME=stretch\nID=debian\n',
      'etc/debian_version': '9.13\n',
    },
    'Debian | 9.13 | 9 | stretch | Debian',
  ],
  [
    'SLES 15 SP4',
    {
      'etc/os-release':
        'NAME="SLES"\nVERSION="15-SP4"\nVERSION_ID="15.4"\nPRETTY_NAME="SUSE Linux Enterprise Server 15 SP4"\nID="sles"\nID_LIKE="suse"\n',
    },
    'SLES | 15.4 | 15 | 4 | Suse',
  ],
  [
    'openSUSE Leap',
    {
      'etc/os-release':
        'NAME="openSUSE Leap"\nVERSION="15.5"\nID="opensuse-leap"\nID_LIKE="suse opensuse"\nVERSION_ID="15.5"\nPRETTY_NAME="openSUSE Leap 15.5"\n',
    },
    'openSUSE Leap | 15.5 | 15 | 5 | Suse',
  ],
  [
    'Flatcar',
    {
      'etc/os-release':
        'NAME="Flatcar Container Linux by Kinvolk"\nID=flatcar\nID_LIKE=coreos\nVERSION=3510.2.8\nVERSION_ID=3510.2.8\nPRETTY_NAME="Flatcar Container Linux by Kinvolk 3510.2.8 (Oklo)"\n',
    },
    'Flatcar | 3510.2.8 | 3510 | NA | Flatcar',
  ],
];

const names = [
  'distribution',
  'distribution_version',
  'distribution_major_version',
  'distribution_release',
  'os_family',
];

describe('the distribution', () => {
  it.each(releases)('of %s', (_, files, expected) => {
    for (const [path, text] of Object.entries(files)) file(host, path, text);
    const facts = read();
    expect(names.map((name) => ansible(facts, name)).join(' | ')).toBe(expected);
  });

  it('is unknown where kmend does not know it', () => {
    file(host, 'etc/os-release', 'ID=plan9\n');
    expect(isUnknown(ansible(read(), 'distribution'))).toBe(true);
  });
});

describe('the other names', () => {
  it('say what the host says', () => {
    file(host, 'proc/sys/kernel/hostname', 'node-1.example.org\n');
    file(host, 'proc/sys/kernel/arch', 'i686\n');
    file(host, 'proc/meminfo', 'MemTotal:       16265852 kB\nSlab: 1 kB\n');
    file(host, 'proc/1/comm', 'systemd\n');
    file(host, 'sys/fs/selinux/enforce', '1');
    file(host, 'sys/fs/selinux/policyvers', '31');
    file(host, 'etc/selinux/config', '# how\nSELINUX=permissive\nSELINUXTYPE=targeted\n');
    const facts = read();
    expect(facts).toMatchObject({
      ansible_kernel: '3.10.0-1160.el7.x86_64',
      'ansible_facts.kernel': '3.10.0-1160.el7.x86_64',
      ansible_architecture: 'i386',
      ansible_hostname: 'node-1',
      ansible_nodename: 'node-1.example.org',
      ansible_memtotal_mb: 15884,
      ansible_service_mgr: 'systemd',
      ansible_selinux: {
        status: 'enabled',
        mode: 'enforcing',
        config_mode: 'permissive',
        type: 'targeted',
        policyvers: 31,
      },
    });
  });

  it.each([
    [{ 'proc/1/comm': 'init\n', 'sbin/openrc': '' }, 'openrc'],
    [{ 'proc/1/comm': 'bash\n', 'etc/init.d/x': '' }, 'sysvinit'],
    [{ 'proc/1/comm': 'procd\n' }, 'openwrt_init'],
    [{}, 'service'],
  ])('service_mgr of %j', (files, manager) => {
    for (const [path, text] of Object.entries(files)) file(host, path, text);
    expect(ansible(read(), 'service_mgr')).toBe(manager);
  });

  it('selinux is disabled where the kernel has none', () => {
    expect(ansible(read(), 'selinux')).toEqual({ status: 'disabled' });
  });
});

it('are read only where a play names one', () => {
  const areas = (text: string) => wantsNamedIn(text).map(({ area }) => area);
  expect(areas('when: ansible_distribution == x')).toContain('ansible');
  expect(areas("ansible_facts['os_family']")).toContain('ansible');
  expect(areas('ansible_host: 10.0.0.1, ansible_user: x')).not.toContain('ansible');
});
