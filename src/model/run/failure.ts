// A failure of a host, as data for the journal. A thrown error is an error of kmend, and a
// diagnostic is about the input of the user.
import { oneLine } from '../text/printable.ts';
import { pasteable } from '../text/quote.ts';

export const failureKinds = [
  'unreachable', // no connection, or it was lost for good
  'host_key', // the host key differs from the known one, or none is known
  'auth', // the host refused the login, or sudo/su/doas failed
  'timeout', // a command or a condition took longer than it may
  'exit', // a command ended with another status than expected
  'parse', // an answer that kmend cannot parse
  'blocked', // something else prevents it: a PDB, a fence of the cluster, an uncordon by an operator
  'refused', // the plan says that this host must not be touched
  'drift', // the host is not what the plan was made from
  'not_converged', // the change was made, and the state still is not what was asked for
  'not_verified', // no proof
  'boot_loop', // it booted more often than it was asked to
  'fenced', // another run holds this host
  'kept_out', // an operator keeps this host out: a hold on its node, or a cordon since the plan
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
   * True for a transport error (connection refused, lost, or dropped by a busy server), which is
   * worth a retry. An error of the task itself never is.
   */
  readonly transport?: boolean;
  /**
   * The walk was stopped because the run ended, not because of the host: it does not count as a
   * failure, and `resume` continues it.
   */
  readonly resumable?: true;
  /** What took too long still runs on the host: nobody knows how it will end. */
  readonly ongoing?: true;
}

const rescuable: ReadonlySet<FailureKind> = new Set([
  'exit',
  'timeout',
  'not_converged',
  'not_verified',
]);

/** A task failed, and what it left is known: `rescue` of its block may go on. */
export const isRescuable = ({ kind, transport, resumable, ongoing }: Failure): boolean =>
  rescuable.has(kind) && transport !== true && resumable !== true && ongoing !== true;

/** The API server did not answer within its deadline: the host is left as it is. */
export const isAway = (failure: Failure | undefined): boolean =>
  failure?.resumable === true && failure.transport === true;

/** The result of a call to the outside: a value, or the failure of the host. */
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
 * The failure of a host whose node an operator holds. Nothing is wrong with the host: it continues
 * when the annotation is removed.
 */
export const keptOut = (node: string, why: string): Failure => ({
  kind: 'kept_out',
  message: `node ${node} is on hold: ${why}`,
  hint: `when it may be taken out of service: kubectl annotate node ${pasteable(node)} kmend.io/hold-`,
  resumable: true,
});

/** How many of the last lines of a detail are shown, and how many characters of each. */
const [mostLines, longestLine] = [8, 200];

const linesOf = (detail: string): readonly string[] =>
  detail
    .split('\n')
    .map((line) => oneLine(line, longestLine))
    .filter((line) => line !== '');

/**
 * The last lines of the detail, which may name a cause that the message cannot know. Each line
 * begins with `| `.
 */
export const detailLines = ({ detail = '' }: Failure): readonly string[] =>
  linesOf(detail)
    .slice(-mostLines)
    .map((line) => `| ${line}`);

/**
 * Lines that may name a cause. Package managers end with `Complete!` although a script failed; apt
 * and dpkg end with two lines that say nothing of the cause.
 */
const namesCause =
  /^(?!E: Sub-process |Errors were enc).*(?:error|warning|fail|cannot|denied|no space|not found|overwrite)/i;

/** ` [the most informative line]`, where only one line fits. */
export function lastDetail({ detail = '' }: Failure): string {
  const lines = linesOf(detail);
  const last = lines.findLast((line) => namesCause.test(line)) ?? lines.at(-1);
  return last === undefined ? '' : ` [${last}]`;
}

/** What happened and why, as one text that may be wrapped. */
export const causeText = (failure: Failure): string =>
  [failure.message, ...detailLines(failure)].join(' ');

/** How much of the text of an error a failure keeps: it may contain text of a host. */
const shownError = 300;

/**
 * The failure of a host whose answer makes kmend itself throw: the other hosts go on. The operator
 * needs to know which host causes this error of kmend.
 */
export const unhandled = (what: string, error: unknown): Failure => ({
  kind: 'parse',
  message: `kmend cannot handle ${what}: ${String(error).slice(0, shownError)}`,
  hint: 'this is a fault of kmend: please report it with what `sh` prints on this host for the script of `kmend probe`',
});

/** Runs work that may throw over text of a host. */
export function attempt<T>(what: string, work: () => Outcome<T>): Outcome<T> {
  try {
    return work();
  } catch (error) {
    return { ok: false, failure: unhandled(what, error) };
  }
}
