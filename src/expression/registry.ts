// All filters and tests by name. Those of Ansible that kmend lacks are refused with a reason.
import { nearest } from '../model/diagnostic.ts';
import { present } from '../model/present.ts';
import { codingFilters } from './filters/coding.ts';
import { listFilters } from './filters/lists.ts';
import { mappingFilters } from './filters/mappings.ts';
import { numberFilters } from './filters/numbers.ts';
import { pathFilters } from './filters/paths.ts';
import { regexFilters } from './filters/regex.ts';
import { selectingFilters } from './filters/selecting.ts';
import { setFilters } from './filters/sets.ts';
import { textFilters } from './filters/texts.ts';
import { valueFilters } from './filters/values.ts';
import type { Callable } from './python/callable.ts';
import { matchTests } from './tests/matching.ts';
import { registeredTests } from './tests/registered.ts';
import { valueTests } from './tests/values.ts';
import { versionTests } from './tests/versions.ts';

type Table = Readonly<Record<string, Callable>>;

const filters: ReadonlyMap<string, Callable> = new Map(
  [
    valueFilters,
    numberFilters,
    textFilters,
    listFilters,
    selectingFilters,
    setFilters,
    mappingFilters,
    regexFilters,
    codingFilters,
    pathFilters,
  ].flatMap((table: Table) => Object.entries(table)),
);

const tests: ReadonlyMap<string, Callable> = new Map(
  [valueTests, registeredTests, matchTests, versionTests].flatMap((table: Table) =>
    Object.entries(table),
  ),
);

const short = (name: string): string => name.replace(/^ansible\.(builtin|legacy)\./, '');

export const filterNamed = (name: string): Callable | undefined => filters.get(short(name));
export const testNamed = (name: string): Callable | undefined => tests.get(short(name));

/** Names for completion, documentation and `did you mean`. */
export const filterNames = (): readonly string[] => [...filters.keys()];
export const testNames = (): readonly string[] => [...tests.keys()];

const needsHost = 'it would read the machine that runs kmend; read a fact of the host instead';
const random = 'its result changes from call to call, and a plan must be repeatable';
const refusedFilters: Readonly<Record<string, string>> = {
  random,
  shuffle: random,
  password_hash: random,
  expanduser: needsHost,
  expandvars: needsHost,
  fileglob: needsHost,
  realpath: needsHost,
  vault: 'secrets are handled outside of expressions',
  unvault: 'secrets are handled outside of expressions',
  from_yaml: 'write the data in YAML, or use from_json',
  from_yaml_all: 'write the data in YAML, or use from_json',
};
const refusedTests: Readonly<Record<string, string>> = Object.fromEntries(
  [
    'directory',
    'exists',
    'file',
    'is_dir',
    'is_file',
    'is_link',
    'is_mount',
    'is_same_file',
    'link',
    'link_exists',
    'mount',
    'same_file',
  ].map((name) => [name, needsHost]),
);

interface UnknownName {
  readonly message: string;
  readonly hint?: string;
}

function refusalOf(
  kind: 'filter' | 'test',
  name: string,
  refused: Readonly<Record<string, string>>,
  known: Iterable<string>,
): UnknownName {
  const word = short(name);
  if (Object.hasOwn(refused, word))
    return { message: `the ${kind} '${name}' is not available: ${refused[word]}` };
  const near = nearest(word, known);
  return {
    message: `no ${kind} named '${name}'`,
    ...present({ hint: near && `did you mean '${near}'?` }),
  };
}

export const unknownFilter = (name: string): UnknownName =>
  refusalOf('filter', name, refusedFilters, filters.keys());
export const unknownTest = (name: string): UnknownName =>
  refusalOf('test', name, refusedTests, tests.keys());
