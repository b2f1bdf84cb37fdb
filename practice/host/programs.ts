// The programs inside the practice packages: POSIX sh that prints what the real ones print. They
// see only files of their host.

import { scriptText } from '../../src/model/text/script-text.ts';
import type { Package } from './catalog.ts';
import dockerFile from './docker.sh';

const docker = (version: string): string => scriptText(dockerFile, { version });

const says = (line: string): string => `#!/bin/sh\necho '${line}'\n`;
const runc = (version: string): string =>
  `#!/bin/sh\nprintf 'runc version %s\\nspec: 1.0.1-dev\\n' '${version}'\n`;

const containerd = (version: string): string =>
  says(`containerd containerd.io ${version} 0000000000000000000000000000000000000000`);
const unit = (name: string, program: string): readonly [string, string] => [
  `/usr/lib/systemd/system/${name}.service`,
  `[Unit]\nDescription=${name}\n\n[Service]\nExecStart=${program}\n\n[Install]\nWantedBy=multi-user.target\n`,
];

/** Path and text of each file of a package, except kernels. */
export function programs(pkg: Package): readonly (readonly [path: string, text: string])[] {
  return pkg.owns.flatMap((path): readonly (readonly [string, string])[] => {
    switch (path.slice(path.lastIndexOf('/') + 1)) {
      case 'docker':
        return [[path, docker(pkg.says)]];
      case 'dockerd':
        return [[path, says(`Docker version ${pkg.says}, build 0000000`)], unit('docker', path)];
      case 'containerd':
        return [[path, containerd(pkg.version)], unit('containerd', path)];
      case 'docker-containerd':
        return [[path, containerd('1.1.2')]];
      case 'runc':
      case 'docker-runc':
        return [[path, runc(pkg.runc?.version ?? '')]];
      case 'kubelet':
        return [[path, says(`Kubernetes ${pkg.says}`)], unit('kubelet', path)];
      default:
        return [];
    }
  });
}
