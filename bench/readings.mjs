// `check` of a large fleet at a site, by 1 and by 4 workers as processes over PostgreSQL. Their hosts
// are made up: each command takes a while and answers what the probe prints on this machine. The
// server, the command and the workers share the cores of this machine.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { serverCpu } from './process.mjs';
import { bundle, cleanEnv } from './product.mjs';

const hosts = Number(process.env.KMEND_BENCH_HOSTS ?? 10_000);
const workerCounts = [1, 4];

export async function readings({ folder, emit, print }) {
  const parts = [
    'facts/index.ts',
    'adapters/postgres/operate/migrate.ts',
    '../test/cluster/postgres.ts',
    '../test/cluster/reading-worker.ts',
    '../test/cli/real-world.ts',
  ];
  const file = await bundle(parts, join(folder, 'readings.cjs'));
  const product = createRequire(import.meta.url)(file);
  const probe = join(folder, 'probe.txt');
  const script = product.buildProbe(product.checkWants);
  writeFileSync(probe, execFileSync('sh', { input: script, maxBuffer: 1 << 26, stdio: 'pipe' }));
  const inventory = join(folder, 'inventory.yaml');
  const names = Array.from({ length: hosts }, (_, index) => `    host-${index}:\n`);
  writeFileSync(inventory, `all:\n  vars: {kmend_site: fra}\n  hosts:\n${names.join('')}`);
  const server = await product.startPostgres();
  const wall = {};
  try {
    for (const count of workerCounts) {
      const url = server.createDatabase(`readings${count}`);
      await product.migrate(url);
      const workers = await startWorkers(count, [file, url, probe, folder]);
      try {
        const began = performance.now();
        const cpu = process.cpuUsage();
        const checked = await checkFrom(product, { url, inventory, home: folder });
        wall[count] = (performance.now() - began) / 1000;
        const { user, system } = process.cpuUsage(cpu);
        const spent = workers.cpu();
        print(
          `# check of ${hosts} hosts by ${count} workers: ${wall[count].toFixed(1)} s, CPU a host: ${((user + system) / 1000 / hosts).toFixed(1)} ms here, ${((spent * 1000) / hosts).toFixed(1)} ms theirs; ${checked} rows`,
        );
      } finally {
        await workers.end();
      }
    }
  } finally {
    await server.close();
  }
  emit('readings.check.wall', wall[4], { one_worker: wall[1] });
}

/** The command, in this process and without a way to any host; returns how many hosts it has read. */
async function checkFrom(product, { url, inventory, home }) {
  const none = async () => {
    throw new Error('the command reaches no host itself');
  };
  const changes = { home, transport: async () => ({ connect: none, close: async () => {} }) };
  const args = ['check', '-i', inventory, '--json', '--state', url];
  const { out, err } = await product.startCommand(args, changes).result;
  const rows = out.split('\n').filter((line) => line.startsWith('{"schema":"kmend.check/1"'));
  const failure = rows.find((line) => !line.includes('"failure":null'));
  if (rows.length !== hosts || failure !== undefined)
    throw new Error(`not all hosts were read: ${failure ?? err}`);
  return rows.length;
}

async function startWorkers(count, args) {
  const self = new URL('reading-worker.mjs', import.meta.url).pathname;
  const children = Array.from({ length: count }, (_, index) => {
    const child = spawn(process.execPath, [self, ...args, `m${index + 1}`], {
      env: cleanEnv(args.at(-1)),
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    return { child, exit: once(child, 'exit'), ready: once(child.stdout, 'data') };
  });
  await Promise.all(children.map(({ ready, exit }) => Promise.race([ready, exit])));
  const cpu = () => children.reduce((sum, { child }) => sum + serverCpu(child.pid), 0);
  const before = cpu();
  return {
    cpu: () => cpu() - before,
    end: async () => {
      for (const { child } of children) child.kill('SIGKILL');
      await Promise.all(children.map(({ exit }) => exit));
    },
  };
}
