// Three workers carry rollouts of the practice fleet and are killed or stopped at random moments,
// lose their cable, or their database is restarted. What is judged is seen from outside: what ran on
// the hosts, their boots, and how many were down. `KMEND_CHAOS` is the number of kills.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Child } from '../cli/child.ts';
import { eventsOf, play } from '../cli/practice.ts';
import { numbers, ranOnce, tasks } from '../crash/crash-run.ts';
import { mostUnderWay, watchMost } from '../crash/watch.ts';
import { type Cable, layCable, mayCut } from './cable.ts';
import { type Postgres, postgresBin, startPostgres } from './postgres.ts';
import { type WorkerPlace, type WorkersLab, workersLab } from './workers-lab.ts';

const kills = Number(process.env.KMEND_CHAOS ?? '6');
const seed = Number(process.env.KMEND_CHAOS_SEED ?? '16');
const slots = 2;
/** Milliseconds after which a worker has watched long enough to take over. */
const watchTime = 5_500;

interface Rollout {
  readonly lab: WorkersLab;
  readonly run: string;
  readonly workers: Child[];
  /** Waits for its end, and judges what it left. */
  readonly judge: (resumes?: number) => Promise<void>;
  readonly isOver: () => boolean;
  readonly leader: () => Promise<Child>;
}

let server: Postgres;
const open: (() => unknown)[] = [];
const measured: string[] = [];
beforeAll(async () => {
  if (postgresBin !== undefined) server = await startPostgres();
});
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});
afterAll(async () => {
  await server?.close();
  process.stderr.write(`${measured.join('\n')}\n`);
});

const last = ({ lab, run }: Pick<Rollout, 'lab' | 'run'>) => lab.events(run).at(-1);

/** A worker of the site of every second host. */
const ofSite: WorkerPlace = { args: ['--sites', 'fra'] };

/** Its workers start in these places; `count` hosts, every second one at the site where they say so. */
async function rollout(
  count: number,
  places: (lab: WorkersLab) => readonly WorkerPlace[] = () => [{}, {}, {}],
  hasSite = false,
): Promise<Rollout> {
  const names = Array.from({ length: count }, (_none, index) => `h${index + 1}`);
  const away = hasSite ? names.filter((_name, index) => index % 2 === 0) : [];
  const sites = Object.fromEntries(away.map((name) => [name, 'fra']));
  const lab = await workersLab(server, names, 0.5, sites);
  open.push(lab.close);
  const { hosts } = lab.fleet.fleet;
  const down = watchMost(() => hosts.filter((host) => !host.isUp()).length);
  open.push(down.end);
  const workers: Child[] = [];
  for (const place of places(lab)) workers.push(await lab.worker(place));
  const playbook = play(tasks, `{max_unavailable: ${slots}, brake: {failures: 0}}`);
  const run = await lab.detach(lab.fleet.file('play.yaml', playbook));
  const judge = async (resumes?: number): Promise<void> => {
    await lab.event(run, 'run.closed', () => true, 180);
    const events = lab.events(run);
    expect(eventsOf(events, 'host.failed')).toEqual([]);
    expect(eventsOf(events, 'run.finished').map(({ exit }) => exit)).toEqual([0]);
    expect(eventsOf(events, 'run.closed')).toHaveLength(1);
    if (resumes !== undefined) expect(eventsOf(events, 'run.resumed')).toHaveLength(resumes);
    for (const host of hosts) {
      expect([host.name, readFileSync(join(host.root, 'var/ran'), 'utf8')]).toEqual([
        host.name,
        ranOnce,
      ]);
      expect([host.name, host.boots()]).toEqual([host.name, 2]);
      expect(readFileSync(join(host.root, 'proc/cmdline'), 'utf8')).toContain(
        'cgroup.memory=nokmem',
      );
      expect(readFileSync(join(host.root, 'var/lib/kmend/fence'), 'utf8')).toMatch(/closed$/m);
    }
    expect(down.most()).toBeLessThanOrEqual(slots);
    expect(mostUnderWay(events, ['host.done'])).toBeLessThanOrEqual(slots);
    const audit = await lab.kmend(['audit', 'verify', run]);
    expect([audit.exit, audit.err]).toEqual([0, '']);
  };
  const leader = async (): Promise<Child> => {
    for (;;) {
      const pid = lab.leader(run);
      const found = workers.find((one) => one.pid === pid);
      if (found !== undefined) return found;
      await sleep(50);
    }
  };
  const isOver = (): boolean => last({ lab, run })?.type === 'run.closed';
  return { lab, run, workers, judge, isOver, leader };
}

