// The port to the disk: this room reads texts and never files. Paths in it, because pure rooms do
// not know node:path either.

/**
 * `absent`: there is no such file, which is no mistake where the file is a choice. `distrusted`:
 * somebody else could have written it.
 */
export type Read =
  | { readonly ok: true; readonly text: string }
  | {
      readonly ok: false;
      readonly why: string;
      readonly absent?: true;
      readonly distrusted?: true;
    };

/**
 * What loading needs of the outside; the command line brings one over the file system, tests one
 * over a table.
 */
export interface Reader {
  /** A file that instructs kmend: refused where somebody else could have written it. */
  readonly readText: (path: string) => Read;
  /**
   * The same for a file that nobody named and that lies below `directory`: no link may lead out of
   * its project.
   */
  readonly readFound: (path: string, directory: string) => Read;
  /**
   * A file that is only looked at, whoever wrote it: what a host said, a page of the documentation.
   */
  readonly readData: (path: string) => Read;
  /** Names in a directory, in any order; nothing when the path is not a directory. */
  readonly list: (path: string) => readonly string[] | undefined;
  /** A program that prints an inventory. Absent = such programs are not run. */
  readonly isExecutable?: (path: string) => boolean;
  readonly run?: (path: string, args: readonly string[]) => Read;
}

export const join = (dir: string, name: string): string =>
  dir === '' || dir === '.' ? name : dir.endsWith('/') ? `${dir}${name}` : `${dir}/${name}`;

/** The directory of a path: `.` for a bare name. */
export function dirOf(path: string): string {
  const trimmed = path.replace(/(?<!\/)\/+$/, '');
  const slash = trimmed.lastIndexOf('/');
  return slash === -1 ? '.' : slash === 0 ? '/' : trimmed.slice(0, slash);
}

export const baseOf = (path: string): string =>
  path.replace(/(?<!\/)\/+$/, '').replace(/^.*\//, '');

/** The ending without its dot, in lower case: '' when there is none. */
export const endingOf = (path: string): string =>
  /[^.]\.([^./]+)$/.exec(baseOf(path))?.[1]?.toLowerCase() ?? '';
