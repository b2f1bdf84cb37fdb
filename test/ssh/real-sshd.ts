// A real OpenSSH server for tests, with its own configuration, host keys and loopback address,
// stopped by its process id.
import { execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export const sshdProgram = '/usr/sbin/sshd';
export const isRoot = process.getuid?.() === 0;
/** Why tests with a real server are skipped. Empty: they run. */
export const noSshd = !existsSync(sshdProgram) ? 'no openssh-server' : !isRoot ? 'not root' : '';

export interface Sshd {
  readonly address: string;
  readonly port: number;
  readonly dir: string;
  readonly pid: number;
  /** Public host keys: type to "type base64". */
  readonly hostKeys: ReadonlyMap<string, string>;
  readonly log: () => string;
  readonly stop: () => Promise<void>;
}

let next = 20000 + (process.pid % 20000);

/** Starts a server with keys of the given types and further configuration lines. `prepare` is called when its keys exist. */
export async function startSshd(
  lines: readonly string[],
  types: readonly string[] = ['ed25519', 'rsa', 'ecdsa'],
  prepare: (dir: string) => void = () => undefined,
): Promise<Sshd> {
  const dir = mkdtempSync(join(tmpdir(), 'kmend-sshd-'));
  chmodSync(dir, 0o755);
  mkdirSync('/run/sshd', { recursive: true });
  mkdirSync(join(dir, 'keys'));
  const port = next++;
  const address = `127.${20 + (port % 200)}.${(port >> 4) % 250}.1`;
  const hostKeys = new Map<string, string>();
  for (const type of types) {
    makeKey(join(dir, `host_${type}`), type);
    const [name = '', key = ''] = readFileSync(join(dir, `host_${type}.pub`), 'utf8').split(' ');
    hostKeys.set(type, `${name} ${key}`);
  }
  prepare(dir);
  const config = join(dir, 'sshd_config');
  const log = join(dir, 'log');
  writeFileSync(
    config,
    [
      ...lines,
      `ListenAddress ${address}:${port}`,
      ...types.map((type) => `HostKey ${join(dir, `host_${type}`)}`),
      `AuthorizedKeysFile ${dir}/keys/%u`,
      'PidFile none',
      'StrictModes no',
      'PermitRootLogin yes',
      'LogLevel VERBOSE',
      'PerSourcePenalties no',
      'UseDNS no',
      '',
    ].join('\n'),
  );
  const child = spawn(sshdProgram, ['-D', '-E', log, '-f', config], { stdio: 'ignore' });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  await listening(address, port, log);
  return {
    address,
    port,
    dir,
    pid: child.pid ?? 0,
    hostKeys,
    log: () => (existsSync(log) ? readFileSync(log, 'utf8') : ''),
    stop: async () => {
      child.kill('SIGTERM');
      await ended;
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** Waits until an SSH server answers at the address. */
export async function listening(address: string, port: number, log = ''): Promise<void> {
  for (let round = 0; round < 100; round++) {
    const up = await new Promise<boolean>((resolve) => {
      const socket = connect(port, address, () => {
        // Reading the banner first: the server counts a connection that says nothing at all as a
        // bad one.
        socket.once('data', () => socket.destroy());
        resolve(true);
      });
      socket.once('error', () => resolve(false));
    });
    if (up) return;
    await sleep(50);
  }
  throw new Error(`sshd did not start: ${existsSync(log) ? readFileSync(log, 'utf8') : 'no log'}`);
}

/** Makes a key pair; the public half is FILE.pub. */
export function makeKey(
  file: string,
  type: string,
  passphrase = '',
  more: readonly string[] = [],
): void {
  execFileSync('/usr/bin/ssh-keygen', [
    '-q',
    '-t',
    type,
    ...(type === 'rsa' ? ['-b', '2048'] : []),
    '-N',
    passphrase,
    '-f',
    file,
    ...more,
  ]);
}

/** Allows a user to log in with a public key file. */
export function authorize(sshd: Sshd, user: string, publicFiles: readonly string[]): void {
  writeFileSync(
    join(sshd.dir, 'keys', user),
    publicFiles.map((file) => readFileSync(file, 'utf8')).join(''),
    { mode: 0o644 },
  );
}

/** A known_hosts line for the server. */
export const knownLine = (sshd: Sshd, type: string): string =>
  `[${sshd.address}]:${sshd.port} ${sshd.hostKeys.get(type)}\n`;

/** A user for the duration of a test. */
export function addUser(
  name: string,
  password: string,
  shell = '/bin/bash',
): { readonly remove: () => void } {
  execFileSync('/usr/sbin/useradd', ['-m', '-s', shell, name]);
  execFileSync('/usr/sbin/chpasswd', { input: `${name}:${password}\n` });
  return { remove: () => execFileSync('/usr/sbin/userdel', ['-rf', name], { stdio: 'ignore' }) };
}
