// What a verdict may never say, and what it must say, of a world whose truth is known. A judge is anything that adds kmem.* to facts.
import type { Facts } from '../../src/model/fact.ts';
import { factsOf } from './facts-of.ts';
import { asksNokmem, countsSwap, slabEntries, usageOf } from './kernel.ts';
import type { Asks, Installed, Manager } from './programs.ts';
import { type Boot, type Host, isAffected, replay, type Truth, truthOf, twinsOf, type World } from './world.ts';

export type Judge = (facts: Facts) => Facts;

interface Case {
  readonly world: World;
  readonly host: Host;
  readonly truth: Truth;
  readonly facts: Facts;
}

export interface Law {
  readonly name: string;
  /** Is there something to say about this world? A law that never applies would prove nothing. */
  readonly applies: (some: Case) => boolean;
  readonly holds: (judged: Facts, some: Case) => boolean;
}

const reads = (judged: Facts, verdict: string): boolean => judged['kmem.verdict'] === verdict;

export const laws: readonly Law[] = [
  {
    name: 'an affected world never reads off',
    applies: ({ truth }) => isAffected(truth),
    holds: (judged) => !reads(judged, 'off'),
  },
  {
    name: 'what an affected world looks like, too, never reads off',
    applies: ({ truth }) => !isAffected(truth),
    holds: (judged, some) => !reads(judged, 'off') || !hasAffectedTwin(some),
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
    applies: ({ world, host }) =>
      mayObey(world.boot) && host.probe === '' && !partsOf(host).some((part) => part.row.asks !== 'no' && witnesses(host, part)),
    holds: (judged) => judged['kmem.proof'] === 'none',
  },
  {
    name: 'a kernel without memory.kmem.* files is not applicable',
    applies: ({ world }) => !world.kmemFiles && world.boot === world.next,
    holds: (judged) => reads(judged, 'not_applicable') && judged['kmem.remedy'] === 'none',
  },
];

export function caseOf(world: World): Case {
  const host = replay(world);
  return { world, host, truth: truthOf(host), facts: factsOf(host) };
}

/** The first law that this judge breaks in this case. */
export const brokenLaw = (some: Case, judge: Judge): string | undefined => {
  const judged = judge(some.facts);
  return laws.find((law) => law.applies(some) && !law.holds(judged, some))?.name;
};

function hasAffectedTwin({ world, facts }: Case): boolean {
  const seen = JSON.stringify(facts);
  return twinsOf(world).some((twin) => {
    const host = replay(twin);
    return JSON.stringify(factsOf(host)) === seen && isAffected(truthOf(host));
  });
}

const knownToObey = ({ build, args }: Boot): boolean => build !== 'healthy' && build >= 1062 && asksNokmem(args);
const mayObey = ({ build, args }: Boot): boolean => build !== 'healthy' && build > 514 && asksNokmem(args);

/** A program that makes groups, through which manager, and whose groups are its own. */
interface Part extends Installed<{ readonly asks: Asks }> {
  readonly manager: Manager;
  readonly clients: readonly Host['made'][number]['client'][];
}

function partsOf({ software }: Host): readonly Part[] {
  const { engine, bundled, runc, nvidia, kubelet, cri, podman } = software;
  const part = (program: Installed<{ readonly asks: Asks }> | undefined, manager: Manager, clients: Part['clients']): readonly Part[] =>
    program === undefined ? [] : [{ ...program, manager, clients }];
  return [
    ...(engine === undefined ? [] : part(bundled ?? runc, software.docker, ['docker'])),
    ...part(nvidia, software.docker, []),
    ...(cri === undefined || cri === 'docker' || kubelet === undefined ? [] : part(runc, software.runtime, ['pod'])),
    ...(podman === undefined ? [] : part(runc, podman, ['podman'])),
    ...part(kubelet, software.pods, ['kubelet', 'pod']),
  ];
}

/** Has this part made a group that was born with a limit, in this boot, through the manager that would have asked, and does it read off? */
const witnesses = ({ made, memory }: Host, part: Part): boolean =>
  !part.inBoot &&
  made.some(
    ({ path, maker, manager, client, limited }) =>
      maker?.row === part.row &&
      manager === 'cgroupfs' &&
      limited === 'born' &&
      part.clients.includes(client) &&
      (client === 'pod' || client === 'kubelet' || countsSwap(memory)) &&
      memory.groups.get(path)?.accounted === false,
  );

const mayAsk = (part: Part): boolean => part.row.asks !== 'no' && part.manager === 'cgroupfs';

/** No trace of accounting in this boot, and nothing was replaced in it. */
const isClean = (host: Host): boolean =>
  usageOf(host.memory, '') === 0 && slabEntries(host.memory).length === 0 && partsOf(host).every((part) => !part.inBoot);

/** Whatever may ask has shown that it does not; where docker has a second runtime, a group of docker's shows nothing of either. */
const isSettled = (host: Host): boolean =>
  isClean(host) &&
  partsOf(host).every((part) => !mayAsk(part) || (witnesses(host, part) && !(part.clients[0] === 'docker' && host.software.nvidia)));

function isWitnessed({ world, host, truth }: Case): boolean {
  if (isAffected(truth) || !world.kmemFiles) return false;
  if (asksNokmem(world.boot.args)) {
    if (world.boot !== world.next || !isClean(host)) return false;
    return (
      host.probe === 'off' || (knownToObey(world.boot) && partsOf(host).some((part) => part.row.asks === 'yes' && witnesses(host, part)))
    );
  }
  const containers = partsOf(host).filter(({ clients }) => !clients.includes('kubelet'));
  return world.boot === world.next && isSettled(host) && containers.some((part) => witnesses(host, part));
}

/** Known programs of which none may ask, or the argument in force on a kernel that is known to obey it, now and at the next boot. */
function hasNoVisibleRisk({ world, host, truth }: Case): boolean {
  if (isAffected(truth) || !isClean(host) || world.boot !== world.next) return false;
  return knownToObey(world.boot) || (!asksNokmem(world.boot.args) && isSettled(host)) || partsOf(host).every((part) => !mayAsk(part));
}
