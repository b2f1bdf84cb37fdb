// What a package manager resolves before a transaction: new and removed packages, or why it fails.
import { evrOf, type Package } from '../host/catalog.ts';
import { addPackage, compareEvr, erasePackage, installed, isParallel } from '../host/installed.ts';
import { fault, type Machine } from '../host/machine.ts';

/** The set of packages that would be there afterwards. */
export interface Draft {
  readonly result: readonly Package[];
  readonly problem?: string;
}

export const same = (a: Package, b: Package): boolean => a.name === b.name && evrOf(a) === evrOf(b);

export function newest(machine: Machine, packages: readonly Package[]): Package | undefined {
  return [...packages].sort((a, b) => compareEvr(machine, b, a))[0];
}

/**
 * `containerd.io >= 1.2.2` against one package; a version without a release matches any release.
 */
function satisfies(machine: Machine, pkg: Package, requirement: string): boolean {
  const [name = '', , version] = requirement.split(' ');
  if (pkg.name !== name) return false;
  return (
    version === undefined ||
    compareEvr(
      machine,
      { ...pkg, release: '' },
      { ...pkg, epoch: pkg.epoch, version, release: '' },
    ) >= 0
  );
}

/**
 * Puts packages in place of their other versions, then pulls in what they require, newest first.
 */
export function resolve(
  machine: Machine,
  wanted: readonly Package[],
  available: readonly Package[],
  gone: readonly Package[] = [],
): Draft {
  let result: Package[] = installed(machine).filter((pkg) => !gone.some((one) => same(one, pkg)));
  const queue = [...wanted];
  for (let pkg = queue.shift(); pkg; pkg = queue.shift()) {
    const added = pkg;
    result = [
      ...result.filter(
        (other) => other.name !== added.name || (isParallel(added) && !same(other, added)),
      ),
      added,
    ];
    for (const requirement of pkg.requires) {
      if ([...result, ...queue].some((other) => satisfies(machine, other, requirement))) continue;
      const found = newest(
        machine,
        available.filter((other) => satisfies(machine, other, requirement)),
      );
      if (!found)
        return {
          result,
          problem: `Error: Package: ${pkg.name}-${evrOf(pkg)}.${pkg.arch} (lab)\n           Requires: ${requirement}\n`,
        };
      queue.push(found);
    }
  }
  const problem = brokenBy(machine, result) ?? conflictIn(result);
  return problem === undefined ? { result } : { result, problem };
}

function brokenBy(machine: Machine, result: readonly Package[]): string | undefined {
  for (const pkg of result) {
    const missing = pkg.requires.find(
      (requirement) => !result.some((other) => satisfies(machine, other, requirement)),
    );
    if (missing !== undefined)
      return `Error: Package: ${pkg.name}-${evrOf(pkg)}.${pkg.arch} (@lab)\n           Requires: ${missing}\n`;
  }
  return undefined;
}

/**
 * Two packages that own one file. This is found only when the transaction is tested, after all
 * questions.
 */
function conflictIn(result: readonly Package[]): string | undefined {
  const owners = new Map<string, Package>();
  for (const pkg of result) {
    for (const path of pkg.owns) {
      const other = owners.get(path);
      if (other && other.name !== pkg.name) {
        return `Transaction check error:\n  file ${path} from install of ${pkg.name}-${evrOf(pkg)}.${pkg.arch} conflicts with file from package ${other.name}-${evrOf(other)}.${other.arch}\n\nError Summary\n-------------\n`;
      }
      owners.set(path, pkg);
    }
  }
  return undefined;
}

/**
 * Performs a draft. Returns the packages whose post-install script fails; they are installed all
 * the same.
 */
export function carryOut(
  machine: Machine,
  draft: Draft,
): {
  readonly added: readonly Package[];
  readonly removed: readonly Package[];
  readonly failedPost: readonly Package[];
} {
  const before = installed(machine);
  const removed = before.filter((pkg) => !draft.result.some((other) => same(pkg, other)));
  const added = draft.result.filter((pkg) => !before.some((other) => same(pkg, other)));
  for (const pkg of removed) erasePackage(machine, pkg);
  for (const pkg of added) addPackage(machine, pkg);
  const names = fault(machine, 'badpost') ?? [];
  return { added, removed, failedPost: added.filter((pkg) => names.includes(pkg.name)) };
}
