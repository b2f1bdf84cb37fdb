// A rollout of six real sshd hosts whose controller is killed with SIGKILL at chosen lines of its
// journal, and resumed; compared, from outside the hosts, with a rollout that nobody interrupted.
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Event, EventType } from '../../src/model/run/event.ts';
import { type Lab, startLab } from '../hosts/lab.ts';
import { eventsOf, type Operator, operator, type Ran } from '../hosts/operator.ts';
import { numbers } from './crash-run.ts';
import { type KillPoint, killEnv, type RandomPoint } from './kill-at.ts';
import { mostUnderWay, watchMost } from './watch.ts';

const names = ['h1', 'h2', 'h3', 'h4', 'h5', 'h6'];
const slots = 2;

/**
 * Every kind of effect on a host, converging and not; two commands that must never run twice, with
 * a reboot between them.
 */
const play = `- hosts: all
  rollout:
    canary: {hosts: 1, soak: 1s}
    max_unavailable: ${slots}
    soak: {host: 1s}
    gates: [{command: "true"}]
  tasks:
    - name: First
      shell: {cmd: 'echo first >> /var/log/ran; sleep 0.3; echo answer'}
      register: first
    - name: Remediate
      when: kmem.remedy != 'none'
      block:
        - name: A kernel that knows the argument
          kernel: {min: 3.10.0-1062.el7, trial: true}
          when: kernel.next_parses_nokmem != 'yes'
        - name: The argument
          kernel_arg: {key: cgroup.memory, value: nokmem}
        - name: Reboot
          reboot: {when_pending: true, timeout: 60s, stable_for: 1s}
        - name: Proof
          verify_kmem: {state: disabled, timeout: 30s}
        - name: That kernel for good
          kernel: {min: 3.10.0-1062.el7, trial: true}
          when: kernel.next_parses_nokmem != 'yes'
    - name: Last
      shell: {cmd: 'echo "last {{ first.stdout }}" >> /var/log/ran; exit 3'}
      register: last
      failed_when: last.rc != 3
    - name: Expected to fail
      command: {cmd: "false"}
      ignore_errors: true
`;

/** What is compared of a host, read from outside of it. */
interface HostEnd {
  readonly ran: string;
  readonly boots: number;
  readonly kernel: string;
  readonly cmdline: string;
  readonly grub: string;
  readonly arguments: readonly string[];
  readonly packages: string;
  readonly fence: string;
}

export interface RolloutEnd {
  readonly hosts: Readonly<Record<string, HostEnd>>;
  /**
   * The last controller of the run, how each host ended in its journal, and all that the journal
   * holds.
   */
  readonly last: Ran;
  readonly ends: readonly string[];
  readonly events: readonly Event[];
  /** The most hosts that were down, and the most that were under way, at one moment. */
  readonly mostDown: number;
  readonly mostUnderWay: number;
  /** Where the controllers were killed. */
  readonly killed: readonly string[];
}

/**
 * Plays the rollout on fresh hosts, with one kill for each point: a point that a controller comes
 * to its end without is left out.
 */
export async function rollout(points: readonly KillPoint[]): Promise<RolloutEnd> {
  const lab = await startLab({ flavour: 'el7', count: names.length, net: '127.12', down: 1 });
  const op = operator(names.map((host) => ({ name: host, lab, host })));
  const watch = watchDown(lab);
  try {
    const { last, killed } = await killAndResume(op, points);
    const events = op.journal();
    expect((await op.kmend(['audit', 'verify', op.runs().at(-1) ?? ''])).code).toBe(0);
    const hosts: Record<string, HostEnd> = {};
    for (const name of names) hosts[name] = await endOf(lab, name, op.runs().at(-1) ?? '');
    return {
      hosts,
      last,
      ends: endsOf(events),
      events,
      mostDown: watch.most(),
      mostUnderWay: mostUnderWay(events, ['host.soaked', 'host.failed']),
      killed,
    };
  } finally {
    watch.end();
    op.close();
    lab.down();
  }
}

