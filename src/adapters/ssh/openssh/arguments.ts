// The command lines of ssh: for a master, for a command over it, and for `ssh -G`.
import type { Target } from '../../../model/host.ts';
import type { KeepaliveOptions } from '../connect/keepalive.ts';
import type { RemoteCommand } from '../exec/command.ts';

export interface ArgumentOptions {
  /** `-F`, where not the usual files are read and the host names none. */
  readonly configFile?: string;
  readonly globalKnownHosts?: readonly string[];
  readonly keepalive: KeepaliveOptions;
}

/** Options in the form of `-o`: the first value of an option counts. */
const given = (options: readonly string[]): readonly string[] =>
  options.flatMap((option) => ['-o', option]);

/** As in Ansible, ssh is asked for the address where the inventory has one. */
export const operandOf = ({ name, address }: Target): string => address ?? name;

/** A word that ssh takes as a host, and as nothing else. */
export const isOperand = (word: string): boolean => /^[^-\s@/][^\s@/]*$/.test(word);

/** What the inventory says. All else is up to the configuration of ssh. */
export function targetArguments(target: Target, options: ArgumentOptions): readonly string[] {
  const { port, user, jump, proxyCommand, privateKeyFiles = [] } = target;
  const configFile = target.sshConfigFile ?? options.configFile;
  const way = [
    ...(jump === undefined ? [] : [`ProxyJump=${jump === '' ? 'none' : jump}`]),
    ...(proxyCommand === undefined ? [] : [`ProxyCommand=${proxyCommand || 'none'}`]),
  ];
  return [
    ...(configFile === undefined ? [] : ['-F', configFile === '' ? 'none' : configFile]),
    ...(port === undefined ? [] : ['-p', String(port)]),
    ...(user === undefined ? [] : ['-l', user]),
    ...given([
      ...way,
      ...(target.sshOptions ?? []),
      // Other keys of an agent would use up MaxAuthTries before a named file.
      ...(privateKeyFiles.length > 0 ? ['IdentitiesOnly=yes'] : []),
      ...(target.legacyCrypto ? legacy : []),
      `StrictHostKeyChecking=${target.hostKeyChecking}`,
      `ConnectTimeout=${target.connectTimeout}`,
      ...filesOption('UserKnownHostsFile', target.knownHostsFiles),
      ...filesOption('GlobalKnownHostsFile', options.globalKnownHosts),
    ]),
    ...privateKeyFiles.flatMap((file) => ['-i', file]),
  ];
}

const legacy = [
  'KexAlgorithms=+diffie-hellman-group-exchange-sha1,diffie-hellman-group14-sha1,diffie-hellman-group1-sha1',
  'HostKeyAlgorithms=+ssh-rsa',
  'PubkeyAcceptedKeyTypes=+ssh-rsa',
  'Ciphers=+aes128-cbc,aes256-cbc,3des-cbc',
];

const filesOption = (name: string, files: readonly string[] | undefined): readonly string[] =>
  files === undefined
    ? []
    : [`${name}=${files.length === 0 ? 'none' : files.map((file) => `"${file}"`).join(' ')}`];

export interface MasterOptions extends ArgumentOptions {
  readonly socket: string;
  readonly log: string;
  /** An operator, or a known password, can answer questions. */
  readonly canAnswer: boolean;
}

/** One connection, kept in the foreground; commands use it by its socket. */
export function masterArguments(target: Target, options: MasterOptions): readonly string[] {
  const { socket, log, canAnswer, keepalive } = options;
  const { interval, count } = keepalive;
  const withPassword = target.password !== undefined;
  return [
    ...['-M', '-N', '-T', '-S', socket.replaceAll('%', '%%'), '-E', log],
    ...given([
      // The log has the progress of the login, the host key and the peer.
      'LogLevel=DEBUG1',
      `BatchMode=${canAnswer ? 'no' : 'yes'}`,
      ...(withPassword ? [] : ['PasswordAuthentication=no', 'KbdInteractiveAuthentication=no']),
      // A password is sent once; a passphrase may be mistyped.
      `NumberOfPasswordPrompts=${withPassword ? 1 : 3}`,
      'ConnectionAttempts=1',
      'ControlPersist=no',
      `ServerAliveInterval=${Math.ceil(interval)}`,
      `ServerAliveCountMax=${count}`,
      'ClearAllForwardings=yes',
      'ForwardAgent=no',
      'ForwardX11=no',
      'PermitLocalCommand=no',
      'Tunnel=no',
      'AddKeysToAgent=no',
      'UpdateHostKeys=no',
      'VisualHostKey=no',
    ]),
    ...targetArguments(target, options),
    ...['--', operandOf(target)],
  ];
}

/**
 * A command over the socket of a master. Where the master does not take it, ssh would connect by
 * itself: the proxy command prevents that.
 */
export const commandArguments = (socket: string, command: RemoteCommand): readonly string[] => [
  ...['-F', 'none', '-S', socket.replaceAll('%', '%%')],
  ...given([
    'ControlMaster=no',
    'ProxyCommand=false',
    'ConnectTimeout=10',
    'LogLevel=ERROR',
    'EscapeChar=none',
  ]),
  ...[command.terminal ? '-tt' : '-T', '--', 'kmend', command.line],
];
