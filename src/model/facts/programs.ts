// Container programs, the kubelet, services and files.
import { boot, disk } from './row.ts';
import type { RuntimeRow } from './values.ts';

export const dockerFacts = {
  'docker.installed': disk<boolean>('there is a docker program', true),
  'docker.running': boot<boolean>('the daemon answers, or its process is there', true),
  'docker.version': boot<string>(
    'version of the running engine; empty when it does not run',
    '18.06.1-ce',
  ),
  'docker.client': disk<string>('version of the client; empty when absent', '18.06.1-ce'),
  'docker.driver': boot<string>(
    'cgroup driver of the engine, cgroupfs or systemd; from daemon.json when it does not run; empty when neither says',
    'cgroupfs',
  ),
  'docker.runtimes': disk<readonly RuntimeRow[]>(
    'runtimes other than runc that the engine knows, from daemon.json when it does not run; with the first line of their --version',
    [{ name: 'nvidia', path: 'nvidia-container-runtime', says: 'runc version 1.0.0-rc6' }],
  ),
  'docker.live_restore': boot<boolean>('containers outlive a restart of the daemon', false),
};

export const runcFacts = {
  'runc.installed': disk<boolean>('there is a runc program', true),
  'runc.version': disk<string>(
    'the version in runc --version, which does not show how it was built; of its Debian package on a kernel that does not leak',
    '1.0.0-rc10',
  ),
  'runc.commit': disk<string>('the commit that it says it was built from', ''),
  'runc.path': disk<string>(
    "where it is: Docker's own before 18.09 is called docker-runc; that of k3s or RKE2 where there is no other",
    '/usr/bin/runc',
  ),
  'runc.changed_at': disk<number>(
    'when that file was changed, by its ctime; 0 when not known',
    1_794_000_000,
  ),
  'containerd.installed': disk<boolean>(
    'there is a containerd program, or one that Docker brings along',
    true,
  ),
  'containerd.bundled': disk<boolean>(
    "containerd and runc come inside Docker's own package (before 18.09)",
    false,
  ),
};

export const kubeletFacts = {
  'kubelet.installed': disk<boolean>('there is a kubelet, or a program that holds one', true),
  'kubelet.running': boot<boolean>('its process is there', true),
  'kubelet.version': disk<string>('without the v; empty when absent', '1.12.3'),
  'kubelet.driver': disk<string>(
    'cgroup driver: cgroupfs or systemd, from its arguments, else its configuration, else its default; empty when absent',
    'cgroupfs',
  ),
  'kubelet.endpoint': disk<string>(
    'socket of the container runtime, from its arguments, else its configuration; empty when they do not say',
    'unix:///run/containerd/containerd.sock',
  ),
  'kubelet.changed_at': disk<number>(
    'when its program file was changed, by its ctime; 0 when not known',
    1_794_000_000,
  ),
  'kubelet.program': disk<string>('kubelet, k3s, rke2, hyperkube; empty when absent', 'kubelet'),
};

export const runtimesFacts = {
  'containerd.driver': disk<string>(
    "cgroup driver of containerd's CRI plugin: systemd, or cgroupfs (its default, and where only some of its runtimes say systemd); empty when it is not known, or there is no containerd",
    'cgroupfs',
  ),
  'containerd.runtimes': disk<readonly RuntimeRow[]>(
    'runtimes other than runc in its config.toml; with the first line of their --version',
    [{ name: 'nvidia', path: '/usr/bin/nvidia-container-runtime', says: 'runc version 1.0.0-rc6' }],
  ),
  'crio.installed': disk<boolean>('there is a cri-o', false),
  'crio.driver': disk<string>(
    'its cgroup driver: systemd, or cgroupfs (the default before 1.18); empty when it is not known, or there is no cri-o',
    '',
  ),
  'podman.installed': disk<boolean>('there is a podman', false),
  'podman.driver': disk<string>(
    'its cgroup driver: systemd (its default) or cgroupfs; empty when it is not known, or there is no podman',
    '',
  ),
};

export const serviceFacts = {
  'service.*.active': boot<boolean>('systemctl is-active says active', true),
  'service.*.enabled': disk<boolean>(
    'systemctl is-enabled says enabled (or static, indirect, generated)',
    true,
  ),
  'service.*.masked': disk<boolean>('systemctl is-enabled says masked', false),
};

export const pathFacts = {
  'path.*.exists': disk<boolean>('there is a file, directory or dangling link of this name', true),
};
