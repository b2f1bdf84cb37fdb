// Builds the command line that runs a script on a host, as the login user or as another user.
//
// The line is one string for the login shell: bash, dash, zsh, ksh, busybox or fish. csh and tcsh
// cannot quote a line break and are not supported. A short script is an argument of /bin/sh, so that
// it shares no stream with a password dialogue. It first prints a line that only this run knows, and
// receives its input after that. A long script is sent through the input: the argument reads it,
// checks that it is complete and evaluates it.

import { randomUUID } from 'node:crypto';
import type { Become } from '../../../model/host.ts';
import { present } from '../../../model/present.ts';

/**
 * A line that nothing else prints. The command contains it in two halves, so that a shell or sudo
 * that prints the command does not print the mark.
 */
export interface Mark {
  readonly left: string;
  readonly right: string;
  readonly whole: string;
}

export interface RemoteCommand {
  readonly line: string;
  /**
   * It needs a terminal, since the method reads the password only there. stdout and stderr are then
   * one stream.
   */
  readonly terminal: boolean;
  /** The script prints it when it starts: on stdout with its process id, and on stderr. */
  readonly ready: Mark;
  /** True: the output before `ready`, from this position, asks for the password. */
  readonly asks?: (before: string, from: number) => boolean;
  /** Sent after the script has printed the mark. Absent: the input is empty. */
  readonly input?: Buffer;
  /**
   * `input` is the script and no password is needed: it is sent at once, and the script prints the
   * mark when all of it has arrived.
   */
  readonly atOnce: boolean;
  /** Sent after `input`, while it is read. */
  readonly stream?: () => AsyncIterable<Uint8Array>;
  /** Printed on stderr with the exit status when the command has ended, where `reportsEnd`. */
  readonly end?: Mark;
}

export interface CommandRequest {
  readonly script: string;
  readonly stdin?: string;
  /** Instead of `stdin`. */
  readonly stream?: () => AsyncIterable<Uint8Array>;
  readonly become?: Become;
  /**
   * For the ssh program: its own status does not separate a lost connection from `exit 255`, and it
   * sends no modes of a terminal.
   */
  readonly reportsEnd?: boolean;
}

/**
 * Longest command in bytes: dropbear takes 9,000, ssh2 servers about 35,000, Linux 128 KiB in one
 * argument. A longer script goes through the input.
 */
const longestCommand = 8000;

export function remoteCommand(request: CommandRequest): RemoteCommand {
  const ready = createMark();
  // To quote a script of this size takes long, for each host.
  if (wholeText(request.script).length > longestCommand) return assemble(request, ready, true);
  const direct = assemble(request, ready, false);
  return Buffer.byteLength(direct.line) <= longestCommand ? direct : assemble(request, ready, true);
}

function createMark(): Mark {
  const digits = randomUUID().replaceAll('-', '');
  const [left, right] = [`kmend-${digits.slice(0, 12)}`, `-${digits.slice(12, 24)}`];
  return { left, right, whole: left + right };
}

/**
 * How the script is sent: in the command, as the whole input, or in encoded lines before the rest
 * of the input.
 */
type Way = 'argument' | 'plain' | 'coded';

function assemble(request: CommandRequest, ready: Mark, viaInput: boolean): RemoteCommand {
  const { become } = request;
  const terminal = become !== undefined && needsTerminal(become);
  const alone = !terminal && request.stdin === undefined && request.stream === undefined;
  const atOnce = viaInput && alone && become?.password === undefined;
  const way: Way = viaInput ? (alone ? 'plain' : 'coded') : 'argument';
  const script = wrap(request, ready, terminal, { way, atOnce });
  const input = inputOf(request, ready, terminal, way);
  const start = createMark();
  const end = request.reportsEnd === true ? createMark() : undefined;
  const asks =
    become?.password === undefined
      ? undefined
      : become.method === 'sudo'
        ? asksByPrompt(start.whole)
        : asksOnTerminal(start.whole);
  return {
    line: becoming(script, become, start, end),
    terminal,
    ready,
    atOnce,
    ...present({ asks, input, end }),
    ...(request.stream === undefined ? {} : { stream: streamOf(request.stream, ready, terminal) }),
  };
}

