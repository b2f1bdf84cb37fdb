// `npm run bench -- [NAME...] [--hosts 100,1000] [--host small,pods] [--playbook-hosts 40]
// [--rounds 3]`: kmend against its peers, in the same run. Lines are `name value unit ratio to PEER goal ok|short`; lines with
// `#` say what was measured on the way. Ends with 0, short or not; `gate` with 1 after a regression.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { goalLines, missing } from './lines.mjs';
import { makePackage, variable } from './package.mjs';

const self = new URL(import.meta.url).pathname;
const goals = JSON.parse(readFileSync(new URL('goals.json', import.meta.url), 'utf8'));

const benches = {
  startup: async (context) => (await import('./startup.mjs')).startup(context),
  history: async (context) => (await import('./history.mjs')).history(context),
  inventory: async (context) => (await import('./inventory.mjs')).inventory(context),
  own: async (context) => (await import('./own.mjs')).own(context),
  probe: async (context) => (await import('./probe.mjs')).probe(context),
  rtt: async (context) => (await import('./rtt.mjs')).rtts(context),
  check: async (context) => (await import('./check.mjs')).check(context),
  silent: async (context) => (await import('./silent.mjs')).silentHosts(context),
  idle: async (context) => (await import('./idle.mjs')).idle(context),
  reboot: async (context) => (await import('./reboot.mjs')).reboot(context),
  drain: async (context) => (await import('./drain.mjs')).drain(context),
  rollout: async () => import('./rollout.mjs'),
  fleet: async (context) => (await import('./fleet-rollout.mjs')).fleetRollout(context),
  screens: async (context) => (await import('./screens.mjs')).screens(context),
  cluster: async (context) => (await import('./cluster.mjs')).cluster(context),
  gate: async (context) => {
    const over = await (await import('./gate.mjs')).gate(context);
    if (over.length > 0) process.exitCode = 1;
  },
  readings: async (context) => (await import('./readings.mjs')).readings(context),
};
/**
 * These start an sshd on all addresses of a network namespace of their own, and act as hosts: root
 * only.
 */
const needRoot = ['rtt', 'check', 'silent', 'idle', 'reboot', 'fleet'];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    hosts: { type: 'string', default: '100' },
    host: { type: 'string', default: 'small,pods' },
    'playbook-hosts': { type: 'string', default: '40' },
    rounds: { type: 'string', default: '3' },
    inside: { type: 'boolean', default: false },
  },
});

const print = (line) => console.log(line);
const emit = (key, value, peers, label) => {
  for (const line of goalLines(key, goals[key], value, peers, label)) print(line);
};

function allShort(name, why) {
  for (const key of Object.keys(goals).filter((one) => one.startsWith(`${name}.`)))
    emit(key, missing(why), {});
}

async function run(name) {
  const folder = mkdtempSync(join(tmpdir(), 'kmend-bench-'));
  mkdirSync(join(folder, 'home'), { recursive: true });
  const context = {
    folder,
    hosts: values.hosts.split(',').map(Number),
    kinds: values.host.split(','),
    playbookHosts: Number(values['playbook-hosts']),
    rounds: Number(values.rounds),
    emit,
    print,
  };
  const began = performance.now();
  try {
    await benches[name](context);
  } catch (error) {
    if (name === 'gate') throw error;
    allShort(name, error instanceof Error ? error.message.split('\n')[0] : String(error));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  print(
    `# ${name} took ${((performance.now() - began) / 1000).toFixed(0)} s; load ${loadavg()[0].toFixed(1)}`,
  );
}

/** Runs this script again where `lo` is the only interface. */
function inside(names) {
  const why =
    process.getuid?.() === 0 ? undefined : 'needs root for a network namespace of its own';
  const enter = [
    '--net',
    '--',
    'sh',
    '-c',
    'ip link set lo up && exec "$@"',
    'bench',
    process.execPath,
    self,
    '--inside',
  ];
  const given = [
    '--hosts',
    values.hosts,
    '--host',
    values.host,
    '--playbook-hosts',
    values['playbook-hosts'],
    '--rounds',
    values.rounds,
  ];
  const end =
    why === undefined
      ? spawnSync('unshare', [...enter, ...given, ...names], { stdio: 'inherit' })
      : undefined;
  if (end?.status !== 0)
    for (const name of names) allShort(name, why ?? 'no network namespace could be made');
}

const unknown = positionals.filter((name) => !(name in benches));
if (unknown.length > 0) {
  console.error(`no bench ${unknown.join(', ')}; there are ${Object.keys(benches).join(', ')}`);
  process.exit(1);
}
const own = process.env[variable] === undefined ? makePackage() : undefined;
if (own !== undefined) {
  process.env[variable] = own;
  process.on('exit', () => rmSync(own, { recursive: true, force: true }));
}
const all = Object.keys(benches).filter((name) => name !== 'gate');
for (const name of positionals.length > 0 ? positionals : all) {
  if (values.inside || !needRoot.includes(name)) await run(name);
  else inside([name]);
}
