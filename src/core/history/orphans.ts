// Hosts that a run took out of service and did not return: by the fence on the host, the mark on
// its node, and the journals of this state directory.
import { type Facts, known } from '../../model/fact.ts';
import { present } from '../../model/present.ts';
import type { HostPlan } from '../../model/run/plan.ts';
import { isRunId } from '../../model/run/run-id.ts';
import { pasteable } from '../../model/text/quote.ts';
import { owesReturn } from '../run-state/fold-retry.ts';
import { type HostState, hostStates, type RunState } from '../run-state/state.ts';
import { drainedByCommand } from './left-behind.ts';

/** What a probe shows about the identity of a host and the run that holds it. */
export interface Seen {
  readonly host: string;
  readonly bootId: string;
  readonly machineId: string;
  /** Fingerprint of its SSH host key. */
  readonly hostKey: string;
  /**
   * The run that holds the host by its fence, or held it last. Empty for none, or where only root
   * may read it.
   */
  readonly fence: string;
  readonly fenceOpen: boolean;
  /** The run whose mark the node carries. */
  readonly owner: string;
}

export function seenOf(host: string, facts: Facts): Seen {
  const run = known(facts, 'fence.run', '');
  const fence = isRunId(run) ? run : '';
  return {
    host,
    bootId: known(facts, 'boot.id', ''),
    machineId: known(facts, 'machine.id', ''),
    hostKey: known(facts, 'ssh.host_key', ''),
    fence,
    fenceOpen: fence !== '' && facts['fence.open'] === true,
    owner: known(facts, 'node.owner', ''),
  };
}

/** A host that a run did not return: interrupted in its walk, or failed and not acknowledged. */
export interface LeftHost {
  readonly host: string;
  readonly kind: 'interrupted' | 'failed';
  /** How it was left, where that is known. */
  readonly left?: string;
}

/** What a run left behind. */
export interface Remains {
  /** All its hosts. */
  readonly hosts: readonly string[];
  readonly left: readonly LeftHost[];
  /** Why it was aborted. */
  readonly aborted?: string;
}

/** What a run left behind, by its state. */
export function remainsOf(state: RunState): Remains {
  const hosts = [...hostStates(state)];
  return {
    hosts: hosts.map(({ host }) => host),
    left: hosts.flatMap(leftHost),
    ...present({ aborted: state.aborted?.why }),
  };
}

function leftHost(state: HostState): readonly LeftHost[] {
  const { host, status, touched, resolved, left } = state;
  if (isInterrupted(state)) return [{ host, kind: 'interrupted', left: leftAs(state) }];
  return status === 'failed' && touched && resolved === undefined
    ? [{ host, kind: 'failed', ...present({ left }) }]
    : [];
}

/** A run of this state directory: what it left behind, and the process that works on it now. */
export interface KnownRun {
  readonly remains: Remains;
  readonly holder?: string;
}

/**
 * `under_way`: the process of the run lives. `interrupted`: it does not. `aborted`: an operator
 * aborted the run. `failed`: the host failed, and no operator has acknowledged that. `elsewhere`:
 * this state directory has no such run.
 */
export type HeldKind = 'under_way' | 'interrupted' | 'aborted' | 'failed' | 'elsewhere';

export interface Held {
  readonly host: string;
  readonly run: string;
  readonly kind: HeldKind;
  readonly why: string;
  readonly hint: string;
}

/** Out of service, as far as is known. Only a run that is under way returns its host by itself. */
export const isOrphan = (held: Held): boolean => held.kind !== 'under_way';

/** By the probe of now. The walk decides whether the host may be returned to service. */
export const isProven = ({ verdict }: HostPlan): boolean =>
  verdict === 'off' || verdict === 'not_applicable';

/** Runs whose journals are needed to know the state of these hosts. */
export const runsNamed = (seen: readonly Seen[]): readonly string[] => [
  ...new Set(
    seen
      .flatMap(({ fence, fenceOpen, owner }) => [...(fenceOpen ? [fence] : []), owner])
      .filter(isRunId),
  ),
];

/** Which run holds each of these hosts; hosts that no run holds are absent. */
export function heldHosts(
  seen: readonly Seen[],
  known: ReadonlyMap<string, KnownRun>,
): ReadonlyMap<string, Held> {
  const open = openHosts(known);
  const found = new Map([...known].map(([run, one]) => [run, foundIn(one)] as const));
  return new Map(
    seen.flatMap((one) => {
      const held = heldOne(one, found, open.get(one.host) ?? []);
      return held === undefined ? [] : [[one.host, held] as const];
    }),
  );
}

/** Hosts whose walk was interrupted, by the run. */
function openHosts(known: ReadonlyMap<string, KnownRun>): ReadonlyMap<string, readonly string[]> {
  const open = new Map<string, readonly string[]>();
  for (const [run, { remains }] of known)
    for (const { host, kind } of remains.left)
      if (kind === 'interrupted') open.set(host, [...(open.get(host) ?? []), run]);
  return open;
}

/** A run whose hosts are found by name. */
interface FoundRun extends Pick<Remains, 'aborted'>, Pick<KnownRun, 'holder'> {
  readonly hosts: ReadonlySet<string>;
  readonly left: ReadonlyMap<string, LeftHost>;
}

const foundIn = ({ remains: { hosts, left, aborted }, holder }: KnownRun): FoundRun => ({
  hosts: new Set(hosts),
  left: new Map(left.map((one) => [one.host, one])),
  ...present({ aborted, holder }),
});