/** `su` always asks on a terminal, `doas` only for a password. */
const needsTerminal = ({ method, password }: Become): boolean =>
  method === 'su' || (method === 'doas' && password !== undefined);

function becoming(
  script: string,
  become: Become | undefined,
  start: Mark,
  end: Mark | undefined,
): string {
  const run = end === undefined ? 'exec' : `exec /bin/sh -c ${loginQuote(reporter(end))} kmend`;
  const shell = `/bin/sh -c ${loginQuote(script)}`;
  if (become === undefined) return `${run} ${shell}`;
  const user = loginQuote(become.user);
  // The mark comes first, so that no output of a profile counts as a question.
  const started = `${end === undefined ? '' : rawTerminal}printf '%s%s\\n' ${start.left} ${start.right}; ${run} env LC_ALL=C`;
  switch (become.method) {
    case 'sudo':
      return become.password === undefined
        ? `${run} env LC_ALL=C sudo -n -H -u ${user} -- ${shell}`
        : `${run} env LC_ALL=C sudo -k -S -H -p ${start.whole} -u ${user} -- ${shell}`;
    case 'su':
      return `${started} su ${user} -c ${loginQuote(`exec ${shell}`)}`;
    case 'doas':
      return become.password === undefined
        ? `${run} env LC_ALL=C doas -n -u ${user} ${shell}`
        : `${started} doas -u ${user} ${shell}`;
  }
}

/** Runs its arguments and reports their status. What the shell itself says is not theirs. */
const reporter = ({ left, right }: Mark): string =>
  `exec 4>&2 2>/dev/null; "$@" 2>&4 4>&-; printf '%s%s %s\\n' ${left} ${right} "$?" >&4`;

/** What the request for a terminal says otherwise: no echo, no conversion of the output. */
const rawTerminal = 'stty -echo -echonl -opost -onlcr rows 24 cols 4096; ';

const asksByPrompt = (prompt: string) => (before: string, from: number) =>
  before.includes(prompt, from);

/** After the mark, an unfinished line that ends in a colon (of any language) is a question. */
const asksOnTerminal = (start: string) => (before: string, from: number) => {
  const at = before.indexOf(start);
  return (
    at >= 0 &&
    /[:：]\s*$/.test(
      before
        .slice(Math.max(from, at + start.length))
        .split('\n')
        .at(-1) ?? '',
    )
  );
};

/** The script with the code that prints the mark. Its input is empty unless the request has one. */
function wrap(
  request: CommandRequest,
  ready: Mark,
  terminal: boolean,
  { way, atOnce }: { readonly way: Way; readonly atOnce: boolean },
): string {
  const announce = `printf '%s%s %s\\n' ${ready.left} ${ready.right} "$$"`;
  const alsoOnStderr = terminal ? '' : `; printf '%s%s\\n' ${ready.left} ${ready.right} >&2`;
  const fetch = way === 'argument' ? '' : fetching(ready, way);
  const body = way === 'argument' ? request.script : 'eval "$kmend_script"';
  const streams = request.stream !== undefined;
  const own = request.become === undefined ? '' : ownEnvironment(request.become);
  const announcement = `${announce}${alsoOnStderr}\n`;
  const head = `${own}${terminal && (streams || way === 'coded') ? byBytes : ''}${atOnce ? fetch + announcement : announcement + fetch}`;
  if (streams) return `${head}${terminal ? `${streamReader(ready)} | (\n${body}\n)` : body}\n`;
  if (request.stdin === undefined) return `${head}exec </dev/null\n${body}\n`;
  return terminal
    ? `${head}${reader(`${ready.whole}.stdin`)} | (\n${body}\n)\n`
    : `${head}${body}\n`;
}

/**
 * The login user's environment must not affect the other user's script. KMEND_ROOT (of the practice
 * fleet) is removed. `su` keeps the environment, so PATH is set too.
 */
const ownEnvironment = ({ method }: Become): string =>
  `unset KMEND_ROOT\n${method === 'su' ? `PATH=${systemPath}\nexport PATH\n` : ''}`;

const systemPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Half of the mark only: a login shell that echoes its input must not print the whole mark. */
const scriptStart = ({ left }: Mark): string => `# ${left}.script`;
const scriptEnd = ({ left }: Mark): string => `# ${left}.end`;

