// What a shell reads line by line costs a system call for each byte: no file of a host may cost many,
// however long it is.
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { areas, buildProbe } from '../../src/facts/index.ts';
import { emptyHost, file, has, type Recorded } from './replay.ts';

const wants = [...areas.values()]
  .filter(({ script }) => typeof script === 'string')
  .map(({ name }) => ({ area: name }));

/** The files that the script names, each pattern with one name that it matches. */
const named = [...buildProbe(wants).matchAll(/"?\$R"?(\/[\w./*-]+)/g)]
  .map(([, path = '']) => path.replaceAll('*', 'x').replace(/\/\.?$/, ''))
  .filter((path) => /^\/(etc|usr\/(share|lib)|oem|proc|var\/lib|run)\/./.test(path));
const paths = [...new Set(named)]
  .filter((path) => !named.some((other) => other.startsWith(`${path}/`)))
  .sort();

/** More than the longest configuration that a vendor ships, and not as long as a cap. */
const long = (path: string): string =>
  (path === '/proc/mounts'
    ? 'overlay /var/lib/docker/x overlay rw 0 0\n'
    : '# a comment = "x"\n'
  ).repeat(1500);

let host: Recorded;
beforeAll(() => {
  host = emptyHost();
  file(host, 'proc/sys/kernel/osrelease', '3.10.0-1160.el7.x86_64\n');
  file(host, 'proc/812/stat', '812 (kubelet) S 1 812 812 0 -1\n');
  file(host, 'proc/812/cmdline', '/usr/bin/kubelet\0');
  file(host, 'boot/grub2/grub.cfg', 'set default=0\n');
  for (const path of paths) file(host, path, 'x\n');
});
afterAll(() => host.remove());

/** Reads of the probe and of all that it starts. */
function reads(shell: string): number {
  const [script, counter] = ['probe.sh', 'count.sh'].map((name) => join(host.root, '..', name));
  writeFileSync(`${script}`, buildProbe(wants));
  writeFileSync(
    `${counter}`,
    `${shell} ${script} >/dev/null\nwhile read -r k n; do [ "$k" != syscr: ] || echo "$n"; done </proc/$$/io\n`,
  );
  return Number(
    execFileSync('sh', [`${counter}`], {
      env: { KMEND_ROOT: host.root, PATH: `${host.bin}:${process.env.PATH}` },
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }),
  );
}

it('knows the files that the script names', () =>
  expect(paths).toEqual(
    expect.arrayContaining([
      '/etc/containerd/config.toml',
      '/etc/crio/crio.conf.d/x',
      '/etc/docker/daemon.json',
      '/etc/os-release',
      '/proc/mounts',
      '/usr/share/containers/containers.conf',
    ]),
  ));

it('only bounded loops read a file, in the scripts of actions too', () => {
  const folder = join(import.meta.dirname, '../../src');
  const loops = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.sh'))
    .filter((path) => /\bdone <["$]/.test(readFileSync(join(folder, path), 'utf8')));
  // `dump`, which ends after 2,000 bytes, and os-release and kmend's own list of failed scripts.
  expect(loops.toSorted()).toEqual([
    'facts/areas/packages/scripts/packages-query.sh',
    'facts/areas/packages/scripts/packages.sh',
    'facts/probe/probe.sh',
  ]);
});

// bash reads more than a byte at once.
it.each(['dash', 'busybox ash'].filter((shell) => has(shell.split(' ')[0] ?? '')))(
  '%s reads none of them to its end byte by byte',
  (shell) => {
    const before = reads(shell);
    const costly = paths.filter((path) => {
      const text = long(path);
      file(host, path, text);
      const more = reads(shell) - before;
      file(host, path, 'x\n');
      // Several areas read os-release.
      return more > text.length / 3;
    });
    expect(costly).toEqual([]);
  },
);
