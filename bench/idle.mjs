// What a held connection costs here: kB of RSS, and CPU while nothing happens; against an ssh
// master process per host.
import { spawn } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { missing } from './lines.mjs';
import { measure, memoryOf, sleep } from './process.mjs';
import { bundle, cleanEnv } from './product.mjs';
import { addresses, makeKeys, reachFiles, startSshd, user } from './sshd.mjs';

const masters = 20;
const holder = new URL('hold.mjs', import.meta.url).pathname;

async function hold(count, { product, keys, known, folder, port, print }) {
  const output = join(folder, `held-${count}`);
  rmSync(output, { force: true });
  const settings = JSON.stringify({
    product,
    hosts: addresses(count),
    port,
    user,
    identity: keys.identity,
    known,
  });
  const command = [process.execPath, '--expose-gc', holder];
  const run = await measure(command, {
    env: cleanEnv(keys.home, { KMEND_HOLD: settings }),
    output,
    timeout: 60 + count * 0.3,
  });
  if (run.code !== 0) return missing(`${run.timedOut ? 'cut off' : run.errors.slice(-200)}`);
  const held = JSON.parse(readFileSync(output, 'utf8'));
  print(
    `# kmend holds ${held.held} of ${count}  ${held.before.toFixed(1)} MB before, ${held.after.toFixed(1)} MB after  ${held.cpu.toFixed(2)} ms/s`,
  );
  return { ...held, each: ((held.after - held.before) * 1024) / count };
}

/** kB of anonymous memory of a master process of OpenSSH, as Ansible keeps one for each host. */
async function masterSize({ reach, keys }) {
  const hosts = addresses(masters);
  const children = hosts.map((host) =>
    spawn(
      'ssh',
      ['-F', reach.config, '-N', '-M', '-o', `ControlPath=${keys.folder}/m-${host}`, host],
      { stdio: 'ignore' },
    ),
  );
  await sleep(4000);
  const alive = children.filter((child) => child.exitCode === null);
  const { anon } = memoryOf(alive.map((child) => String(child.pid)));
  await Promise.all(
    alive.map((child) => {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill();
      return ended;
    }),
  );
  return alive.length === masters
    ? (anon * 1024) / masters
    : missing(`${alive.length} of ${masters} masters`);
}

export async function idle({ folder, hosts, emit, print }) {
  const keys = makeKeys(folder);
  const product = await bundle(['adapters/ssh/index.ts'], join(folder, 'ssh.cjs'));
  const sshd = await startSshd(keys, { port: 2201 });
  try {
    for (const count of hosts) {
      const reach = reachFiles(keys, sshd.port, addresses(count), `idle${count}`);
      const context = {
        product,
        keys,
        reach,
        folder,
        port: sshd.port,
        print,
        known: join(folder, `idle${count}.known_hosts`),
      };
      const some = await hold(Math.max(10, Math.round(count / 10)), context);
      const all = await hold(count, context);
      const master = await masterSize(context);
      emit('idle.memory', all.each ?? all, { control_master: master }, `idle.memory.n${count}`);
      // Below half a millisecond a second both are the noise of one timer.
      const floor = (cpu) => Math.max(0.5, cpu);
      const fewer =
        some.cpu === undefined
          ? some
          : { value: floor(some.cpu), name: `a tenth of the connections ${some.cpu.toFixed(2)}` };
      emit(
        'idle.cpu',
        all.cpu === undefined ? all : floor(all.cpu),
        { tenth_of_connections: fewer },
        `idle.cpu.n${count}`,
      );
    }
  } finally {
    await sshd.stop();
  }
}
