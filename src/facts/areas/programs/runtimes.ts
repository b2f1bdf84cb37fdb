// Area runtimes: cgroup drivers of containerd, cri-o and podman by their configuration, and
// runtimes other than runc.
import { scriptText } from '../../../model/text/script-text.ts';
import type { Area } from '../../area.ts';
import { type Fields, readFields } from '../../fields.ts';
import runtimes from './runtimes.sh';

/** For a loop over runtimes in which `$p` is the path of a runc: skips the runc in PATH. */
export const skipSystemRunc = `case $p in /*) [ ! "$R$p" -ef "$(command -v runc)" ] || continue;; *) continue;; esac`;

/** Number of programs of each engine that are run with `--version`. */
const mostAsked = 4;

export const runtimesArea: Area = {
  name: 'runtimes',
  script: scriptText(runtimes, { skipSystemRunc, mostAsked }),
  quick: true,
  maxBytes: 131_072,
  parse: (text) => {
    const fields = readFields(text);
    const crio = fields.has('crio');
    const podman = fields.has('podman');
    const oldCrio = /^(?:\d+:)?1\.(\d+)\./.exec(
      fields.all('crio').find((value) => value !== '') ?? '',
    )?.[1];
    const crioDefault = oldCrio === undefined ? '' : Number(oldCrio) < 18 ? 'cgroupfs' : 'systemd';
    const runtimes = readToml(fields.all('toml'));
    return {
      'containerd.driver': containerdDriver(fields, runtimes),
      'containerd.runtimes': runtimes
        .filter(({ path }) => path !== '' && !isSystemRunc(path, fields.all('says')))
        .map(({ name, path }) => ({ name, path, says: versionLineOf(path, fields.all('says')) })),
      'crio.installed': crio,
      'crio.driver': crio ? managerOf(fields, 'crioconf', crioDefault) : '',
      'podman.installed': podman,
      'podman.driver': podman ? managerOf(fields, 'podmanconf', 'systemd') : '',
    };
  },
};

/**
 * Is this the runc in the system's PATH? Its version is read elsewhere. A runc at another path is a
 * runtime of its own: it printed its version, it does not exist, or it was one too many to be run.
 */
export function isSystemRunc(path: string, says: readonly string[]): boolean {
  if (
    !/(?:^|\/)(?:runc|docker-runc|docker-runc-current)$/.test(path) ||
    says.some((line) => line === path || line.startsWith(`${path} `))
  )
    return false;
  return (
    says.length < mostAsked ||
    /^(?:\/(?:usr\/(?:local\/)?)?s?bin\/|\/usr\/libexec\/docker\/)?[^/]+$/.test(path)
  );
}

/** The first line of `PATH --version`, from lines `PATH FIRST LINE`. */
export const versionLineOf = (path: string, says: readonly string[]): string =>
  path === ''
    ? ''
    : (says.find((line) => line.startsWith(`${path} `))?.slice(path.length + 1) ?? '');

interface Runtime {
  readonly name: string;
  readonly path: string;
  /** SystemdCgroup, where it is set. */
  readonly systemd: boolean | undefined;
  /** The driver of a runtime other than runc does not count. */
  readonly runc: boolean;
}

/**
 * Sections `...runtimes.NAME` and `...runtimes.NAME.options` are one runtime. Keys outside of them
 * belong to a runtime without a name.
 */
function readToml(lines: readonly string[]): readonly Runtime[] {
  const runtimes = new Map<string, Runtime>();
  let name = '';
  for (const line of lines) {
    const section = /^\[([^\]]*)\]/.exec(line)?.[1];
    if (section !== undefined) {
      const [, below = ''] = section.split(/\.runtimes\.(.*)/s);
      const [, quoted, bare] = /^(?:"([^"]+)"|([\w.-]+?))(?:\.options)?$/.exec(below) ?? [];
      name = quoted ?? bare ?? '';
      if (name !== '' && !runtimes.has(name))
        runtimes.set(name, { name, path: '', systemd: undefined, runc: true });
      continue;
    }
    const [, key = '', rest = ''] = /^(\w+)\s*=(.*)$/s.exec(line) ?? [];
    const value = /^["']?([^"'#]*)/.exec(rest.trim())?.[1]?.trim() ?? '';
    const before = runtimes.get(name) ?? { name, path: '', systemd: undefined, runc: true };
    if (key === 'SystemdCgroup' || key === 'systemd_cgroup')
      runtimes.set(name, { ...before, systemd: value === 'true' });
    else if (key === 'runtime_type')
      runtimes.set(name, {
        ...before,
        runc: value === '' || /\.(?:runc|linux)(?:\.|$)/.test(value),
      });
    else if (key === 'BinaryName' || key === 'runtime_engine' || key === 'runtime')
      runtimes.set(name, { ...before, path: value });
  }
  return [...runtimes.values()];
}

/**
 * Where two runtimes differ, one of them can ask, so cgroupfs counts. Where another file is
 * imported, the driver is unknown.
 */
function containerdDriver(fields: Fields, runtimes: readonly Runtime[]): string {
  if (fields.has('toml_denied') || (!fields.has('containerd') && !fields.has('toml'))) return '';
  const everywhere = runtimes.find(
    ({ name, systemd }) => name === '' && systemd !== undefined,
  )?.systemd;
  if (everywhere === true) return 'systemd';
  const values = new Set(
    runtimes.filter(({ name, runc }) => name !== '' && runc).map(({ systemd }) => systemd === true),
  );
  const imports = fields.all('toml').some((line) => /^imports\s*=\s*\[\s*["']/.test(line));
  if (imports) return '';
  return values.has(true) && values.size === 1 ? 'systemd' : 'cgroupfs';
}

/** Reads `cgroup_manager = "systemd"`. The last file wins. */
function managerOf(fields: Fields, key: string, byDefault: string): string {
  if (fields.has(`${key}_denied`)) return '';
  const values = fields
    .all(key)
    .flatMap((line) => /^\s*cgroup_manager\s*=\s*["'](\w+)["']/.exec(line)?.[1] ?? []);
  return values.at(-1) ?? byDefault;
}
