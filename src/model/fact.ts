// Facts: values that a read-only script or a cluster query gives and a pure parser reads.
import { isList, isUnknown, type Mapping, type Value } from './value.ts';

/**
 * How long a fact stays true: `disk` outlives a reboot, `boot` ends with it, `cluster` is the API's word, `outside` is a repository's.
 */
export type Lifetime = 'disk' | 'boot' | 'cluster' | 'outside';

/** Facts of one host by dotted name: `kernel.release`, `docker.version`, `package.docker-ce.installed`. Unread ones are absent. */
export type Facts = Mapping;

export interface FactDef {
  /** Dotted name; a `*` stands for one word that depends on arguments: `package.*.installed`. */
  readonly name: string;
  readonly lifetime: Lifetime;
  /** For `kmend docs facts`: what it says, its unit, what the empty value means. */
  readonly summary: string;
  readonly example: Value;
}

/**
 * What a module wants to know. `area` names a file in `facts/`; `args` are for areas that need them ("is docker-ce-18.09.9 available").
 * A fact that comes from the cluster is asked for by the same words; the module does not see the difference.
 */
export interface FactWant {
  readonly area: string;
  readonly args?: Mapping;
}

/** How pure code reads facts. `get` of a fact that is unknown throws `UnknownFact`; the planner turns that into a `later` task. */
export interface FactView {
  /** `undefined` = nobody asked for this fact on this host. */
  readonly get: (name: string) => Value | undefined;
}

/** Thrown by a view; carries the fact and why it is unknown. Caught by the planner, never seen by a user. */
export class UnknownFact extends Error {
  readonly fact: string;
  readonly why: string;
  constructor(fact: string, why: string) {
    super(`${fact} is unknown: ${why}`);
    this.fact = fact;
    this.why = why;
  }
}

/** A view over facts that throws on unknown ones and tells `onRead` every name that was read. */
export const viewOf = (facts: Facts, onRead: (name: string) => void = () => {}): FactView => ({
  get: (name) => {
    onRead(name);
    const value = Object.hasOwn(facts, name) ? facts[name] : undefined;
    if (isUnknown(value)) throw new UnknownFact(name, value.$unknown);
    return value;
  },
});

const wrong = (name: string, wanted: string, value: Value | undefined): Error =>
  new Error(`fact ${name} should be ${wanted} but is ${JSON.stringify(value) ?? 'not there'}`);

/** The fact as text; throws (our bug) when it is something else or was never asked for. */
export function textFact(facts: FactView, name: string): string {
  const value = facts.get(name);
  if (typeof value !== 'string') throw wrong(name, 'text', value);
  return value;
}

export function flagFact(facts: FactView, name: string): boolean {
  const value = facts.get(name);
  if (typeof value !== 'boolean') throw wrong(name, 'true or false', value);
  return value;
}

export function listFact(facts: FactView, name: string): readonly Value[] {
  const value = facts.get(name);
  if (!isList(value)) throw wrong(name, 'a list', value);
  return value;
}

/** One word for a want, equal for equal wants: what marks it as asked for. */
export const wantKey = (want: FactWant): string =>
  want.args === undefined
    ? want.area
    : `${want.area}:${JSON.stringify(Object.entries(want.args).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)))}`;
