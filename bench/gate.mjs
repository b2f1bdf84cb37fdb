// `npm run bench -- gate`: figures of kmend's own parts against the bounds that are recorded in
// gate.json; a figure above its bound is a regression, and the exit code is then 1. Most are counts
// (bytes, processes), which no load of the machine changes; the others are ratios to something that
// is measured in turns with them. Needs no peer and no sshd.
import { execFileSync, spawnSync } from 'node:child_process';
import { closeSync, openSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { flat } from './inventory.mjs';
import { overBound } from './lines.mjs';
import { buildProgram, emptyNode, inventory, record } from './own.mjs';
import { makeNode } from './pods.mjs';
import { isInstalled, measure } from './process.mjs';
import { bundle, cleanEnv, kmend } from './product.mjs';

const recorded = JSON.parse(readFileSync(new URL('gate.json', import.meta.url), 'utf8'));
const worker = new URL('gate-work.mjs', import.meta.url).pathname;
const logins = new URL('gate-ssh.mjs', import.meta.url).pathname;
const rounds = 5;

const forks = /^\d+ +(?:clone|clone3|fork|vfork)\(/;

/** The script on a tree of files: what it prints, and how many processes it starts. */
function runProbe(script, env, folder) {
  const [file, calls] = [join(folder, 'probe.sh'), join(folder, 'calls')];
  writeFileSync(file, script);
  const text = spawnSync('sh', [file], { env, encoding: 'utf8', maxBuffer: 1 << 26 }).stdout;
  if (!isInstalled('strace')) return { text };
  const printed = join(folder, 'printed');
  const args = ['-f', '-y', '-o', calls, '-e', 'trace=clone,clone3,fork,vfork,write', 'sh', file];
  const output = openSync(printed, 'w');
  spawnSync('strace', args, { env, stdio: ['ignore', output, 'ignore'] });
  closeSync(output);
  const lines = readFileSync(calls, 'utf8').split('\n');
  return {
    text,
    processes: lines.filter((line) => forks.test(line)).length,
    writes: lines.filter((line) => line.includes(`write(1<${printed}>`)).length,
  };
}

function probeFigures(env, folder) {
  const script = execFileSync(kmend[0], [kmend[1], 'probe'], { env, encoding: 'utf8' });
  const figures = { 'probe.script.size': script.length / 1024 };
  const outputs = {};
  for (const [name, pods] of Object.entries({ small: 0, pods: 110 })) {
    const root = join(folder, name);
    makeNode(root, { pods });
    const { text, processes, writes } = runProbe(script, { ...env, KMEND_ROOT: root }, folder);
    outputs[name] = join(folder, `${name}.txt`);
    writeFileSync(outputs[name], text);
    figures[`probe.${name}.output`] = text.length / 1024;
    figures[`probe.${name}.processes`] = processes;
    figures[`probe.${name}.writes`] = writes;
  }
  return { figures, outputs };
}

async function ownFigures(outputs, folder) {
  const files = ['facts/index.ts', 'core/decide/simulate.ts', 'core/decide/decide.ts'];
  const product = await bundle(files, join(folder, 'gate.cjs'));
  const heap = ['--expose-gc', '--max-semi-space-size=256', '--min-semi-space-size=256'];
  const { status, stdout, stderr } = spawnSync(process.execPath, [...heap, worker], {
    env: cleanEnv(folder, { KMEND_GATE: JSON.stringify({ product, outputs, rounds }) }),
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout);
}

const planned = 20;

/**
 * How often a plan and a check do what costs most, for each host: Node counts the calls of these
 * functions by name.
 */
const counted = {
  plan: {
    'plan.derive.calls': 'derive',
    'plan.foreseen.calls': 'deriveLazily',
    'plan.situation.calls': 'readSituation',
    'plan.parse.calls': 'parseProbe',
    'plan.nest.calls': 'nestNames',
    'plan.layers.calls': 'hostLayers',
    'plan.mask.calls': 'masked',
  },
  check: {
    'check.derive.calls': 'derive',
    'check.situation.calls': 'readSituation',
    'check.parse.calls': 'parseProbe',
    'check.json.calls': 'toJson',
    'check.promised.writes': 'writeWhole',
  },
};

/** The calls of these functions in a file, as Node has written them into a folder. */
function callsIn(folder, file, wanted, hosts) {
  const { result } = JSON.parse(readFileSync(join(folder, readdirSync(folder)[0]), 'utf8'));
  const { functions } = result.find(({ url }) => url.endsWith(file));
  return Object.fromEntries(
    Object.entries(wanted).map(([figure, name]) => {
      const found = functions.find(({ functionName }) => functionName === name);
      if (found === undefined) throw new Error(`${figure}: no function is called ${name}`);
      return [figure, found.ranges[0].count / hosts];
    }),
  );
}

const loggedIn = 500;

/** What each login does beside its cryptography, where all hosts have one key. */
async function loginFigures(folder) {
  const ssh = ['adapters/ssh/connect/known-hosts.ts', 'adapters/ssh/exec/command.ts'];
  const product = await bundle([...ssh, 'facts/index.ts'], join(folder, 'ssh.cjs'));
  const calls = join(folder, 'coverage-ssh');
  const env = { KMEND_GATE: JSON.stringify({ product, hosts: loggedIn }), NODE_V8_COVERAGE: calls };
  execFileSync(process.execPath, [logins], { env: cleanEnv(folder, env) });
  const wanted = { 'login.known_hosts.calls': 'isFor', 'login.command.calls': 'assemble' };
  return callsIn(calls, '/ssh.cjs', wanted, loggedIn);
}

/**
 * MB above an empty Node program of a check of so many nodes with 110 pods, shown as text: the smallest
 * of so many.
 */
function memoryFigure(program, folder, hosts, times) {
  const report = join(folder, 'report.json');
  const env = cleanEnv(folder, {
    KMEND_BENCH_ANSWERS: join(folder, 'pods.json'),
    KMEND_BENCH_REPORT: report,
  });
  const peaks = Array.from({ length: times }, (_, time) => {
    const state = ['--state-dir', join(folder, `memory-${hosts}-${time}`)];
    const args = ['check', '-i', inventory(folder, hosts), ...state];
    spawnSync(process.execPath, [program, ...args], { env, stdio: 'ignore' });
    return JSON.parse(readFileSync(report, 'utf8')).rss;
  });
  return Math.min(...peaks) - emptyNode();
}

async function callFigures(folder) {
  const program = await buildProgram(folder);
  await record(folder);
  const playbook = new URL('../playbooks/auto.yaml', import.meta.url).pathname;
  const commands = { plan: ['plan', playbook], check: ['check', '--json'] };
  const figures = {};
  for (const [name, args] of Object.entries(commands)) {
    const calls = join(folder, `coverage-${name}`);
    const env = cleanEnv(folder, {
      KMEND_BENCH_ANSWERS: join(folder, 'pods.json'),
      KMEND_BENCH_REPORT: join(folder, 'report.json'),
      NODE_V8_COVERAGE: calls,
    });
    const more = ['-i', inventory(folder, planned), '--state-dir', join(folder, name)];
    const ran = spawnSync(process.execPath, [program, ...args, ...more], { env });
    if (ran.status !== 2) throw new Error(`${name}: exit ${ran.status} ${ran.stderr}`);
    Object.assign(figures, callsIn(calls, '/kmend.cjs', counted[name], planned));
  }
  figures['check.memory'] = memoryFigure(program, folder, 1000, 3);
  const many = memoryFigure(program, folder, 8000, 1);
  figures['check.more.memory'] = (many - figures['check.memory']) / 7;
  return figures;
}

/** CPU of commands as multiples of that of an empty Node program, the smallest of each. */
async function commandFigures(env, folder) {
  const [empty, hosts] = [join(folder, 'empty.mjs'), join(folder, 'hosts.yaml')];
  writeFileSync(empty, '');
  writeFileSync(hosts, flat(10_000));
  const playbook = new URL('../playbooks/nokmem.yaml', import.meta.url).pathname;
  const commands = {
    empty: [process.execPath, empty],
    version: [...kmend, '--version'],
    validate: [...kmend, 'validate', playbook],
    inventory: [...kmend, 'inventory', '--list', '-i', hosts],
  };
  // The kernel counts CPU in hundredths of a second: short commands run several times.
  const times = { empty: 6, version: 6, validate: 2, inventory: 1 };
  const best = {};
  for (let round = 0; round < rounds; round++)
    for (const [name, command] of Object.entries(commands)) {
      let cpu = 0;
      for (let time = 0; time < times[name]; time++) {
        const run = await measure(command, { env, output: '/dev/null' });
        if (run.code !== 0) throw new Error(`${name}: exit ${run.code} ${run.errors}`);
        cpu += run.cpu / times[name];
      }
      best[name] = Math.min(best[name] ?? Number.POSITIVE_INFINITY, cpu);
    }
  const names = Object.keys(commands).filter((name) => name !== 'empty');
  return Object.fromEntries(names.map((name) => [`command.${name}.cpu`, best[name] / best.empty]));
}

/** Returns the names of the figures that are above their bounds. */
export async function gate({ folder, print }) {
  const env = cleanEnv(folder);
  const { figures, outputs } = probeFigures(env, folder);
  const all = {
    'bundle.size': statSync(join(kmend[1], '../../dist/kmend.cjs')).size / 1024,
    ...figures,
    ...(await ownFigures(outputs, folder)),
    ...(await loginFigures(folder)),
    ...(await callFigures(folder)),
    ...(await commandFigures(env, folder)),
  };
  const { lines, over } = overBound(recorded, all);
  for (const line of lines) print(line);
  return over;
}