function heldOne(
  one: Seen,
  known: ReadonlyMap<string, FoundRun>,
  open: readonly string[],
): Held | undefined {
  // The id of a run begins with its time: a later run that had the host took it over.
  const later = open.filter((run) => one.fence === '' || run >= one.fence);
  const runs = [
    ...(one.fenceOpen ? [one.fence] : []),
    ...(isRunId(one.owner) ? [one.owner] : []),
    ...later,
  ];
  return runs.map((run) => heldBy(one, run, known.get(run))).find((held) => held !== undefined);
}

function heldBy({ host, owner }: Seen, run: string, known: FoundRun | undefined): Held | undefined {
  const name = pasteable(host);
  const held = (kind: HeldKind, why: string, hint: string): Held => ({
    host,
    run,
    kind,
    why,
    hint,
  });
  if (known?.holder !== undefined)
    return held('under_way', `run ${run} is under way on it (${known.holder})`, 'wait for it');
  if (known?.hosts.has(host) !== true) {
    const hint = `resume it where it was started; if it is over for good, give --takeover ${run} to the next apply`;
    return held(
      'elsewhere',
      `run ${run} has taken it out of service and not returned it; its journal is not in this state directory`,
      hint,
    );
  }
  const remains = known.left.get(host);
  if (remains?.kind === 'interrupted') {
    const { aborted } = known;
    const kind = aborted === undefined || /^SIG/.test(aborted) ? 'interrupted' : 'aborted';
    return held(kind, `run ${run} was ${kind} and left it ${remains.left}`, `kmend resume ${run}`);
  }
  if (remains !== undefined)
    return held(
      'failed',
      // "In service" is what the walk knew. The host counts as out of service until an operator has
      // checked it.
      `it failed in run ${run}${remains.left === undefined || remains.left.startsWith('in service') ? '' : ` and was left ${remains.left}`}; no operator has acknowledged that`,
      `kmend resume ${run} --retry ${name}, or --skip ${name}, or --done ${name}`,
    );
  return owner === run
    ? held(
        'elsewhere',
        `its node carries the mark of run ${run}, which is done with it`,
        `--takeover ${run}`,
      )
    : undefined;
}

/**
 * Its walk was interrupted after something was begun, or it waits for a retry while out of service.
 */
export const isInterrupted = (host: HostState): boolean =>
  host.touched &&
  (host.status === 'running' ||
    host.status === 'waiting' ||
    host.status === 'planned' ||
    (host.status === 'failed' &&
      (host.failure?.resumable === true || (owesReturn(host) && host.resolved === undefined))));

const leftAs = (host: HostState): string => {
  const { cordoned, drained, uncordoned } = host.marks;
  if (uncordoned) return 'with its fence open';
  if (drained) return 'drained and cordoned';
  if (cordoned) return 'cordoned';
  return drainedByCommand(host) ? 'drained by a command of the play' : 'half done';
};

/** Hosts of the inventory that are one machine, or may be. */
export interface Twins {
  readonly hosts: readonly string[];
  /**
   * `boot`: one boot id and one SSH host key: one machine. `word`: one boot id and different keys:
   * containers of one kernel, or a host that reports the boot id of another. `machine`: only the
   * machine id is the same, as with clones of a disk.
   */
  readonly by: 'boot' | 'word' | 'machine';
  readonly id: string;
}

/**
 * A host cannot block the remedy of another by what it reports alone: it cannot show the host key
 * of the other.
 */
export function twinsAmong(seen: readonly Seen[]): readonly Twins[] {
  const boots = grouped(seen, ({ bootId, hostKey }) =>
    bootId === '' ? '' : `${bootId} ${hostKey}`,
  ).map(([id, hosts]): Twins => ({ hosts, by: 'boot', id: id.split(' ')[0] ?? '' }));
  const known = new Set(boots.map(({ hosts }) => hosts.join('\n')));
  const more = (by: 'word' | 'machine', idOf: (one: Seen) => string): readonly Twins[] =>
    grouped(seen, idOf).flatMap(([id, hosts]) => {
      const isNew = !known.has(hosts.join('\n'));
      known.add(hosts.join('\n'));
      return isNew ? [{ hosts, by, id }] : [];
    });
  return [
    ...boots,
    ...more('word', ({ bootId }) => bootId),
    ...more('machine', ({ machineId }) => machineId),
  ];
}

function grouped(
  seen: readonly Seen[],
  idOf: (one: Seen) => string,
): readonly (readonly [string, readonly string[]])[] {
  const groups = new Map<string, string[]>();
  for (const one of seen) {
    const hosts = groups.get(idOf(one)) ?? [];
    hosts.push(one.host);
    groups.set(idOf(one), hosts);
  }
  return [...groups].filter(([id, hosts]) => id !== '' && hosts.length > 1);
}

const most = 5;
const names = (hosts: readonly string[]): string => {
  const shown = hosts.length > most ? hosts.slice(0, most) : hosts.slice(0, -1);
  return `${shown.join(', ')} and ${hosts.length > most ? `${hosts.length - most} more` : hosts.at(-1)}`;
};

const twinTexts: Readonly<Record<Twins['by'], (hosts: string, id: string) => string>> = {
  boot: (hosts, id) =>
    `${hosts} are one machine: the boot id of each is ${id}; only one of these names may be in the inventory`,
  word: (hosts, id) =>
    `${hosts} give one boot id (${id}) with different host keys: containers of one machine, or one of them reports a false id`,
  machine: (hosts, id) =>
    `${hosts} have one machine id (${id}): clones of one disk, or one machine under several names`,
};

export const twinsText = ({ hosts, by, id }: Twins): string => twinTexts[by](names(hosts), id);
