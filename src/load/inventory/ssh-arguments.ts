// Reads ssh options from `ansible_ssh_common_args` and similar variables, as far as kmend uses them.
import type { HostKeyChecking } from '../../model/host.ts';
import { splitWords } from './ini.ts';

export interface SshArguments {
  readonly port?: number;
  readonly user?: string;
  readonly identityFiles: readonly string[];
  readonly jump?: string;
  readonly proxyCommand?: string;
  readonly hostKeyChecking?: HostKeyChecking;
  readonly knownHostsFiles?: readonly string[];
  readonly connectTimeout?: number;
  /** All other options, `NAME=VALUE`: the transport follows or refuses them. */
  readonly options: readonly string[];
  /** `-F`. */
  readonly configFile?: string;
  /** Words that are no argument of ssh. */
  readonly ignored: readonly string[];
  /** Errors: without such an option kmend could reach another machine. */
  readonly problems: readonly string[];
}

type Found = { -readonly [K in keyof SshArguments]: SshArguments[K] } & {
  identityFiles: string[];
  options: string[];
  ignored: string[];
  problems: string[];
};

// Options that only steer the OpenSSH client itself: kmend keeps one connection anyway.
const meaningless = new Set([
  'controlmaster',
  'controlpersist',
  'controlpath',
  'loglevel',
  'serveraliveinterval',
  'serveralivecountmax',
  'tcpkeepalive',
  'batchmode',
  'compression',
  'requesttty',
]);

/** Flags without a meaning for one connection that runs commands. */
const idleFlags = /^-[CqTtnxvAaKkMNXYy]+$/;
/** Flags whose argument only steers the client. */
const idleArguments = new Set(['E', 'e', 'S', 'D', 'L', 'R', 'w']);
/** Flags that are the short form of an option. */
const shortOptions: Readonly<Record<string, string>> = {
  b: 'BindAddress',
  B: 'BindInterface',
  c: 'Ciphers',
  I: 'PKCS11Provider',
  m: 'MACs',
};

/** Parses the arguments of an ssh command line. */
export function sshArguments(text: string): SshArguments {
  const found: Found = { identityFiles: [], options: [], ignored: [], problems: [] };
  const split = splitWords(text, false);
  if (split.problem !== undefined)
    found.problems.push(`\`${text}\` cannot be split into words: ${split.problem}`);
  const words = split.words.map((word) => word.text);
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? '';
    const flag = /^-([JoiplFbBcImEeSDLRw])(.*)$/s.exec(word);
    if (flag !== null) {
      const argument = flag[2] === '' ? (words[++at] ?? '') : (flag[2] ?? '');
      takeFlag(found, flag[1] ?? '', argument);
    } else if (word === '-4' || word === '-6')
      found.options.push(`AddressFamily=${word === '-4' ? 'inet' : 'inet6'}`);
    else if (!idleFlags.test(word)) found.ignored.push(word);
  }
  return found;
}

function takeFlag(found: Found, flag: string, argument: string): void {
  if (flag === 'J') takeWay(found, { jump: argument });
  else if (flag === 'i') found.identityFiles.push(argument);
  else if (flag === 'p') takePort(found, argument);
  else if (flag === 'l') found.user ??= argument;
  else if (flag === 'F') found.configFile = argument;
  else if (flag === 'o') takeOption(found, argument);
  else if (!idleArguments.has(flag)) found.options.push(`${shortOptions[flag]}=${argument}`);
}

/**
 * As in OpenSSH, the first of `ProxyJump` and `ProxyCommand` decides. `ProxyJump none` only takes
 * the place of a later `ProxyJump`.
 */
function takeWay(found: Found, { jump, proxyCommand }: Way): void {
  const isDecided = (found.jump ?? '') !== '' || found.proxyCommand !== undefined;
  if (isDecided) return;
  const none = (text: string): string => (/^none$/i.test(text) ? '' : text);
  if (jump !== undefined) found.jump ??= none(jump);
  if (proxyCommand !== undefined) found.proxyCommand = none(proxyCommand);
}

type Way = Pick<SshArguments, 'jump' | 'proxyCommand'>;

function takePort(found: Found, argument: string): void {
  const port = Number(argument);
  if (Number.isInteger(port) && port > 0 && port < 65_536) found.port ??= port;
  else found.problems.push(`${argument} is not a port`);
}

function takeOption(found: Found, option: string): void {
  const [, key = '', value = ''] = /^\s*([A-Za-z0-9]+)\s*(?:=|\s)\s*(.*)$/s.exec(option) ?? [];
  switch (key.toLowerCase()) {
    case 'proxyjump':
      takeWay(found, { jump: value });
      return;
    case 'proxycommand':
      takeWay(found, { proxyCommand: value });
      return;
    case 'port':
      takePort(found, value);
      return;
    case 'user':
      found.user ??= value;
      return;
    case 'identityfile':
      found.identityFiles.push(value);
      return;
    case 'userknownhostsfile':
      found.knownHostsFiles ??= value.split(/\s+/).filter((file) => file !== '');
      return;
    case 'connecttimeout':
      if (/^\d+$/.test(value) && Number(value) > 0) found.connectTimeout ??= Number(value);
      else found.problems.push(`ConnectTimeout=${value} is not a number of seconds`);
      return;
    case 'stricthostkeychecking':
      takeChecking(found, value.toLowerCase());
      return;
    default:
      if (key === '') found.problems.push(`-o ${option} is not an option`);
      else if (!meaningless.has(key.toLowerCase())) found.options.push(`${key}=${value}`);
  }
}

function takeChecking(found: Found, value: string): void {
  if (value === 'no' || value === 'off') found.hostKeyChecking ??= 'no';
  else if (value === 'accept-new') found.hostKeyChecking ??= 'accept-new';
  else if (value === 'yes' || value === 'ask') found.hostKeyChecking ??= 'yes';
  else found.problems.push(`StrictHostKeyChecking=${value} is not known`);
}
