// How long after a rebooted host answers again this is noticed, by a full login that reads the new
// boot id: kmend's own watch against Ansible's reboot module. Each host is an sshd of its own that
// goes away for some seconds: its port refuses, or swallows every packet.
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { connect } from 'node:net';
import { join } from 'node:path';
import { mean, missing, percentile } from './lines.mjs';
import { isInstalled, measure, sleep } from './process.mjs';
import { bundle, cleanEnv } from './product.mjs';
import { makeKeys, reachFiles, startSshd, user } from './sshd.mjs';

/** Seconds away: spread, because a back-off is unlucky with some and lucky with others. */
const downs = [4, 7, 10, 13, 16, 20, 24, 30];

const bootFile = (host) => join(host.root, 'proc/sys/kernel/random/boot_id');

async function makeHost(keys, folder, address, port, down) {
  const root = join(folder, `root-${address}`);
  const host = { address, port, down, root, bin: join(folder, 'bin') };
  mkdirSync(join(root, 'proc/sys/kernel/random'), { recursive: true });
  mkdirSync(join(root, 'run/kmend'), { recursive: true });
  writeFileSync(bootFile(host), `${randomUUID()}\n`);
  const env = { KMEND_ROOT: root, PATH: `${host.bin}:/usr/bin:/bin` };
  const start = () => startSshd(keys, { address, port, env });
  return { ...host, start, server: await start() };
}

/** Nothing on these hosts may reach the machine's own reboot. */
function emulatedTools(bin) {
  mkdirSync(bin, { recursive: true });
  for (const name of ['reboot', 'shutdown', 'systemctl', 'sync']) {
    writeFileSync(join(bin, name), '#!/bin/sh\nexit 0\n');
    chmodSync(join(bin, name), 0o755);
  }
  writeFileSync(join(bin, 'go-down'), '#!/bin/sh\n: > "$KMEND_ROOT/go-down"\n');
  writeFileSync(
    join(bin, 'boot-time'),
    '#!/bin/sh\nread -r id < "$KMEND_ROOT/proc/sys/kernel/random/boot_id"\necho "$(date +%s.%N) $id" >> "$KMEND_ROOT/seen"\necho "$id"\n',
  );
  for (const name of ['go-down', 'boot-time']) chmodSync(join(bin, name), 0o755);
}

/**
 * A port that swallows: a listener that never accepts, its queue full, so that the kernel drops
 * every further SYN.
 */
async function swallow({ address, port }) {
  const listener = `require('node:net').createServer().listen({host:'${address}',port:${port},backlog:1},()=>process.stdout.write('up'))`;
  const child = spawn(process.execPath, ['-e', listener], { stdio: ['ignore', 'pipe', 'ignore'] });
  await new Promise((resolve) => child.stdout.once('data', resolve));
  child.kill('SIGSTOP');
  const fillers = Array.from({ length: 3 }, () =>
    connect({ host: address, port }).on('error', () => undefined),
  );
  await sleep(200);
  return () => {
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    for (const filler of fillers) filler.destroy();
    return ended;
  };
}

/**
 * Takes the host away and brings it back with a new boot id; gives the moment when it answered
 * again.
 */
async function powerCycle(host, silent) {
  await host.server.stop();
  const wake = silent ? await swallow(host) : async () => undefined;
  await sleep(host.down * 1000);
  const id = randomUUID();
  writeFileSync(bootFile(host), `${id}\n`);
  rmSync(join(host.root, 'run/kmend/reboot'), { force: true });
  await wake();
  host.server = await host.start();
  return { id, at: host.server.answeredAt };
}

/** The watch of a reboot that was sent already: what the engine does after a restart of its own. */
async function byKmend(product, keys, known, host, silent) {
  const { createTransport, openSession, performReboot, systemClock } = product;
  const asker = { attended: false, secret: async () => '', confirm: async () => false };
  const transport = createTransport({
    asker,
    home: keys.home,
    env: {},
    warn: () => {},
    configFile: '',
  });
  const target = {
    name: host.address,
    port: host.port,
    user,
    privateKeyFiles: [keys.identity],
    knownHostsFiles: [known],
    hostKeyChecking: 'yes',
    legacyCrypto: false,
    connectTimeout: 10,
  };
  const { signal } = new AbortController();
  const session = openSession(target, 3, { transport, clock: systemClock }, signal);
  const old = readFileSync(bootFile(host), 'utf8').trim();
  writeFileSync(join(host.root, 'run/kmend/reboot'), `bench ${host.address}/1/1 ${old}\n`);
  const context = {
    host: host.address,
    session,
    clock: systemClock,
    token: { run: 'bench', number: 1 },
    signal,
  };
  const place = {
    task: '1',
    effect: `${host.address}/1/1`,
    resumed: true,
    bootId: old,
    repeatable: true,
  };
  const effect = { kind: 'reboot', what: 'reboot', timeout: 120, stableFor: 0, drain: 'none' };
  const watched = performReboot(effect, place, context).then((end) => ({ end, at: Date.now() }));
  await sleep(1000);
  const back = await powerCycle(host, silent);
  const { end, at } = await watched;
  await transport.close();
  if (end.failure !== undefined) throw new Error(end.failure.message);
  return (at - back.at) / 1000;
}

