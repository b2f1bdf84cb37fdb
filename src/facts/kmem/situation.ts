// The situation: facts of a host boiled down to what verdict and remedy are made of. The parts that could account, each with a name for people.
import type { Facts } from '../../model/fact.ts';
import { isList, isMapping, isUnknown, type Mapping, type Value } from '../../model/value.ts';
import { asksForNokmem, disablesMemoryCgroup } from '../boot-args.ts';
import type { ReadState } from '../groups.ts';
import { containerdIoAccounts, containerdIoRow } from './containerd-io.ts';
import { dockerAccounts, engineVersion } from './docker.ts';
import { type Generation, type Parses, parsesNokmem, readRelease } from './kernels.ts';
import { kubeletAccounts } from './kubelet.ts';
import type { Accounts } from './row.ts';
import { runcAccounts } from './runc.ts';

/** A program that makes groups. `absent` = it is not on this host. */
export interface Part {
  readonly accounts: Accounts | 'absent';
  /** "kubelet 1.12.3", "containerd.io 1.2.10-3.2.el7"; empty when absent. */
  readonly name: string;
  /** What else is to be said of it. */
  readonly note?: string;
}

export interface Samples {
  readonly read: number;
  readonly eio: number;
  readonly empty: number;
  readonly denied: number;
  readonly failed: number;
  readonly failedWhy: string;
  readonly gone: number;
  /** Groups without a memory.kmem.slabinfo; not in the total. */
  readonly absent: number;
  readonly total: number;
  readonly limited: number;
  readonly limitedOff: number;
  /** Limited groups that a runtime made, and those of them that answered EIO. */
  readonly containers: number;
  readonly containersOff: number;
  readonly kubelet: number;
  readonly kubeletOff: number;
  /** Limited groups at or below /kubepods. */
  readonly podsLimited: number;
  readonly capped: boolean;
}

interface SampleGroup {
  readonly path: string;
  readonly limit: number;
  readonly state: ReadState;
  readonly lines: number;
  readonly usage: number;
  readonly procs: number;
}

interface Kernel {
  readonly release: string;
  readonly generation: Generation;
  readonly parses: Parses;
  readonly asks: boolean;
  /** It asks for nokmem and is known to parse it. */
  readonly inForce: boolean;
}

export interface Situation {
  readonly now: Kernel;
  /** The kernel and arguments of the next boot; absent when no boot loader is known. */
  readonly next?: Kernel;
  /** Why the next boot is not known, where that is for want of rights. */
  readonly nextDenied: string;
  /** What is wrong with the boot menu as a file; empty when nothing is. */
  readonly menuBroken: string;
  /** The distribution, where it is one that kmend does not know; empty otherwise. */
  readonly strangeOs: string;
  readonly memory: string;
  readonly controllerOff: boolean;
  readonly runc: Part;
  readonly kubelet: Part;
  readonly enginePackage: string;
  readonly samples: Samples;
  readonly groups: readonly SampleGroup[];
  readonly rootUsage: number;
  readonly slabEntries: number;
  readonly deadGroups: number;
  readonly symptoms: readonly { readonly kind: string; readonly count: number }[];
  readonly activeProbe: string;
  /** Ids of memory cgroups in use: groups that exist, and dead ones. */
  readonly idsUsed: number;
  /** A package that brings runc was changed after this boot. */
  readonly runtimeChanged: boolean;
}

// ---- reading loosely: what is unknown or absent counts as not said ----

const textOf = (facts: Facts, name: string): string => {
  const value = facts[name];
  return typeof value === 'string' ? value : '';
};
const flagOf = (facts: Facts, name: string): boolean => facts[name] === true;
const numberIn = (mapping: Mapping | Facts, name: string): number => {
  const value = mapping[name];
  return typeof value === 'number' ? value : 0;
};
const mappingsOf = (value: Value | undefined): readonly Mapping[] => (isList(value) ? value.filter(isMapping) : []);

