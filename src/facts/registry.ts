// The registry of areas: every fact that a host can be asked for.
import type { FactDef, Lifetime } from '../model/fact.ts';
import type { Area } from './area.ts';
import { bootArea } from './boot.ts';
import { cgroupArea } from './cgroup.ts';
import { derivedFacts } from './derived-facts.ts';
import { dockerArea } from './docker.ts';
import { givenFactDefs } from './given.ts';
import { kernelArea } from './kernel.ts';
import { kernelLogArea } from './kernel-log.ts';
import { kernelsArea } from './kernels.ts';
import { kubeletArea } from './kubelet.ts';
import { machineArea } from './machine.ts';
import { marksArea } from './marks.ts';
import { memoryArea } from './memory.ts';
import { nodeFacts } from './node.ts';
import { osArea } from './os.ts';
import { packageArea } from './package.ts';
import { packagesArea } from './packages.ts';
import { pathArea } from './path.ts';
import { repositoryArea } from './repository.ts';
import { runcArea } from './runc.ts';
import { runtimesArea } from './runtimes.ts';
import { serviceArea } from './service.ts';
import { spaceArea } from './space.ts';

/** The areas that every probe reads, in the order in which they are read. */
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

/** All areas by name; those beyond the base ones are read only when a want names them, with its arguments. */
export const areas: ReadonlyMap<string, Area> = new Map(
  [...baseAreas, kernelsArea, packageArea, serviceArea, pathArea, repositoryArea].map((area) => [area.name, area]),
);

/** Every fact by name, derived ones too; a `*` stands for one word that comes from arguments. */
export const factDefs: readonly FactDef[] = [
  ...[...areas.values()].flatMap((area) => area.facts),
  ...derivedFacts,
  ...givenFactDefs,
  ...nodeFacts,
];

const exact: ReadonlyMap<string, Lifetime> = new Map(factDefs.map((def) => [def.name, def.lifetime]));

/** Patterns are read from the outside in: what stands between the first and the last dot may hold dots itself (`package.containerd.io.installed`). */
const patterns = factDefs
  .filter((def) => def.name.includes('*'))
  .map((def) => {
    const [before = '', after = ''] = def.name.split('*');
    return { before, after, lifetime: def.lifetime };
  });

/** How long a fact stays true; `undefined` for a name that is no fact of a host. */
export const lifetimeOf = (name: string): Lifetime | undefined =>
  exact.get(name) ??
  patterns.find(({ before, after }) => name.length > before.length + after.length && name.startsWith(before) && name.endsWith(after))
    ?.lifetime;
