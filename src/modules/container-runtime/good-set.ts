// Chooses docker-ce, docker-ce-cli and containerd.io that fit together and do not switch
// kernel-memory accounting on: the set nearest to the installed one.
import { containerdIoAccounts, containerdIoRow } from '../../facts/kmem/programs/containerd-io.ts';
import { engineVersion } from '../../facts/kmem/programs/docker.ts';
import { compareUpstream } from '../../model/text/versions.ts';
import type { PackageFacts } from '../package-manager/state.ts';
import { type Manager, orderOf } from '../package-manager/version.ts';

export const setPackages = ['docker-ce', 'docker-ce-cli', 'containerd.io'] as const;
type SetPackage = (typeof setPackages)[number];

export type PackageTable = Readonly<Record<SetPackage, PackageFacts>>;

/** One version of each. */
export type RuntimeSet = Readonly<Record<SetPackage, string>>;

export type SetChoice =
  | { readonly set: RuntimeSet; readonly why: string }
  | { readonly missing: string };

/**
 * From this version on the engine takes runc from containerd.io (docker/engine#121 came with it).
 */
const firstEngine = '18.09.1';

const newEnough = (evr: string, least: string): boolean =>
  compareUpstream(engineVersion(evr), least) >= 0;

/** docker-ce 20.10 requires containerd.io 1.4.1 (docker/docker-ce-packaging). */
const fits = (engine: string, containerd: string): boolean =>
  !newEnough(engine, '20.10') || compareUpstream(containerd.replace(/^\d+:/, ''), '1.4.1') >= 0;

const isDisputed = (containerd: string): boolean => containerdIoRow(containerd)?.disputed === true;

/** Versions that are not older than the installed one: an upgrade never goes back. */
function candidates({ installed, available }: PackageFacts, manager: Manager): readonly string[] {
  const order = orderOf(manager);
  const all =
    installed === ''
      ? available
      : [installed, ...available.filter((evr) => order(evr, installed) > 0)];
  return [...new Set(all)].sort(order);
}

export const isGoodContainerd = (evr: string, manager: Manager): boolean =>
  containerdIoAccounts(evr, manager !== 'apt') === 'no';
export const isGoodEngine = (evr: string): boolean => newEnough(evr, firstEngine);

export function chooseSet(
  table: PackageTable,
  manager: Manager,
  prefer: 'nearest' | 'newest',
): SetChoice {
  const turn = <T>(list: readonly T[]): readonly T[] =>
    prefer === 'newest' ? [...list].reverse() : list;
  const engines = turn(candidates(table['docker-ce'], manager).filter(isGoodEngine));
  if (engines.length === 0) return { missing: `docker-ce ${firstEngine} or later` };
  const good = turn(
    candidates(table['containerd.io'], manager).filter((evr) => isGoodContainerd(evr, manager)),
  );
  // Builds that reports have seen accounting come last.
  const containerds = [...good.filter((evr) => !isDisputed(evr)), ...good.filter(isDisputed)];
  if (containerds.length === 0)
    return { missing: 'a containerd.io whose runc does not account (1.4.5 or later is sure)' };
  for (const engine of engines) {
    const cli = clientFor(engine, table['docker-ce-cli'], manager);
    const containerd = containerds.find((evr) => fits(engine, evr));
    if (cli === undefined || containerd === undefined) continue;
    return {
      set: { 'docker-ce': engine, 'docker-ce-cli': cli, 'containerd.io': containerd },
      why: reason(engine, containerd, table, prefer),
    };
  }
  return {
    missing: `a docker-ce-cli of the version of docker-ce (${engines.map(engineVersion).join(', ')}) with a containerd.io that fits`,
  };
}

/** The newest build of the client of the engine's version. */
const clientFor = (engine: string, cli: PackageFacts, manager: Manager): string | undefined =>
  [...new Set([cli.installed, ...cli.available])]
    .filter((evr) => evr !== '' && engineVersion(evr) === engineVersion(engine))
    .sort(orderOf(manager))
    .at(-1);

function reason(
  engine: string,
  containerd: string,
  table: PackageTable,
  prefer: 'nearest' | 'newest',
): string {
  const kept =
    table['docker-ce'].installed === engine
      ? 'docker-ce stays'
      : `docker-ce ${engineVersion(engine)} is the ${prefer} that takes runc from containerd.io`;
  const row = containerdIoRow(containerd);
  const doubt = isDisputed(containerd)
    ? '; disputed (docker-ce-packaging#308), but the repositories have no better one'
    : '';
  return `${kept}; containerd.io ${containerd}: ${row === undefined ? 'does not account' : `${row.name} ${isDisputed(containerd) ? 'have the tag nokmem by their build files' : 'do not account'} (${row.source})`}${doubt}`;
}
