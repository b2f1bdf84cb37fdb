// State in PostgreSQL: what an append costs against a journal in a file, how runs spread over workers,
// and how long a run stands when its worker dies. Needs PostgreSQL on this machine; the server, the
// practice hosts and the workers share its cores.
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { median, percentile } from './lines.mjs';
import { sleep } from './process.mjs';
import { bundle } from './product.mjs';
import { begin, eventsOf, lead, makeFleet, startWorkers } from './workers.mjs';

const appends = 2_000;
const writers = [1, 50];
const workerCounts = [1, 2, 4];
const runs = Number(process.env.KMEND_BENCH_RUNS ?? 8);
const hostsPerRun = Number(process.env.KMEND_BENCH_HOSTS ?? 50);
const siteHosts = Number(process.env.KMEND_BENCH_SITE_HOSTS ?? 200);

export async function cluster({ folder, rounds, emit, print }) {
  const parts = [
    'adapters/store/index.ts',
    'adapters/postgres/index.ts',
    'adapters/postgres/link/db.ts',
    '../test/cluster/postgres.ts',
  ];
  const product = createRequire(import.meta.url)(await bundle(parts, join(folder, 'cluster.cjs')));
  const server = await product.startPostgres();
  const opened = [];
  try {
    /** A connection to a new database with kmend's schema. */
    const database = async (name) => {
      const url = server.createDatabase(name);
      await product.migrate(url);
      const db = await product.openDb(url, { kind: 'command', about: { who: 'bench' } });
      opened.push(db);
      return db;
    };
    const bench = { folder, rounds, emit, print, product, database };
    await appending(bench);
    await spreading(bench);
    await atSites(bench);
    await takingOver(bench, 'leader', 'run.resumed');
    await takingOver(bench, 'site', 'facts.read');
  } finally {
    for (const db of opened) await db.close();
    await server.close();
  }
}

// ---- Appends: both stores in turns, each entry durable when it is counted ----

async function appending({ folder, rounds, emit, print, product, database }) {
  const packagePath = () => join(folder, 'packages');
  const db = await database('appends');
  const stores = {
    file: product.createStore(join(folder, 'state'), Date.now),
    database: await product.createPostgresStore(db.place, { packagePath }),
  };
  const inserts = [];
  await db.query('create table plain (line text)');
  for (let count = 0; count < appends; count++) {
    const began = performance.now();
    await db.query('insert into plain values ($1)', ['x'.repeat(200)]);
    inserts.push(performance.now() - began);
  }
  for (const count of writers) {
    const took = { file: [], database: [] };
    for (let round = 0; round < rounds; round++)
      for (const [name, store] of Object.entries(stores))
        took[name].push(...(await appendTimes(store, `run-${count}-${round}`, count)));
    for (const [name, times] of Object.entries(took))
      print(
        `# append, ${count} at a time, ${name}: p50 ${percentile(times, 50).toFixed(2)} ms, p99 ${percentile(times, 99).toFixed(2)} ms`,
      );
    for (const percent of [50, 99])
      emit(`cluster.append.w${count}.p${percent}`, percentile(took.database, percent), {
        file: percentile(took.file, percent),
        insert: percentile(inserts, percent),
      });
  }
  for (const store of Object.values(stores)) await store.close();
}

/** Milliseconds of each append of so many writers to one journal. */
async function appendTimes(store, run, count) {
  const lock = await store.lock([`${run}.example:22`], run);
  const journal = await store.createJournal(run);
  const times = [];
  let left = appends;
  const write = async (host) => {
    for (left -= 1; left >= 0; left -= 1) {
      const began = performance.now();
      await journal.append({ type: 'warning', host, text: 'x'.repeat(200) }, true);
      times.push(performance.now() - began);
    }
  };
  await Promise.all(Array.from({ length: count }, (_, index) => write(`h${index}`)));
  await journal.close();
  await lock.release();
  return times;
}

// ---- Whole runs: how long they take, and the CPU of their workers ----

const tasks = (seconds) => `- name: Bench
  hosts: all
  rollout: {max_unavailable: 100%, waves: [100%]}
  tasks:
    - name: Work
      shell: {cmd: 'sleep ${seconds}'}
`;

