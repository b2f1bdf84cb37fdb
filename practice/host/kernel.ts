// What a kernel does with `cgroup.memory=nokmem`: the rules that decide whether memory groups of a
// practice host are accounted.

/**
 * el7 kernels know the parameter from 1062 on (read in 514: no; 1062, 1127, 1160: yes); those
 * between were not read: `unread` says what they do in the fleet.
 */
export function parsesNokmem(release: string, unread = false): boolean {
  const el7 = /^3\.10\.0-(\d+)/.exec(release);
  if (el7) return Number(el7[1]) >= 1062 || (unread && Number(el7[1]) > 514);
  const [major = 0, minor = 0] = release.split('.').map(Number);
  return major > 4 || (major === 4 && minor >= 5);
}

/**
 * Is accounting off for the whole kernel? On el7 a place after ` -- ` counts too (measured on
 * 1062); on others it does not.
 */
export function nokmemInForce(release: string, cmdline: string, unread = false): boolean {
  if (!parsesNokmem(release, unread)) return false;
  const before = release.startsWith('3.10.0-') ? cmdline : (cmdline.split(' -- ')[0] ?? '');
  return before
    .split(/\s+/)
    .filter((word) => word.startsWith('cgroup.memory='))
    .some((word) => word.slice('cgroup.memory='.length).split(',').includes('nokmem'));
}

/**
 * Official kubelets switch accounting on for /kubepods (cgroupfs driver) from 1.9 until 1.21.2,
 * where runc rc95 came in.
 */
export function kubeletAccounts(version: string): boolean {
  const [major = 0, minor = 0, patch = 0] = version.replace(/^v/, '').split('.').map(Number);
  if (major !== 1 || minor < 9) return false;
  return minor < 21 || (minor === 21 && patch < 2);
}
