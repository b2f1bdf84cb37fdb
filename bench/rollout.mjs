// Makespan of a rollout on the virtual clock (the product's own decide and fold) against the lower
// bound and a model of Ansible's batches; and what a large rollout costs. Prints `name value unit
// ratio to PEER goal ok|short`. All durations are invented; only ratios count.
import { spawnSync } from 'node:child_process';
import { closeSync, openSync, writeSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { policy } from './policy.mjs';
import { bundle } from './product.mjs';

const nodes = 1000;
const draws = Number(process.env.KMEND_BENCH_DRAWS ?? 20);
const scaleHosts = Number(process.env.KMEND_BENCH_HOSTS ?? 50_000);

/** At most so many times the lower bound, by the number of nodes that may be away at once. */
const boundGoals = { 10: 1.05, 20: 1.05, 50: 1.3, 100: 1.3 };
/** With waves of 1, 10, 50 and 100 %, the next of which begins with half of the last under way. */
const waveGoals = { 20: 1.1, 50: 1.3 };
/** `longest_first`, with drains known from an earlier run. */
const longestGoal = 1.3;
const linearGoal = 0.6;
const cpuGoal = 60;
const memoryGoal = 512;
const growthGoal = 1.3;
const planGoal = 10;

async function loadCore() {
  const folder = await mkdtemp(join(tmpdir(), 'kmend-bench-'));
  const files = [
    'core/decide/simulate.ts',
    'core/plan/order.ts',
    'core/plan/estimate.ts',
    'core/decide/decide.ts',
    'core/run-state/fold.ts',
    'core/run-state/state.ts',
  ];
  try {
    return await import(
      pathToFileURL(
        await bundle(
          [...files, 'engine/state/chain.ts', 'adapters/store/journal-lines.ts'],
          join(folder, 'core.cjs'),
        ),
      ).href
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const core = await loadCore();

// ---- Reading a journal, in a process of its own (this script again, with the file's name): its
// memory is nobody else's ----

async function foldFile(path) {
  let state = core.emptyState;
  const end = await core.scanJournal(path, 'bench', (event) => {
    state = core.fold(state, event);
  });
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
  console.log(
    JSON.stringify({
      cpu: (userCPUTime + systemCPUTime) / 1e6,
      memory: maxRSS / 1024,
      entries: end.entries,
      exit: state.finished?.exit,
    }),
  );
  process.exit(0);
}

const [, self, journalFile] = process.argv;
if (self === fileURLToPath(import.meta.url) && journalFile !== undefined)
  await foldFile(journalFile);

// ---- The fleet: seconds of each step, as random numbers with a given median and 95th percentile
// ----

const normal = (random) =>
  Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
const lognormal = (random, median, p95) =>
  median * Math.exp((Math.log(p95 / median) / 1.645) * normal(random));
const reboots = { vm: [60, 120], metal: [240, 480] };

/** Seconds for which one node of a hundred hangs. */
const hang = 900;

function fleetOf(profile, seed) {
  const random = core.numbersFrom(`${profile} ${seed}`);
  return Array.from({ length: nodes }, () => ({
    drain: Math.min(600, lognormal(random, 60, 300)),
    install: lognormal(random, 45, 90),
    reboot: lognormal(random, ...reboots[profile]),
    ready: 10 + lognormal(random, 20, 60),
    hangs: random() < 0.01,
    draw: random(),
  })).map((node) => (node.hangs ? { ...node, ready: node.ready + hang } : node));
}

const total = (node) => node.drain + node.install + node.reboot + node.ready;
const sum = (numbers) => numbers.reduce((all, one) => all + one, 0);

/** No scheduler can be faster: the work divided by the slots, or the longest node. */
const lowerBound = (fleet, slots) =>
  Math.max(sum(fleet.map(total)) / slots, Math.max(...fleet.map(total)));

// ---- The peers, as models ----

/**
 * Ansible's reboot looks again after 2, 4, 8, then 12 seconds and up to one more, so it sees the
 * host later than it is back.
 */
function seenBack(node) {
  const random = core.numbersFrom(`${node.draw}`);
  let time = 0;
  for (let attempt = 1; time < node.reboot; attempt += 1)
    time += Math.min(2 ** attempt, 12) + random();
  return { ...node, reboot: time };
}

/** Seconds until `forks` workers have done these, taken in order. */
function workers(seconds, forks) {
  const free = new Array(Math.min(forks, seconds.length)).fill(0);
  for (const one of seconds) {
    const next = free.indexOf(Math.min(...free));
    free[next] += one;
  }
  return Math.max(...free);
}

const batches = (fleet, size) =>
  Array.from({ length: Math.ceil(fleet.length / size) }, (_, index) =>
    fleet.slice(index * size, (index + 1) * size),
  );
const steps = ['drain', 'install', 'reboot', 'ready'];

/** A barrier after each step and after each batch. */
const linear = (fleet, serial, forks) =>
  sum(
    batches(fleet.map(seenBack), serial).map((batch) =>
      sum(
        steps.map((step) =>
          workers(
            batch.map((node) => node[step]),
            forks,
          ),
        ),
      ),
    ),
  );
/** A barrier after each batch. */
const free = (fleet, serial) =>
  sum(batches(fleet.map(seenBack), serial).map((batch) => Math.max(...batch.map(total))));

// ---- kmend ----

const policyOf = (slots) => ({ ...policy, maxUnavailable: { count: slots } });

const task = {
  id: '1',
  name: 'Fix',
  module: 'reboot',
  status: 'change',
  changes: [],
  risk: 'reboot',
};
const runHost = (host, estimate, zone) => ({
  host,
  down: false,
  plan: {
    host,
    tasks: [task],
    risk: 'reboot',
    verdict: 'on',
    remedy: 'reboot',
    remedyWhy: '',
    reads: {},
    estimate,
    warnings: [],
    ...(zone ? { zone } : {}),
  },
});

const begin = (hosts, rollout) => ({
  type: 'run.started',
  tool: 'bench',
  playbook: 'bench',
  play: 'bench',
  rollout,
  pool: hosts.length,
  hosts,
  leftOut: [],
  who: 'bench',
  attended: false,
  planId: 'bench',
});

/** @param more rollout keys @param order hosts in the order of work, where it is not the fleet's */
function slots(fleet, count, more = {}, order = (hosts) => hosts) {
  const seconds = new Map(fleet.map((node, index) => [`n${index}`, total(node) + 0.3]));
  const hosts = order([...seconds].map(([name, time]) => runHost(name, Math.round(time))));
  const end = core.simulate({
    begin: begin(hosts, { ...policyOf(count), ...more }),
    run: 'bench',
    now: 0,
    outcome: (host) => ({ seconds: seconds.get(host), end: 'done' }),
  });
  if (end.exit !== 0) throw new Error(`the rollout ended with ${end.exit}: ${end.why}`);
  return end.endAt / 1000;
}

const waves = [1, 10, 50, 100].map((percent) => ({ percent }));

/**
 * `forecast`: the grace periods say how long each drain takes, and other hosts how long the rest
 * does. `history`: every host took as long in an earlier run. Which nodes hang this time nobody
 * knows.
 */
function longestFirst(fleet, by) {
  const earlier = fleet.map((node, index) => ({
    host: by === 'history' ? `n${index}` : `other${index}`,
    remedy: 'reboot',
    seconds: total(node) - (node.hangs ? hang : 0),
    drain: node.drain,
  }));
  const planned = fleet.map((node, index) => ({
    ...runHost(`n${index}`, 600).plan,
    drain: node.drain,
  }));
  const expected = core.expectedOf(planned, earlier);
  const byName = new Map(planned.map(({ host }, index) => [host, expected[index]]));
  return (hosts) => {
    const plans = hosts.map(({ host }) => ({ host, expected: byName.get(host) }));
    const named = new Map(hosts.map((host) => [host.host, host]));
    return core.orderHosts(plans, 'longest_first', '').map(({ host }) => named.get(host));
  };
}

const print = (name, value, unit, ratio, peer, goal, ok) =>
  console.log(`${name}  ${value} ${unit}  ${ratio} to ${peer}  ${goal}  ${ok ? 'ok' : 'short'}`);

for (const profile of Object.keys(reboots)) {
  const fleets = Array.from({ length: draws }, (_, seed) => fleetOf(profile, seed));
  for (const count of [10, 20, 50, 100]) {
    const mean = (measure) => sum(fleets.map(measure)) / draws;
    const ours = mean((fleet) => slots(fleet, count));
    const peers = {
      'lower bound': [mean((fleet) => lowerBound(fleet, count)), boundGoals[count]],
      'Ansible linear, forks = serial (model)': [
        mean((fleet) => linear(fleet, count, count)),
        linearGoal,
      ],
      'Ansible linear, forks = 5 (model)': [mean((fleet) => linear(fleet, count, 5)), linearGoal],
      'Ansible free (model)': [mean((fleet) => free(fleet, count)), 1],
    };
    const bound = peers['lower bound'][0];
    const against = (name, seconds, goal) =>
      print(
        `rollout.${profile}.k${count}.${name}`,
        (seconds / 3600).toFixed(2),
        'h',
        (seconds / bound).toFixed(3),
        'lower bound',
        goal === undefined ? 'no goal' : `<=${goal}`,
        goal === undefined || seconds / bound <= goal,
      );
    if (count in waveGoals) {
      against(
        'barriers',
        mean((fleet) => slots(fleet, count, { waves })),
      );
      against(
        'overlap',
        mean((fleet) => slots(fleet, count, { waves, waveOverlap: { percent: 50 } })),
        waveGoals[count],
      );
      against(
        'overlap.soak',
        mean((fleet) =>
          slots(fleet, count, { waves, waveOverlap: { percent: 50 }, soak: { host: 0, wave: 60 } }),
        ),
      );
    }
    for (const by of count === 100 ? ['forecast', 'history'] : [])
      against(
        `longest_first.${by}`,
        mean((fleet) => slots(fleet, count, {}, longestFirst(fleet, by))),
        by === 'forecast' ? longestGoal : undefined,
      );
    for (const [peer, [seconds, goal]] of Object.entries(peers)) {
      const ratio = ours / seconds;
      print(
        `rollout.${profile}.k${count}`,
        (ours / 3600).toFixed(2),
        'h',
        ratio.toFixed(3),
        peer,
        `<=${goal}`,
        ratio <= goal,
      );
    }
  }
}

// ---- What a large rollout costs: 20 events a host, a decision after each ----

function walkOf(host) {
  const events = [{ type: 'warning', host, text: 'seen on the way' }];
  for (let number = 0; number < 8; number += 1) {
    const effect = `${host}/${number}`;
    events.push({
      type: 'effect.started',
      host,
      task: `${number}`,
      effect,
      kind: 'run',
      what: 'step',
      timeout: 60,
      detached: false,
    });
    events.push({
      type: 'effect.done',
      host,
      task: `${number}`,
      effect,
      result: { ok: true, code: 0 },
    });
  }
  events.push({ type: 'task.done', host, task: '1', name: 'Fix', status: 'changed' });
  return events;
}

function largeFleet(count) {
  const random = core.numbersFrom('large');
  const hosts = Array.from({ length: count }, (_, index) =>
    runHost(`n${index}`, Math.round(lognormal(random, 300, 900)), `z${index % 3}`),
  );
  const rollout = {
    ...policyOf(1),
    maxUnavailable: { percent: 2 },
    maxPerZone: { percent: 2 },
    waves: [{ percent: 5 }, { percent: 100 }],
  };
  const seconds = new Map(hosts.map(({ host, plan }) => [host, plan.estimate]));
  return {
    begin: begin(hosts, rollout),
    run: 'bench',
    now: 0,
    outcome: (host) => ({ seconds: seconds.get(host), end: 'done' }),
  };
}

function timed(world) {
  const before = process.cpuUsage();
  const end = core.simulate(world);
  const used = process.cpuUsage(before);
  if (end.exit !== 0) throw new Error(`the rollout ended with ${end.exit}: ${end.why}`);
  return (used.user + used.system) / 1e6;
}

function large(count) {
  const world = largeFleet(count);
  let events = 0;
  const onEvent = (event, state) => {
    events += 1;
    core.decide(state, world.begin.rollout, event.at);
  };
  return { cpu: timed({ ...world, walk: walkOf, onEvent }), events };
}

/** The journal of a large rollout, as the product writes it. */
function writeJournal(path, count) {
  const file = openSync(path, 'w');
  let prev = core.rootOf('bench');
  let seq = 0;
  let waiting = '';
  const flush = () => {
    writeSync(file, waiting);
    waiting = '';
  };
  const onEvent = (event) => {
    const line = JSON.stringify({ ...event, seq, prev });
    prev = core.hashOf(line);
    seq += 1;
    waiting += `${line}\n`;
    if (waiting.length > 1 << 20) flush();
  };
  core.simulate({ ...largeFleet(count), walk: walkOf, onEvent });
  flush();
  closeSync(file);
}

/** What `report` and `resume` cost over that journal. */
async function folding(count) {
  const folder = await mkdtemp(join(tmpdir(), 'kmend-bench-'));
  try {
    const path = join(folder, 'journal.ndjson');
    writeJournal(path, count);
    const child = spawnSync(process.execPath, [fileURLToPath(import.meta.url), path], {
      encoding: 'utf8',
    });
    if (child.status !== 0) throw new Error(child.stderr);
    return JSON.parse(child.stdout);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

large(scaleHosts / 50);
const small = large(scaleHosts / 10);
const whole = large(scaleHosts);
const perEvent = (cost) => (cost.cpu / cost.events) * 1e6;
const growth = perEvent(whole) / perEvent(small);
const memory = process.resourceUsage().maxRSS / 1024;
print(
  'rollout.scale.cpu',
  whole.cpu.toFixed(1),
  's',
  (whole.cpu / cpuGoal).toFixed(3),
  `${cpuGoal} s for ${whole.events} events`,
  '<=1',
  whole.cpu <= cpuGoal,
);
print(
  'rollout.scale.memory',
  memory.toFixed(0),
  'MiB',
  (memory / memoryGoal).toFixed(3),
  `${memoryGoal} MiB`,
  '<=1',
  memory <= memoryGoal,
);
print(
  'rollout.scale.per_event',
  perEvent(whole).toFixed(2),
  'us',
  growth.toFixed(3),
  `${scaleHosts / 10} hosts`,
  `<=${growthGoal}`,
  growth <= growthGoal,
);

const planning = timed(largeFleet(scaleHosts));
print(
  'rollout.scale.plan',
  planning.toFixed(1),
  's',
  (planning / planGoal).toFixed(3),
  `${planGoal} s for ${scaleHosts} hosts`,
  '<=1',
  planning <= planGoal,
);
const folded = await folding(scaleHosts);
print(
  'rollout.scale.fold.cpu',
  folded.cpu.toFixed(1),
  's',
  (folded.cpu / cpuGoal).toFixed(3),
  `${cpuGoal} s for a journal of ${folded.entries} events`,
  '<=1',
  folded.exit === 0 && folded.cpu <= cpuGoal,
);
print(
  'rollout.scale.fold.memory',
  folded.memory.toFixed(0),
  'MiB',
  (folded.memory / memoryGoal).toFixed(3),
  `${memoryGoal} MiB`,
  '<=1',
  folded.memory <= memoryGoal,
);