/** One worker that was killed, or stopped for a while. */
interface Attack {
  readonly at: number;
  readonly how: 'kill -9' | 'SIGSTOP';
  /** It led the run, and its session was no longer there when it could go on. */
  readonly ofLeader: boolean;
}

/** Attacks a rollout until it is over, at most so many times. */
async function attack(
  on: Rollout,
  most: number,
  random: () => number,
  place?: WorkerPlace,
): Promise<readonly Attack[]> {
  const attacks: Attack[] = [];
  const { lab, workers } = on;
  await lab.event(on.run, 'effect.started');
  while (attacks.length < most && !on.isOver()) {
    const pid = lab.leader(on.run);
    const leads = workers.findIndex((one) => one.pid === pid);
    const chosen = random() < 0.7 && leads >= 0 ? leads : Math.floor(random() * workers.length);
    const victim = workers[chosen] as Child;
    const ofLeader = chosen === leads;
    if (random() < 0.6) {
      attacks.push({ at: Date.now(), how: 'kill -9', ofLeader });
      victim.signal('SIGKILL');
      workers[chosen] = await lab.worker(place);
    } else {
      const seconds = 1 + 9 * random();
      attacks.push({ at: Date.now(), how: 'SIGSTOP', ofLeader: ofLeader && seconds > 6 });
      victim.signal('SIGSTOP');
      await sleep(1000 * seconds);
      victim.signal('SIGCONT');
    }
    await sleep(4_000 * random());
  }
  return attacks;
}

/** Seconds from an attack on the leader to `run.resumed`, where no other attack came between. */
function takeovers({ lab, run }: Rollout, attacks: readonly Attack[], how: Attack['how']) {
  const resumed = eventsOf(lab.events(run), 'run.resumed').map(({ at }) => at);
  return attacks.flatMap((one, index) => {
    const next = resumed.find((at) => at > one.at);
    const until = attacks[index + 1]?.at ?? Number.POSITIVE_INFINITY;
    return one.ofLeader && one.how === how && next !== undefined && next < until
      ? [(next - one.at) / 1000]
      : [];
  });
}

const summary = (times: readonly number[]): string => {
  const sorted = [...times].sort((a, b) => a - b).map((time) => time.toFixed(1));
  return `${sorted.length} times: median ${sorted[Math.floor(sorted.length / 2)]} s, worst ${sorted.at(-1)} s`;
};

const isAlive = ({ ended }: Child): Promise<boolean> =>
  Promise.race([ended.then(() => false), sleep(0).then(() => true)]);

