// The packages in the practice fleet's repositories: names, epochs, dependencies and file conflicts
// as in the real ones.

export interface Package {
  readonly name: string;
  /** Id of the repository that has it; absent = the fleet's own. */
  readonly from?: string;
  /** 0 = none. */
  readonly epoch: number;
  readonly version: string;
  /** Empty on debian, where it is a part of the version. */
  readonly release: string;
  readonly arch: string;
  /** `name` or `name >= version`. */
  readonly requires: readonly string[];
  /** Paths that no other package may own at the same time. */
  readonly owns: readonly string[];
  /** What the program itself says its version is: `18.06.1-ce`. */
  readonly says: string;
  /**
   * The runc that comes with it, and whether it switches accounting on for a container with a
   * memory limit.
   */
  readonly runc?: {
    readonly program: string;
    readonly version: string;
    readonly accounts: boolean;
  };
}

const el7 = (
  name: string,
  epoch: number,
  version: string,
  release: string,
  more: Partial<Package> = {},
): Package => ({
  name,
  epoch,
  version,
  release: `${release}.el7`,
  arch: 'x86_64',
  requires: [],
  owns: [],
  says: version.replace(/\.ce$/, '-ce'),
  ...more,
});

const kernel = (release: string): Package =>
  el7('kernel', 0, '3.10.0', release, {
    says: `3.10.0-${release}.el7.x86_64`,
    owns: [`/boot/vmlinuz-3.10.0-${release}.el7.x86_64`],
  });

/** ELRepo's long-term kernel: a package of another name beside the distribution's. */
const longTerm = (version: string): Package =>
  el7('kernel-lt', 0, version, '1', {
    release: '1.el7.elrepo',
    from: 'elrepo-kernel',
    says: `${version}-1.el7.elrepo.x86_64`,
    owns: [`/boot/vmlinuz-${version}-1.el7.elrepo.x86_64`],
  });

/**
 * Since 18.09 the client is a package of its own, and both own /usr/bin/docker: an old engine
 * conflicts with it.
 */
const engine = (version: string, containerd: string): Package =>
  el7('docker-ce', 3, version, '3', {
    requires: ['container-selinux >= 2.9', `containerd.io >= ${containerd}`, 'docker-ce-cli'],
    owns: ['/usr/bin/dockerd'],
  });
const client = (version: string): Package =>
  el7('docker-ce-cli', 1, version, '3', { owns: ['/usr/bin/docker'] });
const containerd = (version: string, release: string, runc: string, accounts: boolean): Package =>
  el7('containerd.io', 0, version, release, {
    owns: ['/usr/bin/containerd', '/usr/bin/runc'],
    runc: { program: 'runc', version: runc, accounts },
  });
const kubelet = (version: string): Package =>
  el7('kubelet', 0, version, '0', {
    release: '0',
    says: `v${version}`,
    owns: ['/usr/bin/kubelet'],
  });

/**
 * containerd.io's el7 builds carried the nokmem tag from 2018-11, lost it from 2019-07 to 2020-09
 * (docker/containerd-packaging#196, #199).
 */
const el7Packages: readonly Package[] = [
  kernel('862'),
  kernel('957'),
  kernel('1062.4.1'),
  kernel('1127'),
  kernel('1160'),
  longTerm('5.4.277'),
  longTerm('5.4.278'),
  el7('container-selinux', 2, '2.68', '1', { arch: 'noarch' }),
  // It brings needs-restarting, which playbooks install before they ask it.
  el7('yum-utils', 0, '1.1.31', '54', { arch: 'noarch' }),
  el7('docker-ce', 0, '18.06.1.ce', '3', {
    requires: ['container-selinux >= 2.9'],
    owns: [
      '/usr/bin/docker',
      '/usr/bin/dockerd',
      '/usr/bin/docker-runc',
      '/usr/bin/docker-containerd',
    ],
    runc: { program: 'docker-runc', version: '1.0.0-rc5+dev', accounts: true },
  }),
  engine('18.09.1', '1.2.2'),
  engine('18.09.9', '1.2.2'),
  client('18.09.1'),
  client('18.09.9'),
  containerd('1.2.0', '3', '1.0.0-rc5+dev', true),
  containerd('1.2.2', '3.3', '1.0.0-rc6+dev', false),
  containerd('1.2.10', '3.2', '1.0.0-rc8+dev', true),
  containerd('1.2.13', '3.2', '1.0.0-rc10', true),
  containerd('1.4.1', '3.1', '1.0.0-rc92', false),
  containerd('1.4.13', '3.1', '1.0.3', false),
  kubelet('1.12.3'),
  kubelet('1.22.17'),
];

const deb = (
  name: string,
  epoch: number,
  version: string,
  says: string,
  more: Partial<Package> = {},
): Package => ({
  name,
  epoch,
  version,
  release: '',
  arch: 'amd64',
  requires: [],
  owns: [],
  says,
  ...more,
});
const debImage = (release: string, version: string): Package =>
  deb(`linux-image-${release}`, 0, version, release, { owns: [`/boot/vmlinuz-${release}`] });
const debEngine = (version: string): Package =>
  deb('docker-ce', 5, `${version}-1~debian.12~bookworm`, version, {
    requires: ['docker-ce-cli', 'containerd.io >= 1.6.4'],
    owns: ['/usr/bin/dockerd'],
  });
const debClient = (version: string): Package =>
  deb('docker-ce-cli', 5, `${version}-1~debian.12~bookworm`, version, {
    owns: ['/usr/bin/docker'],
  });
const debContainerd = (version: string, runc: string): Package =>
  deb('containerd.io', 0, `${version}-1`, version, {
    owns: ['/usr/bin/containerd', '/usr/bin/runc'],
    runc: { program: 'runc', version: runc, accounts: false },
  });

const debianPackages: readonly Package[] = [
  debImage('6.1.0-28-amd64', '6.1.119-1'),
  debImage('6.1.0-32-amd64', '6.1.129-1'),
  debEngine('24.0.7'),
  debEngine('25.0.5'),
  debClient('24.0.7'),
  debClient('25.0.5'),
  debContainerd('1.6.24', '1.1.9'),
  debContainerd('1.6.28', '1.1.12'),
  // A package that has nothing to do with containers, for updates of everything else.
  deb('openssl', 0, '3.0.15-1~deb12u1', '3.0.15'),
  deb('openssl', 0, '3.0.17-1~deb12u2', '3.0.17'),
  deb('kubelet', 0, '1.28.2-1.1', 'v1.28.2', { owns: ['/usr/bin/kubelet'] }),
];

/** The whole repository of a flavour. */
export const repository = (flavour: 'el7' | 'debian'): readonly Package[] =>
  flavour === 'el7' ? el7Packages : debianPackages;

/** `3:18.09.1-3.el7`, `1.2.2-3.3.el7`, `5:24.0.7-1~debian.12~bookworm`. */
export const evrOf = (pkg: Package): string =>
  `${pkg.epoch > 0 ? `${pkg.epoch}:` : ''}${pkg.version}${pkg.release === '' ? '' : `-${pkg.release}`}`;