export function readSituation(facts: Facts): Situation {
  const suse = textOf(facts, 'os.family') === 'suse';
  const kernel = (release: string, cmdline: string): Kernel => {
    const { generation } = readRelease(release);
    const parses = parsesNokmem(release, { suse, map: mapOf(facts, release) });
    const asks = asksForNokmem(cmdline, generation === 'el7');
    return { release, generation, parses, asks, inForce: asks && parses === 'yes' };
  };
  const next = textOf(facts, 'kernel.next') || (textOf(facts, 'boot.loader') === 'flatcar' ? textOf(facts, 'kernel.release') : '');
  const denied = facts['boot.next_cmdline'];
  const now = kernel(textOf(facts, 'kernel.release'), textOf(facts, 'boot.cmdline'));
  const samples = readSamples(facts['kmem.samples']);
  const runtimeChanged = changedAfterBoot(facts).length > 0;
  // Where nothing forbids accounting, groups that are not accounted speak for the program that made them.
  const telling = !now.inForce && samples.denied === 0 && samples.failed === 0 && !samples.capped;
  // A runc is judged by limited containers; a kubelet by its tree, where something with a limit is in it: without one nobody had to ask.
  const containersAllOff = telling && !runtimeChanged && samples.containers > 0 && samples.containersOff === samples.containers;
  const kubepodsAllOff = telling && samples.podsLimited > 0 && samples.kubeletOff === samples.kubelet;
  return {
    now,
    ...(next === '' ? {} : { next: kernel(next, textOf(facts, 'boot.next_cmdline')) }),
    nextDenied: isUnknown(denied) ? denied.$unknown : '',
    menuBroken: textOf(facts, 'boot.menu_broken'),
    strangeOs: textOf(facts, 'os.family') === 'unknown' ? textOf(facts, 'os.id') : '',
    memory: textOf(facts, 'cgroup.memory'),
    controllerOff: disablesMemoryCgroup(textOf(facts, 'boot.cmdline')),
    runc: settle(runcPart(facts), containersAllOff),
    kubelet: settle(kubeletPart(facts), kubepodsAllOff),
    enginePackage: textOf(facts, 'docker.package'),
    samples,
    groups: mappingsOf(facts['kmem.groups']).map(readGroup),
    rootUsage: numberIn(facts, 'kmem.root_usage'),
    slabEntries: numberIn(facts, 'kmem.slab_entries'),
    deadGroups: numberIn(facts, 'kmem.dead_groups'),
    symptoms: mappingsOf(facts['kmem.symptoms']).map((row) => ({ kind: textOf(row, 'kind'), count: numberIn(row, 'count') })),
    activeProbe: textOf(facts, 'kmem.active_probe'),
    idsUsed: numberIn(facts, 'kmem.live_groups') + numberIn(facts, 'kmem.dead_groups'),
    runtimeChanged,
  };
}

/**
 * What is known of this very kernel beyond its number: that a group which asked for accounting got none, with the argument on the command line
 * (the active probe), or what its System.map names.
 */
function mapOf(facts: Facts, release: string): string | undefined {
  const asked = asksForNokmem(textOf(facts, 'boot.cmdline'), readRelease(release).generation === 'el7');
  if (asked && release === textOf(facts, 'kernel.release') && textOf(facts, 'kmem.active_probe') === 'off') return 'yes';
  const maps = facts['kernel.maps'];
  const map = isMapping(maps) ? maps[release] : undefined;
  return typeof map === 'string' ? map : undefined;
}

function readSamples(value: Value | undefined): Samples {
  const samples = isMapping(value) ? value : {};
  return {
    read: numberIn(samples, 'read'),
    eio: numberIn(samples, 'eio'),
    empty: numberIn(samples, 'empty'),
    denied: numberIn(samples, 'denied'),
    failed: numberIn(samples, 'failed'),
    failedWhy: textOf(samples, 'failed_why'),
    gone: numberIn(samples, 'gone'),
    absent: numberIn(samples, 'absent'),
    total: numberIn(samples, 'total'),
    limited: numberIn(samples, 'limited'),
    limitedOff: numberIn(samples, 'limited_off'),
    containers: numberOr(samples, 'containers', 'limited'),
    containersOff: numberOr(samples, 'containers_off', 'limited_off'),
    kubelet: numberIn(samples, 'kubelet'),
    kubeletOff: numberIn(samples, 'kubelet_off'),
    podsLimited: numberOr(samples, 'kubelet_limited', 'kubelet'),
    capped: samples.capped === true,
  };
}

/** Facts of a journal or plan that was written before a count was split carry the whole only. */
const numberOr = (samples: Mapping, name: string, whole: string): number => numberIn(samples, name in samples ? name : whole);

const readGroup = (group: Mapping): SampleGroup => ({
  path: textOf(group, 'path'),
  limit: numberIn(group, 'limit'),
  state: (['read', 'eio', 'empty', 'denied', 'gone', 'failed'] as const).find((state) => state === group.state) ?? 'gone',
  lines: numberIn(group, 'lines'),
  usage: numberIn(group, 'usage'),
  procs: numberIn(group, 'procs'),
});

/** Seconds by which the time of boot may be wrong: it is the clock less the uptime, both cut to whole seconds and read one after the other. */
const bootTimeError = 2;

/** Packages that bring a runc and were installed after this boot, by the host's own clock. A time in its future says that the clock was moved, and nothing else. */
export function changedAfterBoot(facts: Facts): readonly string[] {
  const boot = facts['boot.time'];
  const clock = facts['clock.epoch'];
  if (typeof boot !== 'number' || typeof clock !== 'number') return [];
  const packages = [
    { name: textOf(facts, 'docker.package') || 'docker', time: numberIn(facts, 'docker.installed_at') },
    { name: textOf(facts, 'containerd.package') || 'containerd', time: numberIn(facts, 'containerd.installed_at') },
    { name: 'runc', time: numberIn(facts, 'runc.installed_at') },
  ];
  return packages.filter(({ time }) => time > boot + bootTimeError && time <= clock).map(({ name }) => name);
}

