// Processes that the probe looks for by name: one list, because one look at /proc finds them all.

/** Names of package managers while they hold their lock; not rpm, which mostly only asks, nor packagekitd, which idles without it. */
export const packageManagers = [
  'yum',
  'yum-cron',
  'dnf',
  'dnf-3',
  'dnf-automatic',
  'apt',
  'apt-get',
  'aptitude',
  'dpkg',
  'unattended-upgr',
  'zypper',
  'rpm-ostree',
] as const;

const containerPrograms = [
  'dockerd',
  'dockerd-current',
  'containerd',
  'docker-containe',
  'crio',
  'kubelet',
  'hyperkube',
  'k3s',
  'k3s-server',
  'k3s-agent',
  'rke2',
] as const;

/** The kernel truncates names to 15 characters. */
export const processNames = [...packageManagers, ...containerPrograms].join('|');

/** `PID NAME`. */
export function readProcess(line: string): { readonly pid: string; readonly name: string } | undefined {
  const parts = /^(\d+) (.*)$/.exec(line);
  return parts?.[1] === undefined ? undefined : { pid: parts[1], name: parts[2] ?? '' };
}
