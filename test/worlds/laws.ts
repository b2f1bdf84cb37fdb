// What a verdict may never say, and what it must say, of a world whose truth is known. A judge is
// anything that adds kmem.* to facts.
import { type Facts, known } from '../../src/model/fact.ts';
import { factsOf, showsDamage } from './facts-of.ts';
import { asksNokmem, countsSwap, slabEntries, usageOf } from './kernel.ts';
import { type Asks, asks, type Installed, type Manager } from './programs.ts';
import { twinsOf } from './twins.ts';
import {
  type Boot,
  type Host,
  isAffected,
  replay,
  runtimeOf,
  type Truth,
  truthOf,
  type World,
} from './world.ts';

export type Judge = (facts: Facts) => Facts;

interface Case {
  readonly world: World;
  readonly host: Host;
  readonly truth: Truth;
  readonly facts: Facts;
  /** This world and those of its twins that give the same facts. */
  readonly lookalikes: () => readonly Pick<Case, 'host' | 'truth'>[];
  /** The same world with containers of docker and podman that can be witnesses. */
  readonly shown: () => Case;
}

export interface Law {
  readonly name: string;
  /** Is there something to say about this world? A law that never applies would prove nothing. */
  readonly applies: (some: Case) => boolean;
  readonly holds: (judged: Facts, some: Case, judge: Judge) => boolean;
}

const reads = (judged: Facts, verdict: string): boolean => judged['kmem.verdict'] === verdict;

export const laws: readonly Law[] = [
  {
    name: 'what is accounted now reads on, or leaking where the kernel log shows the damage',
    applies: ({ truth, world }) => truth.now.length > 0 && world.root,
    holds: (judged, { host }) => reads(judged, showsDamage(host) ? 'leaking' : 'on'),
  },
  {
    name: 'groups that were accounted in this boot, and a program that will ask again, read on',
    applies: ({ host, truth, world }) =>
      slabEntries(host.memory).length > 0 && truth.soon.length > 0 && world.root,
    holds: (judged, { host }) => reads(judged, showsDamage(host) ? 'leaking' : 'on'),
  },
  {
    name: 'without the argument, nothing reads off before a container with a limit could show it',
    applies: ({ world, host }) =>
      !asksNokmem(world.boot.args) &&
      !host.made.some(
        ({ client, limited }) => client !== 'kubelet' && client !== 'other' && limited !== 'no',
      ),
    holds: (judged) => !reads(judged, 'off'),
  },
  {
    name: 'an affected world never reads off',
    applies: ({ truth }) => isAffected(truth),
    holds: (judged) => !reads(judged, 'off'),
  },
  {
    name: 'what an affected world looks like, too, never reads off',
    applies: ({ truth }) => !isAffected(truth),
    holds: (judged, some) =>
      !reads(judged, 'off') || !some.lookalikes().some(({ truth }) => isAffected(truth)),
  },
  {
    name: 'a remediated world with a true witness reads off',
    applies: (some) => isWitnessed(some),
    holds: (judged) => reads(judged, 'off'),
  },
  {
    name: 'a world in which nothing speaks of risk gets no remedy',
    applies: (some) => hasNoVisibleRisk(some),
    holds: (judged) => judged['kmem.remedy'] === 'none',
  },
  {
    name: 'with the argument set, groups of creators that never ask prove nothing',
    applies: (some) =>
      mayObey(some.world.boot) &&
      some.host.probe === '' &&
      some.lookalikes().some(({ host }) => !host.made.some((made) => mayHaveAsked(host, made))),
    holds: (judged, { host }) =>
      judged['kmem.proof'] === 'none' && !(reads(judged, 'off') && partsOf(host).some(mayAsk)),
  },
  {
    name: 'a container with --kernel-memory is named as the cause, and nobody unknown for it',
    applies: (some) => some.world.root && explicitOf(some).length > 0,
    holds: (judged, some) => {
      const causes = judged['kmem.causes'] as readonly string[];
      const alone = explicitOf(some).length === some.truth.now.length;
      return causes.includes('explicit_limit') && !(alone && causes.includes('unknown_creator'));
    },
  },
  {
    name: 'a kernel without memory.kmem.* files is not applicable',
    applies: ({ world }) => !world.kmemFiles && world.boot === world.next,
    holds: (judged) => reads(judged, 'not_applicable') && judged['kmem.remedy'] === 'none',
  },
  {
    name: 'nothing is proven in part while a group is, or will be, accounted that the accepted program does not explain',
    applies: ({ host }) => acceptable(host).length > 0,
    holds: (judged, some, judge) =>
      acceptable(some.host).every(
        (part) =>
          judge(accepting(some, part, judged))['kmem.partial'] !== 'samples' ||
          some.lookalikes().every(({ host, truth }) => isAffectedByOnly(part, host, truth)),
      ),
  },
  {
    name: 'a world in which at most the kubelet accounts, and all others have shown that they do not, is proven in part',
    applies: ({ shown }) => isWitnessedInPart(shown()),
    holds: (_judged, some, judge) => {
      const shown = some.shown();
      return (
        !isWitnessedInPart(shown) ||
        judge(accepting(shown, 'kubelet', judge(shown.facts)))['kmem.partial'] === 'samples'
      );
    },
  },
];

