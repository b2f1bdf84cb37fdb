// What the walk of a host knows when it comes to a task, and the names that its texts may use.
import type { Scope } from '../../../expression/index.ts';
import type { Place } from '../../../model/diagnostic.ts';
import type { Facts, FactWant, JudgeFact } from '../../../model/fact.ts';
import { present } from '../../../model/present.ts';
import type { ModulePlan, PlanContext } from '../../../model/run/change.ts';
import type { Risk } from '../../../model/run/risk.ts';
import { isMapping, type Mapping, type Value } from '../../../model/value.ts';
import { shownFacts, type TaskVars, type Variables } from './scope.ts';
import type { SessionUser } from './user.ts';

/** Notes what is read of a host while it is planned, so that another one can share its plan. */
export interface Recording {
  /** Facts of which no read is noted. */
  readonly original: (facts: Facts) => Facts;
  /** Reads facts of which only what follows from them counts. */
  readonly judging: (facts: Facts) => JudgeFact;
  /** Makes a text that counts only where a condition does not hold. */
  readonly aside: (where: Reading, make: (where: Reading) => Rendered) => Rendered;
  /** Says of the texts since the last call whether they count. */
  readonly settle: (counts: boolean) => void;
}

export interface Reading {
  readonly frame: Frame;
  readonly onRead: (name: string) => void;
}

/** What the walk of a host knows when it comes to a task. */
export interface Frame {
  readonly host: string;
  readonly facts: Facts;
  /** `wantKey` of every answered want. */
  readonly asked: ReadonlySet<string>;
  /** `-e`: they always win. */
  readonly extraVars: Mapping;
  /** `register` and `set_fact`, the latest first. */
  readonly learned: Mapping;
  readonly playVars: Mapping;
  readonly playDefaults?: Mapping;
  /** Inventory variables of the host, with the magic ones. */
  readonly variables: Variables;
  readonly context: PlanContext;
  readonly user: SessionUser;
  /**
   * Which read-only commands of the play may run: in a walk all, in a plan those that the play
   * marks.
   */
  readonly readOnlyCommands: 'all' | 'marked';
  readonly recording?: Recording;
  /** The working directory of kmend, where paths must not begin there. */
  readonly absoluteFrom?: string;
  /** The machine that runs kmend, for tasks that are delegated to it. */
  readonly local?: LocalFrame;
  /**
   * In a plan: the first task that changes this host, or may change it. What is read behind it is
   * known only in the run.
   */
  readonly altered?: string;
}

export interface LocalFrame {
  /** What was read there. */
  readonly facts: Facts;
  /** The user of kmend. */
  readonly user: string;
  /** The working directory of kmend. */
  readonly cwd: string;
}

export type Evaluation =
  | { readonly kind: 'skip'; readonly why: string }
  /** `risk`: if it is known although the rest is not. */
  | { readonly kind: 'later'; readonly why: string; readonly risk?: Risk }
  /** It needs facts that were not asked for yet. */
  | { readonly kind: 'needs'; readonly wants: readonly FactWant[] }
  /** An error of the playbook, found only with the values of this host. */
  | { readonly kind: 'wrong'; readonly message: string; readonly place: Place }
  | { readonly kind: 'plan'; readonly plan: ModulePlan; readonly convergent: boolean };

export const learnedFact = /^ansible_facts\./;

/** The last facts that were joined with these variables. */
const joined = new WeakMap<Mapping, { readonly facts: Facts; readonly all: Facts }>();

/** Facts with those among the variables that a walk has learned (`package_facts`). */
export function withLearned(facts: Facts, learned: Mapping): Facts {
  const known = joined.get(learned);
  if (known?.facts === facts) return known.all;
  const own = Object.keys(learned).filter((name) => learnedFact.test(name));
  const all =
    own.length === 0
      ? facts
      : { ...facts, ...Object.fromEntries(own.map((name) => [name, learned[name] ?? null])) };
  joined.set(learned, { facts, all });
  return all;
}

/** The nested facts are made once per set of facts, not once per task. */
const nested = new WeakMap<Facts, Mapping>();

function factNames({ facts, learned, recording }: Frame, onRead: (name: string) => void): Mapping {
  const all = withLearned(facts, learned);
  let tree = nested.get(all);
  if (tree === undefined) {
    tree = shownFacts(recording?.original(all) ?? all);
    nested.set(all, tree);
  }
  return trackReads(tree, '', all, onRead);
}

/** A view that reports which facts are read through it: drift compares exactly those. */
const trackReads = (
  tree: Mapping,
  prefix: string,
  facts: Facts,
  onRead: (name: string) => void,
): Mapping =>
  new Proxy(tree, {
    get: (_, key) => {
      if (typeof key !== 'string' || !Object.hasOwn(tree, key)) return undefined;
      const [value, name] = [tree[key], `${prefix}${key}`];
      if (isMapping(value) && !Object.hasOwn(facts, name))
        return trackReads(value, `${name}.`, facts, onRead);
      onRead(name);
      return factIn(facts, name);
    },
  });

const factIn = (facts: Mapping, name: string): Value => facts[name] ?? null;

export function scopeOf(
  frame: Frame,
  vars: TaskVars,
  onRead: (name: string) => void = () => {},
): Scope {
  return frame.variables({
    extraVars: frame.extraVars,
    registered: frame.learned,
    taskVars: vars,
    playVars: frame.playVars,
    ...present({ playDefaults: frame.playDefaults, absoluteFrom: frame.absoluteFrom }),
    facts: factNames(frame, onRead),
  });
}

export type NotAsked = Exclude<Evaluation, { kind: 'plan' } | { kind: 'needs' }>;

export type Rendered = { readonly kind: 'args'; readonly args: Value } | NotAsked;

export type Checked = { readonly kind: 'args'; readonly args: unknown } | NotAsked;
