// Random worlds: stacks that exist in the field, what happens on them, and how far somebody got
// with repairing them.
import fc from 'fast-check';
import {
  type Asks,
  type Client,
  engines,
  type Installed,
  kubelets,
  type Manager,
  nvidias,
  runcs,
} from './programs.ts';
import { type Boot, type Event, runtimeOf, type Software, type World } from './world.ts';

const stacks = [
  'docker',
  'docker',
  'containerd',
  'containerd',
  'both',
  'cri-o',
  'k3s',
  'none',
] as const;

interface Choice {
  readonly stack: (typeof stacks)[number];
  readonly engine: number;
  readonly runc: number;
  readonly kubelet: number | null;
  readonly nvidia: number | null;
  readonly podman: Manager | null;
  readonly docker: Manager;
  readonly runtime: Manager;
  readonly pods: Manager;
  readonly secrets: readonly boolean[];
}

const pick = <T>(rows: readonly T[], n: number): T => {
  const row = rows[n % rows.length];
  if (row === undefined) throw new Error('an empty table');
  return row;
};
const installed = <T extends { readonly asks: Asks }>(
  row: T,
  secret: boolean | undefined,
  inBoot: boolean,
): Installed<T> => ({
  row,
  secret: secret === true,
  inBoot,
});

const runcsFrom = (...from: readonly string[]): typeof runcs =>
  runcs.filter((row) => from.includes(row.from));
const packaged = runcsFrom('containerd.io');

/**
 * What a choice comes to: combinations that do not start (a docker and a kubelet of different
 * drivers) are made ones that do.
 */
function softwareOf(choice: Choice, inBoot = false): Software {
  const { stack } = choice;
  const [kubeletSecret, runcSecret, nvidiaSecret] = choice.secrets;
  const withDocker = stack === 'docker' || stack === 'both';
  const engine = withDocker
    ? pick(
        stack === 'both' ? engines.filter(({ bundled }) => bundled === undefined) : engines,
        choice.engine,
      )
    : undefined;
  const hasKubelet = stack === 'k3s' || (choice.kubelet !== null && stack !== 'none');
  const rows = kubelets.filter(({ program }) => (program === 'k3s') === (stack === 'k3s'));
  const runtime = stack === 'k3s' ? 'cgroupfs' : choice.runtime;
  return {
    engine: engine === undefined ? undefined : { row: engine, inBoot },
    bundled: engine?.bundled === undefined ? undefined : installed(engine.bundled, false, inBoot),
    runc: runcOf(choice, engine?.bundled !== undefined, runcSecret, inBoot),
    nvidia:
      withDocker && choice.nvidia !== null
        ? installed(pick(nvidias, choice.nvidia), nvidiaSecret, inBoot)
        : undefined,
    kubelet: hasKubelet
      ? installed(pick(rows, choice.kubelet ?? 0), kubeletSecret, inBoot)
      : undefined,
    cri:
      stack === 'docker' || stack === 'cri-o' ? stack : stack === 'none' ? undefined : 'containerd',
    docker: choice.docker,
    runtime,
    // containerd alone does not refuse a kubelet with another driver, and only the kubelet's
    // systemd beside its cgroupfs works at all.
    pods: podsManager(choice, runtime),
    podman: stack === 'k3s' ? undefined : (choice.podman ?? undefined),
  };
}

function podsManager({ stack, docker, pods }: Choice, runtime: Manager): Manager {
  if (stack === 'docker') return docker;
  return (stack === 'containerd' || stack === 'both') && runtime === 'cgroupfs' ? pods : runtime;
}

function runcOf(
  choice: Choice,
  bundled: boolean,
  secret: boolean | undefined,
  inBoot: boolean,
): Software['runc'] {
  switch (choice.stack) {
    case 'k3s':
      return installed(pick(runcsFrom('k3s'), 0), secret, inBoot);
    case 'docker':
    case 'both':
      if (!bundled) return installed(pick(packaged, choice.runc), secret, inBoot);
      return choice.podman === null
        ? undefined
        : installed(pick(runcsFrom('runc'), 0), secret, inBoot);
    case 'containerd':
      return installed(pick(runcsFrom('containerd.io', 'static'), choice.runc), secret, inBoot);
    case 'cri-o':
      return installed(pick(runcsFrom('static', 'runc'), choice.runc), secret, inBoot);
    case 'none':
      return choice.podman === null
        ? undefined
        : installed(pick(runcsFrom('static', 'runc'), choice.runc), secret, inBoot);
  }
}