/** Refuses an incomplete script: the connection was lost, or a profile consumed a part of it. */
const fetching = (
  ready: Mark,
  way: Way,
): string => `kmend_script=$(${way === 'plain' ? 'cat' : reader(`${ready.left}.last`)})
case $kmend_script in "${scriptStart(ready)}"*"${scriptEnd(ready)}") ;; *) echo 'the script arrived cut' >&2; exit 95 ;; esac
`;

/**
 * Decodes lines up to `end`. `read` takes no byte beyond its line, so that the rest is left for the
 * script.
 */
const reader = (end: string): string =>
  `while IFS= read -r kmend_line && [ "$kmend_line" != ${end} ]; do printf '%b' "$kmend_line"; done`;

/**
 * Switches the terminal to single bytes. In line mode without echo, sshd answers all input with
 * packets of the same size to hide a password. For a large input they exceed the limit of a client.
 */
const byBytes = 'stty -icanon min 1 time 0\n';

/**
 * For a terminal: `read` needs a system call per byte. `sed` may read ahead, since nothing follows.
 */
const streamReader = ({ whole }: Mark): string => `sed -n '/^${whole}[.]stdin$/q;p' | base64 -d`;

function streamOf(
  stream: () => AsyncIterable<Uint8Array>,
  { whole }: Mark,
  terminal: boolean,
): () => AsyncIterable<Uint8Array> {
  return terminal ? () => inLines(stream(), `${whole}.stdin`) : stream;
}

/** Encodes bytes as base64 in lines that a terminal accepts, and adds a last line. */
async function* inLines(
  chunks: AsyncIterable<Uint8Array>,
  end: string,
): AsyncGenerator<Uint8Array> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of chunks) {
    const all = Buffer.concat([rest, chunk]);
    const whole = all.length - (all.length % bytesInLine);
    rest = all.subarray(whole);
    const lines: string[] = [];
    for (let at = 0; at < whole; at += bytesInLine)
      lines.push(`${all.toString('base64', at, at + bytesInLine)}\n`);
    if (lines.length > 0) yield Buffer.from(lines.join(''));
  }
  yield Buffer.from(`${rest.length === 0 ? '' : `${rest.toString('base64')}\n`}${end}\n`);
}

/** A multiple of three, so that only the last line is padded. */
const bytesInLine = 750;

function inputOf(
  request: CommandRequest,
  ready: Mark,
  terminal: boolean,
  way: Way,
): Buffer | undefined {
  const parts: string[] = [];
  const script = `${scriptStart(ready)}\n${request.script}\n${scriptEnd(ready)}`;
  if (way === 'plain') parts.push(script);
  if (way === 'coded') parts.push(coded(script), `${ready.left}.last\n`);
  if (request.stdin !== undefined && terminal)
    parts.push(coded(request.stdin), `${ready.whole}.stdin\n`);
  else if (request.stdin !== undefined) parts.push(request.stdin);
  return parts.length === 0 ? undefined : Buffer.from(parts.join(''));
}

/**
 * Encodes text for `printf %b`: printable ASCII as it is, each other byte as `\0ooo`. Lines are
 * short, since a terminal truncates them at 4,096 bytes.
 */
export function coded(text: string): string {
  const bytes = Buffer.from(text);
  const lines: string[] = [];
  let line = '';
  for (const byte of bytes) {
    line +=
      byte >= 0x20 && byte < 0x7f && byte !== 0x5c
        ? String.fromCharCode(byte)
        : `\\0${byte.toString(8).padStart(3, '0')}`;
    if (line.length < 1000) continue;
    lines.push(line);
    line = '';
  }
  if (line !== '') lines.push(line);
  return lines.map((one) => `${one}\n`).join('');
}

/**
 * Quotes a word for POSIX shells and fish. fish interprets a backslash inside single quotes, so
 * backslashes are put outside.
 */
export function loginQuote(word: string): string {
  if (/^[A-Za-z0-9_@%+=:,./-]+$/.test(wholeText(word))) return word;
  return `'${word.replace(/['\\]/g, (char) => `'\\${char}'`)}'`;
}

/** Shells leave out NUL bytes, or end the word there. */
function wholeText(text: string): string {
  if (text.includes('\0')) throw new Error('a shell word cannot hold a NUL byte');
  return text;
}
