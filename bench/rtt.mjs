// Round trips of one host's check: behind a proxy that holds every chunk back for half a round
// trip.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { missing, roundTrips } from './lines.mjs';
import { hostKinds } from './pods.mjs';
import { isInstalled, measure } from './process.mjs';
import { cleanEnv, kmend, kmendSays } from './product.mjs';
import { makeKeys, reachFiles, startSshd } from './sshd.mjs';

const rtt = 200;
const rounds = 5;

/** Chunks keep their order: each waits for the same time. */
async function delayingProxy(port, milliseconds) {
  const relay = (from, to) => {
    from.on('data', (chunk) => setTimeout(() => to.writable && to.write(chunk), milliseconds));
    from.on('end', () => setTimeout(() => to.end(), milliseconds));
    from.on('error', () => to.destroy());
  };
  const server = createServer((client) => {
    const upstream = connect({ host: '127.0.0.1', port, noDelay: true });
    client.setNoDelay(true);
    relay(client, upstream);
    relay(upstream, client);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

const playbook = (remote) =>
  `- hosts: all\n  gather_facts: false\n  tasks:\n${`    - ansible.builtin.command: ${remote}\n`.repeat(8)}`;

export async function rtts(context) {
  const { folder } = context;
  const keys = makeKeys(folder);
  const env = cleanEnv(keys.home);
  const script = join(folder, 'probe.sh');
  writeFileSync(script, kmendSays(['probe'], env));
  writeFileSync(join(folder, 'ansible.cfg'), '');
  writeFileSync(join(folder, 'playbook.yaml'), playbook('cat /proc/uptime'));
  mkdirSync(join(folder, 'cp'));
  for (const [index, kind] of context.kinds.entries()) {
    const sshd = await startSshd(keys, { port: 2202 + 10 * index, ...hostKinds[kind]() });
    await rttsOf(kind, { ...context, keys, env, script, sshd });
  }
}

/** What is measured through a proxy with this delay. */
function commandsOf(delay, port, { kind, folder, keys, env, script }) {
  const reach = reachFiles(keys, port, ['127.0.0.1'], `rtt${delay}`);
  const ansible = {
    ...env,
    ANSIBLE_CONFIG: join(folder, 'ansible.cfg'),
    ANSIBLE_SSH_ARGS: `-F ${reach.config} -C -o ControlMaster=auto -o ControlPersist=60s`,
    ANSIBLE_SSH_CONTROL_PATH_DIR: join(folder, 'cp'),
    ANSIBLE_PIPELINING: '1',
  };
  return {
    kmend: { command: [...kmend, 'check', '-i', reach.inventory, '--json'], env, rounds },
    ssh: { command: ['ssh', '-F', reach.config, '127.0.0.1', `sh ${script}`], env, rounds },
    ansible_raw: {
      program: 'ansible',
      command: ['ansible', 'all', '-i', reach.inventory, '-m', 'raw', '-a', `sh ${script}`],
      env: ansible,
      rounds: 2,
    },
    // Its questions cost the same on every host.
    ...(kind === 'small'
      ? {
          ansible_playbook: {
            program: 'ansible-playbook',
            command: ['ansible-playbook', '-i', reach.inventory, join(folder, 'playbook.yaml')],
            env: ansible,
            rounds: 1,
          },
        }
      : {}),
  };
}

/** Milliseconds of a command; infinite where it did not do its work. */
async function wallOf(name, { command, env }, output) {
  rmSync(output, { force: true });
  const run = await measure(command, { env, output, timeout: 40 });
  // kmend's exit code is the verdict on the host; whether it answered stands in the output.
  const good = name === 'kmend' ? /"facts":\{/.test(readFileSync(output, 'utf8')) : run.code === 0;
  return good ? run.wall * 1000 : Number.POSITIVE_INFINITY;
}

/**
 * With and without delay in turns: a second in which others have the cores counts as five round
 * trips where it falls on one side only. The smallest wall of each counts.
 */
async function rttsOf(kind, { folder, keys, env, script, sshd, emit, print }) {
  const walls = {};
  const delays = [0, rtt];
  const proxies = [];
  try {
    for (const delay of delays) proxies.push(await delayingProxy(sshd.port, delay / 2));
    const commands = proxies.map((proxy, at) =>
      commandsOf(delays[at], proxy.address().port, { kind, folder, keys, env, script }),
    );
    for (const [name, { program, rounds: times }] of Object.entries(commands[0])) {
      if (program !== undefined && !isInstalled(program)) continue;
      const best = delays.map(() => Number.POSITIVE_INFINITY);
      for (let round = 0; round < times; round++)
        for (const at of delays.keys()) {
          const output = join(folder, `rtt-${name}-${delays[at]}`);
          best[at] = Math.min(best[at], await wallOf(name, commands[at][name], output));
        }
      walls[name] = best;
    }
  } finally {
    for (const proxy of proxies) proxy.close();
    await sshd.stop();
  }
  const trips = (name) => {
    const [without, delayed] = walls[name] ?? [];
    if (without === undefined || !Number.isFinite(without) || !Number.isFinite(delayed))
      return missing('did not run');
    return roundTrips(without, delayed, rtt);
  };
  print(`# hosts: ${kind}`);
  for (const [name, [without, delayed]] of Object.entries(walls))
    print(
      `# ${name}  ${without.toFixed(0)} ms without delay, ${delayed.toFixed(0)} ms with ${rtt} ms`,
    );
  emit(kind === 'small' ? 'rtt.check' : 'rtt.pods.check', trips('kmend'), {
    ssh: trips('ssh'),
    ansible_playbook: trips('ansible_playbook'),
  });
}
