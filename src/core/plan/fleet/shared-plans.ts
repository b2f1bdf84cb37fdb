// Hosts of a fleet answer nearly the same, and planning is pure: hosts of which the same was read
// share one plan. What was read is kept as a tree of reads, so a host is compared by these alone.
import { lifetimeOf, mayFollow } from '../../../facts/index.ts';
import { type Facts, viewOf } from '../../../model/fact.ts';
import { moduleTasksOf, type Task } from '../../../model/playbook.ts';
import { isUnknown, type Mapping, type Value } from '../../../model/value.ts';
import { foresee, reboots } from '../overlay.ts';
import type { HostInput, Share, Work } from '../plan-host.ts';
import type { Frame, Recording } from '../task/frame.ts';

/** Reads one input of a host: a fact, a variable, or what follows from them. */
type Read = (host: Subject) => string;

interface Step {
  readonly id: string;
  readonly read: Read;
  readonly next: Map<string, Node>;
}
interface Leaf {
  readonly work: Work;
  /** Texts that this work learned to mask. */
  readonly hidden: readonly (readonly string[])[];
}
type Node = Step | Leaf;

/** Facts of a host as read, or after changes that were planned. */
type State = (host: Subject) => Facts;

const asRead: State = (host) => host.input.frame.facts;

/** A host that is planned or compared. */
class Subject {
  readonly input: HostInput;
  readonly #states = new Map<State, Facts>();

  constructor(input: HostInput) {
    this.input = input;
  }

  at(state: State): Facts {
    const known = this.#states.get(state) ?? state(this);
    this.#states.set(state, known);
    return known;
  }
}

/** Plans that are kept, and hosts after which a fleet without any two alike is no longer compared. */
const most = { plans: 500, misses: 64 };

/** The plans of one play, by what was read of its hosts. */
export class SharedPlans {
  readonly #roots = new Map<string, Map<string, Node>>();
  #plans = 0;
  #hits = 0;
  #misses = 0;

  /** The same as `make`, which does its work once for hosts of which it reads the same. */
  readonly work: Share = (input, make) => {
    if (!isSharable(input) || this.#isUseless) return make(input);
    const host = new Subject(input);
    const key = keyOfFrame(input.frame);
    const found = this.#find(host, key);
    if (found !== undefined) {
      this.#hits += 1;
      for (const texts of found.hidden) input.hide(texts);
      return found.work;
    }
    this.#misses += 1;
    const recorder = new Recorder(input);
    const work = make(recorder.input);
    this.#keep(key, recorder.trail, { work, hidden: recorder.hidden });
    return work;
  };

  get #isUseless(): boolean {
    return this.#misses > most.misses && this.#hits < this.#misses;
  }

  #find(host: Subject, key: string): Leaf | undefined {
    let node = this.#roots.get(key)?.get('');
    while (node !== undefined && 'next' in node) node = node.next.get(node.read(host));
    return node;
  }

  #keep(key: string, trail: readonly Noted[], leaf: Leaf): void {
    if (this.#plans >= most.plans) {
      this.#roots.clear();
      this.#plans = 0;
    }
    this.#plans += 1;
    let nodes = this.#roots.get(key) ?? new Map<string, Node>();
    this.#roots.set(key, nodes);
    let at = '';
    for (const { id, read, value } of trail) {
      const known = nodes.get(at);
      const step =
        known !== undefined && 'next' in known && known.id === id
          ? known
          : { id, read, next: new Map<string, Node>() };
      nodes.set(at, step);
      [nodes, at] = [step.next, value];
    }
    nodes.set(at, leaf);
  }
}

/**
 * Whether all that its plan depends on is compared: nothing is learned yet, nothing was read of the
 * machine that runs kmend, and no program counts as accepted.
 */
const isSharable = ({ frame, tasks, written }: HostInput): boolean =>
  written !== undefined &&
  !frame.context.acceptPartial &&
  frame.altered === undefined &&
  Object.keys(frame.learned).length === 0 &&
  Object.keys(frame.local?.facts ?? {}).length === 0 &&
  !isOwn(tasks);

const own = new WeakMap<readonly Task[], boolean>();

/** A task that this machine does reads the name of its host, one with `run_once` more facts of it. */
function isOwn(tasks: readonly Task[]): boolean {
  const known =
    own.get(tasks) ??
    (tasks.some((task) => task.once !== undefined) ||
      moduleTasksOf(tasks).some(({ delegate, once }) => (delegate ?? once) !== undefined));
  own.set(tasks, known);
  return known;
}

/** What each host of a play has of its own, beside its facts and variables. */
const keyOfFrame = ({ facts, asked, user, context, readOnlyCommands }: Frame): string => {
  const { files: _, ...own } = context;
  return `${Object.keys(facts).join()}\n${[...asked].join('\n')}\n${JSON.stringify([user, own, readOnlyCommands])}`;
};

const valueAt = (host: Subject, { state }: Source, name: string | symbol): Value | undefined =>
  (host.at(state) as Mapping)[String(name)];

/** Different for values of which something else may follow. */
const keyOf = (value: Value | undefined): string =>
  typeof value === 'string'
    ? `"${value}`
    : typeof value === 'object' && value !== null
      ? JSON.stringify(value, withoutNull)
      : String(value);