async function spreading({ folder, emit, print, database }) {
  const names = Array.from({ length: runs }, (_, run) =>
    Array.from({ length: hostsPerRun }, (_, host) => `r${run}h${host}`),
  );
  const fleet = await makeFleet(join(folder, 'fleet'), names.flat(), tasks(5));
  const measured = {};
  try {
    for (const count of workerCounts) {
      const db = await database(`runs${count}`);
      const begun = [];
      for (const index of names.keys()) begun.push(await begin(fleet, db, `r${index}h*`));
      const workers = await startWorkers(fleet, db, count, () => ['--runs', '2']);
      try {
        measured[count] = await untilFinished(db, begun, workers);
      } finally {
        await workers.end();
      }
      const { wall, cpu } = measured[count];
      print(
        `# ${runs} runs of ${hostsPerRun} hosts, two at a time for each of ${count} workers: ${wall.toFixed(1)} s, ${cpu.toFixed(1)} ms of their CPU a host`,
      );
    }
  } finally {
    await fleet.close();
  }
  const [fewest, most] = [measured[workerCounts.at(0)], measured[workerCounts.at(-1)]];
  emit('cluster.runs.wall', most.wall, { one_worker: fewest.wall });
  emit('cluster.runs.cpu', most.cpu, { one_worker: fewest.cpu });
}

/** Seconds from the first run that is carried on to the last end, and CPU of the workers. */
async function untilFinished(db, begun, workers) {
  const [ends, starts] = [[], []];
  // What it costs to start them is in `startup`.
  const before = workers.cpu();
  for (const run of begun) {
    const { at, exit } = await eventsOf(db, run).when('run.finished', 0, 600);
    if (exit !== 0) throw new Error(`run ${run} ended with ${exit}`);
    ends.push(at);
    starts.push((await eventsOf(db, run).when('run.resumed')).at);
  }
  return {
    wall: (Math.max(...ends) - Math.min(...starts)) / 1000,
    cpu: ((workers.cpu() - before) * 1000) / (runs * hostsPerRun),
  };
}

// ---- One run with hosts at two sites, which only their workers reach ----

async function atSites({ folder, emit, print, database }) {
  const names = Array.from({ length: siteHosts }, (_, host) => `s${host}`);
  const sites = ['fra', 'ber'];
  const siteOf = (number) => sites[number % sites.length];
  const fleet = await makeFleet(join(folder, 'fleet'), names, tasks(1), siteOf);
  const measured = {};
  try {
    for (const count of workerCounts) {
      const db = await database(`sites${count}`);
      const of = (number) => (count < sites.length ? sites.join(',') : siteOf(number));
      const flags = (number) => ['--sites', of(number), '--hosts', '50'];
      const workers = await startWorkers(fleet, db, count, flags);
      try {
        measured[count] = await lead(fleet, db);
      } finally {
        await workers.end();
      }
      const { wall, cpu } = measured[count];
      print(
        `# a run of ${siteHosts} hosts at ${sites.length} sites, ${count} workers: ${wall.toFixed(1)} s, ${((cpu * 1000) / siteHosts).toFixed(1)} ms of its leader's CPU a host`,
      );
    }
  } finally {
    await fleet.close();
  }
  const [fewest, most] = [measured[workerCounts.at(0)], measured[workerCounts.at(-1)]];
  emit('cluster.sites.wall', most.wall, { one_worker: fewest.wall });
  emit('cluster.sites.leader', (most.cpu * 1000) / siteHosts, {
    one_worker: (fewest.cpu * 1000) / siteHosts,
  });
}

// ---- Death of the worker that leads a run, or that works on a host at its site ----

/** For so long a worker must have watched before it may judge another one; milliseconds. */
const watched = 6_000;

async function takingOver({ folder, rounds, emit, print, database }, which, goesOn) {
  const site = which === 'site' ? 'fra' : undefined;
  const siteOf = site === undefined ? undefined : () => site;
  const fleet = await makeFleet(join(folder, 'fleet'), ['h1'], tasks(600), siteOf);
  const db = await database(`takeover_${which}`);
  // The first one leads, and stays.
  const leader = site === undefined ? undefined : await startWorkers(fleet, db, 1);
  const flags = () => (site === undefined ? [] : ['--sites', site]);
  const workers = await startWorkers(fleet, db, 2, flags);
  const took = { SIGKILL: [], SIGSTOP: [] };
  try {
    const run = await begin(fleet, db, 'h1');
    const events = eventsOf(db, run);
    await events.when('effect.started');
    for (let round = 0; round < rounds; round++)
      for (const [signal, times] of Object.entries(took)) {
        await sleep(watched);
        const { seq } = await events.last();
        const died = await workers.replace(run, which, signal);
        times.push(((await events.when(goesOn, seq)).at - died) / 1000);
      }
  } finally {
    await workers.end();
    await leader?.end();
    await fleet.close();
  }
  for (const [signal, times] of Object.entries(took)) {
    print(
      `# ${signal} of the worker (${which}), seconds until another one goes on: ${times.map((one) => one.toFixed(1)).join(' ')}`,
    );
    emit(`cluster.${which}.${signal === 'SIGKILL' ? 'kill' : 'stop'}`, median(times), {});
  }
}
