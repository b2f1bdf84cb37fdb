// Facts: values that a read-only script or a cluster query gives and a pure parser reads.
// facts/table.ts has their names and types.
import type { FactValues, NameWithWord, PlainName } from './facts/table.ts';
import { Signal } from './signal.ts';
import { isUnknown, type Mapping, type Unknown, type Value } from './value.ts';

/** A name with arguments contains any word: `package.docker-ce.installed`. */
export type FactName = keyof FactValues;
export type FactValue<Name extends FactName> = FactValues[Name];

/** Names of facts with values of this type. */
export type NameOf<T> = {
  [Name in PlainName]: FactValue<Name> extends T ? Name : never;
}[PlainName];

/**
 * Facts of one host by dotted name. Facts that were not read are absent. Types check them where
 * they are made, so readers trust them.
 */
export type Facts = { readonly [Name in PlainName]?: FactValue<Name> | Unknown } & {
  readonly [Name in NameWithWord]: FactValue<Name> | Unknown;
};

/**
 * The value of a known fact. For a fact that is unknown or was not read: `otherwise`, or
 * `undefined`.
 */
export function known<Name extends FactName>(facts: Facts, name: Name): FactValue<Name> | undefined;
export function known<Name extends FactName>(
  facts: Facts,
  name: Name,
  otherwise: FactValue<Name>,
): FactValue<Name>;
export function known<Name extends FactName, const Other>(
  facts: Facts,
  name: Name,
  otherwise: Other,
): FactValue<Name> | Other;
export function known(facts: Mapping, name: string, otherwise?: Value): Value | undefined {
  const value = facts[name];
  // Objects have no plain value under a name that is not their own.
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
    return value;
  return value === undefined || !Object.hasOwn(facts, name) || isUnknown(value) ? otherwise : value;
}

/**
 * A fact that a module needs. `area` names a file in `facts/`; `args` are its arguments ("is
 * docker-ce-18.09.9 available"). Facts of the cluster are asked for in the same way.
 */
export interface FactWant {
  readonly area: string;
  readonly args?: Mapping;
  /** It is read on the machine that runs kmend, not on the host. */
  readonly local?: true;
}

/** A single fact whose name has an argument. */
export function fact<Name extends FactName>(name: Name, value: FactValue<Name> | Unknown): Facts;
export function fact(name: string, value: Value): Mapping {
  return { [name]: value };
}

/** All these facts; the last value of a name wins. */
export function allOf(parts: readonly Facts[]): Facts {
  const all: Facts = {};
  for (const part of parts) Object.assign(all, part);
  return all;
}

/**
 * How pure code reads facts. `get` of an unknown fact throws `UnknownFact`, which the planner turns
 * into a `later` task.
 */
export interface FactView {
  /** `undefined` = the fact was not asked for on this host. */
  readonly get: <Name extends FactName>(name: Name) => FactValue<Name> | undefined;
  /** See `judgedFact`. */
  readonly judged?: JudgeFact;
}

export type JudgeFact = <Name extends FactName, T extends Value>(
  name: Name,
  judge: (value: FactValue<Name> | undefined) => T,
) => T;

/**
 * What follows from a fact alone. Hosts on which the same follows are planned alike, though each
 * has a value of its own: free space, or seconds since its boot.
 */
export const judgedFact = <Name extends FactName, T extends Value>(
  facts: FactView,
  name: Name,
  judge: (value: FactValue<Name> | undefined) => T,
): T => (facts.judged === undefined ? judge(facts.get(name)) : facts.judged(name, judge));

/**
 * Thrown by a view, with the fact and why it is unknown. The planner catches it; users never see
 * it.
 */
export class UnknownFact extends Signal {
  readonly fact: string;
  readonly why: string;
  constructor(fact: string, why: string) {
    super(`${fact} is unknown: ${why}`);
    this.fact = fact;
    this.why = why;
  }
}

/** A view over facts that throws on unknown ones and reports every name that was read. */
export const viewOf = (
  facts: Facts,
  onRead: (name: string) => void = () => {},
  judged?: JudgeFact,
): FactView => ({
  get: (name) => {
    onRead(name);
    return knownOrThrown(facts, name);
  },
  ...(judged && {
    judged: (name, judge) => {
      onRead(name);
      return judged(name, judge);
    },
  }),
});

function knownOrThrown<Name extends FactName>(
  facts: Facts,
  name: Name,
): FactValue<Name> | undefined;
function knownOrThrown(facts: Mapping, name: string): Value | undefined {
  const value = Object.hasOwn(facts, name) ? facts[name] : undefined;
  if (isUnknown(value)) throw new UnknownFact(name, value.$unknown);
  return value;
}

/** A fact that the module asked for. Throws if it was not read, which is an error of kmend. */
export function need<Name extends FactName>(facts: FactView, name: Name): FactValue<Name> {
  const value = facts.get(name);
  if (value === undefined) throw new Error(`fact ${name} was not read`);
  return value;
}

/** The key of a want, equal for equal wants; it records which ones were asked for. */
export const wantKey = (want: FactWant): string =>
  `${want.local === true ? 'local ' : ''}${want.area}${argsKey(want)}`;

const argsKey = (want: FactWant): string =>
  want.args === undefined
    ? ''
    : `:${JSON.stringify(Object.entries(want.args).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)))}`;