const manager = fc.constantFrom<Manager>('cgroupfs', 'cgroupfs', 'cgroupfs', 'systemd');
const index = fc.nat(99);
/** In so many of four cases. */
const maybe = <T>(weight: number, arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | null> =>
  fc.oneof({ weight, arbitrary }, { weight: 4 - weight, arbitrary: fc.constant(null) });
const choice: fc.Arbitrary<Choice> = fc.record({
  stack: fc.constantFrom(...stacks),
  engine: index,
  runc: index,
  kubelet: maybe(3, index),
  nvidia: maybe(1, index),
  podman: maybe(1, manager),
  docker: manager,
  runtime: manager,
  pods: manager,
  secrets: fc.array(fc.boolean(), { minLength: 3, maxLength: 3 }),
});

const qos = fc.constantFrom('guaranteed', 'burstable', 'besteffort' as const);
const limited = fc.constantFrom('no', 'born', 'born', 'later' as const);
const times = fc.constantFrom(3, 40, 900);

/**
 * A change in this boot: the same host with another choice of that part, or with other cgroup
 * drivers.
 */
const replacing = (before: Choice): fc.Arbitrary<Event> =>
  fc
    .record({
      part: fc.constantFrom('runtime', 'kubelet', 'drivers'),
      docker: manager,
      runtime: manager,
      pods: manager,
      engine: index,
      runc: index,
      kubelet: index,
      secrets: fc.array(fc.boolean(), { minLength: 3, maxLength: 3 }),
    })
    .map(({ part, docker, runtime, pods, ...other }) => {
      const drivers = softwareOf({ ...before, docker, runtime, pods });
      if (part === 'drivers')
        return {
          kind: 'replace',
          software: { docker: drivers.docker, runtime: drivers.runtime, pods: drivers.pods },
        };
      const { engine, bundled, runc, kubelet } = softwareOf({ ...before, ...other }, true);
      return {
        kind: 'replace',
        software: part === 'runtime' ? { engine, bundled, runc } : { kubelet },
      };
    });

const clients = [
  'docker',
  'docker',
  'docker-parent',
  'nvidia',
  'podman',
  'nerdctl',
  'ctr',
] as const;
/** Those that are there; a host without any has containers of nobody's. */
function clientsOn(software: Software): readonly Client[] {
  const there = clients.filter((client) => runtimeOf(software, client) !== undefined);
  return there.length > 0 ? there : ['ctr'];
}

const eventsOn = (before: Choice): fc.Arbitrary<readonly Event[]> =>
  fc.array(
    fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({
          kind: fc.constant('pod' as const),
          qos,
          pod: fc.boolean(),
          container: fc.boolean(),
        }),
      },
      {
        weight: 6,
        arbitrary: fc.record({
          kind: fc.constant('container' as const),
          client: fc.constantFrom(...clientsOn(softwareOf(before))),
          limited: fc.constantFrom(
            'no',
            'born',
            'born',
            'born',
            'later',
            'later',
            'kernel' as const,
          ),
        }),
      },
      {
        weight: 3,
        arbitrary: fc.record({
          kind: fc.constant('silent' as const),
          which: index,
          limited: fc.boolean(),
        }),
      },
      {
        weight: 1,
        arbitrary: fc.record({ kind: fc.constant('nested' as const), asks: fc.boolean(), limited }),
      },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant('remove' as const), which: index }) },
      { weight: 1, arbitrary: fc.constant<Event>({ kind: 'recreate' }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('churn' as const), times }) },
      { weight: 1, arbitrary: replacing(before) },
    ),
    { maxLength: 8 },
  );

/** True once in so many times; a counterexample is shrunk to what is common. */
const rare = (times: number): fc.Arbitrary<boolean> =>
  fc.nat(times - 1).map((n) => n === times - 1);
const seldom = (times: number, event: Event): fc.Arbitrary<readonly Event[]> =>
  rare(times).map((yes): readonly Event[] => (yes ? [event] : []));

const spelling = fc.constantFrom(
  'cgroup.memory=nokmem',
  'cgroup.memory=nokmem',
  'cgroup.memory=nosocket,nokmem',
  'cgroup.memory="nokmem"',
  '-- cgroup.memory=nokmem',
  'cgroup.memory=NOKMEM',
  'cgroup_memory=nokmem',
);
const args = fc
  .tuple(fc.constantFrom('', '', 'swapaccount=0 '), maybe(2, spelling))
  .map(([swap, nokmem]) => `ro quiet ${swap}${nokmem ?? ''}`.trim());
const build = fc.constantFrom(514, 693, 862, 957, 1062, 1127, 1160, 1160);

const boots: fc.Arbitrary<readonly [Boot<number>, Boot]> = fc
  .tuple(
    fc.record({ build, args }),
    fc.record({ build: fc.oneof(build, fc.constant('healthy' as const)), args }),
    fc.constantFrom('nothing', 'nothing', 'args', 'args', 'kernel', 'both'),
  )
  .map(([now, next, changes]) => {
    if (changes === 'nothing') return [now, now];
    return [
      now,
      {
        build: changes === 'args' ? now.build : next.build,
        args: changes === 'kernel' ? now.args : next.args,
      },
    ];
  });

export const randomWorld: fc.Arbitrary<World> = fc
  .tuple(
    choice,
    boots,
    fc.array(fc.boolean(), { minLength: 3, maxLength: 3 }),
    fc.constantFrom(true, true, true, true, true, false),
    rare(40),
    rare(20),
    rare(4),
    rare(6),
  )
  .chain(([before, [now, next], obeys, hierarchy, noFiles, user, damage, premade]) =>
    fc
      .tuple(eventsOn(before), seldom(12, { kind: 'by_hand' }), seldom(6, { kind: 'active_probe' }))
      .map(
        ([events, byHand, probe]): World => ({
          software: softwareOf(before),
          boot: now,
          next,
          hierarchy,
          kmemFiles: !noFiles,
          root: !user,
          damage,
          premade,
          unreadObeys: new Map([693, 862, 957].map((number, n) => [number, obeys[n] === true])),
          events: [...byHand, ...events, ...probe],
        }),
      ),
  );
