// An sshd of the bench's own: its own configuration, keys, known_hosts, and an empty home
// directory, on every address of 127.0.0.0/8. It listens on all addresses, so it runs only inside
// the bench's own network namespace (see run.mjs), where the only interface is `lo`.
import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { serverCpu, sleep, treeOf } from './process.mjs';

export const user = userInfo().username;

export function makeKeys(folder) {
  for (const name of ['host', 'id'])
    execFileSync('ssh-keygen', [
      '-q',
      '-t',
      'ed25519',
      '-N',
      '',
      '-C',
      '',
      '-f',
      join(folder, name),
    ]);
  const home = join(folder, 'home');
  mkdirSync(home, { mode: 0o700, recursive: true });
  return {
    folder,
    home,
    identity: join(folder, 'id'),
    hostKey: readFileSync(join(folder, 'host.pub'), 'utf8').trim(),
  };
}

/**
 * `SetEnv HOME` keeps the start-up files of the user who runs the bench out of every login. The
 * server refuses no connection for load: the contenders are measured, not its limits. `env` is that
 * of its sessions; `some: { addresses, env }` has another one for hosts of a pattern.
 */
export async function startSshd(keys, { address = '0.0.0.0', port, env = {}, some }) {
  const file = join(keys.folder, `sshd-${address}-${port}.conf`);
  const setEnv = (more) =>
    `SetEnv ${Object.entries({ HOME: keys.home, ...more })
      .map(([name, value]) => `${name}=${value}`)
      .join(' ')}`;
  const lines = [
    `ListenAddress ${address}`,
    `Port ${port}`,
    `HostKey ${join(keys.folder, 'host')}`,
    `AuthorizedKeysFile ${keys.identity}.pub`,
    'PidFile none',
    'StrictModes no',
    'UsePAM no',
    'UseDNS no',
    'PermitRootLogin yes',
    'PasswordAuthentication no',
    'PrintMotd no',
    'PrintLastLog no',
    'MaxStartups 5000',
    'PerSourcePenalties no',
    'LogLevel ERROR',
    setEnv(env),
    ...(some === undefined ? [] : [`Match LocalAddress ${some.addresses}`, setEnv(some.env)]),
  ];
  writeFileSync(file, `${lines.join('\n')}\n`);
  mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
  const child = spawn('/usr/sbin/sshd', ['-D', '-e', '-f', file], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const where = address === '0.0.0.0' ? '127.0.0.1' : address;
  await listening(where, port, child);
  return {
    port,
    pid: child.pid,
    answeredAt: Date.now(),
    /** CPU seconds of the target's side, once all sessions have ended. */
    cpu: async () => {
      for (let round = 0; round < 100 && treeOf(child.pid).length > 0; round++) await sleep(50);
      return serverCpu(child.pid);
    },
    /** Ends the server and every session. */
    stop: () => stop(child),
  };
}

async function listening(address, port, child) {
  for (let round = 0; round < 500; round++) {
    if (child.exitCode !== null) throw new Error(`sshd ended with ${child.exitCode}`);
    if (await answers(address, port)) return;
    await sleep(10);
  }
  throw new Error('sshd does not listen');
}

const answers = (address, port) =>
  new Promise((resolve) => {
    const socket = connect({ host: address, port });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });

async function stop(child) {
  const sessions = treeOf(child.pid);
  const ended =
    child.exitCode === null ? new Promise((resolve) => child.once('exit', resolve)) : undefined;
  child.kill('SIGKILL');
  for (const pid of sessions) {
    try {
      process.kill(Number(pid), 'SIGKILL');
    } catch {
      // Gone by itself.
    }
  }
  await ended;
}

/** 127.1.0.1, 127.1.0.2, ...: each of them is a host. */
export const addresses = (count) =>
  Array.from({ length: count }, (_, index) => `127.1.${index >> 7}.${(index & 127) + 1}`);

/**
 * What the contenders need to reach these hosts: known_hosts, a configuration for ssh, an
 * inventory, a plain list.
 */
export function reachFiles(keys, port, hosts, name, timeout = 60) {
  const path = (what) => join(keys.folder, `${name}.${what}`);
  writeFileSync(
    path('known_hosts'),
    hosts.map((host) => `[${host}]:${port} ${keys.hostKey}\n`).join(''),
  );
  const config = [
    'Host *',
    `  Port ${port}`,
    `  User ${user}`,
    `  IdentityFile ${keys.identity}`,
    '  IdentitiesOnly yes',
    `  UserKnownHostsFile ${path('known_hosts')}`,
    '  GlobalKnownHostsFile /dev/null',
    '  BatchMode yes',
    `  ConnectTimeout ${timeout}`,
  ];
  writeFileSync(path('ssh_config'), `${config.join('\n')}\n`);
  writeFileSync(path('hosts'), hosts.map((host) => `${host}\n`).join(''));
  const inventory = [
    'all:',
    '  vars:',
    `    ansible_port: ${port}`,
    `    ansible_user: ${user}`,
    `    ansible_ssh_private_key_file: ${keys.identity}`,
    `    ansible_ssh_common_args: -o UserKnownHostsFile=${path('known_hosts')}`,
    `    ansible_timeout: ${timeout}`,
    '    ansible_python_interpreter: /usr/bin/python3',
    '  hosts:',
    ...hosts.map((host) => `    ${host}:`),
  ];
  writeFileSync(path('yaml'), `${inventory.join('\n')}\n`);
  chmodSync(path('yaml'), 0o644);
  return { config: path('ssh_config'), list: path('hosts'), inventory: path('yaml') };
}
