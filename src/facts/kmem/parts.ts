// Parts: the programs of a host that make memory cgroups and may ask for kernel-memory accounting.
// Each has its version, its manager and its witnesses.
import { type Facts, known } from '../../model/fact.ts';
import type { Answer, PartName, RuntimeRow } from '../../model/facts/values.ts';
import type { CreatorRow } from './creators.ts';
import { containerdIoAccounts, containerdIoRow } from './programs/containerd-io.ts';
import { dockerAccounts, engineVersion } from './programs/docker.ts';
import { kubeletAccounts } from './programs/kubelet.ts';
import { runcAccounts } from './programs/runc.ts';
import {
  countOf,
  managersSeen,
  speakingFor,
  type Witnesses,
  type WitnessRules,
  witnessRules,
} from './witnesses.ts';

/** A program that makes groups, without the answers of its groups. */
interface Program {
  /** Its name for `verify_kmem` and for operators: the part, or the name of a custom runtime. */
  readonly key: string;
  readonly part: PartName;
  /** For operators: "kubelet 1.12.3", "containerd.io 1.2.10-3.2.el7". */
  readonly name: string;
  /**
   * Whether it asks, by its version, its package, its manager, or a declaration of the operator.
   */
  readonly accounts: Answer;
  /** A "no" that a container of its own must confirm: for disputed builds and declarations. */
  readonly unsure: boolean;
  readonly note?: string;
  readonly owns: (row: CreatorRow) => boolean;
  readonly replaced: boolean;
  /**
   * Answer of a limited container that kmend started through it in this boot; empty where none was
   * started since it was installed.
   */
  readonly sample: 'off' | 'on' | '';
  /** It never asks, whatever its version, because its manager never does. */
  readonly never: boolean;
}

export interface Part extends Program {
  /** Limited groups that can contradict its version, and how many of them answered EIO. */
  readonly limited: number;
  readonly limitedOff: number;
  /** The same without the rule about versions, to judge whether the kernel refuses it. */
  readonly refusable: number;
  readonly refused: number;
  /** Limited containers of its own, of any manager. */
  readonly containers: number;
  readonly containersOff: number;
  /** Accounted groups of its own, without those that have a kernel-memory limit of their own. */
  readonly on: number;
}

// ---- what was changed in this boot ----

/**
 * Error of the time of boot in seconds. It is the clock minus the uptime, both truncated, and read
 * one after the other.
 */
const bootTimeError = 2;

function isAfterBoot(facts: Facts, time: number): boolean {
  const [boot, clock] = [facts['boot.time'], facts['clock.epoch']];
  // A time in the future only shows that the host's clock was changed.
  return (
    typeof boot === 'number' &&
    typeof clock === 'number' &&
    time > boot + bootTimeError &&
    time <= clock
  );
}

/** Packages with a runc that were installed after this boot, by the host's own clock. */
export function changedAfterBoot(facts: Facts): readonly string[] {
  const packages = [
    {
      name: known(facts, 'docker.package', '') || 'docker',
      time: known(facts, 'docker.installed_at', 0),
    },
    {
      name: known(facts, 'containerd.package', '') || 'containerd',
      time: known(facts, 'containerd.installed_at', 0),
    },
    { name: 'runc', time: known(facts, 'runc.installed_at', 0) },
  ];
  return packages.filter(({ time }) => isAfterBoot(facts, time)).map(({ name }) => name);
}

/** When programs that run containers were changed. */
const runtimeChanges = [
  'docker.installed_at',
  'containerd.installed_at',
  'runc.installed_at',
  'runc.changed_at',
] as const;
type ChangeTime = (typeof runtimeChanges)[number] | 'kubelet.installed_at' | 'kubelet.changed_at';

const replacedSince = (facts: Facts, ...names: readonly ChangeTime[]): boolean =>
  names.some((name) => isAfterBoot(facts, known(facts, name, 0)));
const runtimeReplaced = (facts: Facts): boolean =>
  changedAfterBoot(facts).length > 0 || replacedSince(facts, 'runc.changed_at');

