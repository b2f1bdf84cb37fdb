// Kernels among the rows of an update: they are installed side by side, and two of them must
// stay.
import type { FactView } from '../../model/fact.ts';
import type { Row } from './listing.ts';

const image =
  /^(?:linux-image-(?:unsigned-)?\d.*|kernel(?:-core|-lt|-ml|-plus|-(?:rt|uek|64k)(?:-core)?)?)$/;

export const isKernel = ({ name }: Row): boolean => image.test(name);

/** Is this row a part of the kernel that has this release? */
function isOf(release: string, { name, arch, old }: Row): boolean {
  if (release === '') return false;
  return /^kernel(?:-|$)/.test(name)
    ? `${old.replace(/^\d+:/, '')}.${arch}` === release
    : name.endsWith(`-${release}`);
}

/** Removals of the kernel that runs, and of the one that boots next. */
export function neededKernels(rows: readonly Row[], facts: FactView): readonly Row[] {
  const kernels = [facts.get('kernel.release') ?? '', facts.get('kernel.next') ?? ''];
  return rows.filter((row) => row.kind === 'rm' && kernels.some((release) => isOf(release, row)));
}
