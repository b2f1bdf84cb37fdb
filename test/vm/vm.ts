// Real kernels and a real boot loader for tests: QEMU machines of test/lab/vm. What they are made
// of comes from apt; nothing is downloaded by hand.
import { execFile, execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const scripts = join(dirname(dirname(fileURLToPath(import.meta.url))), 'lab/vm');
const run = promisify(execFile);

/** A machine that only boots a kernel, or one that is started from a disk by GRUB. */
type Machine = 'kernel' | 'disk';
/** The kinds of image.sh. */
export type Image = 'tiny' | 'full';

const needs: Readonly<Record<Machine, readonly string[]>> = {
  kernel: ['qemu-system-x86_64', 'busybox', 'cpio', 'apt-get', 'dpkg-deb'],
  disk: [
    'qemu-system-x86_64',
    'qemu-img',
    'busybox',
    'cpio',
    'xz',
    'mmdebstrap',
    'mke2fs',
    'sfdisk',
    'ssh',
    'ssh-keygen',
  ],
};

const hasProgram = (name: string): boolean =>
  ['/usr/sbin', '/usr/bin', '/sbin', '/bin'].some((folder) => existsSync(join(folder, name)));

/**
 * What keeps such a machine from being started here, for titles of skipped tests; empty = nothing
 * does.
 */
export function vmMissing(machine: Machine): string {
  if (process.arch !== 'x64') return 'needs x86-64';
  const missing = needs[machine].filter((name) => !hasProgram(name));
  if (missing.length > 0) return `needs ${missing.join(', ')}`;
  return machine === 'disk' && process.getuid?.() !== 0
    ? 'needs root (to build a disk with files of root)'
    : '';
}

/** Built once for each version of the scripts; a folder that is there is complete. */
function built(name: string, script: string, words: readonly string[]): string {
  const digest = createHash('sha256');
  for (const file of readdirSync(scripts).toSorted())
    digest.update(readFileSync(join(scripts, file)));
  const folder = join(tmpdir(), `kmend-vm-${name}-${digest.digest('hex').slice(0, 12)}`);
  if (existsSync(folder)) return folder;
  const draft = `${folder}.${process.pid}`;
  try {
    execFileSync('nice', ['-n', '5', 'sh', join(scripts, script), draft, ...words], {
      stdio: ['ignore', 'ignore', 'pipe'],
      encoding: 'utf8',
    });
    if (!existsSync(folder)) renameSync(draft, folder);
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
  return folder;
}

/** Debian's cloud kernel, unpacked. */
export const debianKernel = (): string => join(built('kernel', 'kernel.sh', []), 'vmlinuz');

/**
 * Boots the kernel with these arguments and runs the probe inside, with busybox's sh and tools; the
 * files that it left, by name (mini-init.sh: `before.txt` and `after.txt` are the probe's output
 * before and after a group has worked).
 */
export async function bootProbe(
  kernel: string,
  probe: string,
  words: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const dir = mkdtempSync(join(tmpdir(), 'kmend-mini-'));
  try {
    writeFileSync(join(dir, 'probe.sh'), probe);
    await run(
      'sh',
      [join(scripts, 'mini.sh'), kernel, join(dir, 'probe.sh'), join(dir, 'out'), ...words],
      { timeout: 150_000 },
    );
    return new Map(
      readdirSync(join(dir, 'out')).map((name) => [
        name,
        readFileSync(join(dir, 'out', name), 'utf8'),
      ]),
    );
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

export interface Vm {
  readonly name: string;
  readonly port: number;
  readonly key: string;
  readonly knownHosts: string;
  /**
   * Runs a command as root in the machine, with OpenSSH's own client; a status that is not 0 is thrown.
   */
  readonly ssh: (command: string, seconds?: number) => Promise<string>;
  /** Waits for a login; with a boot id, for one of another boot. */
  readonly answers: (notBootId?: string, seconds?: number) => Promise<void>;
  readonly bootId: () => Promise<string>;
  /** What its console has shown. */
  readonly console: () => string;
  readonly stop: () => void;
}

/**
 * Starts a machine from a disk, and waits until it lets one log in. Without KVM: 14 s (tiny), about
 * two minutes (full).
 */
export async function startVm(name: string, image: Image): Promise<Vm> {
  const disk = built(image, 'image.sh', [image]);
  const dir = mkdtempSync(join(tmpdir(), 'kmend-vm-'));
  const port = await freePort();
  const knownHosts = join(dir, 'known_hosts');
  const hostKey = readFileSync(join(disk, 'host_key.pub'), 'utf8').split(' ').slice(0, 2).join(' ');
  writeFileSync(knownHosts, `[127.0.0.1]:${port} ${hostKey}\n`);
  mkdirSync(join(dir, 'state'));
  const memory = { MEM: image === 'full' ? '1024M' : '512M' };
  execFileSync(
    'sh',
    [join(scripts, 'run.sh'), join(disk, 'disk.raw'), join(dir, 'state'), name, String(port)],
    {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, ...memory },
    },
  );
  const file = (kind: string): string =>
    readFileSync(join(dir, 'state', `${name}.${kind}`), 'utf8');
  const words = ['-F', 'none', '-i', join(disk, 'id'), '-p', String(port)];
  // A hard reset behind user-mode networking sends no FIN: without keep-alives a login that was
  // open then hangs for minutes.
  const options = [
    `UserKnownHostsFile=${knownHosts}`,
    'BatchMode=yes',
    'ConnectTimeout=5',
    'LogLevel=ERROR',
    'ServerAliveInterval=3',
  ];
  const ssh = async (command: string, seconds = 120): Promise<string> => {
    const all = [
      ...words,
      ...options.flatMap((option) => ['-o', option]),
      'root@127.0.0.1',
      command,
    ];
    return (await run('ssh', all, { timeout: seconds * 1000, maxBuffer: 16 * 1024 * 1024 })).stdout;
  };
  const bootId = async (): Promise<string> =>
    (await ssh('cat /proc/sys/kernel/random/boot_id', 15)).trim();
  const stop = (): void => {
    try {
      process.kill(Number(file('pid')));
    } catch {
      // It has ended by itself.
    }
    rmSync(dir, { recursive: true, force: true });
  };
  const answers = async (notBootId?: string, seconds = 400): Promise<void> => {
    for (const until = Date.now() + seconds * 1000; Date.now() < until; await sleep(300)) {
      const id = await bootId().catch(() => notBootId);
      if (id !== undefined && id !== notBootId) return;
    }
    throw new Error(
      `${name} did not answer within ${seconds} s; its console: ${file('log').slice(-800)}`,
    );
  };
  const vm = {
    name,
    port,
    key: join(disk, 'id'),
    knownHosts,
    ssh,
    answers,
    bootId,
    console: () => file('log'),
    stop,
  };
  try {
    await answers(undefined, image === 'full' ? 1200 : 400);
    return vm;
  } catch (error) {
    stop();
    throw error;
  }
}

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject).listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() =>
        resolve(typeof address === 'object' && address !== null ? address.port : 0),
      );
    });
  });
