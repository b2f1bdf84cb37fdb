// Controllers of real rollouts, killed with SIGKILL at uniformly random times: in the rollout, and
// in what is left of it when it is resumed. Everything that is compared and counted is read from
// outside of kmend: the hosts' own files, their boots, and their package database.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { watchMost } from '../crash/watch.ts';
import { type Lab, startLab } from '../hosts/lab.ts';
import { type Operator, operator, playbook, type Ran } from '../hosts/operator.ts';

export const playbooks = ['nokmem', 'runtime', 'auto'] as const;
export type Playbook = (typeof playbooks)[number];

const names = ['h1', 'h2', 'h3', 'h4', 'h5', 'h6'];
export const slots = 2;
/** Controllers of one rollout that are killed at most; then it may come to its end. */
const mostKills = 4;

/**
 * What a host is in the end, as text by name. What a run chooses at random (ids, times) is not in
 * it.
 */
export type HostEnd = Readonly<Record<string, string>>;

export interface Round {
  readonly playbook: Playbook;
  readonly hosts: Readonly<Record<string, HostEnd>>;
  readonly last: Ran;
  /**
   * Seconds after its start at which each controller was killed, and what its journal said last.
   */
  readonly kills: readonly string[];
  readonly seconds: number;
  readonly mostDown: number;
  readonly mostFences: number;
  /** Exit code of `audit verify`. */
  readonly audit: number;
  /** Folders left in the spools of the hosts. */
  readonly spools: readonly string[];
}

/**
 * One rollout on six fresh hosts; `seconds` is how long one takes that nobody kills, without it
 * nobody does.
 */
export async function round(name: Playbook, seed: number, seconds?: number): Promise<Round> {
  const lab = await startLab({ flavour: 'el7', count: names.length, net: '127.17', down: 1 });
  const command = 'echo $(cat /proc/sys/kernel/random/boot_id) >> /var/log/pods.log';
  const op = operator(
    names.map((host) => ({
      name: host,
      lab,
      host,
      vars: { drain_command: command, uncordon_command: command },
    })),
  );
  const down = watchMost(
    () => names.filter((host) => !existsSync(join(lab.dir, 'hosts', host, 'ctl/pidns'))).length,
  );
  const fences = watchMost(
    () => names.filter((host) => fenceOf(lab, host).endsWith(' open')).length,
  );
  try {
    const before = Date.now();
    const { last, kills } = await play(op, name, seed, seconds);
    const took = (Date.now() - before) / 1000;
    const hosts: Record<string, HostEnd> = {};
    for (const host of names) hosts[host] = await endOf(lab, host);
    return {
      playbook: name,
      hosts,
      last,
      kills,
      seconds: took,
      mostDown: down.most(),
      mostFences: fences.most(),
      audit: (await op.kmend(['audit', 'verify', op.runs().at(-1) ?? 'none'])).code,
      spools: names.flatMap((host) => spoolOf(lab, host)),
    };
  } finally {
    down.end();
    fences.end();
    op.close();
    lab.down();
  }
}

async function play(
  op: Operator,
  name: Playbook,
  seed: number,
  seconds: number | undefined,
): Promise<Pick<Round, 'last' | 'kills'>> {
  const random = uniform(seed);
  const apply = [
    'apply',
    playbook(name),
    '-i',
    op.inventory,
    '--max-unavailable',
    String(slots),
    '--yes',
  ];
  const kills: string[] = [];
  let left = seconds ?? 0;
  while (kills.length < mostKills && left > 0 && (kills.length === 0 || random() < 0.7)) {
    const { child, ended } = op.start(wordsOf(op, apply));
    // Uniform over what is left of the rollout; the program itself needs a second to come up.
    const after = random() * Math.max(left, 2);
    const first = await Promise.race([ended, sleep(after * 1000)]);
    if (first !== undefined) return { last: first, kills };
    child.kill('SIGKILL');
    await ended;
    kills.push(`${after.toFixed(1)} s: ${lastTypeOf(op)}`);
    left -= after;
  }
  return { last: await op.kmend(wordsOf(op, apply)), kills };
}

/** Repeatable numbers in [0, 1); those of neighbouring seeds have nothing in common. */
function uniform(seed: number): () => number {
  let count = 0;
  return () => createHash('sha256').update(`${seed} ${count++}`).digest().readUInt32BE() / 2 ** 32;
}

/** A run that has begun is resumed; before its first entry there is none. */
const wordsOf = (op: Operator, apply: readonly string[]): readonly string[] => {
  const run = op.runs().at(-1);
  return run === undefined || lastTypeOf(op) === 'no run yet' ? apply : ['resume', run, '--yes'];
};

/** Read here and not by kmend: a half last line is no entry. */
function lastTypeOf(op: Operator): string {
  const run = op.runs().at(-1);
  const path = join(op.dir, 'state/runs', run ?? 'none', 'journal.ndjson');
  const lines = existsSync(path) ? readFileSync(path, 'utf8').split('\n').slice(0, -1) : [];
  const last = lines.at(-1);
  return last === undefined ? 'no run yet' : String(JSON.parse(last).type);
}

const fenceOf = (lab: Lab, host: string): string => {
  try {
    return lab.written(host, 'var/lib/kmend/fence').trim();
  } catch {
    return '';
  }
};

function spoolOf(lab: Lab, host: string): readonly string[] {
  const folder = join(lab.dir, 'hosts', host, 'up/var/lib/kmend/spool');
  return existsSync(folder) ? readdirSync(folder).map((name) => `${host}: ${name}`) : [];
}

async function endOf(lab: Lab, host: string): Promise<HostEnd> {
  const { kernel, cmdline } = lab.running(host);
  const said = async (command: string): Promise<string> => (await lab.ssh(host, command)).out;
  const kept = (path: string): string => {
    try {
      return lab.written(host, path);
    } catch {
      return '';
    }
  };
  return {
    boots: String(lab.boots(host)),
    kernel,
    cmdline,
    packages: await said('rpm -qa | sort'),
    transactions: await said(`dnf -q history list 2>/dev/null | awk -F'|' 'NR > 2 { print $2 }'`),
    services: kept('var/log/systemctl.log'),
    entries: kept('boot/grub2/grub.cfg')
      .split('\n')
      .filter((line) => /^\s*linux16 /.test(line))
      .join('\n'),
    environment: kept('boot/grub2/grubenv'),
    defaults: kept('etc/default/grub'),
    fence: fenceOf(lab, host).replace(/^\S+ \d+ /, ''),
    // Each command of a drain runs once, and notes the boot in which it ran.
    pods: String(new Set(kept('var/log/pods.log').trim().split('\n')).size),
    slabinfo: (
      await lab.ssh(host, 'LC_ALL=C cat /sys/fs/cgroup/memory/docker/*1/memory.kmem.slabinfo')
    ).err.includes('Input/output')
      ? 'off'
      : 'on or not read',
  };
}
