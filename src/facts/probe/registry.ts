// The registry of areas: every fact that a host can be asked for.
import type { FactWant } from '../../model/fact.ts';
import type { Area } from '../area.ts';
import { bootArea } from '../areas/boot/boot.ts';
import { kernelArea } from '../areas/boot/kernel.ts';
import { kernelsArea } from '../areas/boot/kernels.ts';
import { wantedArea } from '../areas/boot/wanted.ts';
import { cgroupArea } from '../areas/cgroups/cgroup.ts';
import { memoryArea } from '../areas/cgroups/memory.ts';
import { pidsArea } from '../areas/cgroups/pids.ts';
import { ansibleArea } from '../areas/host/ansible.ts';
import { fileArea } from '../areas/host/file.ts';
import { machineArea } from '../areas/host/machine.ts';
import { marksArea } from '../areas/host/marks.ts';
import { osArea } from '../areas/host/os.ts';
import { spaceArea } from '../areas/host/space.ts';
import { crashArea } from '../areas/logs/crash.ts';
import { kernelLogArea } from '../areas/logs/kernel-log.ts';
import { packageArea } from '../areas/packages/package.ts';
import { packageLocksArea } from '../areas/packages/package-locks.ts';
import { packagesArea } from '../areas/packages/packages.ts';
import { repositoryArea } from '../areas/packages/repository.ts';
import { dockerArea } from '../areas/programs/docker.ts';
import { kubeletArea } from '../areas/programs/kubelet.ts';
import { pathArea } from '../areas/programs/path.ts';
import { runcArea } from '../areas/programs/runc.ts';
import { runtimesArea } from '../areas/programs/runtimes.ts';
import { serviceArea } from '../areas/programs/service.ts';

/** The areas of every probe, in this order. */
export const baseAreas: readonly Area[] = [
  osArea,
  machineArea,
  kernelArea,
  bootArea,
  packagesArea,
  dockerArea,
  runcArea,
  kubeletArea,
  runtimesArea,
  memoryArea,
  spaceArea,
  kernelLogArea,
  marksArea,
  cgroupArea,
];

/**
 * Areas that no plan needs: `check` reads them, and a play that names one of their facts. They may
 * take longer, within the probe's time limit. Their facts begin with the name of the area.
 */
const checkAreas: readonly Area[] = [crashArea, pidsArea];

/** Wants of `check` and of the script of `kmend probe`, beside the base areas. */
export const checkWants: readonly FactWant[] = checkAreas.map(({ name }) => ({ area: name }));

const namedByAnsible =
  /\bansible_(?:facts|distribution|os_family|kernel|architecture|hostname|nodename|pkg_mgr|service_mgr|memtotal_mb|selinux)/;

/**
 * Areas whose facts are named in this text of plays and variables. An area too many only costs some
 * time.
 */
export const wantsNamedIn = (text: string): readonly FactWant[] => [
  ...checkWants.filter(({ area }) => new RegExp(`\\b${area}\\s*[.[]`).test(text)),
  ...(namedByAnsible.test(text) ? [{ area: ansibleArea.name }] : []),
  ...(/\bboot\W{1,4}wanted\b/.test(text) ? [{ area: wantedArea.name }] : []),
  ...(text.includes('packages') ? [{ area: packageLocksArea.name }] : []),
];

/** All areas by name. Those beyond the base areas are read only for a want with arguments. */
export const areas: ReadonlyMap<string, Area> = new Map(
  [
    ...baseAreas,
    ...checkAreas,
    ansibleArea,
    wantedArea,
    kernelsArea,
    packageLocksArea,
    packageArea,
    serviceArea,
    pathArea,
    fileArea,
    repositoryArea,
  ].map((area) => [area.name, area]),
);
