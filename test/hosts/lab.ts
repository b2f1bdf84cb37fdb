// Real hosts for tests: sshd, package manager and reboots in namespaces of this machine
// (test/lab/hosts.sh). Needs root.
import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

export type LabFlavour = 'el7' | 'deb';

export interface LabOptions {
  readonly flavour: LabFlavour;
  readonly count: number;
  /** Seconds that a reboot takes; default 2. */
  readonly down?: number;
  /** First two bytes of the addresses; two labs at once need two. Default 127.10. */
  readonly net?: string;
  /** /boot as a file system of its own, of so many KiB; default none. */
  readonly bootKb?: number;
}

export interface LabHost {
  readonly name: string;
  readonly address: string;
  readonly port: number;
}

export interface LabAnswer {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface Lab {
  readonly dir: string;
  readonly hosts: readonly LabHost[];
  /** The folder of this machine with the repository of packages that the hosts use. */
  readonly packages: string;
  /** Private key of root on every host. */
  readonly key: string;
  readonly knownHosts: string;
  /** Inventory as YAML, with key and known hosts; further variables a host by name. */
  readonly inventory: (vars?: Readonly<Record<string, Readonly<Record<string, string>>>>) => string;
  /** Fault settings of hosts.sh; an empty value takes it away. */
  readonly set: (name: string, what: string, value: string) => void;
  readonly power: (name: string) => void;
  readonly freeze: (name: string) => void;
  readonly thaw: (name: string) => void;
  /** How often the host has booted, counted outside of it. */
  readonly boots: (name: string) => number;
  /** Its boot id, read outside of it. */
  readonly bootId: (name: string) => string;
  /** All boot ids that it has had, the first boot first. */
  readonly bootIds: (name: string) => readonly string[];
  /**
   * The release of the kernel that runs and its command line, as the host was started with them.
   */
  readonly running: (name: string) => { readonly kernel: string; readonly cmdline: string };
  /** A file of the host, read outside of it as long as it was written there. */
  readonly written: (name: string, path: string) => string;
  /** Runs a command with OpenSSH's own client. */
  readonly ssh: (name: string, command: string, seconds?: number) => Promise<LabAnswer>;
  /** Waits until the host answers; with a boot id, until it answers with another. */
  readonly answers: (name: string, notBootId?: string, seconds?: number) => Promise<void>;
  readonly down: () => void;
}

const scripts = join(dirname(dirname(fileURLToPath(import.meta.url))), 'lab');
const run = promisify(execFile);

const hasProgram = (name: string): boolean =>
  ['/usr/sbin', '/usr/bin', '/sbin', '/bin'].some((folder) => existsSync(join(folder, name)));
const needs: Readonly<Record<LabFlavour, readonly string[]>> = {
  el7: [
    'sshd',
    'ssh',
    'ssh-keygen',
    'unshare',
    'rpmbuild',
    'createrepo_c',
    'dnf',
    'rpm',
    'grub-mkconfig',
    'dpkg-deb',
    'apt-ftparchive',
  ],
  deb: [
    'sshd',
    'ssh',
    'ssh-keygen',
    'unshare',
    'rpmbuild',
    'createrepo_c',
    'apt-get',
    'dpkg',
    'grub-mkconfig',
    'dpkg-deb',
    'apt-ftparchive',
  ],
};

/**
 * What keeps real hosts from being started here, for titles of skipped tests; empty = nothing does.
 */
export function labMissing(flavour: LabFlavour): string {
  if (process.getuid?.() !== 0) return 'needs root';
  const missing = needs[flavour].filter((name) => !hasProgram(name));
  if (missing.length > 0) return `needs ${missing.join(', ')}`;
  const probe = spawnSync('unshare', [
    '--mount',
    '--uts',
    '--ipc',
    '--pid',
    '--time',
    '--fork',
    'true',
  ]);
  return probe.status === 0 ? '' : 'needs namespaces of its own (unshare)';
}

/** The package repositories, built once for each version of the script that builds them. */
function repositories(): string {
  const script = join(scripts, 'repos.sh');
  const digest = createHash('sha256').update(readFileSync(script)).digest('hex').slice(0, 12);
  const folder = join(tmpdir(), `kmend-lab-repos-${digest}`);
  if (existsSync(folder)) return folder;
  const draft = `${folder}.${process.pid}`;
  execFileSync('sh', [script, draft], { stdio: ['ignore', 'ignore', 'pipe'] });
  if (existsSync(folder)) rmSync(draft, { recursive: true });
  else renameSync(draft, folder);
  return folder;
}

/**
 * 0 to 4: labs of different numbers have addresses and ports of their own, so that they can be up
 * side by side. Each worker has one; KMEND_LAB chooses the one of a run of one worker.
 */
export const labNumber = Number(
  process.env.KMEND_LAB ?? Number(process.env.VITEST_POOL_ID ?? 1) - 1,
);

/** `127.X`, X moved by the number of the lab. */
const net = (text: string): string =>
  text.replace(/\d+$/, (octet) => String(Number(octet) + 40 * labNumber));

/** Starts hosts and waits until every one of them answers. */
export async function startLab(options: LabOptions): Promise<Lab> {
  const dir = mkdtempSync(join(tmpdir(), 'kmend-lab-'));
  const repos = repositories();
  const env = {
    ...process.env,
    REPOS: repos,
    PORT: '22',
    DOWN: String(options.down ?? 2),
    NET: net(options.net ?? '127.10'),
    BOOT_KB: String(options.bootKb ?? 0),
  };
  const script = (verb: string, ...words: readonly string[]): string =>
    execFileSync('sh', [join(scripts, 'hosts.sh'), verb, dir, ...words], {
      env,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  script('up', String(options.count), options.flavour);
  const hosts = readFileSync(join(dir, 'list'), 'utf8')
    .trim()
    .split('\n')
    .map((line): LabHost => {
      const [name = '', address = '', port = ''] = line.split(' ');
      return { name, address, port: Number(port) };
    });
  const knownHosts = join(dir, 'known_hosts');
  const hostKey = readFileSync(join(dir, 'host_key.pub'), 'utf8').split(' ').slice(0, 2).join(' ');
  writeFileSync(knownHosts, hosts.map(({ address }) => `${address} ${hostKey}\n`).join(''));
  const number = (name: string): string => name.slice(1);
  const control = (name: string, file: string): string =>
    readFileSync(join(dir, 'hosts', name, 'ctl', file), 'utf8').trim();
  const lab: Lab = {
    dir,
    hosts,
    packages: join(repos, options.flavour === 'el7' ? 'rpm' : 'deb'),
    key: join(dir, 'id'),
    knownHosts,
    inventory: (vars = {}) => inventoryOf(hosts, join(dir, 'id'), knownHosts, vars),
    set: (name, what, value) => void script('set', number(name), what, value),
    power: (name) => void script('power', number(name)),
    freeze: (name) => void script('freeze', number(name)),
    thaw: (name) => void script('thaw', number(name)),
    boots: (name) => control(name, 'boots').split('\n').length,
    bootId: (name) => control(name, 'boot_id'),
    bootIds: (name) => control(name, 'boots').split('\n'),
    running: (name) => ({ kernel: control(name, 'kernel'), cmdline: control(name, 'cmdline') }),
    written: (name, path) => readFileSync(join(dir, 'hosts', name, 'up', path), 'utf8'),
    ssh: (name, command, seconds = 60) => ssh(lab, name, command, seconds),
    answers: async (name, notBootId, seconds = 60) => {
      for (let tries = 0; tries < seconds * 4; tries++) {
        const answer = await ssh(lab, name, 'cat /proc/sys/kernel/random/boot_id', 5);
        if (answer.code === 0 && answer.out.trim() !== notBootId) return;
        await sleep(250);
      }
      throw new Error(`${name} did not answer within ${seconds} s; its log: ${readLog(dir, name)}`);
    },
    down: () => {
      script('down');
      if (readdirSync(join(dir, 'hosts')).length === 0)
        rmSync(dir, { recursive: true, force: true });
    },
  };
  try {
    for (const host of hosts) await lab.answers(host.name);
  } catch (error) {
    lab.down();
    throw error;
  }
  return lab;
}

const readLog = (dir: string, name: string): string => {
  const file = join(dir, 'hosts', name, 'init.log');
  return existsSync(file) ? readFileSync(file, 'utf8').slice(-500) : 'none';
};

async function ssh(lab: Lab, name: string, command: string, seconds: number): Promise<LabAnswer> {
  const host = lab.hosts.find((one) => one.name === name);
  const options = [
    `UserKnownHostsFile=${lab.knownHosts}`,
    'BatchMode=yes',
    'ConnectTimeout=3',
    'LogLevel=ERROR',
    'ServerAliveInterval=2',
  ];
  const words = [
    '-F',
    'none',
    '-i',
    lab.key,
    '-p',
    String(host?.port ?? 22),
    ...options.flatMap((option) => ['-o', option]),
  ];
  try {
    const { stdout, stderr } = await run('ssh', [...words, `root@${host?.address}`, command], {
      timeout: seconds * 1000,
    });
    return { code: 0, out: stdout, err: stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code?: number; stdout?: string; stderr?: string };
    return { code: typeof code === 'number' ? code : 255, out: stdout ?? '', err: stderr ?? '' };
  }
}

function inventoryOf(
  hosts: readonly LabHost[],
  key: string,
  knownHosts: string,
  vars: Readonly<Record<string, Readonly<Record<string, string>>>>,
): string {
  const row = ({ name, address, port }: LabHost): string => {
    const all = { ansible_host: address, ansible_port: port, ...vars[name] };
    return `    ${name}: {${Object.entries(all)
      .map(([word, value]) => `${word}: ${JSON.stringify(value)}`)
      .join(', ')}}\n`;
  };
  return `all:
  vars:
    ansible_user: root
    ansible_ssh_private_key_file: ${JSON.stringify(key)}
    ansible_ssh_common_args: ${JSON.stringify(`-o UserKnownHostsFile=${knownHosts}`)}
  hosts:
${hosts.map(row).join('')}`;
}
