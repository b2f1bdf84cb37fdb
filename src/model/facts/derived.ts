// What follows from other facts.
import { boot, disk, type Texts, volatile } from './row.ts';
import type {
  Answer,
  Cause,
  Generation,
  KernelSource,
  Partial,
  PartRow,
  ProofBy,
  Remedy,
  Verdict,
} from './values.ts';

export const derivedFacts = {
  'kernel.generation': boot<Generation>(
    'el7, uek, older (before 3.8), upstream-3, 4.0-4.4, 4.5-5.8, 5.9+ or unknown: what reads mean depends on it',
    'el7',
  ),
  'kernel.parses_nokmem': boot<Answer>(
    'yes, no or unknown: does the running kernel obey cgroup.memory=nokmem',
    'unknown',
  ),
  'kernel.next_parses_nokmem': disk<Answer>('the same of the kernel that boots next', 'yes'),
  'kernel.parses_by': volatile(
    boot<KernelSource>(
      'what that rests on: table, probe (an active probe here), seen (one of another host of this run), map (its System.map), groups (every program here that asks was refused); empty where it is unknown',
      'table',
    ),
  ),
  'kernel.next_parses_by': volatile(
    disk<KernelSource>(
      'the same of the kernel that boots next; also declared or try (the variable kmem_kernels)',
      'seen',
    ),
  ),
  'boot.pending': boot<boolean>('a reboot would change something that kmend looks after', true),
  'boot.pending_why': boot<Texts>('what it would change', ['cgroup.memory: not set -> nokmem']),
  'containerd.version': disk<string>(
    'version of the containerd package, without epoch and release; empty when absent',
    '1.2.10',
  ),
  'kmem.ids.live': volatile(
    boot<number>(
      'ids of memory cgroups that live groups hold; known on cgroup v1 of kernels before 4.5, read by root',
      212,
    ),
  ),
  'kmem.ids.dead': volatile(boot<number>('ids that dead groups hold, about', 31_400)),
  'kmem.ids.used': volatile(boot<number>('both: of 65,534, then no cgroup can be made', 31_612)),
  'kmem.ids.growth_per_day': volatile(
    boot<number>(
      'dead groups more a day, measured between two checks of one boot; unknown outside of `check`, without an earlier check, and where clocks do not agree',
      1_850,
    ),
  ),
  'kmem.ids.over': volatile(boot<number>('seconds between the two checks', 21_600)),
  'kmem.ids.days_left': volatile(
    boot<number>(
      'days until no id is left at this rate; 99999 when dead groups do not grow; unknown below ten minutes',
      18.3,
    ),
  ),
  'kmem.ids.full_on': volatile(
    boot<string>("that day, by the host's clock; empty for never", '2027-01-17'),
  ),
  'memory.sunreclaim_per_day': volatile(
    boot<number>(
      'kB that SUnreclaim grows a day, measured between the same two checks; negative where it shrinks',
      92_160,
    ),
  ),
  'kmem.verdict': boot<Verdict>('off, on, leaking, at_risk, not_applicable or unknown', 'on'),
  'kmem.evidence': volatile(
    boot<string>('what the verdict rests on, in one line', 'EIO on 11 of 11, 6 memory-limited'),
  ),
  'kmem.remedy': boot<Remedy>(
    'none, reboot, default_kernel, kernel_arg, kernel_and_arg, runtime, unsupported or unknown',
    'kernel_and_arg',
  ),
  'kmem.remedy_why': volatile(
    boot<string>('why that one, in one line; empty for none', '862 is not known to parse nokmem'),
  ),
  'kmem.tries': volatile(
    boot<string>(
      'kernel release on which the canary of this remedy tries the argument; empty for none',
      '3.10.0-862.el7.x86_64',
    ),
  ),
  'kmem.causes': boot<readonly Cause[]>(
    'kernel, argument, argument_lost, kubelet, runc, explicit_limit (a container with --kernel-memory), old_groups, unknown_creator',
    ['kernel', 'argument', 'kubelet', 'runc'],
  ),
  'kmem.rejected': boot<Texts>('other remedies and why they were not taken', [
    'runtime: kubelet 1.12.3 still accounts /kubepods',
  ]),
  'kmem.leaves_open': boot<Texts>('what stays after the remedy', []),
  'kmem.provable': boot<boolean>('it is proven that accounting is off', true),
  'kmem.proof': boot<ProofBy>('samples, active_probe or none: by what', 'samples'),
  'kmem.parts': volatile(
    boot<readonly PartRow[]>(
      'programs that make groups: does its version ask for accounting (yes, no, unknown; never = its cgroup driver does not), its limited containers and how many of them read off, the answer of a sample container',
      [
        {
          part: 'docker',
          key: 'docker',
          name: 'docker 18.06.1-ce',
          asks: 'yes',
          containers: 2,
          containers_off: 0,
          sample: '',
        },
      ],
    ),
  ),
  'kmem.unshown': volatile(
    boot<Texts>(
      'runtimes that could ask for accounting, and of which kmend saw no limited container that reads off',
      ['docker'],
    ),
  ),
  'kmem.partial': volatile(
    boot<Partial>(
      'where a play accepts that some programs still account: samples (all others are proven), none (not yet), refuted (something else accounts, or will); empty elsewhere',
      'samples',
    ),
  ),
  'kmem.partial_evidence': volatile(
    boot<string>(
      'what that rests on, in one line',
      "docker's containers: off; kubelet 1.12.3 still accounts: accepted",
    ),
  ),
};
