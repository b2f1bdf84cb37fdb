// The facts that follow from others: names, lifetimes and what they say.
import type { FactDef } from '../model/fact.ts';

export const derivedFacts: readonly FactDef[] = [
  {
    name: 'kernel.generation',
    lifetime: 'boot',
    summary: 'el7, uek, older (before 3.8), upstream-3, 4.0-4.4, 4.5-5.8, 5.9+ or unknown: what reads mean depends on it',
    example: 'el7',
  },
  {
    name: 'kernel.parses_nokmem',
    lifetime: 'boot',
    summary: 'yes, no or unknown: does the running kernel obey cgroup.memory=nokmem',
    example: 'unknown',
  },
  { name: 'kernel.next_parses_nokmem', lifetime: 'disk', summary: 'the same of the kernel that boots next', example: 'yes' },
  {
    name: 'kernel.parses_by',
    lifetime: 'boot',
    summary:
      'what that rests on: table, probe (an active probe here), seen (one of another host of this run), map (its System.map), groups (every program here that asks was refused); empty where it is unknown',
    example: 'table',
  },
  {
    name: 'kernel.next_parses_by',
    lifetime: 'disk',
    summary: 'the same of the kernel that boots next; also declared or try (the variable kmem_kernels)',
    example: 'seen',
  },
  { name: 'boot.pending', lifetime: 'boot', summary: 'a reboot would change something that kmend looks after', example: true },
  { name: 'boot.pending_why', lifetime: 'boot', summary: 'what it would change', example: ['cgroup.memory: not set -> nokmem'] },
  {
    name: 'containerd.version',
    lifetime: 'disk',
    summary: 'version of the containerd package, without epoch and release; empty when absent',
    example: '1.2.10',
  },
  {
    name: 'kmem.ids.live',
    lifetime: 'boot',
    summary: 'ids of memory cgroups that live groups hold; known on cgroup v1 of kernels before 4.5, read by root',
    example: 212,
  },
  { name: 'kmem.ids.dead', lifetime: 'boot', summary: 'ids that dead groups hold, about', example: 31_400 },
  { name: 'kmem.ids.used', lifetime: 'boot', summary: 'both: of 65,534, then no cgroup can be made', example: 31_612 },
  {
    name: 'kmem.ids.growth_per_day',
    lifetime: 'boot',
    summary:
      'dead groups more a day, measured between two checks of one boot; unknown outside of `check`, without an earlier check, and where clocks do not agree',
    example: 1_850,
  },
  { name: 'kmem.ids.over', lifetime: 'boot', summary: 'seconds between the two checks', example: 21_600 },
  {
    name: 'kmem.ids.days_left',
    lifetime: 'boot',
    summary: 'days until no id is left at this rate; 99999 when dead groups do not grow; unknown below ten minutes',
    example: 18.3,
  },
  { name: 'kmem.ids.full_on', lifetime: 'boot', summary: "that day, by the host's clock; empty for never", example: '2027-01-17' },
  {
    name: 'memory.sunreclaim_per_day',
    lifetime: 'boot',
    summary: 'kB that SUnreclaim grows a day, measured between the same two checks; negative where it shrinks',
    example: 92_160,
  },
  { name: 'kmem.verdict', lifetime: 'boot', summary: 'off, on, leaking, at_risk, not_applicable or unknown', example: 'on' },
  {
    name: 'kmem.evidence',
    lifetime: 'boot',
    summary: 'what the verdict rests on, in one line',
    example: 'EIO on 11 of 11, 6 memory-limited',
  },
  {
    name: 'kmem.remedy',
    lifetime: 'boot',
    summary: 'none, reboot, default_kernel, kernel_arg, kernel_and_arg, runtime, unsupported or unknown',
    example: 'kernel_and_arg',
  },
  {
    name: 'kmem.remedy_why',
    lifetime: 'boot',
    summary: 'why that one, in one line; empty for none',
    example: '862 is not known to parse nokmem',
  },
  {
    name: 'kmem.tries',
    lifetime: 'boot',
    summary: 'kernel release on which the canary of this remedy tries the argument; empty for none',
    example: '3.10.0-862.el7.x86_64',
  },
  {
    name: 'kmem.causes',
    lifetime: 'boot',
    summary:
      'kernel, argument, argument_lost, kubelet, runc, explicit_limit (a container with --kernel-memory), old_groups, unknown_creator',
    example: ['kernel', 'argument', 'kubelet', 'runc'],
  },
  {
    name: 'kmem.rejected',
    lifetime: 'boot',
    summary: 'other remedies and why they were not taken',
    example: ['runtime: kubelet 1.12.3 still accounts /kubepods'],
  },
  { name: 'kmem.leaves_open', lifetime: 'boot', summary: 'what stays after the remedy', example: [] },
  { name: 'kmem.provable', lifetime: 'boot', summary: 'it is proven that accounting is off', example: true },
  { name: 'kmem.proof', lifetime: 'boot', summary: 'samples, active_probe or none: by what', example: 'samples' },
  {
    name: 'kmem.parts',
    lifetime: 'boot',
    summary:
      'programs that make groups: does its version ask for accounting (yes, no, unknown; never = its cgroup driver does not), its limited containers and how many of them read off, the answer of a sample container',
    example: [{ part: 'docker', key: 'docker', name: 'docker 18.06.1-ce', asks: 'yes', containers: 2, containers_off: 0, sample: '' }],
  },
  {
    name: 'kmem.unshown',
    lifetime: 'boot',
    summary: 'runtimes that could ask for accounting, and of which kmend saw no limited container that reads off',
    example: ['docker'],
  },
  {
    name: 'kmem.partial',
    lifetime: 'boot',
    summary:
      'where a play accepts that some programs still account: samples (all others are proven), none (not yet), refuted (something else accounts, or will); empty elsewhere',
    example: 'samples',
  },
  {
    name: 'kmem.partial_evidence',
    lifetime: 'boot',
    summary: 'what that rests on, in one line',
    example: "docker's containers: off; kubelet 1.12.3 still accounts: accepted",
  },
];
