// Reads the lists of packages and of services into the forms of Ansible's package_facts and
// service_facts. The lists are a host's own text.
import { wholeNumber, wordsOf } from '../../facts/fields.ts';
import type { Mapping, Value } from '../../model/value.ts';

/** More lines than this are no list of packages or services. */
const most = 20_000;

const linesOf = (said: string): readonly string[] => said.split('\n', most);

/** By name: one entry for each version that is installed. */
export function packagesIn(said: string): Mapping {
  const [source, ...lines] = linesOf(said);
  const packages = new Map<string, Value[]>();
  for (const line of lines) {
    const row = source === 'apt' ? debRow(line) : rpmRow(line);
    if (row === undefined) continue;
    const all = packages.get(row.name);
    if (all === undefined) packages.set(row.name, [row]);
    else all.push(row);
  }
  return Object.fromEntries(packages);
}

type Row = Mapping & { readonly name: string };

/** A package that left its configuration behind is not installed. */
function debRow(line: string): Row | undefined {
  const [, , status, name, version, arch, category = ''] = wordsOf(line);
  if (name === undefined || version === undefined || arch === undefined) return undefined;
  if (status === 'config-files' || status === 'not-installed') return undefined;
  return { name, version, arch, category, source: 'apt' };
}

function rpmRow(line: string): Row | undefined {
  const [name, version, release, epoch = '', arch] = wordsOf(line);
  if (name === undefined || version === undefined || release === undefined) return undefined;
  return {
    name,
    version,
    release,
    epoch: wholeNumber(epoch) ?? null,
    arch: arch === undefined || arch === '(none)' ? null : arch,
    source: 'rpm',
  };
}

const errors = ['not-found', 'masked', 'failed'];

/** By name with `.service`: what is loaded, and then what has a file. */
export function servicesIn(said: string): Mapping {
  const services = new Map<string, { state: string; status: string }>();
  let isOfFiles = false;
  for (const line of linesOf(said)) {
    const words = wordsOf(line).filter((word) => word !== '●');
    const [name = ''] = words;
    if (name === '---') isOfFiles = true;
    if (!name.endsWith('.service')) continue;
    if (isOfFiles) addFile(services, name, words[1] ?? 'unknown');
    else services.set(name, loaded(words));
  }
  return Object.fromEntries(
    [...services].map(([name, service]) => [name, { name, ...service, source: 'systemd' }]),
  );
}

function loaded([, load = '', active = '', sub = '']: readonly string[]) {
  const status = errors.find((word) => [load, active, sub].includes(word)) ?? active;
  return { state: sub === 'running' ? 'running' : 'stopped', status };
}

function addFile(
  services: Map<string, { state: string; status: string }>,
  name: string,
  status: string,
): void {
  const known = services.get(name);
  if (known === undefined)
    services.set(name, { state: name.endsWith('@.service') ? 'unknown' : 'inactive', status });
  else if (!errors.includes(known.status)) services.set(name, { ...known, status });
}
