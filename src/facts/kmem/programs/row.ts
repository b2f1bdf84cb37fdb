// What every row of the kmem tables carries: where it comes from, and how well it is known.

/**
 * `measured` on a booted kernel or a real program; `source` read in the program's source or build
 * files; `vendor` an advisory or release note;
 * `report` users and maintainers in public threads; `model` inferred from the others, nothing was
 * recorded.
 */
type Basis = 'measured' | 'source' | 'vendor' | 'report' | 'model';

export interface Row {
  readonly basis: Basis;
  /** Public: repository and path, pull request, issue, erratum. */
  readonly source: string;
}