/** JSON has no infinity. */
const withoutNull = (_: string, value: unknown): unknown =>
  typeof value === 'number' && !Number.isFinite(value) ? { $number: String(value) } : value;

interface Noted {
  readonly id: string;
  readonly read: Read;
  readonly value: string;
}

/** Where a fact of any host is found. */
interface Source {
  readonly id: string;
  readonly state: State;
}

/** How facts are made of those of any host. */
interface Entry {
  readonly state: State;
  /** Where the fact of this name really is; undefined = it is the same on all these hosts. */
  readonly sourceOf: (name: string) => Source | undefined;
}

/** Plans one host, and notes what is read of it meanwhile, in order. */
class Recorder implements Recording {
  readonly input: HostInput;
  readonly hidden: (readonly string[])[] = [];
  readonly trail: Noted[] = [];
  readonly #host: Subject;
  readonly #seen = new Set<string>();
  readonly #states = new WeakMap<Facts, Entry>();
  #changes = 0;
  /** What was read for texts that do not count so far. */
  #pending: Pick<Noted, 'id' | 'read'>[] = [];
  #isAside = false;
  #judged = 0;

  constructor(input: HostInput) {
    this.#host = new Subject(input);
    const { frame, hide } = input;
    const onRead = (name: string): void =>
      this.#note(`variable ${name}`, ({ input }) => keyOf(input.written?.(name)));
    this.input = {
      ...input,
      hide: (texts) => {
        this.hidden.push(texts);
        hide(texts);
      },
      foresee: this.#foresee,
      frame: {
        ...frame,
        facts: this.#recorded(asRead, (name) => ({ id: `fact ${name}`, state: asRead })),
        variables: (layers) => frame.variables({ ...layers, onRead }),
        recording: this,
      },
    };
  }

  readonly original = (facts: Facts): Facts => {
    const known = this.#states.get(facts);
    return known === undefined ? facts : this.#host.at(known.state);
  };

  readonly judging: Recording['judging'] = (facts) => (name, judge) => {
    const { state, sourceOf } = this.#entryOf(facts);
    const judgedOf = (host: Subject, from: State) => judge(viewOf(host.at(from)).get(name));
    const source = sourceOf(name);
    if (source !== undefined)
      this.#note(`judgement ${this.#judged++}`, (host) => {
        const value = valueAt(host, source, name);
        return keyOf(isUnknown(value) ? value : [judgedOf(host, source.state)]);
      });
    return judgedOf(this.#host, state);
  };

  /**
   * Of other hosts is compared how the text is made, not what it says: a reason names containers,
   * and each host has its own.
   */
  readonly aside: Recording['aside'] = (where, make) => {
    const { facts, variables: _, recording: __, ...shared } = where.frame;
    const { state } = this.#entryOf(facts);
    this.#isAside = true;
    const made = make(where);
    this.#isAside = false;
    this.#note(`judgement ${this.#judged++}`, (host) => {
      const names: string[] = [];
      const { variables } = host.input.frame;
      const rendered = make({
        frame: { ...shared, facts: host.at(state), variables },
        onRead: (name) => names.push(name),
      });
      const isText = rendered.kind === 'args' && typeof rendered.args === 'string';
      return JSON.stringify([isText || rendered, names]);
    });
    return made;
  };

  readonly settle: Recording['settle'] = (counts) => {
    const pending = this.#pending.splice(0);
    if (counts) for (const { id, read } of pending) this.#note(id, read);
  };

  readonly #foresee: NonNullable<HostInput['foresee']> = (facts, changes, promises) => {
    const before = this.#entryOf(facts);
    const state: State = (host) =>
      foresee(host.at(before.state), changes, promises, host.input.chosen);
    if (this.#host.at(state) === this.#host.at(before.state)) return facts;
    const id = `after ${++this.#changes}`;
    const isEnded = reboots(changes);
    return this.#recorded(state, (name) => {
      if (mayFollow(name)) return { id: `${id} ${name}`, state };
      const isSame = Object.hasOwn(promises, name) || (isEnded && lifetimeOf(name) === 'boot');
      return isSame ? undefined : before.sourceOf(name);
    });
  };

  #entryOf(facts: Facts): Entry {
    const entry = this.#states.get(facts);
    if (entry === undefined) throw new Error('facts of a plan that were not recorded');
    return entry;
  }

  /** These facts, which note each read. The names of the facts are compared apart, all of them. */
  #recorded(state: State, sourceOf: Entry['sourceOf']): Facts {
    const facts = new Proxy(this.#host.at(state), {
      get: (target, name) => {
        const source = typeof name === 'string' ? sourceOf(name) : undefined;
        if (source !== undefined)
          this.#note(source.id, (host) => keyOf(valueAt(host, source, name)));
        return Reflect.get(target, name);
      },
    });
    this.#states.set(facts, { state, sourceOf });
    return facts;
  }

  #note(id: string, read: Read): void {
    if (this.#isAside) this.#pending.push({ id, read });
    else if (!this.#seen.has(id)) {
      this.#seen.add(id);
      this.trail.push({ id, read, value: read(this.#host) });
    }
  }
}
