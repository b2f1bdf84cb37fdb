// Reads and checks what the operator declares in `kmem_kernels` and `kmem_asks` for each host: facts
// that no probe can read.
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
  readonly answers: readonly string[];
  readonly hint: string;
  /** The problem of an entry whose value is valid. */
  readonly problemIn: (key: string, answer: string) => Problem | undefined;
}

/** The programs that may ask for accounting. */
const programs: readonly string[] = ['kubelet', 'docker', 'containerd', 'cri-o', 'podman', 'runc'];

const kernelHint =
  'name releases as `uname -r` prints them: kmem_kernels: {3.10.0-862.el7.x86_64: try}';

const declarations: readonly Declaration[] = [
  {
    variable: 'kmem_kernels',
    fact: 'kmem.kernels',
    answers: ['yes', 'no', 'try'],
    hint: kernelHint,
    problemIn: kernelProblem,
  },
  {
    variable: 'kmem_asks',
    fact: 'kmem.asks',
    answers: ['yes', 'no'],
    hint: 'kmem_asks: {kubelet: no}',
    problemIn: programProblem,
  },
];

/** Kernels of the table were booted or their source was read: no declaration may contradict it. */
function kernelProblem(release: string, answer: string): Problem | undefined {
  const table = parsedByTable(release);
  if (table === undefined)
    return { summary: `${release} is not a release of an el7 kernel`, hint: kernelHint };
  if (table === 'unknown' || table === answer) return undefined;
  const known = table === 'yes' ? 'obeys' : 'does not obey';
  return {
    summary: `kmend knows that ${release} ${known} cgroup.memory=nokmem`,
    hint: 'remove the entry',
  };
}

function programProblem(name: string): Problem | undefined {
  if (programs.includes(name)) return undefined;
  const near = nearest(name, programs);
  const hint =
    near === undefined ? `the programs are ${programs.join(', ')}` : `did you mean \`${near}\`?`;
  return { summary: `${name} is not a program that can ask for accounting`, hint };
}

/** The declared answer as text: YAML reads an unquoted yes or no as true or false. */
const answerOf = (value: Value): string =>
  value === true ? 'yes' : value === false ? 'no' : typeof value === 'string' ? value : '';

type Answers = Readonly<Record<string, string>>;

interface Reading {
  readonly value: Answers;
  readonly problems: readonly Problem[];
}

/** Sources of declarations beside the inventory: `-e`, and the play where there is one. */
export interface Declared {
  readonly extraVars: Mapping;
  readonly play?: Play;
}

/** The declarations of these hosts. An error in a group's variables is reported only once. */
export function declaredFacts(
  inventory: Inventory,
  hosts: readonly string[],
  given: Declared,
): Checked<ReadonlyMap<string, DeclaredFacts>> {
  const facts = new Map<string, DeclaredFacts>();
  const found = new Map<string, { readonly diagnostic: Diagnostic; readonly hosts: string[] }>();
  for (const host of hosts) {
    const declared: Partial<Record<keyof DeclaredFacts, Answers>> = {};
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
  { variable, answers, hint, problemIn }: Declaration,
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
  const either = answers.join(', ').replace(/, (\w+)$/, ' or $1');
  const entries = Object.entries(given.value).map(([key, value]) => {
    const answer = answerOf(value);
    const wrong = answers.includes(answer)
      ? problemIn(key, answer)
      : { summary: `${key} must be ${either}`, hint };
    return { key, answer, wrong: wrong && { ...wrong, summary: `${variable}: ${wrong.summary}` } };
  });
  return {
    value: Object.fromEntries(
      entries.filter(({ wrong }) => wrong === undefined).map(({ key, answer }) => [key, answer]),
    ),
    problems: entries.flatMap(({ wrong }) => wrong ?? []),
  };
}

/**
 * Drops `try` where the play has no canary: the play would try the kernel on as many hosts as it
 * has slots. Without the entry the kernel counts as unknown.
 */
function withoutTries({ value, problems }: Reading, { play }: Declared): Reading {
  if (play === undefined || play.rollout.canary !== undefined) return { value, problems };
  const [tried, kept] = [
    Object.keys(value).filter((key) => value[key] === 'try'),
    Object.entries(value).filter(([, answer]) => answer !== 'try'),
  ];
  const warnings = tried.map((release) => ({
    summary: `kmem_kernels: ${release} is not tried, because the play "${play.name}" has no canary`,
    hint: 'add `canary: {hosts: 1}` to the `rollout` of the play',
    severity: 'warning' as const,
  }));
  return { value: Object.fromEntries(kept), problems: [...problems, ...warnings] };
}

/** The place of a declaration: its host in the inventory, or the play; none for `-e`. */
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
