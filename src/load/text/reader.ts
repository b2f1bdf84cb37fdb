// The port to the disk: this room reads texts, never files. It has its own path functions, because a
// pure room may not import node:path.

/**
 * `absent`: the file does not exist, which is no error where it is optional. `distrusted`: another
 * user can write to the file.
 */
export type Read =
  | { readonly ok: true; readonly text: string }
  | {
      readonly ok: false;
      readonly why: string;
      readonly absent?: true;
      readonly distrusted?: true;
    };

/** What loading reads from outside. The command line reads the file system, tests read a table. */
export interface Reader {
  /** Reads a file that instructs kmend; refused when another user can write to it. */
  readonly readText: (path: string) => Read;
  /** The same for a file that was found below `directory`: no link may lead out of its project. */
  readonly readFound: (path: string, directory: string) => Read;
  /** The same as bytes: one character for each. Absent: only texts can be read. */
  readonly readBytes?: (path: string, directory: string) => Read;
  /** Reads a file that is only data, whoever wrote it: output of a host, a documentation page. */
  readonly readData: (path: string) => Read;
  /** Names in a directory, in any order; undefined when the path is not a directory. */
  readonly list: (path: string) => readonly string[] | undefined;
  /** Whether a file is an inventory program. Without `run`, such programs are not run. */
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

/** The extension without its dot, in lower case; '' when there is none. */
export const endingOf = (path: string): string =>
  /[^.]\.([^./]+)$/.exec(baseOf(path))?.[1]?.toLowerCase() ?? '';