export function caseOf(world: World): Case {
  const host = replay(world);
  const facts = factsOf(host);
  let found: ReturnType<Case['lookalikes']> | undefined;
  const lookalikes = (): ReturnType<Case['lookalikes']> => {
    found ??= [world, ...twinsOf(world)]
      .map(replay)
      .filter((twin) => JSON.stringify(factsOf(twin)) === JSON.stringify(facts))
      .map((twin) => ({ host: twin, truth: truthOf(twin) }));
    return found;
  };
  let witnessed: Case | undefined;
  const shown = (): Case => {
    witnessed ??= withContainers(world);
    return witnessed;
  };
  return { world, host, truth: truthOf(host), facts, lookalikes, shown };
}

/** The first law that this judge breaks in this case. */
export const brokenLaw = (some: Case, judge: Judge): string | undefined => {
  const judged = judge(some.facts);
  return laws.find((law) => !law.holds(judged, some, judge) && law.applies(some))?.name;
};

/** Accounted groups with a kernel-memory limit of their own, or below one that has it. */
const explicitOf = ({ host: { memory }, truth }: Case): readonly string[] =>
  truth.now.filter((path) =>
    [...memory.groups].some(
      ([top, { kmemLimit }]) =>
        kmemLimit !== undefined && (path === top || path.startsWith(`${top}/`)),
    ),
  );

const knownToObey = ({ build, args }: Boot<number>): boolean => build >= 1062 && asksNokmem(args);
const mayObey = ({ build, args }: Boot<number>): boolean => build > 514 && asksNokmem(args);

type Made = Host['made'][number];

/**
 * A group that was limited from the beginning, through the manager that would have asked, and that
 * reads off.
 */
const isOff = ({ memory }: Host, { path, manager, limited }: Made): boolean =>
  manager === 'cgroupfs' && limited === 'born' && memory.groups.get(path)?.accounted === false;

/** It could have read on: its program asks, or may. */
const mayHaveAsked = (host: Host, made: Made): boolean =>
  made.maker !== undefined && made.maker.row.asks !== 'no' && isOff(host, made);

/** A program that makes groups, through which manager, and for which clients. */
interface Part extends Installed<{ readonly asks: Asks }> {
  readonly manager: Manager;
  readonly client: Made['client'];
}

function partsOf({ software, made }: Host): readonly Part[] {
  const { engine, bundled, runc, nvidia, kubelet, cri, podman } = software;
  const part = (
    program: Installed<{ readonly asks: Asks }> | undefined,
    manager: Manager,
    client: Made['client'],
  ): readonly Part[] => (program === undefined ? [] : [{ ...program, manager, client }]);
  // Docker brings a containerd: without a kubelet nobody makes pods through it.
  const isIdle =
    engine !== undefined && kubelet === undefined && !made.some(({ client }) => client === 'pod');
  return [
    ...(engine === undefined ? [] : part(bundled ?? runc, software.docker, 'docker')),
    ...part(nvidia, software.docker, 'nvidia'),
    ...(cri === undefined || cri === 'docker' || isIdle ? [] : part(runc, software.runtime, 'pod')),
    ...(podman === undefined ? [] : part(runc, podman, 'podman')),
    ...(made.some(({ client }) => client === 'nerdctl') ? part(runc, 'cgroupfs', 'nerdctl') : []),
    ...part(kubelet, software.pods, 'pod'),
  ];
}

/**
 * Has this part made a group that shows what the part does? Where docker has a second runtime, a
 * group of docker's shows nothing of either; without swap accounting a container's limit may have
 * come later.
 */
const hasWitness = (host: Host, part: Part): boolean =>
  !part.inBoot &&
  part.client !== 'nvidia' &&
  (part.client !== 'docker' || host.software.nvidia === undefined) &&
  (part.client === 'pod' || countsSwap(host.memory)) &&
  host.made.some(
    (made) => made.maker?.row === part.row && made.client === part.client && isOff(host, made),
  );

const mayAsk = (part: Part): boolean => part.row.asks !== 'no' && part.manager === 'cgroupfs';

