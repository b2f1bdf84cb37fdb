// Processes that the probe searches by name. One list, because one read of /proc finds them all.

const programs = [
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
export const processNames = programs.join('|');
