// What the operator declares in `kmem_kernels` and `kmem_asks`, host by host and checked: facts
// that no probe could read.
import { type DeclaredFacts, parsedByTable } from '../../facts/index.ts';
import { type Checked, type Diagnostic, nearest, type Place } from '../../model/diagnostic.ts';
import type { Inventory } from '../../model/host.ts';
import type { Play } from '../../model/playbook.ts';
import { isMapping, type Mapping, type Value } from '../../model/value.ts';
import { hostScope, readVariable } from '../text/variables.ts';

interface Problem {
  readonly summary: string;
  readonly hint: string;
  readonly severity?: 'warning';
}

interface Declaration {
  readonly variable: string;
  readonly fact: keyof DeclaredFacts;
  readonly words: readonly string[];
  readonly hint: string;
  /** What is wrong with this entry, beside the form. */
  readonly problemIn: (key: string, word: string) => Problem | undefined;
}

/** The programs that may ask for accounting. */
const programs: readonly string[] = ['kubelet', 'docker', 'containerd', 'cri-o', 'podman', 'runc'];

const kernelHint =
  'name releases as `uname -r` prints them: kmem_kernels: {3.10.0-862.el7.x86_64: try}';

const declarations: readonly Declaration[] = [
  {
    variable: 'kmem_kernels',
    fact: 'kmem.kernels',
    words: ['yes', 'no', 'try'],
    hint: kernelHint,
    problemIn: kernelProblem,
  },
  {
    variable: 'kmem_asks',
    fact: 'kmem.asks',
    words: ['yes', 'no'],
    hint: 'kmem_asks: {kubelet: no}',
    problemIn: programProblem,
  },
];

/** A release that the table settles may not be declared otherwise: it was booted or read. */
function kernelProblem(release: string, word: string): Problem | undefined {
  const table = parsedByTable(release);
  if (table === undefined)
    return { summary: `${release} is no release of an el7 kernel`, hint: kernelHint };
  if (table === 'unknown' || table === word) return undefined;
  const known = table === 'yes' ? 'obeys' : 'does not obey';
  return {
    summary: `${release} was booted or read, and ${known} cgroup.memory=nokmem`,
    hint: 'take it out: kmend knows this kernel',
  };
}

function programProblem(name: string): Problem | undefined {
  if (programs.includes(name)) return undefined;
  const near = nearest(name, programs);
  const hint =
    near === undefined ? `the programs are ${programs.join(', ')}` : `did you mean \`${near}\`?`;
  return { summary: `${name} is no program that could ask for accounting`, hint };
}

/** YAML reads a bare yes or no as true or false. */
const wordOf = (value: Value): string =>
  value === true ? 'yes' : value === false ? 'no' : typeof value === 'string' ? value : '';

type Words = Readonly<Record<string, string>>;

interface Reading {
  readonly value: Words;
  readonly problems: readonly Problem[];
}

/** Where hosts are declared: `-e`, the play if there is one, and the inventory. */
export interface Declared {
  readonly extraVars: Mapping;
  readonly play?: Play;
}

/**
 * What the operator declares of these hosts. An error in the variables of a group is reported once,
 * at its first host.
 */
export function declaredFacts(
  inventory: Inventory,
  hosts: readonly string[],
  given: Declared,
): Checked<ReadonlyMap<string, DeclaredFacts>> {
  const facts = new Map<string, DeclaredFacts>();
  const found = new Map<string, { readonly diagnostic: Diagnostic; readonly hosts: string[] }>();
  for (const host of hosts) {
    const declared: Partial<Record<keyof DeclaredFacts, Words>> = {};
    for (const declaration of declarations) {
      const { value, problems } = withoutTries(read(declaration, inventory, host, given), given);
      declared[declaration.fact] = value;
      for (const problem of problems) {
        const known = found.get(problem.summary);
        if (known !== undefined) known.hosts.push(host);
        else
          found.set(problem.summary, {
            diagnostic: diagnosticOf(inventory, host, declaration, problem, given),
            hosts: [host],
          });
      }
    }
    facts.set(host, declared);
  }
  return {
    value: facts,
    diagnostics: [...found.values()].map((one) => named(one.diagnostic, one.hosts)),
  };
}

function read(
  { variable, words, hint, problemIn }: Declaration,
  inventory: Inventory,
  host: string,
  { extraVars, play }: Declared,
): Reading {
  const scope = hostScope(inventory, host, { extraVars, ...(play && { playVars: play.vars }) });
  const given = readVariable(scope, variable);
  if (!given.ok) return { value: {}, problems: [{ summary: given.why, hint }] };
  if (given.value === undefined) return { value: {}, problems: [] };
  if (!isMapping(given.value))
    return { value: {}, problems: [{ summary: `${variable} must be a mapping`, hint }] };
  const either = words.join(', ').replace(/, (\w+)$/, ' or $1');
  const entries = Object.entries(given.value).map(([key, value]) => {
    const word = wordOf(value);
    const wrong = words.includes(word)
      ? problemIn(key, word)
      : { summary: `${key} must be ${either}`, hint };
    return { key, word, wrong: wrong && { ...wrong, summary: `${variable}: ${wrong.summary}` } };
  });
  return {
    value: Object.fromEntries(
      entries.filter(({ wrong }) => wrong === undefined).map(({ key, word }) => [key, word]),
    ),
    problems: entries.flatMap(({ wrong }) => wrong ?? []),
  };
}

/**
 * `try` is for the canary: a play without one would try a kernel on as many hosts as it has slots.
 * There it counts as not known.
 */
function withoutTries({ value, problems }: Reading, { play }: Declared): Reading {
  if (play === undefined || play.rollout.canary !== undefined) return { value, problems };
  const [tried, kept] = [
    Object.keys(value).filter((key) => value[key] === 'try'),
    Object.entries(value).filter(([, word]) => word !== 'try'),
  ];
  const warnings = tried.map((release) => ({
    summary: `kmem_kernels: ${release} is not tried, because the play "${play.name}" has no canary`,
    hint: 'add `canary: {hosts: 1}` to the `rollout` of the play',
    severity: 'warning' as const,
  }));
  return { value: Object.fromEntries(kept), problems: [...problems, ...warnings] };
}

/**
 * Where an error is reported: a variable of the inventory at its host, one of the play at the play;
 * one of `-e` has no place.
 */
function placeOf(
  inventory: Inventory,
  host: string,
  variable: string,
  { extraVars, play }: Declared,
): Place | undefined {
  if (Object.hasOwn(extraVars, variable)) return undefined;
  return play !== undefined && Object.hasOwn(play.vars, variable)
    ? play.place
    : inventory.hosts.get(host)?.place;
}

const diagnosticOf = (
  inventory: Inventory,
  host: string,
  { variable }: Declaration,
  problem: Problem,
  given: Declared,
): Diagnostic => {
  const place = placeOf(inventory, host, variable, given);
  return {
    code: variable.replace('_', '-'),
    severity: 'error',
    ...(place && { place }),
    ...problem,
  };
};

function named(diagnostic: Diagnostic, [first = '', ...others]: readonly string[]): Diagnostic {
  const hosts = others.length === 0 ? `host ${first}` : `host ${first} and ${others.length} more`;
  return { ...diagnostic, summary: `${hosts}: ${diagnostic.summary}` };
}