// ---- the programs ----

/** A container that was started before the program was replaced is no evidence about it. */
function named(
  part: PartName,
  facts: Facts,
  key: string = part,
): Pick<Program, 'part' | 'key' | 'sample' | 'never'> {
  const sample = known(facts, 'kmem.started', []).findLast((row) => row.runtime === key);
  const at = sample?.at ?? 0;
  const installed = runtimeChanges.map((name) => known(facts, name, 0));
  const answer = sample?.answer;
  // A time in the future only shows that the host's clock was changed, not which came first.
  const counts =
    (answer === 'off' || answer === 'on') &&
    at >= Math.max(...installed) &&
    at <= known(facts, 'clock.epoch', 0);
  return { part, key, never: false, sample: counts ? answer : '' };
}

const systemdNote = 'the systemd cgroup driver asks only for an explicit kernel-memory limit';
const bySystemd = { accounts: 'no', unsure: false, note: systemdNote, never: true } as const;

/** Every program of this host that makes groups, whether it asks for accounting or not. */
function programsOf(facts: Facts, witnesses: readonly Witnesses[]): readonly Program[] {
  const here = presence(facts, witnesses);
  const programs = [
    kubelet(facts, witnesses),
    ...(here.docker ? [docker(facts, witnesses, here)] : []),
    ...(here.containerd ? [containerd(facts, witnesses, here)] : []),
    ...(here.crio ? [other(facts, witnesses, 'cri-o', 'crio.driver')] : []),
    ...(here.podman ? [other(facts, witnesses, 'podman', 'podman.driver')] : []),
  ].filter((program) => program !== undefined);
  return [...programs, ...customs(facts, programs)].map((program) =>
    caught(declared(facts, program)),
  );
}

interface Presence {
  readonly docker: boolean;
  readonly containerd: boolean;
  readonly crio: boolean;
  readonly podman: boolean;
  /**
   * Docker and containerd start the same runc, so a group that either can have made is evidence
   * about both. k3s and RKE2 have their own runc.
   */
  readonly sameRunc: boolean;
  /** Docker is configured with runtimes other than its runc. */
  readonly dockerCustom: boolean;
  readonly containerdCustom: boolean;
}

function presence(facts: Facts, witnesses: readonly Witnesses[]): Presence {
  const made = (creator: CreatorRow['creator']): boolean =>
    witnesses.some(({ row }) => row.creator === creator);
  const dockerHere = isDockerFound(facts) || made('docker');
  const crio =
    facts['crio.installed'] === true || known(facts, 'crio.evr', '') !== '' || made('cri-o');
  const podman = facts['podman.installed'] === true || made('podman');
  const containerdProgram =
    (facts['containerd.installed'] === true && !facts['containerd.bundled'] === true) ||
    known(facts, 'containerd.evr', '') !== '';
  // From 18.09 on Docker installs a containerd. It is a runtime of its own only where something
  // uses it.
  const used = made('containerd') || known(facts, 'kubelet.endpoint', '').includes('containerd');
  const rancher = /^(?:k3s|rke2)$/.test(known(facts, 'kubelet.program', ''));
  const loneRunc = facts['runc.installed'] === true && !crio && !podman;
  return {
    docker: dockerHere,
    containerd: used || rancher || (!dockerHere && (containerdProgram || loneRunc)),
    crio,
    podman,
    sameRunc:
      dockerHere &&
      !rancher &&
      dockerAccounts(enginePackage(facts), versionOfDocker(facts)) === 'runc',
    dockerCustom: known(facts, 'docker.runtimes', []).length > 0,
    containerdCustom: known(facts, 'containerd.runtimes', []).length > 0,
  };
}

const isDockerFound = (facts: Facts): boolean =>
  facts['docker.installed'] === true || known(facts, 'docker.evr', '') !== '';

/**
 * Does this engine own the group? Where a custom runtime is configured, the group may be of that
 * runtime.
 */
