// `check` of a fleet over real SSH against the peers that run the same probe: wall, CPU here, CPU
// there, memory, and whether all answered.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fastestOf, median, missing } from './lines.mjs';
import { hostKinds } from './pods.mjs';
import { isInstalled, measure } from './process.mjs';
import { cleanEnv, kmend, kmendSays } from './product.mjs';
import { addresses, makeKeys, reachFiles, startSshd } from './sshd.mjs';

const count = (text, pattern) => text.match(pattern)?.length ?? 0;
const ends = /@@kmend end/g;

/** Eight questions, each a task of its own, as most playbooks ask them. */
const questions = [
  'uname -r',
  'cat /proc/cmdline',
  'cat /etc/os-release',
  'cat /proc/uptime',
  'id -u',
  'stat -f /',
  'cat /proc/meminfo',
  'cat /proc/sys/kernel/random/boot_id',
];
const playbook = `- hosts: all\n  gather_facts: false\n  tasks:\n${questions.map((ask) => `    - ansible.builtin.command: ${ask}\n      changed_when: false\n`).join('')}`;

/** The peers find the probe on the host already, so they send less than kmend does. */
function contenders({ reach, env, forks, script, folder }) {
  const remote = `sh ${script}`;
  const ansible = {
    ...env,
    ANSIBLE_CONFIG: join(folder, 'ansible.cfg'),
    ANSIBLE_FORKS: String(forks),
    ANSIBLE_SSH_ARGS: `-F ${reach.config} -C -o ControlMaster=auto -o ControlPersist=60s`,
    ANSIBLE_SSH_CONTROL_PATH_DIR: join(folder, 'cp'),
    ANSIBLE_PIPELINING: '1',
    ANSIBLE_NOCOLOR: '1',
  };
  const ssh = ['-F', reach.config];
  return {
    kmend: {
      command: [...kmend, 'check', '-i', reach.inventory, '-f', String(forks), '--json'],
      env,
      answered: (text) => count(text, /"facts":\{/g),
    },
    xargs: {
      program: 'xargs',
      command: [
        'xargs',
        '-a',
        reach.list,
        '-P',
        String(forks),
        '-I',
        'HOST',
        'ssh',
        ...ssh,
        'HOST',
        remote,
      ],
      env,
    },
    pssh: {
      program: 'parallel-ssh',
      command: [
        'parallel-ssh',
        '-h',
        reach.list,
        '-p',
        String(forks),
        '-t',
        '0',
        '-i',
        '-x',
        ssh.join(' '),
        remote,
      ],
      env,
    },
    pdsh: {
      program: 'pdsh',
      command: ['pdsh', '-R', 'ssh', '-f', String(forks), '-w', `^${reach.list}`, remote],
      env: { ...env, PDSH_SSH_ARGS_APPEND: ssh.join(' ') },
    },
    clush: {
      program: 'clush',
      command: [
        'clush',
        '--hostfile',
        reach.list,
        '-f',
        String(forks),
        '-o',
        ssh.join(' '),
        remote,
      ],
      env,
    },
    ansible_raw: {
      program: 'ansible',
      command: ['ansible', 'all', '-i', reach.inventory, '-m', 'raw', '-a', remote],
      env: ansible,
      once: true,
    },
    ansible_playbook: {
      program: 'ansible-playbook',
      command: ['ansible-playbook', '-i', reach.inventory, join(folder, 'playbook.yaml')],
      env: ansible,
      once: true,
      answered: (text) => count(text, /: ok=8 /g),
    },
  };
}

async function runOne(
  name,
  { command, env, answered },
  { sshd, folder, hosts, hash, print, sample },
) {
  const output = join(folder, 'output');
  rmSync(output, { force: true });
  const before = await sshd.cpu();
  const run = await measure(command, { env, output, timeout: 60 + hosts * 0.6, sample });
  const target = (await sshd.cpu()) - before;
  const heard = (answered ?? ((text) => count(text, ends)))(readFileSync(output, 'utf8'));
  const result = {
    wall: run.wall,
    cpu: (run.cpu * 1000) / hosts,
    target: (target * 1000) / hosts,
    memory: run.anon,
  };
  const complete = heard === hosts && !run.timedOut;
  print(
    `# ${name} n=${hosts}  answered ${heard} of ${hosts}  probe ${hash}  wall ${run.wall.toFixed(2)} s  cpu ${result.cpu.toFixed(2)} ms/host  ` +
      `target ${result.target.toFixed(1)} ms/host  memory ${run.anon.toFixed(0)} MB in ${run.processes} processes` +
      (complete
        ? ''
        : `  ${run.timedOut ? 'cut off' : run.errors.split('\n').slice(-2).join(' | ').slice(0, 300)}`),
  );
  return complete ? result : missing(`answered ${heard} of ${hosts}`);
}

/** Contenders take turns, so that a busy minute of the machine meets all of them. */
async function race(names, rounds, context) {
  const all = contenders(context);
  const results = {};
  for (let round = 0; round < rounds; round++) {
    for (const name of names) {
      const contender = all[name];
      if (contender.once === true && round > 0) continue;
      if (contender.program !== undefined && !isInstalled(contender.program))
        results[name] = [missing('not installed')];
      else results[name] = [...(results[name] ?? []), await runOne(name, contender, context)];
    }
  }
  return Object.fromEntries(
    Object.entries(results).map(([name, runs]) => [name, inTheMiddle(runs)]),
  );
}

function inTheMiddle(runs) {
  const good = runs.filter((run) => !('why' in run));
  if (good.length === 0) return runs[0];
  return Object.fromEntries(
    Object.keys(good[0]).map((key) => [key, median(good.map((run) => run[key]))]),
  );
}

const only = (results, key) =>
  Object.fromEntries(
    Object.entries(results).map(([name, run]) => [name, 'why' in run ? run : run[key]]),
  );

/** Names of the goals by the kind of the hosts. */
const goalsOf = { small: 'check', pods: 'check.pods' };

export async function check({ folder, hosts, kinds, playbookHosts, rounds, emit, print }) {
  const keys = makeKeys(folder);
  const env = cleanEnv(keys.home);
  const probe = kmendSays(['probe'], env);
  const script = join(folder, 'probe.sh');
  writeFileSync(script, probe);
  writeFileSync(join(folder, 'ansible.cfg'), '');
  writeFileSync(join(folder, 'playbook.yaml'), playbook);
  mkdirSync(join(folder, 'cp'), { recursive: true });
  const hash = createHash('sha256').update(probe).digest('hex').slice(0, 12);
  const shared = { keys, folder, script, env, hash, print, rounds, emit };
  for (const [index, kind] of kinds.entries()) {
    const sshd = await startSshd(keys, { port: 2200 + 10 * index, ...hostKinds[kind]() });
    try {
      for (const size of hosts) await checkAll(kind, size, { ...shared, sshd });
      if (kind === 'small') await againstPlaybook(playbookHosts, { ...shared, sshd });
    } finally {
      await sshd.stop();
    }
  }
}

/** So many hosts of a kind: all contenders, then the lines of the goals. */
async function checkAll(kind, size, shared) {
  const { keys, sshd, emit, print } = shared;
  const big = size >= 500;
  const reach = reachFiles(keys, sshd.port, addresses(size), `${kind}${size}`);
  const context = { ...shared, reach, forks: big ? 100 : 50, hosts: size, sample: big ? 500 : 200 };
  print(`# hosts: ${kind}`);
  const names = ['kmend', 'xargs', 'pssh', 'pdsh', ...(big ? [] : ['clush']), 'ansible_raw'];
  const results = await race(names, big ? 1 : shared.rounds, context);
  const { kmend: ours, ...peers } = results;
  const walls = only(peers, 'wall');
  const { xargs, pssh, pdsh } = walls;
  const fastest = fastestOf({ xargs, pssh, pdsh });
  for (const [what, theirs] of [
    ['cpu', only(peers, 'cpu')],
    ['wall', { ...walls, fastest }],
    ['memory', only(peers, 'memory')],
  ]) {
    const goal = `${goalsOf[kind]}.${what}`;
    emit(goal, ours[what] ?? ours, theirs, `${goal}.n${size}`);
  }
}

async function againstPlaybook(size, shared) {
  const reach = reachFiles(shared.keys, shared.sshd.port, addresses(size), 'eight');
  const context = { ...shared, reach, forks: Math.min(50, size), hosts: size, sample: 500 };
  const { kmend: ours, ansible_playbook } = await race(['kmend', 'ansible_playbook'], 1, context);
  for (const [key, field] of [
    ['check.wall_playbook', 'wall'],
    ['check.cpu_playbook', 'cpu'],
    ['check.target_cpu', 'target'],
  ])
    shared.emit(
      key,
      ours[field] ?? ours,
      { ansible_playbook: ansible_playbook[field] ?? ansible_playbook },
      `${key}.n${size}`,
    );
}
