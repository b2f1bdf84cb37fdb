// A run whose controller is killed with SIGKILL again and again, and resumed: what must hold on the
// hosts and in the journal at its end.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import type { Event } from '../../src/model/run/event.ts';
import { spawnCommand } from '../cli/child.ts';
import { type Practice, play, practice, sick } from '../cli/practice.ts';
import { mostUnderWay, watchMost } from './watch.ts';

/**
 * Each line of `ran` is one time that a command ran. The tasks have every kind of effect on a host,
 * converging and not.
 */
export const tasks = `    - name: First
      shell: {cmd: 'echo first >> "$KMEND_ROOT/var/ran"; sleep 0.4; echo answer'}
      register: first
    - name: The argument
      kernel_arg: {key: cgroup.memory, value: nokmem}
    - name: Both
      shell: {cmd: 'sleep 0.2; echo "{{ item }} {{ first.stdout }}" >> "$KMEND_ROOT/var/ran"'}
      loop: [x, y]
    - name: Reboot
      reboot: {when_pending: true, timeout: 30s, stable_for: 1s}
    - name: Proof
      verify_kmem: {state: disabled, timeout: 10s}
    - name: Made
      shell: {cmd: 'echo made >> "$KMEND_ROOT/var/ran"; touch "$KMEND_ROOT/var/made"; sleep 0.3', creates: /var/made}
      register: made
    - name: Last
      shell: {cmd: 'echo "last {{ made.changed }}" >> "$KMEND_ROOT/var/ran"; false'}
      failed_when: false
`;
/** What `tasks` leave in `ran` of a host. */
export const ranOnce = 'first\nx answer\ny answer\nmade\nlast True\n';

/** A small generator of repeatable numbers in [0, 1). */
export function numbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

export interface CrashPlan {
  readonly hosts: number;
  readonly slots: number;
  readonly downSeconds: number;
  /**
   * Resolves when the controller that was just started is to be killed; undefined = it may go to
   * its end.
   */
  readonly killAt: (lab: Practice, attempt: number) => Promise<void> | undefined;
}

/** Returns where it was killed, to check the coverage. */
export async function crashRun(title: string, plan: CrashPlan): Promise<readonly string[]> {
  const names = Array.from({ length: plan.hosts }, (_none, index) => `h${index + 1}`);
  const lab = await practice(
    names.map((name) => sick(name)),
    { downSeconds: plan.downSeconds },
  );
  const watch = watchDown(lab);
  const places: string[] = [];
  try {
    const playbook = lab.file('play.yaml', play(tasks, `{max_unavailable: ${plan.slots}}`));
    let args: readonly string[] = [
      'apply',
      playbook,
      '-i',
      lab.fleet.inventoryFile,
      '--yes',
      '--state-dir',
      lab.state,
    ];
    for (let attempt = 0; ; attempt++) {
      const child = await spawnCommand(args, join(lab.dir, 'home'));
      const kill = plan.killAt(lab, attempt);
      const isOver =
        kill === undefined ||
        (await Promise.race([child.ended.then(() => true), kill.then(() => false)]));
      if (isOver) {
        expect(
          [await child.ended, child.err()],
          `${title}, killed at ${places.join(' | ')}\n${child.out()}`,
        ).toEqual([0, '']);
        break;
      }
      child.signal('SIGKILL');
      await child.ended;
      const run = lab.runs().at(-1);
      const last = run === undefined ? undefined : lab.journal(run).at(-1);
      places.push(
        last === undefined ? 'planning' : `${last.type} ${'host' in last ? last.host : ''}`,
      );
      if (
        run !== undefined &&
        existsSync(join(lab.state, 'runs', run, 'settings.json')) &&
        last !== undefined
      )
        args = ['resume', run, '--state-dir', lab.state];
    }
    await judge(lab, plan, watch.most(), `${title}, killed at ${places.join(' | ')}`);
    return places;
  } finally {
    watch.end();
    await lab.close();
  }
}

async function judge(
  lab: Practice,
  plan: CrashPlan,
  mostDown: number,
  where: string,
): Promise<void> {
  for (const host of lab.fleet.hosts) {
    expect(readFileSync(join(host.root, 'var/ran'), 'utf8'), `${host.name}: ${where}`).toBe(
      ranOnce,
    );
    expect(host.boots(), `${host.name}: ${where}`).toBe(2);
    expect(readFileSync(join(host.root, 'proc/cmdline'), 'utf8'), where).toContain(
      'cgroup.memory=nokmem',
    );
    expect(readFileSync(join(host.root, 'var/lib/kmend/fence'), 'utf8'), where).toMatch(/closed$/m);
  }
  expect(mostDown, where).toBeLessThanOrEqual(plan.slots);
  expect(mostUnderWay(lab.journal(), ['host.done']), where).toBeLessThanOrEqual(plan.slots);
  expect((await lab.run(['audit', 'verify', lab.runs().at(-1) ?? ''])).exit, where).toBe(0);
}

/** The most hosts that did not answer at one moment. */
const watchDown = (lab: Practice) =>
  watchMost(() => lab.fleet.hosts.filter((host) => !host.isUp()).length);

/** So many kills at random moments. */
export function randomKills(seed: number, kills: number, hosts: number): CrashPlan {
  const random = numbers(seed);
  return {
    hosts,
    slots: 1 + Math.floor(random() * Math.min(2, hosts - 1)),
    downSeconds: 0.3 + random(),
    killAt: (_lab, attempt) => (attempt < kills ? sleep(300 + random() * 4500) : undefined),
  };
}

/** One kill, as soon as the journal holds the nth event of a type. */
export function killAfter(type: Event['type'], nth: number, hosts: number): CrashPlan {
  const appears = async (lab: Practice): Promise<void> => {
    for (;;) {
      const run = lab.runs().at(-1);
      const lines = run === undefined ? '' : lab.journalText(run);
      if (lines.split(`"type":"${type}"`).length > nth) return;
      await sleep(5);
    }
  };
  return {
    hosts,
    slots: 2,
    downSeconds: 0.5,
    killAt: (lab, attempt) => (attempt === 0 ? appears(lab) : undefined),
  };
}