function ownsAs(part: 'docker' | 'containerd', here: Presence): (row: CreatorRow) => boolean {
  const custom = part === 'docker' ? here.dockerCustom : here.containerdCustom;
  const alone = part === 'docker' ? !here.containerd : !here.docker;
  return ({ creator }) =>
    !custom && (creator === part || (creator === 'runtime' && (alone || here.sameRunc)));
}

const versionOfDocker = (facts: Facts): string =>
  engineVersion(known(facts, 'docker.evr', '')) ||
  known(facts, 'docker.version', '') ||
  known(facts, 'docker.client', '');

/**
 * Without a package the path of its runc identifies RHEL's docker, whose 1.13 differs from
 * upstream's.
 */
const enginePackage = (facts: Facts): string =>
  known(facts, 'docker.package', '') ||
  (/docker-runc-current$/.test(known(facts, 'runc.path', '')) ? 'docker' : '');

function docker(facts: Facts, witnesses: readonly Witnesses[], here: Presence): Program {
  const version = versionOfDocker(facts);
  const owns = ownsAs('docker', here);
  const base = { ...named('docker', facts), owns, replaced: runtimeReplaced(facts) } as const;
  const name = `docker ${version}`.trim();
  if (
    isSystemdOnly(
      known(facts, 'docker.driver', ''),
      witnesses,
      ({ creator }) => creator === 'docker',
    )
  )
    return { ...base, name, ...bySystemd };
  // The runc of the host need not be the one that this docker starts.
  if (!isDockerFound(facts))
    return {
      ...base,
      name: 'a docker that was not found (its groups are there)',
      accounts: 'unknown',
      unsure: false,
    };
  const accounts = dockerAccounts(enginePackage(facts), version);
  if (accounts === 'runc') return { ...base, ...ownRunc(facts) };
  // For an engine without a package its runc decides, where its version is certain to be clean, or
  // certain to ask.
  if (accounts === 'unknown') return { ...base, ...ownRunc(facts), name };
  return { ...base, name, accounts, unsure: false };
}

function containerd(facts: Facts, witnesses: readonly Witnesses[], here: Presence): Program {
  const owns = ownsAs('containerd', here);
  const base = { ...named('containerd', facts), owns, replaced: runtimeReplaced(facts) } as const;
  const runc = systemRunc(facts);
  const own = ({ creator }: CreatorRow): boolean =>
    creator === 'containerd' || (creator === 'runtime' && !here.docker);
  return isSystemdOnly(known(facts, 'containerd.driver', ''), witnesses, own, 'both')
    ? { ...base, ...runc, ...bySystemd }
    : { ...base, ...runc };
}

/** cri-o and podman start the runc of the system, which may come with containerd.io. */
function other(
  facts: Facts,
  witnesses: readonly Witnesses[],
  part: 'cri-o' | 'podman',
  driver: 'crio.driver' | 'podman.driver',
): Program {
  const owns = ({ creator }: CreatorRow): boolean => creator === part;
  const base = { ...named(part, facts), owns, replaced: runtimeReplaced(facts) } as const;
  if (isSystemdOnly(known(facts, driver, ''), witnesses, owns, 'both'))
    return { ...base, name: part, ...bySystemd };
  const runc = systemRunc(facts);
  return { ...base, ...runc, name: `${part} with ${runc.name}` };
}

/**
 * The runc in the system's PATH. Where docker has its own, the probe read the version of that one,
 * so only the package shows the version of the system's.
 */
function systemRunc(facts: Facts): ReturnType<typeof ownRunc> {
  if (!/docker-runc/.test(known(facts, 'runc.path', ''))) return ownRunc(facts);
  const evr = known(facts, 'runc.evr', '');
  const parts = /^(?:\d+:)?(\d+\.\d+\.\d+)-(?:[\d.]*\.)?(rc\d+)?/.exec(evr);
  const version =
    parts?.[1] === undefined
      ? ''
      : [parts[1], parts[2]].filter((part) => part !== undefined).join('-');
  return { accounts: runcAccounts(version), name: `runc ${version || evr}`.trim(), unsure: false };
}

