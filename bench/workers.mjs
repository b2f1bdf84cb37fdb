// Workers as processes over a database and a practice fleet, for cluster.mjs.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { variable } from './package.mjs';
import { serverCpu, sleep } from './process.mjs';
import { cleanEnv, kmend } from './product.mjs';

/**
 * Practice hosts in this process, and a playbook beside them.
 * @param siteOf gives the site of a host by its number
 */
export async function makeFleet(dir, names, playbook, siteOf) {
  const { createFleet } = createRequire(import.meta.url)(
    join(process.env[variable], 'dist/practice.cjs'),
  );
  const hosts = names.map((name) => ({
    name,
    flavour: 'el7',
    kernel: '3.10.0-1160.el7.x86_64',
    packages: [],
  }));
  const fleet = await createFleet({ dir, hosts, downSeconds: 0.5 });
  const home = join(dirname(dir), 'home');
  mkdirSync(home, { recursive: true });
  const file = join(dirname(dir), 'play.yaml');
  writeFileSync(file, playbook);
  const inventories = [fleet.inventoryFile];
  if (siteOf !== undefined) {
    const vars = names.map((name, index) => [name, { kmend_site: siteOf(index) }]);
    const sites = join(dirname(dir), 'sites.yaml');
    writeFileSync(sites, JSON.stringify({ all: { hosts: Object.fromEntries(vars) } }));
    inventories.push(sites);
  }
  const inventory = inventories.flatMap((path) => ['-i', path]);
  return { file, home, inventory, close: fleet.close };
}

const ended = promisify(execFile);

/** Begins a run that waits for a worker; returns its name. */
export async function begin({ file, home, inventory }, { place }, limit) {
  const flags = [...inventory, '-l', limit, '--yes', '--detach', '-q', '--state', place];
  const { stdout } = await ended(kmend[0], [kmend[1], 'apply', file, ...flags], {
    env: cleanEnv(home),
  });
  return stdout.trim().split('\n').at(-1);
}

/** Carries out a run in a process of its own; returns its seconds, and those of its CPU. */
export async function lead({ file, home, inventory }, { place }) {
  const began = performance.now();
  const args = ['apply', file, ...inventory, '--yes', '-q', '--state', place];
  const child = spawn(kmend[0], [kmend[1], ...args], {
    cwd: home,
    env: cleanEnv(home),
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  let cpu = 0;
  const watch = setInterval(() => {
    cpu = serverCpu(child.pid) || cpu;
  }, 50);
  const [exit] = await once(child, 'exit');
  clearInterval(watch);
  if (exit !== 0) throw new Error(`the run ended with ${exit}`);
  return { wall: (performance.now() - began) / 1000, cpu };
}

/** The events of a run, as the database has them. */
export function eventsOf(db, run) {
  const first = async (where, values) => {
    const select = `select line from event where run = $1 ${where} limit 1`;
    const [row] = await db.query(select, [run, ...values]);
    return row && JSON.parse(row.line);
  };
  return {
    last: () => first('order by seq desc', []),
    /** The first event of a type after an entry; fails after so many seconds. */
    when: async (type, after = 0, seconds = 60) => {
      for (const began = performance.now(); performance.now() - began < seconds * 1000; ) {
        const where = "and seq > $2 and line::json->>'type' = $3 order by seq";
        const event = await first(where, [after, type]);
        if (event !== undefined) return event;
        await sleep(200);
      }
      throw new Error(`no ${type} in ${seconds} s`);
    },
  };
}

const pidOf = "(says::json->>'pid')::integer";

/** The worker that leads a run, and the one that works on its host at a site. */
const workersOf = {
  leader: `select ${pidOf} as pid from run join holder on holder.id = leader where run = $1`,
  site: `select ${pidOf} as pid from errand join holder on holder.id = holder where run = $1`,
};

/**
 * Starts so many workers, and waits until all are alive.
 * @param flagsOf gives the flags of a worker by its number
 */
export async function startWorkers(fleet, db, count, flagsOf = () => []) {
  const workers = new Map();
  const start = async (number = count) => {
    const args = [kmend[1], 'worker', ...flagsOf(number), '--state', db.place];
    const child = spawn(kmend[0], args, {
      cwd: fleet.home,
      env: cleanEnv(fleet.home),
      stdio: 'ignore',
    });
    workers.set(child.pid, { child, exit: once(child, 'exit') });
    const living = `select id from holder where kind = 'worker' and is_alive(id) and ${pidOf} = $1`;
    for (let waited = 0; (await db.query(living, [child.pid])).length === 0; waited++) {
      if (waited > 300 || child.exitCode !== null) throw new Error('a worker does not live');
      await sleep(100);
    }
  };
  const end = async () => {
    for (const { child } of workers.values()) child.kill('SIGKILL');
    await Promise.all([...workers.values()].map(({ exit }) => exit));
  };
  try {
    await Promise.all(Array.from({ length: count }, (_, number) => start(number)));
  } catch (error) {
    await end();
    throw error;
  }
  return {
    /** CPU seconds of all that run. */
    cpu: () => [...workers.keys()].reduce((sum, pid) => sum + serverCpu(pid), 0),
    /**
     * Sends a worker of a run (one of `workersOf`) a signal that ends or stops it, and starts a worker
     * in its place.
     */
    replace: async (run, which, signal) => {
      const [found] = await db.query(workersOf[which], [run]);
      const worker = workers.get(found?.pid);
      if (worker === undefined) throw new Error('no worker has the run');
      const at = Date.now();
      worker.child.kill(signal);
      await start();
      return at;
    },
    end,
  };
}