async function byAnsible(keys, folder, hosts, port, silent) {
  const name = silent ? 'silent' : 'refused';
  const reach = reachFiles(
    keys,
    port,
    hosts.map((host) => host.address),
    `ansible-${name}`,
  );
  const bin = hosts[0].bin;
  const lags = hosts.map(async (host) => {
    for (let round = 0; round < 6000 && !existsSync(join(host.root, 'go-down')); round++)
      await sleep(10);
    return { host, back: await powerCycle(host, silent) };
  });
  const env = cleanEnv(keys.home, {
    ANSIBLE_CONFIG: join(folder, 'ansible.cfg'),
    ANSIBLE_FORKS: String(hosts.length),
    ANSIBLE_SSH_ARGS: `-F ${reach.config} -o ControlMaster=auto -o ControlPersist=60s`,
    ANSIBLE_SSH_CONTROL_PATH_DIR: join(folder, 'cp'),
    ANSIBLE_TIMEOUT: '10',
  });
  const args = `reboot_command=${bin}/go-down boot_time_command=${bin}/boot-time reboot_timeout=120`;
  const run = await measure(
    ['ansible', 'all', '-i', reach.inventory, '-m', 'ansible.builtin.reboot', '-a', args],
    {
      env: { ...env },
      output: join(folder, `ansible-${name}.log`),
      timeout: 150,
    },
  );
  if (run.code !== 0)
    throw new Error(
      `ansible reboot ended with ${run.code}: ${readFileSync(join(folder, `ansible-${name}.log`), 'utf8').slice(0, 300)} ${run.errors.slice(0, 200)}`,
    );
  return Promise.all(lags.map(async (lag) => noticed(await lag)));
}

function noticed({ host, back }) {
  const line = readFileSync(join(host.root, 'seen'), 'utf8')
    .split('\n')
    .find((one) => one.endsWith(back.id));
  if (line === undefined) throw new Error(`${host.address}: Ansible never read the new boot id`);
  return Number(line.split(' ')[0]) - back.at / 1000;
}

const orMissing = (work) => work.catch((error) => missing(error.message.split('\n')[0]));

async function phase(silent, { folder, keys, product, ports, print }) {
  const hostsOf = (net, port) =>
    Promise.all(
      downs.map((down, index) =>
        makeHost(keys, folder, `127.${net}.${silent ? 2 : 1}.${index + 1}`, port, down),
      ),
    );
  const [ours, theirs] = [await hostsOf(2, ports[0]), await hostsOf(3, ports[1])];
  reachFiles(
    keys,
    ports[0],
    ours.map((host) => host.address),
    `kmend-${silent}`,
  );
  const known = join(folder, `kmend-${silent}.known_hosts`);
  const ansible = isInstalled('ansible')
    ? byAnsible(keys, folder, theirs, ports[1], silent)
    : Promise.reject(new Error('not installed'));
  const [kmend, peer] = await Promise.all([
    orMissing(Promise.all(ours.map((host) => byKmend(product, keys, known, host, silent)))),
    orMissing(ansible),
  ]);
  for (const host of [...ours, ...theirs]) await host.server.stop();
  const shown = (lags) =>
    'why' in lags
      ? lags.why
      : lags.map((lag, index) => `${downs[index]}s:${lag.toFixed(2)}`).join(' ');
  print(
    `# ${silent ? 'silent' : 'refused'} (seconds away:lag)  kmend ${shown(kmend)}  ansible ${shown(peer)}`,
  );
  return { kmend, peer };
}

export async function reboot({ folder, emit, print }) {
  const keys = makeKeys(folder);
  writeFileSync(join(folder, 'ansible.cfg'), '');
  mkdirSync(join(folder, 'cp'));
  emulatedTools(join(folder, 'bin'));
  const path = await bundle(
    [
      'adapters/ssh/index.ts',
      'engine/session/session.ts',
      'engine/effects/perform-reboot.ts',
      'adapters/local/clock.ts',
    ],
    join(folder, 'reboot.cjs'),
  );
  const product = createRequire(import.meta.url)(path);
  const context = { folder, keys, product, print };
  const of = (lags, what) => ('why' in lags ? lags : what(lags));
  const p95 = (lags) => percentile(lags, 95);
  const refused = await phase(false, { ...context, ports: [2210, 2211] });
  emit('reboot.refused.mean', of(refused.kmend, mean), { ansible: of(refused.peer, mean) });
  emit('reboot.refused.p95', of(refused.kmend, p95));
  const silent = await phase(true, { ...context, ports: [2212, 2213] });
  emit('reboot.silent.p95', of(silent.kmend, p95));
  const both = [silent.kmend, silent.peer].find((lags) => 'why' in lags);
  emit('reboot.silent.mean_less_ansible', both ?? mean(silent.kmend) - mean(silent.peer));
}