/**
 * Does it use the systemd manager only? Its report decides. Where the report is only its
 * configuration (`both`), its groups must not contradict it. Without a report and without groups
 * the answer is no.
 */
function isSystemdOnly(
  reported: string,
  witnesses: readonly Witnesses[],
  owns: (row: CreatorRow) => boolean,
  how: 'reported' | 'both' = 'reported',
): boolean {
  if (reported !== '' && how === 'reported') return reported === 'systemd';
  const managers = new Set<string>(managersSeen(witnesses, owns));
  if (reported !== '') managers.add(reported);
  return managers.size === 1 && managers.has('systemd');
}

/** A runc of its own: certain by its version, or by the package that built it. */
function ownRunc(facts: Facts): Pick<Program, 'name' | 'accounts' | 'unsure' | 'note'> {
  const version = known(facts, 'runc.version', '');
  const byVersion = runcAccounts(version);
  const evr = known(facts, 'containerd.evr', '');
  if (known(facts, 'containerd.package', '') !== 'containerd.io' || evr === '')
    return { accounts: byVersion, name: `runc ${version}`.trim(), unsure: false };
  const name = `containerd.io ${evr}`;
  if (byVersion !== 'unknown') return { accounts: byVersion, name, unsure: false };
  const rpm = known(facts, 'os.family', '') !== 'debian';
  const disputed = rpm && containerdIoRow(evr)?.disputed === true;
  return {
    accounts: containerdIoAccounts(evr, rpm),
    name,
    unsure: disputed,
    ...(disputed
      ? { note: 'clean by its build files, disputed by users: 1.4.5 or later is sure' }
      : {}),
  };
}

function kubelet(facts: Facts, witnesses: readonly Witnesses[]): Program | undefined {
  const version = known(facts, 'kubelet.version', '');
  const owns = ({ creator }: CreatorRow): boolean => creator === 'kubelet';
  const base = {
    ...named('kubelet', facts),
    owns,
    unsure: false,
    replaced: replacedSince(facts, 'kubelet.installed_at', 'kubelet.changed_at'),
  } as const;
  const managers = new Set(witnesses.flatMap(({ row }) => (owns(row) ? [row.manager] : [])));
  const bySlices = managers.size === 1 && managers.has('systemd');
  if (facts['kubelet.installed'] === true || version !== '') {
    // The configuration may be newer than the process. Pods that it made through cgroupfs
    // contradict it.
    const made = witnesses.some(
      ({ row }) => owns(row) && row.level === 'pod' && row.manager === 'cgroupfs',
    );
    const reported = known(facts, 'kubelet.driver', '') || (bySlices ? 'systemd' : '');
    const driver = reported === 'systemd' && made ? 'cgroupfs' : reported;
    return {
      ...base,
      accounts: kubeletAccounts(version, driver),
      name: `kubelet ${version}`.trim(),
      ...(driver === 'systemd' ? { note: systemdNote } : {}),
    };
  }
  if (managers.size === 0) return undefined;
  return bySlices
    ? { ...base, name: 'a kubelet that was not found (kubepods.slice is there)', ...bySystemd }
    : { ...base, accounts: 'unknown', name: 'a kubelet that was not found (kubepods is there)' };
}

/** crun and runsc never write a kernel-memory limit by themselves. */
const neverAsks = (says: string): boolean => /^(?:crun|runsc) version /.test(says);

/** A wrapper around a runc prints the version of that runc. */
function customAccounts(says: string): Answer {
  if (neverAsks(says)) return 'no';
  return runcAccounts(/^runc version (\S+)/.exec(says)?.[1] ?? '');
}

/**
 * Custom runtimes of docker and containerd, under the same manager. The paths of their containers
 * do not show the runtime, so no group is evidence about them.
 */
const customs = (facts: Facts, programs: readonly Program[]): readonly Program[] =>
  (['docker', 'containerd'] as const).flatMap((engine) => {
    const systemd = programs.some(({ part, never }) => part === engine && never);
    return known(facts, `${engine}.runtimes`, []).map((row) => custom(facts, row, engine, systemd));
  });

