// A failure: the bad end of a host, as data for the journal. Never a thrown error (that is our
// bug), never a diagnostic (that is the user's).
import { oneLine } from '../text/printable.ts';
import { pasteable } from '../text/quote.ts';

export const failureKinds = [
  'unreachable', // no connection, or it was lost for good
  'host_key', // the host's key is not the one we know, or none is known
  'auth', // the host refused our login, or sudo/su/doas refused us
  'timeout', // a command or a condition took longer than it may
  'exit', // a command ended with a bad status
  'parse', // an answer that we cannot read
  'blocked', // something outside stands in the way: a PDB, a fence of the cluster, a person's uncordon
  'refused', // the plan says that this host must not be touched
  'drift', // the host is not what the plan was made from
  'not_converged', // the change was made, and the state still is not what was asked for
  'not_verified', // no proof
  'boot_loop', // it booted more often than it was asked to
  'fenced', // another run holds this host
  'kept_out', // a person keeps this host out of the run: a hold on its node, or a cordon since the plan
  'interrupted', // the run was ended before the host was done
] as const;

export type FailureKind = (typeof failureKinds)[number];

export interface Failure {
  readonly kind: FailureKind;
  /** One sentence: what happened, with the numbers that matter. */
  readonly message: string;
  /** What to do about it. */
  readonly hint?: string;
  /** Raw text that helps: the last lines of stderr, an errno. Masked before it is written. */
  readonly detail?: string;
  /**
   * True for trouble on the way (connection refused, shed load, cut): worth another try. A task's
   * own error never is.
   */
  readonly transport?: boolean;
  /**
   * The walk was held because the run was ended, not because of the host: no bad end, and `resume`
   * goes on with it.
   */
  readonly resumable?: true;
}

/** The API server was away for longer than it is waited for: the host is left where it stands. */
export const isAway = (failure: Failure | undefined): boolean =>
  failure?.resumable === true && failure.transport === true;

/** What a call to the outside gives: a value, or the failure that the host ends with. */
export type Outcome<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly failure: Failure };

export const ok = <T>(value: T): Outcome<T> => ({ ok: true, value });

export const failed = (
  kind: FailureKind,
  message: string,
  more: Omit<Failure, 'kind' | 'message'> = {},
): Outcome<never> => ({
  ok: false,
  failure: { kind, message, ...more },
});

/**
 * The failure of a host whose node a person holds. Nothing is wrong with the host: it goes on once
 * the annotation is gone.
 */
export const keptOut = (node: string, why: string): Failure => ({
  kind: 'kept_out',
  message: `node ${node} is on hold: ${why}`,
  hint: `when it may be taken out of service: kubectl annotate node ${pasteable(node)} kmend.io/hold-`,
  resumable: true,
});

/** So many of the last lines of a detail are shown, of so many characters each. */
const [mostLines, longestLine] = [8, 200];

const linesOf = (detail: string): readonly string[] =>
  detail
    .split('\n')
    .map((line) => oneLine(line, longestLine))
    .filter((line) => line !== '');

/**
 * The last lines of what failed, which may name the cause that the message cannot know. Each after
 * `| `; none where nothing was said.
 */
export const detailLines = ({ detail = '' }: Failure): readonly string[] =>
  linesOf(detail)
    .slice(-mostLines)
    .map((line) => `| ${line}`);

/**
 * Package managers end with `Complete!` though a script failed, and apt and dpkg with two lines
 * that say nothing of the cause.
 */
const namesCause =
  /^(?!E: Sub-process |Errors were enc).*(?:error|warning|fail|cannot|denied|no space|not found|overwrite)/i;

/** ` [the line that says most]`, for a place that has one line. */
export function lastDetail({ detail = '' }: Failure): string {
  const lines = linesOf(detail);
  const last = lines.findLast((line) => namesCause.test(line)) ?? lines.at(-1);
  return last === undefined ? '' : ` [${last}]`;
}

/** What happened and why, as one text that may be folded. */
export const causeText = (failure: Failure): string =>
  [failure.message, ...detailLines(failure)].join(' ');

/** Characters of an error's text that a failure carries: it may hold text of a host. */
const shownError = 300;

/**
 * A host whose answer makes kmend itself throw: that host fails, and the others go on. The fault is
 * ours; the operator needs to know which host brings it about.
 */
export const unhandled = (what: string, error: unknown): Failure => ({
  kind: 'parse',
  message: `kmend cannot handle ${what}: ${String(error).slice(0, shownError)}`,
  hint: 'this is a fault of kmend: please report it with what `sh` prints on this host for the script of `kmend probe`',
});

/** Does what may throw over text of a host. */
export function attempt<T>(what: string, work: () => Outcome<T>): Outcome<T> {
  try {
    return work();
  } catch (error) {
    return { ok: false, failure: unhandled(what, error) };
  }
}
