// Area packages: installed container software, and the state of the package manager.
import type { Facts } from '../../../model/fact.ts';
import type { ByName } from '../../../model/facts/row.ts';
import type { PackageTool } from '../../../model/facts/values.ts';
import { scriptText } from '../../../model/text/script-text.ts';
import { unknown } from '../../../model/value.ts';
import type { Area } from '../../area.ts';
import { readFields, wholeNumber, wordsOf } from '../../fields.ts';
import { times } from '../../times.ts';
import { blockingStates, containerPackages, enginePackages } from './damage.ts';
import { heldList } from './package-pins.ts';
import held from './scripts/held.sh';
import packages from './scripts/packages.sh';
import packagesQuery from './scripts/packages-query.sh';

/**
 * States of dpkg in which an installation is incomplete. A package that must be installed again has
 * a flag beside its state.
 */
const unfinished =
  '^Status: [a-z]+ (reinstreq [a-z-]+|[a-z]+ (half-installed|half-configured|unpacked|triggers-awaited|triggers-pending))$';

export const packagesArea: Area = {
  name: 'packages',
  functions: scriptText(held),
  script: scriptText(packages),
  sets: scriptText(packagesQuery, {
    unfinished,
    pattern: containerPackages.join('|').replaceAll('.', '\\.'),
    names: containerPackages.join(' '),
  }),
  quick: true,
  printedBy: times,
  maxBytes: 262_144,
  parse: (text) => {
    const fields = readFields(text);
    const [family = 'rpm', status = '0', version = ''] = fields.text('queried').split(' ');
    const damaged = damagedOf(fields);
    return {
      'packages.manager': managerOf(
        family,
        version.replaceAll('"', ''),
        fields.all('tool'),
        fields.has('ostree'),
      ),
      'packages.held': heldOf(fields),
      'packages.broken': brokenOf(fields, damaged, status),
      'packages.damaged': damaged,
      ...(status === '0' ? packageFacts(readRows(fields)) : unreadPackages(status)),
    };
  },
};

interface Row {
  readonly name: string;
  readonly evr: string;
  readonly time: number;
  readonly state: string;
}

type Fields = ReturnType<typeof readFields>;

/** Installed packages only. A removed deb keeps its row ("rc") while its configuration is there. */
function readRows(fields: Fields): readonly Row[] {
  const times = new Map<string, number>();
  for (const line of fields.all('at')) {
    const parts = /^\d+ (\d+) .*\/info\/([^/:]+)(?::[a-z0-9]+)?\.list$/.exec(line);
    if (parts?.[2] !== undefined) times.set(parts[2], Number(parts[1]));
  }
  return fields.all('pkg').flatMap((line) => {
    const parts = /^(\S+) (\S+) (@|\d+) (rpm|[a-zA-Z]{1,3})\s*$/.exec(line);
    if (parts === null) return [];
    const [, name = '', evr = '', time = '', state = ''] = parts;
    if (state !== 'rpm' && !/^.[^ncr]/.test(state)) return [];
    return [
      { name, evr, time: time === '@' ? (times.get(name) ?? 0) : (wholeNumber(time) ?? 0), state },
    ];
  });
}

function packageFacts(rows: readonly Row[]): Facts {
  const find = (...names: readonly string[]): Row | undefined => {
    for (const name of names) {
      const row = rows.find((candidate) => candidate.name === name);
      if (row !== undefined) return row;
    }
    return undefined;
  };
  const engine = find(...enginePackages);
  const containerd = find('containerd.io', 'containerd');
  return {
    'docker.package': engine?.name ?? '',
    'docker.evr': engine?.evr ?? '',
    'docker.installed_at': engine?.time ?? 0,
    'cli.evr': find('docker-ce-cli')?.evr ?? '',
    'containerd.package': containerd?.name ?? '',
    'containerd.evr': containerd?.evr ?? '',
    'containerd.installed_at': containerd?.time ?? 0,
    'runc.evr': find('runc')?.evr ?? '',
    'runc.installed_at': find('runc')?.time ?? 0,
    'crio.evr': find('cri-o')?.evr ?? '',
    'kubelet.evr': find('kubelet')?.evr ?? '',
    'kubelet.installed_at': find('kubelet')?.time ?? 0,
  };
}

/**
 * 127: the host has no such program, so no packages (Flatcar). With another status the packages are
 * unknown.
 */
function unreadPackages(status: string): Facts {
  if (status === '127') return packageFacts([]);
  const why = unknown(
    status === '124'
      ? 'the package database did not answer in time'
      : 'the package database could not be read',
  );
  return Object.fromEntries(Object.keys(packageFacts([])).map((name) => [name, why]));
}

/** The package manager of a host, by the family of its tools and the version of its os-release. */
export function managerOf(
  family: string,
  version: string,
  tools: readonly string[],
  ostree: boolean,
): PackageTool {
  if (ostree && tools.includes('rpm-ostree')) return 'rpm-ostree';
  // On el7 dnf is optional. From el8 on yum is only another name of dnf.
  const redHat = /^[1-7](\.|$)/.test(version)
    ? (['yum', 'dnf'] as const)
    : (['dnf', 'yum'] as const);
  const found = (family === 'deb' ? (['apt-get'] as const) : (['zypper', ...redHat] as const)).find(
    (tool) => tools.includes(tool),
  );
  return found === 'apt-get' ? 'apt' : (found ?? 'none');
}

function heldOf(fields: Fields): readonly string[] {
  const holds = fields.all('pkg').flatMap((line) => {
    const parts = /^(\S+) \S* ?@ h/.exec(line);
    return parts === null ? [] : [`hold ${parts[1]}`];
  });
  return [...new Set([...heldList(fields.all('lock'), fields.all('exclude')), ...holds])];
}

function damagedOf(fields: Fields): ByName<string> {
  const versions = new Map<string, string>();
  const duplicates = readRows(fields).flatMap(
    ({ name, evr, state }): readonly (readonly [string, string])[] => {
      const other = versions.get(name) ?? evr;
      versions.set(name, evr);
      return state === 'rpm' && other !== evr ? [[name, 'duplicate']] : [];
    },
  );
  const named = fields.all('damaged').flatMap((line): readonly (readonly [string, string])[] => {
    const [name = '', state = ''] = wordsOf(line);
    return state === '' ? [] : [[name, state]];
  });
  return Object.fromEntries([...named, ...duplicates]);
}

function brokenOf(fields: Fields, damaged: ByName<string>, status: string): string {
  const database = fields
    .all('pkg')
    .filter((line) => /^(error|warning): (rpmdb|cannot open|db5|Thread died)/i.test(line));
  const blocking = Object.entries(damaged).filter(([, state]) => blockingStates.includes(state));
  const reasons = [
    ...fields.all('broken'),
    ...blocking.map(([name, state]) => `${name} is ${state}`),
    ...database,
  ];
  if (status === '124') reasons.push('the package database did not answer in time');
  return [...new Set(reasons)].join('; ').slice(0, 500);
}
