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
  readonly gone: number;
  readonly total: number;
  readonly limited: number;
  readonly limitedOff: number;
  readonly kubelet: number;
  readonly kubeletOff: number;
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
  const maps = facts['kernel.maps'];
  const kernel = (release: string, cmdline: string): Kernel => {
    const { generation } = readRelease(release);
    const map = isMapping(maps) ? maps[release] : undefined;
    const parses = parsesNokmem(release, { suse, map: typeof map === 'string' ? map : undefined });
    const asks = asksForNokmem(cmdline, generation === 'el7');
    return { release, generation, parses, asks, inForce: asks && parses === 'yes' };
  };
  const next = textOf(facts, 'kernel.next') || (textOf(facts, 'boot.loader') === 'flatcar' ? textOf(facts, 'kernel.release') : '');
  const denied = facts['boot.next_cmdline'];
  const now = kernel(textOf(facts, 'kernel.release'), textOf(facts, 'boot.cmdline'));
  const samples = readSamples(facts['kmem.samples']);
  const runtimeChanged = changedAfterBoot(facts).length > 0;
  // Where nothing forbids accounting, groups that are not accounted speak for the program that made them.
  const telling = !now.inForce && samples.denied === 0 && !samples.capped;
  const limitedAllOff = telling && !runtimeChanged && samples.limited > 0 && samples.limitedOff === samples.limited;
  const kubepodsAllOff = telling && samples.kubelet > 0 && samples.kubeletOff === samples.kubelet;
  return {
    now,
    ...(next === '' ? {} : { next: kernel(next, textOf(facts, 'boot.next_cmdline')) }),
    nextDenied: isUnknown(denied) ? denied.$unknown : '',
    memory: textOf(facts, 'cgroup.memory'),
    controllerOff: disablesMemoryCgroup(textOf(facts, 'boot.cmdline')),
    runc: settle(runcPart(facts), limitedAllOff),
    kubelet: settle(kubeletPart(facts), kubepodsAllOff),
    enginePackage: textOf(facts, 'docker.package'),
    samples,
    groups: mappingsOf(facts['kmem.groups']).map(readGroup),
    rootUsage: numberIn(facts, 'kmem.root_usage'),
    slabEntries: numberIn(facts, 'kmem.slab_entries'),
    deadGroups: numberIn(facts, 'kmem.dead_groups'),
    symptoms: mappingsOf(facts['kmem.symptoms']).map((row) => ({ kind: textOf(row, 'kind'), count: numberIn(row, 'count') })),
    activeProbe: textOf(facts, 'kmem.active_probe'),
    runtimeChanged,
  };
}

function readSamples(value: Value | undefined): Samples {
  const samples = isMapping(value) ? value : {};
  return {
    read: numberIn(samples, 'read'),
    eio: numberIn(samples, 'eio'),
    empty: numberIn(samples, 'empty'),
    denied: numberIn(samples, 'denied'),
    gone: numberIn(samples, 'gone'),
    total: numberIn(samples, 'total'),
    limited: numberIn(samples, 'limited'),
    limitedOff: numberIn(samples, 'limited_off'),
    kubelet: numberIn(samples, 'kubelet'),
    kubeletOff: numberIn(samples, 'kubelet_off'),
    capped: samples.capped === true,
  };
}

const readGroup = (group: Mapping): SampleGroup => ({
  path: textOf(group, 'path'),
  limit: numberIn(group, 'limit'),
  state: (['read', 'eio', 'empty', 'denied', 'gone'] as const).find((state) => state === group.state) ?? 'gone',
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
  if (!dockerHere) return ownRunc(facts);
  const version = engineVersion(textOf(facts, 'docker.evr')) || textOf(facts, 'docker.version') || textOf(facts, 'docker.client');
  const name = `docker ${version}`.trim();
  if (textOf(facts, 'docker.driver') === 'systemd')
    return { accounts: 'no', name, note: 'the systemd cgroup driver never asks for accounting' };
  const accounts = dockerAccounts(textOf(facts, 'docker.package'), version);
  if (accounts === 'runc') return ownRunc(facts);
  // An engine that is not from a package can still tell by its own runc, when that is new enough to be clean or old enough to be sure.
  if (accounts === 'unknown') return { ...ownRunc(facts), name: name || 'docker' };
  return { accounts, name };
}

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
  const groups = readSamples(facts['kmem.samples']).kubelet;
  return groups > 0 ? { accounts: 'unknown', name: 'a kubelet that was not found (kubepods is there)' } : absent;
}

export const mayAccount = (part: Part): boolean => part.accounts === 'yes' || part.accounts === 'unknown';
