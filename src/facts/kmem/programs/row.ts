// Fields of every row of the kmem tables: its source, and how certain it is.

/**
 * `measured` on a booted kernel or a real program; `source` read in the program's source or build
 * files; `vendor` an advisory or release note; `report` users and maintainers in public threads;
 * `model` inferred from the others, without a record.
 */
type Basis = 'measured' | 'source' | 'vendor' | 'report' | 'model';

export interface Row {
  readonly basis: Basis;
  /** A public source: repository and path, pull request, issue, erratum. */
  readonly source: string;
}
