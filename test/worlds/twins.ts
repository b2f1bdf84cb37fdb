// Twins: the worlds that differ from one in nothing but its secrets. Where a twin gives the same
// facts, no verdict can distinguish the two.
import type { Client } from './programs.ts';
import type { Event, Software, World } from './world.ts';

type Flip = (world: World) => World;

/** Each doubles the number of twins, and a world has few. */
const mostSecrets = 7;

/** All twins by the first secrets of a world; most of them look different. */
export function twinsOf(world: World): readonly World[] {
  const flips = flipsOf(world).slice(0, mostSecrets);
  return Array.from({ length: 2 ** flips.length - 1 }, (_, mask) =>
    flips.reduce((twin, flip, bit) => (((mask + 1) >> bit) & 1 ? flip(twin) : twin), world),
  );
}

function flipsOf(world: World): readonly Flip[] {
  const builds = [...new Set([world.boot.build, world.next.build])].filter(
    (build) => build !== 'healthy' && build > 514 && build < 1062,
  );
  return [
    ...builds.map((build) => (twin: World) => ({
      ...twin,
      unreadObeys: new Map(twin.unreadObeys).set(
        Number(build),
        !twin.unreadObeys.get(Number(build)),
      ),
    })),
    ...(world.software.kubelet?.row.asks === 'no'
      ? []
      : [(twin: World) => ({ ...twin, premade: !twin.premade })]),
    ...programFlips(world.software).map((flip) => (twin: World) => ({
      ...twin,
      software: { ...twin.software, ...flip(twin.software) },
    })),
    ...world.events.flatMap((event, at) =>
      eventFlips(event, world).map((flip) => (twin: World) => ({
        ...twin,
        events: twin.events.map((other, n) => (n === at ? flip(other) : other)),
      })),
    ),
  ];
}

/** How it was built, where the version does not show it. */
const programFlips = (
  software: Partial<Software>,
): readonly ((twin: Partial<Software>) => Partial<Software>)[] =>
  (['runc', 'nvidia', 'kubelet'] as const)
    .filter((part) => software[part]?.row.asks === 'hidden')
    .map((part) => (twin) => {
      const program = twin[part];
      return program === undefined ? {} : { [part]: { ...program, secret: !program.secret } };
    });

/**
 * When a container got its limit, which of docker's runtimes made it, and how a program was built
 * that came in this boot.
 */
function eventFlips(event: Event, world: World): readonly ((twin: Event) => Event)[] {
  if (event.kind === 'replace')
    return programFlips(event.software).map(
      (flip) => (twin) =>
        twin.kind === 'replace'
          ? { ...twin, software: { ...twin.software, ...flip(twin.software) } }
          : twin,
    );
  if (
    event.kind !== 'container' ||
    (!event.client.startsWith('docker') && event.client !== 'nvidia')
  )
    return [];
  const other: Client = event.client === 'docker' ? 'nvidia' : 'docker';
  return [
    ...(event.limited === 'no' || event.limited === 'kernel'
      ? []
      : [
          (twin: Event): Event =>
            twin.kind === 'container'
              ? { ...twin, limited: twin.limited === 'born' ? 'later' : 'born' }
              : twin,
        ]),
    ...(world.software.nvidia === undefined || event.client === 'docker-parent'
      ? []
      : [(twin: Event): Event => (twin.kind === 'container' ? { ...twin, client: other } : twin)]),
  ];
}
