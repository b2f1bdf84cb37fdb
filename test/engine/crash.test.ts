// The controller is killed with SIGKILL at random moments of a run and resumed: nothing is done twice, and nobody beyond the budget goes down.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { Event } from '../../src/model/event.ts';
import { spawnCommand } from '../cli/child.ts';
import { type Practice, play, practice, sick } from '../cli/practice.ts';

const hosts = ['h1', 'h2', 'h3'];
const slots = 1;

/** Each line of `ran` is one time that a command ran; the slow one spans several seconds of the run. */
const tasks = `    - name: First
      shell: {cmd: 'echo first >> "$KMEND_ROOT/var/ran"; sleep 0.4; echo answer'}
      register: first
    - name: The argument
      kernel_arg: {key: cgroup.memory, value: nokmem}
    - name: Both
      shell: {cmd: 'sleep 0.2; echo "{{ item }} {{ first.stdout }}" >> "$KMEND_ROOT/var/ran"'}
      loop: [x, y]
    - name: Reboot
      reboot: {timeout: 30s, stable_for: 1s}
    - name: Proof
      verify_kmem: {state: disabled, timeout: 10s}
    - name: Last
      shell: {cmd: 'echo last >> "$KMEND_ROOT/var/ran"; false'}
      failed_when: false
`;

/** A small generator of repeatable numbers in [0, 1). */
function numbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Watches how many hosts do not answer, or are in the middle of their walk, at one moment. */
function watchDown(lab: Practice): { readonly most: () => number; readonly end: () => void } {
  let most = 0;
  const timer = setInterval(() => {
    most = Math.max(most, lab.fleet.hosts.filter((host) => !host.isUp()).length);
  }, 20);
  return { most: () => most, end: () => clearInterval(timer) };
}

function startedBeyondBudget(events: readonly Event[]): boolean {
  const open = new Set<string>();
  let most = 0;
  for (const event of events) {
    if (event.type === 'host.started') open.add(event.host);
    if (event.type === 'host.done') open.delete(event.host);
    most = Math.max(most, open.size);
  }
  return most > slots;
}

async function crashRun(seed: number, kills: number): Promise<void> {
  const random = numbers(seed);
  const lab = await practice(
    hosts.map((name) => sick(name)),
    { downSeconds: 0.3 + random() },
  );
  const watch = watchDown(lab);
  try {
    const playbook = lab.file('play.yaml', play(tasks, `{max_unavailable: ${slots}}`));
    const home = join(lab.dir, 'home');
    let args: readonly string[] = ['apply', playbook, '-i', lab.fleet.inventoryFile, '--yes', '--state-dir', lab.state];
    const places: string[] = [];
    for (let kill = 0; ; kill++) {
      const child = await spawnCommand(args, home);
      const after = kill < kills ? 300 + random() * 4500 : undefined;
      if (after !== undefined) {
        const over = await Promise.race([child.ended.then(() => true), sleep(after).then(() => false)]);
        child.signal('SIGKILL');
        const exit = await child.ended;
        if (over) {
          expect([exit, child.err()], `seed ${seed}, killed at ${places.join(' | ')}\n${child.out()}`).toEqual([0, '']);
          break;
        }
        const last = existsSync(join(lab.state, 'runs')) ? lab.journal().at(-1) : undefined;
        places.push(last === undefined ? 'planning' : `${last.type} ${'host' in last ? last.host : ''}`);
        const run = lab.runs().at(-1);
        if (run !== undefined && last !== undefined) args = ['resume', run, '--state-dir', lab.state];
        continue;
      }
      const exit = await child.ended;
      expect([exit, child.err()], `seed ${seed}, killed at ${places.join(' | ')}\n${child.out()}`).toEqual([0, '']);
      break;
    }
    const where = `seed ${seed}, killed at ${places.join(' | ')}`;
    console.log(where);
    for (const host of lab.fleet.hosts) {
      expect(readFileSync(join(host.root, 'var/ran'), 'utf8'), where).toBe('first\nx answer\ny answer\nlast\n');
      expect(host.boots(), where).toBe(2);
      expect(readFileSync(join(host.root, 'proc/cmdline'), 'utf8'), where).toContain('cgroup.memory=nokmem');
      expect(readFileSync(join(host.root, 'var/lib/kmend/fence'), 'utf8'), where).toMatch(/closed$/m);
    }
    expect(watch.most(), where).toBeLessThanOrEqual(slots);
    expect(startedBeyondBudget(lab.journal()), where).toBe(false);
    expect((await lab.run(['audit', 'verify', lab.runs().at(-1) ?? ''])).exit, where).toBe(0);
  } finally {
    watch.end();
    await lab.close();
  }
}

const points = Number(process.env.KMEND_CRASH_POINTS ?? 4);
const base = Number(process.env.KMEND_CRASH_SEED ?? 1);

describe('kill -9 and resume', () => {
  it.each(Array.from({ length: points }, (_none, index) => base + index))(
    'seed %i: three kills, and the run ends as if there had been none',
    (seed) => crashRun(seed, 3),
    120_000,
  );
});
