// Which packages an update leaves out: names with `*` and `?`, as the awk of the host's scripts reads
// them.
import { matchesAny } from '../../facts/areas/packages/package-pins.ts';

/** A cluster and its runtime move by tasks of their own, in the versions that fit together. */
export const ownTasks: readonly string[] = [
  'kubelet',
  'kubeadm',
  'kubectl',
  'docker*',
  'containerd*',
  'runc',
  'cri-o',
];

/** An extended regular expression without a backslash, which awk would read twice. */
export const expressionOf = (globs: readonly string[]): string =>
  globs.length === 0
    ? '^$'
    : `^(${globs.map((glob) => glob.replace(/[.+]/g, '[$&]').replaceAll('*', '.*').replaceAll('?', '.')).join('|')})$`;

export interface Choice {
  readonly exclude: readonly string[];
  readonly include: readonly string[];
}

/** Is the package left out because nobody named it? */
export const needsName = (name: string, { include }: Choice): boolean =>
  matchesAny(ownTasks, name) && !matchesAny(include, name);