async function killAndResume(
  op: Operator,
  points: readonly KillPoint[],
): Promise<{ readonly last: Ran; readonly killed: readonly string[] }> {
  const path = op.file('play.yaml', play);
  const killed: string[] = [];
  let words: readonly string[] = ['apply', path, '-i', op.inventory, '--yes'];
  for (const point of points) {
    const note = join(op.dir, 'killed');
    const { child, ended } = op.start(words, '', killEnv(point, note));
    const last = await ended;
    if (child.signalCode !== 'SIGKILL') return { last, killed };
    killed.push(readFileSync(note, 'utf8'));
    rmSync(note);
    words = ['resume', op.runs().at(-1) ?? '', '--yes'];
  }
  return { last: await op.kmend(words), killed };
}

async function endOf(lab: Lab, name: string, run: string): Promise<HostEnd> {
  const { kernel, cmdline } = lab.running(name);
  const cfg = lab.written(name, 'boot/grub2/grub.cfg');
  return {
    ran: lab.written(name, 'var/log/ran'),
    boots: lab.boots(name),
    kernel,
    cmdline,
    grub: lab.written(name, 'etc/default/grub'),
    arguments: cfg.split('\n').filter((line) => /^\s*linux16 /.test(line)),
    packages: (await lab.ssh(name, 'rpm -qa | sort')).out,
    fence: lab.written(name, 'var/lib/kmend/fence').replace(new RegExp(`^${run} \\d+ `), ''),
  };
}

const endsOf = (events: readonly Event[]): readonly string[] =>
  names.map((name) => {
    const done = eventsOf(events, 'host.done', name).map(
      ({ changed, proven }) => `changed: ${changed}, proven: ${proven}`,
    );
    return [
      name,
      ...done,
      ...eventsOf(events, 'host.failed', name).map(({ failure }) => failure.message),
    ].join(' ');
  });

/** A host that is down has no process namespace of its own. */
const watchDown = (lab: Lab) =>
  watchMost(
    () => names.filter((name) => !existsSync(join(lab.dir, 'hosts', name, 'ctl/pidns'))).length,
  );

/** What must hold, whatever was killed. */
export function judge(end: RolloutEnd, whole: RolloutEnd): void {
  const where = `killed at ${end.killed.join(' | ')}\n${end.last.out}\n${end.last.err}`;
  expect(end.last.code, where).toBe(0);
  expect(end.hosts, where).toEqual(whole.hosts);
  expect(end.ends, where).toEqual(whole.ends);
  expect([end.mostDown <= slots, end.mostUnderWay <= slots], where).toEqual([true, true]);
}

/** What an uninterrupted rollout must be, so that the comparison with it means something. */
export function judgeWhole(whole: RolloutEnd): void {
  expect([whole.last.code, whole.last.err, whole.killed], whole.last.out).toEqual([0, '', []]);
  for (const name of names)
    expect(whole.hosts[name]).toMatchObject({
      ran: 'first\nlast answer\n',
      boots: 2,
      cmdline: expect.stringContaining('cgroup.memory=nokmem'),
      packages: expect.stringContaining('kernel-3.10.0-1160'),
      fence: 'closed\n',
    });
  expect([whole.mostUnderWay, whole.ends]).toEqual([
    slots,
    names.map((name) => `${name} changed: true, proven: yes`),
  ]);
}

/** Lines that come or not as time has it: a rollout cannot be killed at them for sure. */
const byChance: ReadonlySet<EventType> = new Set(['waiting', 'warning', 'effect.progress']);

/** The types of a journal, in the order of their first line. */
export const typesOf = (events: readonly Event[]): readonly EventType[] =>
  [...new Set(events.map((event) => event.type))].filter((type) => !byChance.has(type));

/**
 * So many random points of a journal, in its order; some are killed at the line itself, some up to
 * two seconds later.
 */
export function randomPoints(
  seed: number,
  count: number,
  events: readonly Event[],
): readonly RandomPoint[] {
  const random = numbers(seed);
  const one = (): RandomPoint => ({
    seq: Math.floor(random() * events.length),
    later: random() < 0.3 ? 0 : Math.floor(random() * 2000),
  });
  return Array.from({ length: count }, one).toSorted((a, b) => a.seq - b.seq);
}
