// A real rollout: hosts behind real sshd, with a real package manager and boot loader tools, in
// namespaces of this machine (test/lab/hosts.sh), get a newer kernel and the boot argument and are
// rebooted, some at a time. kmend against `ansible-playbook`, linear and free, each on a fleet of
// its own. A contender counts only if every host runs with the argument, after one reboot.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { missing } from './lines.mjs';
import { isInstalled, measure, sleep } from './process.mjs';
import { cleanEnv, kmend } from './product.mjs';

const count = Number(process.env.KMEND_BENCH_FLEET ?? 20);
const slots = 4;
/** Seconds that a host is away in its reboot. */
const down = 6;
/** As it is shipped. */
const playbook = new URL('../playbooks/nokmem.yaml', import.meta.url).pathname;
const scripts = new URL('../test/lab/', import.meta.url).pathname;

/** The packages of the hosts; KMEND_BENCH_REPOS names a folder that repos.sh made before. */
function repositories(folder) {
  const made = process.env.KMEND_BENCH_REPOS;
  if (made !== undefined) return made;
  const repos = join(folder, 'repos');
  execFileSync('sh', [join(scripts, 'repos.sh'), repos], { stdio: 'ignore' });
  return repos;
}

async function startFleet(dir, net, repos) {
  const env = { ...process.env, REPOS: repos, PORT: '22', DOWN: String(down), NET: net };
  const script = (verb, ...words) =>
    execFileSync('sh', [join(scripts, 'hosts.sh'), verb, dir, ...words], { env, stdio: 'ignore' });
  script('up', String(count), 'el7');
  const hosts = readFileSync(join(dir, 'list'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => line.split(' '))
    .map(([name, address]) => ({ name, address, control: join(dir, 'hosts', name, 'ctl') }));
  for (const host of hosts) await booted(host, 1);
  return { hosts, inventory: inventoryOf(dir, hosts), end: () => script('down') };
}

const boots = ({ control }) =>
  existsSync(join(control, 'boots'))
    ? readFileSync(join(control, 'boots'), 'utf8').trim().split('\n').length
    : 0;

async function booted(host, times) {
  for (let round = 0; round < 600 && boots(host) < times; round++) await sleep(100);
  if (boots(host) < times) throw new Error(`${host.name} did not boot`);
}

function inventoryOf(dir, hosts) {
  const key = readFileSync(join(dir, 'host_key.pub'), 'utf8').split(' ').slice(0, 2).join(' ');
  const known = join(dir, 'known_hosts');
  writeFileSync(known, hosts.map(({ address }) => `${address} ${key}\n`).join(''));
  const lines = [
    'all:',
    '  vars:',
    '    ansible_user: root',
    `    ansible_ssh_private_key_file: ${join(dir, 'id')}`,
    `    ansible_ssh_common_args: -o UserKnownHostsFile=${known}`,
    '    ansible_python_interpreter: /usr/bin/python3',
    '  hosts:',
    ...hosts.map(({ name, address }) => `    ${name}: {ansible_host: ${address}}`),
  ];
  const path = join(dir, 'inventory.yaml');
  writeFileSync(path, `${lines.join('\n')}\n`);
  return path;
}

/** What an operator would write: facts, the kernel, the argument, the reboot, a check of the result. */
const playbookOf = (strategy) => `- hosts: all
  strategy: ${strategy}
  serial: ${slots}
  tasks:
    - command: yum -q -y install kernel-3.10.0-1160.el7
    - command: grubby --update-kernel=ALL --args=cgroup.memory=nokmem
    - reboot: {reboot_timeout: 120}
    - command: grep -q cgroup.memory=nokmem /proc/cmdline
    - command: cat /sys/fs/cgroup/memory/memory.kmem.slabinfo
      failed_when: false
`;

/** Seconds of a contender; throws where a host is not as it should be afterwards. */
async function contend(name, net, context, argv, env) {
  const dir = join(context.folder, name);
  const fleet = await startFleet(dir, net, context.repos);
  try {
    const ran = await measure(argv(fleet.inventory), {
      env: env ?? cleanEnv(join(context.folder, 'home')),
      output: join(context.folder, `${name}.log`),
      timeout: 900,
    });
    if (ran.code !== 0)
      throw new Error(`${name} ended with ${ran.code}: ${ran.errors.slice(0, 200)}`);
    for (const host of fleet.hosts) {
      const line = readFileSync(join(host.control, 'cmdline'), 'utf8');
      if (boots(host) !== 2 || !line.includes('cgroup.memory=nokmem'))
        throw new Error(`${name}: ${host.name} booted ${boots(host)} times, with ${line}`);
    }
    return ran.wall;
  } finally {
    fleet.end();
  }
}

function byKmend(context) {
  const state = join(context.folder, 'state');
  return contend('kmend', '127.61', context, (inventory) => [
    ...kmend,
    ...['apply', playbook, '-i', inventory, '--state', state, '--yes'],
    ...['--max-unavailable', String(slots), '-e', 'reboot_stable_for=0'],
  ]);
}

function byAnsible(strategy, net, context) {
  const path = join(context.folder, `${strategy}.yaml`);
  writeFileSync(path, playbookOf(strategy));
  writeFileSync(join(context.folder, 'ansible.cfg'), '');
  const env = cleanEnv(join(context.folder, 'home'), {
    ANSIBLE_CONFIG: join(context.folder, 'ansible.cfg'),
    ANSIBLE_FORKS: String(slots),
    ANSIBLE_SSH_CONTROL_PATH_DIR: join(context.folder, 'cp'),
  });
  const argv = (inventory) => ['ansible-playbook', '-i', inventory, path];
  return contend(`ansible_${strategy}`, net, context, argv, env);
}

/** For each step the mean seconds of a host, from its journal: where a slot's time goes. */
function profile(folder) {
  const runs = join(folder, 'state', 'runs');
  const [run] = readdirSync(runs);
  const events = readFileSync(join(runs, run, 'journal.ndjson'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const sums = new Map();
  const last = new Map();
  const add = (what, seconds) => sums.set(what, (sums.get(what) ?? 0) + seconds / count);
  for (const { type, host, at, what = '', kind = '' } of events) {
    if (host === undefined) continue;
    if (type === 'host.started') last.set(host, { at, what: 'until its first effect' });
    const before = last.get(host);
    if (before === undefined) continue;
    add(before.what, (at - before.at) / 1000);
    if (type === 'effect.started') last.set(host, { at, what: `${kind}: ${what}` });
    else if (type === 'effect.done') last.set(host, { at, what: 'between effects' });
    else last.set(host, { ...before, at });
  }
  return [...sums].map(([what, seconds]) => `${what} ${seconds.toFixed(2)} s`).join('; ');
}

export async function fleetRollout({ folder, emit, print }) {
  if (!isInstalled('dnf') || !isInstalled('grub-mkconfig') || !isInstalled('createrepo_c'))
    throw new Error('dnf, grub-mkconfig and createrepo_c are not all installed');
  mkdirSync(join(folder, 'cp'), { recursive: true });
  const context = { folder, repos: repositories(folder) };
  const ours = await byKmend(context);
  print(`# a slot of kmend: ${profile(folder)}`);
  const peers = {};
  for (const [strategy, net] of [
    ['linear', '127.62'],
    ['free', '127.63'],
  ])
    peers[`ansible_${strategy}`] = isInstalled('ansible-playbook')
      ? await byAnsible(strategy, net, context).catch((error) => missing(error.message))
      : missing('not installed');
  emit('fleet.wall', ours, peers);
}