// ---- parts ----

/** A part whose version does not tell is settled by its own groups: they are there, and none of them is accounted. */
const settle = (part: Part, groupsOff: boolean): Part =>
  part.accounts === 'unknown' && groupsOff
    ? { accounts: 'no', name: part.name, note: 'its version does not tell; its groups read off' }
    : part;

const absent: Part = { accounts: 'absent', name: '' };

/** The runc that starts containers. What is on the disk counts, not what still runs: that is what the next container or boot takes. */
function runcPart(facts: Facts): Part {
  const dockerHere = flagOf(facts, 'docker.installed') || textOf(facts, 'docker.evr') !== '';
  const runcHere = flagOf(facts, 'runc.installed') || flagOf(facts, 'containerd.installed') || textOf(facts, 'containerd.evr') !== '';
  if (!dockerHere && !runcHere) return absent;
  if (!dockerHere) return driverOf(facts) === 'systemd' ? { ...ownRunc(facts), accounts: 'no', note: systemdNote } : ownRunc(facts);
  const version = engineVersion(textOf(facts, 'docker.evr')) || textOf(facts, 'docker.version') || textOf(facts, 'docker.client');
  const name = `docker ${version}`.trim();
  if (driverOf(facts) === 'systemd') return { accounts: 'no', name, note: systemdNote };
  const accounts = dockerAccounts(enginePackage(facts), version);
  if (accounts === 'runc') return ownRunc(facts);
  // An engine that is not from a package can still tell by its own runc, when that is new enough to be clean or old enough to be sure.
  if (accounts === 'unknown') return { ...ownRunc(facts), name: name || 'docker' };
  return { accounts, name };
}

const systemdNote = 'the systemd cgroup driver never asks for accounting';

/**
 * The runtime's cgroup driver. Docker says its own; where it does not answer, or there is none, the groups that are there show it, and else the
 * kubelet, which does not start beside a runtime with another one.
 */
function driverOf(facts: Facts): string {
  const said = textOf(facts, 'docker.driver');
  return said !== '' ? said : shownDriver(facts) || (flagOf(facts, 'kubelet.installed') ? textOf(facts, 'kubelet.driver') : '');
}

/** The driver that made the containers that are there: scopes are systemd's. Empty where there are none, or both. */
function shownDriver(facts: Facts): string {
  const paths = mappingsOf(facts['kmem.groups']).map((group) => textOf(group, 'path'));
  const scopes = paths.some((path) => /(^|\/)(?:docker|crio|cri-containerd)-[0-9a-f]{64}\.scope$/.test(path));
  const plain = paths.some((path) => /^docker\/[0-9a-f]{64}$|^kubepods\/(?:.*\/)?pod[^/]+\/(?:crio-)?[0-9a-f]{64}$/.test(path));
  return scopes === plain ? '' : scopes ? 'systemd' : 'cgroupfs';
}

/** RHEL's docker is told by where its runc lies when its package is not: its 1.13 is not upstream's. */
const enginePackage = (facts: Facts): string =>
  textOf(facts, 'docker.package') || (/docker-runc-current$/.test(textOf(facts, 'runc.path')) ? 'docker' : '');

/** A runc of its own: sure by its version, or by the package that built it. */
function ownRunc(facts: Facts): Part {
  const version = textOf(facts, 'runc.version');
  const byVersion = runcAccounts(version);
  const evr = textOf(facts, 'containerd.evr');
  if (textOf(facts, 'containerd.package') !== 'containerd.io' || evr === '') return { accounts: byVersion, name: `runc ${version}`.trim() };
  const name = `containerd.io ${evr}`;
  if (byVersion !== 'unknown') return { accounts: byVersion, name };
  const rpm = textOf(facts, 'os.family') !== 'debian';
  const row = rpm ? containerdIoRow(evr) : undefined;
  return {
    accounts: containerdIoAccounts(evr, rpm),
    name,
    ...(row?.disputed ? { note: 'good by its build files, disputed by users: 1.4.5 or later is sure' } : {}),
  };
}

function kubeletPart(facts: Facts): Part {
  const version = textOf(facts, 'kubelet.version');
  if (flagOf(facts, 'kubelet.installed') || version !== '')
    return { accounts: kubeletAccounts(version, textOf(facts, 'kubelet.driver')), name: `kubelet ${version}`.trim() };
  if (readSamples(facts['kmem.samples']).kubelet === 0) return absent;
  const bySystemd = mappingsOf(facts['kmem.groups']).some((group) => textOf(group, 'path').startsWith('kubepods.slice'));
  return bySystemd
    ? { accounts: 'no', name: 'a kubelet that was not found (kubepods.slice is there)', note: systemdNote }
    : { accounts: 'unknown', name: 'a kubelet that was not found (kubepods is there)' };
}

export const mayAccount = (part: Part): boolean => part.accounts === 'yes' || part.accounts === 'unknown';
