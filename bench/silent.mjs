// `check` of a fleet of which more than half is silent: every packet to those addresses is lost.
// Wall, and seconds until each host that answers has its row, against `xargs -P ssh` with the same
// time limit and the same number of tries.
import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { missing } from './lines.mjs';
import { hostKinds } from './pods.mjs';
import { isInstalled, measure } from './process.mjs';
import { cleanEnv, kmend, kmendSays } from './product.mjs';
import { addresses, makeKeys, reachFiles, startSshd } from './sshd.mjs';

const [live, silent, forks, timeout, tries] = [40, 60, 50, 10, 3];

/** A link whose other end drops everything, and on which nobody asks for hardware addresses. */
const swallow = `ip link add kmend0 type veth peer name kmend1 && ip link set kmend0 arp off && ip addr add 10.99.0.1/16 dev kmend0 &&
  ip link set kmend0 up && ip link set kmend1 up`;

/** Two that answer, three that do not, and so on. */
function fleet() {
  const [answering, deaf] = [
    addresses(live),
    Array.from({ length: silent }, (_, index) => `10.99.1.${index + 1}`),
  ];
  return Array.from({ length: live + silent }, (_, index) =>
    [0, 2].includes(index % 5) ? answering.shift() : deaf.shift(),
  );
}

async function runOne(name, { command, env, answered }, { folder, print }) {
  const output = join(folder, `silent-${name}`);
  rmSync(output, { force: true });
  writeFileSync(output, '');
  const began = performance.now();
  let rows;
  const watch = setInterval(() => {
    const count = readFileSync(output, 'utf8').match(answered)?.length ?? 0;
    if (count === live) rows ??= (performance.now() - began) / 1000;
  }, 50);
  const run = await measure(command, { env, output, timeout: 300 });
  clearInterval(watch);
  const count = readFileSync(output, 'utf8').match(answered)?.length ?? 0;
  print(
    `# ${name}: ${count} of ${live} answered, the last row after ${rows?.toFixed(1) ?? '-'} s; wall ${run.wall.toFixed(1)} s`,
  );
  return count === live && !run.timedOut
    ? { wall: run.wall, rows: rows ?? run.wall }
    : missing(`answered ${count} of ${live}`);
}

/** Names of the goals by the kind of the hosts. */
const goalsOf = { small: 'silent', pods: 'silent.pods' };

export async function silentHosts({ folder, kinds, emit, print }) {
  const keys = makeKeys(folder);
  const env = cleanEnv(keys.home);
  const script = join(folder, 'probe.sh');
  writeFileSync(script, kmendSays(['probe'], env));
  execFileSync('sh', ['-c', swallow]);
  for (const [index, kind] of kinds.entries()) {
    print(`# hosts: ${kind}`);
    const sshd = await startSshd(keys, { port: 2202 + 10 * index, ...hostKinds[kind]() });
    await silentAt(sshd, goalsOf[kind], { keys, env, script, folder, emit, print });
  }
}

async function silentAt(sshd, goal, { keys, env, script, folder, emit, print }) {
  try {
    const reach = reachFiles(keys, sshd.port, fleet(), 'silent', timeout);
    // xargs starts nothing more after a command that ends with 255, as ssh does.
    const ssh = [
      'sh',
      '-c',
      'ssh "$@" || exit 1',
      'sh',
      '-F',
      reach.config,
      '-o',
      `ConnectionAttempts=${tries}`,
      'HOST',
      `sh ${script}`,
    ];
    const peer = {
      command: ['xargs', '-a', reach.list, '-P', String(forks), '-I', 'HOST', ...ssh],
      env,
      answered: /@@kmend end/g,
    };
    const own = {
      command: [...kmend, 'check', '-i', reach.inventory, '-f', String(forks), '--json'],
      env,
      answered: /"facts":\{/g,
    };
    const ours = await runOne('kmend', own, { folder, print });
    const xargs = isInstalled('xargs')
      ? await runOne('xargs', peer, { folder, print })
      : missing('not installed');
    for (const key of ['wall', 'rows'])
      emit(`${goal}.${key}`, ours[key] ?? ours, { xargs: xargs[key] ?? xargs });
  } finally {
    await sshd.stop();
  }
}
