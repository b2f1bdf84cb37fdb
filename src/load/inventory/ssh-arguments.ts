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
  /** Names of the options that kmend does not use. */
  readonly ignored: readonly string[];
  /** Errors: without such an option kmend could reach another machine. */
  readonly problems: readonly string[];
}

type Found = { -readonly [K in keyof SshArguments]: SshArguments[K] } & {
  identityFiles: string[];
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

/** Parses the arguments of an ssh command line. */
export function sshArguments(text: string): SshArguments {
  const found: Found = { identityFiles: [], ignored: [], problems: [] };
  const split = splitWords(text, false);
  if (split.problem !== undefined)
    found.problems.push(`\`${text}\` cannot be split into words: ${split.problem}`);
  const words = split.words.map((word) => word.text);
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? '';
    const flag = /^-([JoiplF])(.*)$/s.exec(word);
    if (flag === null) {
      if (!/^-[CqTtnxvA4]+$/.test(word)) found.ignored.push(word);
      continue;
    }
    const argument = flag[2] === '' ? (words[++at] ?? '') : (flag[2] ?? '');
    takeFlag(found, flag[1] ?? '', argument);
  }
  return found;
}

function takeFlag(found: Found, flag: string, argument: string): void {
  if (flag === 'J') takeWay(found, { jump: argument });
  else if (flag === 'i') found.identityFiles.push(argument);
  else if (flag === 'p') takePort(found, argument);
  else if (flag === 'l') found.user = argument;
  else if (flag === 'F') found.ignored.push(`-F ${argument}`);
  else takeOption(found, argument);
}

/** As in OpenSSH, the first of `ProxyJump` and `ProxyCommand` decides. */
function takeWay(found: Found, way: Pick<SshArguments, 'jump' | 'proxyCommand'>): void {
  if (found.jump !== undefined || found.proxyCommand !== undefined) return;
  if (way.jump !== undefined) found.jump = /^none$/i.test(way.jump) ? '' : way.jump;
  if (way.proxyCommand !== undefined)
    found.proxyCommand = /^none$/i.test(way.proxyCommand) ? '' : way.proxyCommand;
}

function takePort(found: Found, argument: string): void {
  const port = Number(argument);
  if (Number.isInteger(port) && port > 0 && port < 65_536) found.port = port;
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
      found.user = value;
      return;
    case 'identityfile':
      found.identityFiles.push(value);
      return;
    case 'userknownhostsfile':
      found.knownHostsFiles = value.split(/\s+/).filter((file) => file !== '');
      return;
    case 'connecttimeout':
      if (/^\d+$/.test(value) && Number(value) > 0) found.connectTimeout = Number(value);
      else found.problems.push(`ConnectTimeout=${value} is not a number of seconds`);
      return;
    case 'stricthostkeychecking':
      takeChecking(found, value.toLowerCase());
      return;
    default:
      if (!meaningless.has(key.toLowerCase()))
        found.ignored.push(key === '' ? `-o ${option}` : key);
  }
}

function takeChecking(found: Found, value: string): void {
  if (value === 'no' || value === 'off') found.hostKeyChecking = 'no';
  else if (value === 'accept-new') found.hostKeyChecking = 'accept-new';
  else if (value === 'yes' || value === 'ask') found.hostKeyChecking = 'yes';
  else found.problems.push(`StrictHostKeyChecking=${value} is not known`);
}