/** Its path identifies a second runc. */
const nameOf = (path: string): string =>
  path.endsWith('/runc') ? path : (path.split('/').at(-1) ?? '');

function custom(
  facts: Facts,
  row: RuntimeRow,
  engine: 'docker' | 'containerd',
  systemd: boolean,
): Program {
  const { name, path, says } = row;
  const version = /version (\S+)/.exec(says)?.[1] ?? '';
  return {
    ...named('custom', facts, engine === 'docker' ? name : `cri:${name}`),
    name: `${nameOf(path) || name} ${version}`.trim(),
    accounts: customAccounts(says),
    never: neverAsks(says),
    unsure: false,
    owns: () => false,
    replaced: runtimeReplaced(facts),
    ...(systemd ? bySystemd : {}),
  };
}

/**
 * `kmem_asks`: the operator's declaration for a rebuilt program. It is shown as declared, and a
 * container of its own must still confirm a "no".
 */
function declared(facts: Facts, program: Program): Program {
  const asks = known(facts, 'kmem.asks', {});
  const answer = asks[program.part] ?? (program.part === 'kubelet' ? undefined : asks.runc);
  if ((answer !== 'yes' && answer !== 'no') || answer === program.accounts) return program;
  return {
    ...program,
    accounts: answer,
    unsure: answer === 'no',
    note: `declared: ${answer === 'no' ? 'does not ask' : 'asks'}`,
  };
}

/**
 * A sample container that was started through it is accounted: so it asks, whatever its version or
 * the operator says.
 */
const caught = (program: Program): Program =>
  program.sample === 'on'
    ? {
        ...program,
        accounts: 'yes',
        unsure: false,
        never: false,
        note: 'a container started through it reads on',
      }
    : program;

// ---- with their groups ----

/**
 * `all` groups show which programs and managers this host has. The witnesses among them are
 * evidence about their programs.
 */
export function partsOf(
  facts: Facts,
  all: readonly Witnesses[],
  rules: WitnessRules = witnessRules,
  witnesses: readonly Witnesses[] = all,
): readonly Part[] {
  return programsOf(facts, all).map((program) => {
    const speaking = speakingFor(
      { ...program, asksByVersion: program.accounts === 'yes' },
      witnesses,
      rules,
    );
    const refusable = speakingFor({ ...program, asksByVersion: false }, witnesses, rules);
    const own = witnesses.filter(({ row, explicit }) => program.owns(row) && !explicit);
    const containers = own.filter(
      ({ row, limited }) => row.level === 'container' && limited === 'yes',
    );
    const off = ({ state }: Witnesses): boolean => state === 'eio';
    return {
      ...program,
      limited: countOf(speaking),
      limitedOff: countOf(speaking, off),
      refusable: countOf(refusable),
      refused: countOf(refusable, off),
      containers: countOf(containers),
      containersOff: countOf(containers, off),
      on: countOf(own, ({ state }) => state === 'read'),
    };
  });
}

/** It asks, or it is not proven that it does not. */
export const mayAsk = (part: Part): boolean =>
  part.accounts === 'yes' || part.accounts === 'unknown';

/**
 * It has limited groups of its own, or a sample was started through it, and none of them is
 * accounted.
 */
export const isContradicted = (part: Part): boolean =>
  part.on === 0 &&
  part.sample !== 'on' &&
  (part.sample === 'off' || (part.limited > 0 && part.limitedOff === part.limited));

/** It asks by its version, and was refused. Only a kernel that obeys the argument does that. */
export const isRefused = (part: Part): boolean =>
  part.accounts === 'yes' &&
  part.on === 0 &&
  part.sample !== 'on' &&
  (part.sample === 'off' || (part.refusable > 0 && part.refused === part.refusable));

/** A limited container of its own, or a sample, proves that its containers are not accounted. */
export const isShown = (part: Part): boolean =>
  part.on === 0 &&
  part.sample !== 'on' &&
  (part.sample === 'off' ||
    (!part.replaced && part.containers > 0 && part.containersOff === part.containers));
