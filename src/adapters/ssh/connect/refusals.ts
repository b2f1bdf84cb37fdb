// Explains why a command never started, by the output of sudo, su, doas, the login shell or sshd.

import type { Become } from '../../../model/host.ts';
import type { Failure } from '../../../model/run/failure.ts';

export interface NotStarted {
  readonly where: string;
  readonly code: number | null;
  /** All output: stdout and stderr. */
  readonly output: string;
  readonly become?: Become;
  /** The password was sent. */
  readonly answered: boolean;
}

interface Rule {
  readonly method?: Become['method'];
  readonly pattern: RegExp;
  /** It must match the same line. */
  readonly beside?: RegExp;
  readonly kind: Failure['kind'];
  readonly message: (event: NotStarted) => string;
  readonly hint?: string;
}

const needsPassword =
  'give the password (-K, ansible_become_password) or allow it without one (NOPASSWD, nopass)';

const missing = /not found|No such file|Unknown command/i;

/** A dialogue about a new password follows, which kmend does not support. */
export const passwordExpired =
  /password (?:is|has) expired|unable to change expired password|required to change your password/i;

/** The first match wins. All patterns are for the C locale. */
const rules: readonly Rule[] = [
  // First, since after an empty new password the program also prints that a password is missing.
  {
    pattern: passwordExpired,
    kind: 'auth',
    message: ({ become }) =>
      `${become?.method ?? 'the host'} asks for a new password: that of the login user has expired`,
    hint: 'set a new one on the host (`passwd`), or allow it without one (NOPASSWD, nopass)',
  },
  {
    pattern: /account validation failure|account (?:has )?expired/i,
    kind: 'auth',
    message: ({ become }) =>
      `${become?.method ?? 'the host'} refuses the account of the login user: it is locked, or has expired`,
    hint: 'check it on the host: `chage -l USER`, `passwd -S USER`',
  },
  {
    method: 'sudo',
    pattern: /must have a tty to run sudo/,
    kind: 'auth',
    message: () => 'sudo requires a terminal (requiretty)',
    hint: 'in sudoers: Defaults:USER !requiretty',
  },
  {
    method: 'sudo',
    pattern: /a password is required|no password was provided|no tty present and no askpass/,
    kind: 'auth',
    message: passwordMessage,
    hint: needsPassword,
  },
  {
    method: 'sudo',
    pattern: /incorrect password|Sorry, try again|Authentication fail/i,
    kind: 'auth',
    message: () => 'sudo refused the password',
  },
  {
    method: 'sudo',
    pattern: /not in the sudoers file|not allowed to (run|execute)|may not run sudo|unknown user/,
    kind: 'auth',
    message: ({ become }) => `sudo does not let this user become ${become?.user ?? 'root'}`,
    hint: 'a rule in sudoers has to allow it (any command)',
  },
  {
    method: 'su',
    pattern: /must be run from a terminal/,
    kind: 'auth',
    message: () => 'su requires a terminal',
  },
  {
    method: 'su',
    pattern: /does not exist|unknown user|No passwd entry/i,
    kind: 'auth',
    message: ({ become }) => `su knows no user ${become?.user ?? ''}`,
  },
  {
    method: 'su',
    pattern: /Authentication failure|incorrect password|Permission denied|Sorry/i,
    kind: 'auth',
    message: ({ answered }) => (answered ? 'su refused the password' : 'su refuses this user'),
  },
  {
    method: 'doas',
    pattern: /Operation not permitted|not enabled/i,
    kind: 'auth',
    message: () => 'doas has no rule for this user',
    hint: 'a rule in /etc/doas.conf has to allow it',
  },
  {
    method: 'doas',
    pattern: /Authori[sz]ation required|Authentication required|a tty is required/i,
    kind: 'auth',
    message: () => 'doas requires a password',
    hint: needsPassword,
  },
  {
    method: 'doas',
    pattern: /Auth(entication|ori[sz]ation) failed/i,
    kind: 'auth',
    message: ({ answered }) =>
      answered ? 'doas refused the password' : 'doas requires a password',
    hint: needsPassword,
  },
  {
    pattern: /account is currently not available|nologin|This account/i,
    kind: 'auth',
    message: () => 'the login shell of the user refuses to run commands (nologin)',
  },
  {
    pattern: /Unmatched ['"]/,
    kind: 'exit',
    message: () => 'the login shell is csh or tcsh, which kmend cannot use',
    hint: 'log in as a user with a POSIX shell (bash, dash, zsh, ksh) or fish',
  },
  {
    pattern: /\/bin\/sh/,
    beside: missing,
    kind: 'exit',
    message: () => '/bin/sh is missing on the host',
  },
];

function passwordMessage({ answered }: NotStarted): string {
  return answered ? 'sudo refused the password' : 'sudo asks for a password';
}

/** The failure of a command that never printed the ready mark. */
export function notStarted(event: NotStarted): Failure {
  const { where, code, become } = event;
  const detail = event.output.trim().slice(-2000);
  const more = detail === '' ? {} : { detail };
  if (become !== undefined && isMissing(event, become.method))
    return {
      kind: 'auth',
      message: `${where}: ${become.method} is not installed`,
      hint: 'install it, or choose another become_method',
      ...more,
    };
  const known = refusalIn(event);
  if (known !== undefined) return known;
  const status = code === null ? 'without an exit status' : `with exit status ${code}`;
  return {
    kind: become === undefined ? 'exit' : 'auth',
    message: `${where}: ${become === undefined ? 'the command' : become.method} ended ${status} before the script began`,
    hint: 'the login shell or a forced command may not allow it; try: ssh HOST /bin/sh -c true',
    ...more,
  };
}

/** The refusal in this output, if it is a known one. */
export function refusalIn(event: NotStarted): Failure | undefined {
  const { where, become, output } = event;
  const rule = rules.find(
    ({ method, pattern, beside }) =>
      (method === undefined || method === become?.method) &&
      onOneLine(output, pattern, beside ?? pattern),
  );
  if (rule === undefined) return undefined;
  const hint = rule.hint === undefined ? {} : { hint: rule.hint };
  const quoted = become === undefined ? '' : ownWords(output, become.method, rule);
  return {
    kind: rule.kind,
    message: `${where}: ${rule.message(event)}${quoted}`,
    ...hint,
    detail: output.trim().slice(-2000),
  };
}

/** The sentence of the program by which its refusal is known. */
function ownWords(output: string, method: string, { pattern, beside = pattern }: Rule): string {
  const line = output.split('\n').find((one) => pattern.test(one) && beside.test(one));
  // The question may stand before it on the same line, and the whole script within it.
  const words =
    line
      ?.slice(Math.max(0, line.search(pattern) - 200))
      .replace(/^.*\bkmend[-\w]*:? ?/, '')
      .replace(/'[^']{40,}'?/, "'...'")
      .trim()
      .slice(0, 200) ?? '';
  return words === '' ? '' : ` (${words.startsWith(method) ? '' : `${method}: `}${words})`;
}

const isMissing = ({ code, output }: NotStarted, program: string): boolean =>
  code === 127 && onOneLine(output, new RegExp(`\\b${program}\\b`), missing);

/** Matches each line twice: a pattern like `a.*b` takes quadratic time on a line of many `a`. */
export const onOneLine = (text: string, one: RegExp, other: RegExp): boolean =>
  text.split('\n').some((line) => one.test(line) && other.test(line));