describe.skipIf(postgresBin === undefined)('three workers', () => {
  it(
    `come to one end of their rollouts, with ${kills} kills`,
    async () => {
      const random = numbers(seed);
      const found: Record<Attack['how'], number[]> = { 'kill -9': [], SIGSTOP: [] };
      let [done, rollouts, resumes] = [0, 0, 0];
      while (done < kills) {
        // In every second rollout the leader walks half of the hosts, and workers of a site the others.
        const place = rollouts % 2 === 0 ? ofSite : {};
        const on = await rollout(6, () => [place, place, place], place === ofSite);
        const most = Math.min(kills - done, Math.ceil(kills / 2));
        const attacks = await attack(on, most, random, place);
        await on.judge();
        // A worker that was stopped for a while is still a worker.
        expect(await Promise.all(on.workers.map(isAlive))).toEqual([true, true, true]);
        done += attacks.length;
        rollouts += 1;
        resumes += eventsOf(on.lab.events(on.run), 'run.resumed').length;
        for (const how of ['kill -9', 'SIGSTOP'] as const)
          found[how].push(...takeovers(on, attacks, how));
        for (const close of open.splice(0).reverse()) await close();
        process.stderr.write(`chaos: ${done} attacks in ${rollouts} rollouts\n`);
      }
      measured.push(
        `chaos: seed ${seed}, ${done} attacks in ${rollouts} rollouts, ${resumes} resumes`,
        ...(['kill -9', 'SIGSTOP'] as const).map(
          (how) => `chaos: ${how} of the leader to run.resumed, ${summary(found[how])}`,
        ),
      );
    },
    120_000 + kills * 40_000,
  );

  it.each(['fast', 'immediate'] as const)(
    'leave the run to its leader when PostgreSQL is restarted (%s)',
    async (mode) => {
      const on = await rollout(4);
      await on.lab.event(on.run, 'effect.started');
      await sleep(watchTime);
      const leader = await on.leader();
      await server.stop(mode);
      await sleep(2_000);
      await server.start();
      await on.judge(1);
      expect(leader.out()).toContain('exit 0');
    },
  );

  it('carry a run on whose leader died while PostgreSQL was away', async () => {
    const on = await rollout(4);
    await on.lab.event(on.run, 'effect.started');
    const leader = await on.leader();
    await server.stop('immediate');
    leader.signal('SIGKILL');
    await sleep(1_000);
    await server.start();
    const back = Date.now();
    await on.judge(2);
    const [, resumed] = eventsOf(on.lab.events(on.run), 'run.resumed');
    measured.push(
      `died in an outage: resumed ${(((resumed?.at ?? 0) - back) / 1000).toFixed(1)} s after it`,
    );
  });

  it.skipIf(!mayCut)('carry a run on whose leader cannot reach the database', async () => {
    const cable: Cable = await layCable(server);
    open.push(cable.close);
    const on = await rollout(4, ({ url }) => [
      { url: cable.url(url.split('/').at(-1) ?? '') },
      {},
      {},
    ]);
    await on.lab.event(on.run, 'effect.started');
    await sleep(watchTime);
    const leader = await on.leader();
    expect(leader.pid).toBe(on.workers[0]?.pid);
    const cut = Date.now();
    cable.cut();
    const resumed = await on.lab.event(on.run, 'run.resumed', ({ at }) => at > cut);
    measured.push(`cut: resumed after ${((resumed.at - cut) / 1000).toFixed(1)} s`);
    cable.connect();
    await on.judge(2);
    expect(await isAlive(leader)).toBe(true);
  });

  it.skipIf(!mayCut).each([
    ['', false],
    [' at their site', true],
  ])('remediate the host that one of them is on%s', async (_where, hasSite) => {
    const directory = mkdtempSync(join(tmpdir(), 'kmend-boot-'));
    open.push(() => rmSync(directory, { recursive: true }));
    /** A machine of its own: its kernel says another boot id. */
    const on = (name: string, bootId: string): WorkerPlace => {
      const file = join(directory, name);
      writeFileSync(file, `${bootId}\n`);
      const bind = 'mount --bind "$0" /proc/sys/kernel/random/boot_id && exec "$@"';
      const place = { prefix: ['unshare', '--mount', 'sh', '-c', bind, file] };
      return hasSite ? { ...place, ...ofSite } : place;
    };
    const places = ({ fleet }: WorkersLab): readonly WorkerPlace[] => [
      on('h1', fleet.host('h1').bootId()),
      on('other', '5f1b0f5e-1111-4222-8333-944455566677'),
    ];
    const { judge, lab, run, workers } = await rollout(2, places, hasSite);
    await judge();
    const [own, other] = workers;
    if (hasSite) return expect(other?.out()).toContain('h1: worked on, ended');
    expect(own?.out()).toContain('it is handed over: another worker carries it on');
    expect(other?.out()).toContain('exit 0');
    expect(eventsOf(lab.events(run), 'run.resumed')).toHaveLength(2);
  });
});