/** No trace of accounting in this boot, and nothing was replaced in it. */
const isClean = (host: Host): boolean =>
  usageOf(host.memory, '') === 0 &&
  slabEntries(host.memory).length === 0 &&
  partsOf(host).every((part) => !part.inBoot);

/**
 * A configuration may be newer than its process: pods that were made through the other manager
 * speak of risk.
 */
const hasOldPods = ({ software, memory }: Host): boolean =>
  software.pods === 'systemd' &&
  [...memory.groups.keys()].some((path) => /^kubepods\/(?:.*\/)?pod[^/]*$/.test(path));

/** Whatever may ask has shown that it does not. */
const isSettled = (host: Host): boolean =>
  isClean(host) &&
  !hasOldPods(host) &&
  partsOf(host).every((part) => !mayAsk(part) || hasWitness(host, part));

function isWitnessed({ world, host, truth }: Case): boolean {
  if (
    isAffected(truth) ||
    !world.root ||
    !world.kmemFiles ||
    world.boot !== world.next ||
    !isClean(host)
  )
    return false;
  const parts = partsOf(host);
  if (asksNokmem(world.boot.args))
    return (
      host.probe === 'off' ||
      (knownToObey(world.boot) &&
        parts.some((part) => part.row.asks === 'yes' && mayAsk(part) && hasWitness(host, part)))
    );
  return (
    isSettled(host) &&
    parts.some((part) => part.row !== host.software.kubelet?.row && hasWitness(host, part))
  );
}

/**
 * Known programs of which none may ask, or the argument in force on a kernel that is known to obey
 * it, now and at the next boot.
 */
function hasNoVisibleRisk({ world, host, truth }: Case): boolean {
  if (isAffected(truth) || !world.root || !isClean(host) || world.boot !== world.next) return false;
  if (knownToObey(world.boot)) return true;
  if (hasOldPods(host)) return false;
  return (
    (!asksNokmem(world.boot.args) && isSettled(host)) ||
    partsOf(host).every((part) => !mayAsk(part))
  );
}

/** What a play may accept: the kubelet, or podman, whose groups are nobody else's. */
type Acceptable = 'kubelet' | 'podman';

const acceptable = ({ software }: Host): readonly Acceptable[] => [
  ...(software.kubelet === undefined ? [] : (['kubelet'] as const)),
  ...(software.podman === undefined ? [] : (['podman'] as const)),
];

/** The facts of a run whose play accepted this program, by the name that it has here. */
function accepting({ facts }: Case, key: Acceptable, judged: Facts): Facts {
  const rows = known(judged, 'kmem.parts', []).filter((row) => row.key === key);
  return { ...facts, 'kmem.accepted': rows.map(({ name }) => ({ key, name })) };
}

const isInKubepods = (path: string): boolean => path === 'kubepods' || path.startsWith('kubepods/');

/**
 * All that is accounted is the accepted program's, or inherits from it; and nobody else will
 * account a group of their own.
 */
function isAffectedByOnly(
  part: Acceptable,
  { software, made }: Host,
  { now, soon }: Truth,
): boolean {
  const isOwn =
    part === 'kubelet'
      ? isInKubepods
      : (path: string) => made.some((one) => one.client === 'podman' && one.path === path);
  const runtime = software.cri === undefined ? undefined : runtimeOf(software, software.cri);
  const asksInPods = runtime !== undefined && runtime.manager === 'cgroupfs' && asks(runtime.maker);
  const others = soon.filter((name) => name !== (part === 'kubelet' ? 'pod' : part));
  return now.every(isOwn) && others.length === 0 && !(part === 'kubelet' && asksInPods);
}

/**
 * The same world without the argument, in which each client of docker and podman has started a
 * container with a limit at last.
 */
const withContainers = (world: World): Case =>
  caseOf({
    ...world,
    boot: { ...world.boot, args: 'ro' },
    events: [
      ...world.events,
      ...(['docker', 'podman'] as const).map(
        (client) => ({ kind: 'container', client, limited: 'born' }) as const,
      ),
    ],
  });

/** The others have a true witness outside of /kubepods, and no group outside of it is accounted. */
function isWitnessedInPart({ world, host, truth }: Case): boolean {
  const { kubelet, nvidia } = host.software;
  if (!world.root || !world.kmemFiles || asksNokmem(world.boot.args) || nvidia !== undefined)
    return false;
  if (kubelet === undefined || (kubelet.row.asks === 'no' && truth.now.length > 0)) return false;
  const outside = { ...host, made: host.made.filter(({ path }) => !isInKubepods(path)) };
  const others = partsOf(host).filter((part) => part.row !== kubelet.row);
  return (
    others.length > 0 &&
    others.every((part) => hasWitness(outside, part)) &&
    truth.now.every(isInKubepods)
  );
}
