// Settings and modules of a practice host's kernel, as a boot leaves them: the kernel's own, then
// those of files.
import { readdirSync } from 'node:fs';
import { at, has, type Machine, put, read } from './machine.ts';

const settings: Readonly<Record<string, string>> = {
  'vm/max_map_count': '65530',
  'vm/swappiness': '60',
  'fs/inotify/max_user_instances': '128',
  'net/core/somaxconn': '128',
  'net/ipv4/ip_forward': '1',
};

const loaded = ['overlay', 'nf_conntrack'];

const filesIn = (machine: Machine, folder: string): readonly string[] =>
  has(machine, folder)
    ? readdirSync(at(machine, folder))
        .filter((name) => name.endsWith('.conf'))
        .sort()
        .map((name) => `${folder}/${name}`)
    : [];

const linesOf = (machine: Machine, files: readonly string[]): readonly string[] =>
  files
    .filter((file) => has(machine, file))
    .flatMap((file) => read(machine, file).split('\n'))
    .map((line) => line.trim())
    .filter((line) => /^[^#;]/.test(line));

export function putSettings(machine: Machine): void {
  const values = new Map(Object.entries(settings));
  for (const line of linesOf(machine, [...filesIn(machine, '/etc/sysctl.d'), '/etc/sysctl.conf'])) {
    const [name = '', value = ''] = line.split('=').map((part) => part.trim());
    const path = name.replaceAll('.', '/');
    if (values.has(path)) values.set(path, value);
  }
  for (const [path, value] of values) put(machine, `/proc/sys/${path}`, `${value}\n`);
  const modules = new Set([
    ...loaded,
    ...linesOf(machine, filesIn(machine, '/etc/modules-load.d')),
  ]);
  const rows = [...modules].map((name) => `${name.replaceAll('-', '_')} 16384 0 - Live 0x0\n`);
  put(machine, '/proc/modules', rows.join(''));
  for (const folder of ['sysctl.d', 'modules-load.d', 'modprobe.d'])
    put(machine, `/etc/${folder}/README`, 'Files of the administrator.\n');
}
