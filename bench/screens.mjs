// What a run of 6,000 hosts costs its screens: the view beside the fold that a resume needs, a change
// beside the whole, the forecast, the report, and `kmend serve` until its first snapshot. CPU, since
// walls of a shared machine say little.
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { policy } from './policy.mjs';
import { memoryOf, serverCpu, sleep, waitedFor } from './process.mjs';
import { bundle, cleanEnv, kmend } from './product.mjs';

const fleet = Number(process.env.KMEND_BENCH_HOSTS ?? 6000);
const files = [
  'core/decide/simulate.ts',
  'core/plan/order.ts',
  'core/run-state/fold.ts',
  'core/run-state/state.ts',
  'core/view/read-view.ts',
  'core/view/curve.ts',
  'core/view/forecast.ts',
  'core/view/forecast-events.ts',
  'screens/run/lines.ts',
  'adapters/store/chain.ts',
];

const tasks = ['drain', 'package', 'reboot', 'verify_kmem'];
const effects = { drain: 'drain', package: 'run', reboot: 'reboot' };

const plan = (host, estimate, zone) => ({
  host,
  tasks: tasks.map((module, index) => ({
    ...{ id: `${index}`, name: module, module, changes: [], risk: 'reboot' },
    status: module === 'verify_kmem' ? 'later' : 'change',
  })),
  risk: 'reboot',
  verdict: 'leaking',
  remedy: 'reboot',
  remedyWhy: 'its kernel accounts for kernel memory',
  reads: {},
  estimate,
  warnings: [],
  zone,
});

/** What a host does; `share`: when, as a part of its time. */
const walkOf = (host) => [
  { share: 0.01, type: 'facts.read', host, verdict: 'leaking', evidence: '9 of 9 cgroups' },
  ...tasks.flatMap((module, index) => {
    const [task, share] = [`${index}`, 0.02 + index * 0.24];
    const effect = `${host}/${task}/1`;
    const own = { host, task, name: module };
    const kind = effects[module];
    const what = { kind, what: module, timeout: 900, detached: false };
    return [
      { ...own, share, type: 'task.planned', module, status: 'change', changes: [] },
      ...(kind === undefined
        ? []
        : [
            { share: share + 0.01, type: 'effect.started', host, task, effect, ...what },
            { share: share + 0.22, type: 'effect.done', host, task, effect, result: { ok: true } },
          ]),
      { ...own, share: share + 0.23, type: 'task.done', status: 'changed' },
    ];
  }),
  { share: 0.99, type: 'proof', host, verdict: 'off', by: 'samples', evidence: '17 of 17 cgroups' },
];

const rollout = {
  ...policy,
  waves: [{ percent: 5 }, { percent: 100 }],
  maxUnavailable: { percent: 4 },
  maxPerZone: { percent: 4 },
  maxZones: 3,
  soak: { host: 60, wave: 300 },
  brake: { failures: { percent: 5 }, unreachable: 'count' },
};

/** The entries of a whole run, the walk of each host spread over its time. */
function entriesOf(core, count) {
  const random = core.numbersFrom('screens');
  const hosts = Array.from({ length: count }, (_, index) => {
    const host = `node-${String(index).padStart(4, '0')}.example.net`;
    return {
      host,
      down: false,
      plan: plan(host, 300 + Math.round(600 * random()), `z${index % 3}`),
    };
  });
  const estimates = new Map(hosts.map(({ host, plan }) => [host, plan.estimate]));
  const startedAt = new Map();
  const entries = [];
  core.simulate({
    begin: {
      ...{ type: 'run.started', tool: 'bench', playbook: 'bench', play: 'bench', rollout },
      ...{ pool: count, hosts, leftOut: [], who: 'bench', attended: false, planId: 'bench' },
    },
    run: 'bench',
    now: Date.UTC(2026, 0, 1),
    outcome: (host) => ({
      seconds: estimates.get(host) * (0.7 + 0.6 * random()),
      end: random() < 0.01 ? { kind: 'timeout', message: 'did not come back' } : 'done',
    }),
    walk: walkOf,
    onEvent: ({ share, ...event }) => {
      if (event.type === 'host.started') startedAt.set(event.host, event.at);
      const from = startedAt.get(event.host);
      const at = share === undefined ? event.at : Math.round(from + share * (event.at - from));
      entries.push({ ...event, at });
    },
  });
  return entries.sort((a, b) => a.at - b.at);
}

/** A journal of these entries, as the product writes it. */
function writeJournal(core, stateDir, run, entries) {
  const folder = join(stateDir, 'runs', run);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  let prev = core.rootOf(run);
  const lines = entries.map((entry, seq) => {
    const line = JSON.stringify({ ...entry, seq, run, prev });
    prev = core.hashOf(line);
    return `${line}\n`;
  });
  writeFileSync(join(folder, 'journal.ndjson'), lines.join(''), { mode: 0o600 });
}

/** CPU seconds, the least of three: the first one also compiles. */
function leastOf(measured) {
  const seconds = [1, 2, 3].map(() => {
    const before = process.cpuUsage();
    measured();
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1e6;
  });
  return Math.min(...seconds);
}

function viewCosts(core, entries, emit) {
  const events = entries.map((entry, seq) => ({ ...entry, seq }));
  const read = () => {
    const reader = core.readView(core.lineOf);
    for (const event of events) reader.see(event);
    return reader;
  };
  const folded = leastOf(() => core.foldAll(events));
  emit('screens.view', leastOf(read), { fold: folded });
  const reader = read();
  const whole = JSON.stringify(reader.view()).length;
  // What a busy second brings.
  const changes = JSON.stringify(reader.delta(reader.state().lastSeq - 200)).length;
  emit('screens.delta', changes / 1e3, { snapshot: whole / 1e3 });
  const early = core.foldAll(events.slice(0, fleet / 20));
  emit(
    'screens.forecast',
    leastOf(() => core.forecastOf(early, early.lastAt)),
  );
}

/** CPU seconds of a command of the product, its start included. */
function cpuOf(args, env) {
  const before = waitedFor();
  const { status, stderr } = spawnSync(kmend[0], [kmend[1], ...args], {
    env,
    encoding: 'utf8',
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  if (status !== 0) throw new Error(stderr.split('\n')[0]);
  return waitedFor() - before;
}

/** Logs in at the link that `kmend serve` has printed; returns the headers of a reader. */
async function logIn(link) {
  const { headers } = await fetch(link);
  return { cookie: headers.get('set-cookie').split(';')[0] };
}

/** CPU seconds and MB of `kmend serve` when the snapshot of a run has come, and then of a second. */
async function serving(stateDir, run, env) {
  const server = spawn(kmend[0], [kmend[1], 'serve', '--port', '0', '--state-dir', stateDir], {
    env,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  try {
    let printed = '';
    for await (const chunk of server.stdout) {
      printed += chunk;
      if (printed.includes('kmend serves') && printed.includes('login?token=')) break;
    }
    const [link] = /http:\S+token=\S+/.exec(printed);
    const headers = await logIn(link);
    const snapshot = async () => {
      const { body } = await fetch(new URL(`/api/runs/${run}/events`, link), { headers });
      let end = '';
      for await (const bytes of body) {
        end = `${end}${Buffer.from(bytes).toString('latin1')}`.slice(-2);
        if (end === '\n\n') return;
      }
    };
    await snapshot();
    const first = serverCpu(server.pid);
    await sleep(2000);
    const before = serverCpu(server.pid);
    await snapshot();
    const { rss: memory } = memoryOf([server.pid]);
    return { first, second: serverCpu(server.pid) - before, memory };
  } finally {
    server.kill('SIGTERM');
  }
}

export async function screens({ folder, emit, print }) {
  const core = createRequire(import.meta.url)(await bundle(files, join(folder, 'screens.cjs')));
  const entries = entriesOf(core, fleet);
  print(`# screens: a run of ${fleet} hosts, ${entries.length} entries`);
  viewCosts(core, entries, emit);
  const [run, stateDir, env] = ['20260101-000000-abcd', join(folder, 'state'), cleanEnv(folder)];
  writeJournal(core, stateDir, run, entries);
  const html = join(folder, 'report.html');
  const options = ['--state-dir', stateDir];
  // The first command also makes the list of the runs.
  cpuOf(['runs', ...options], env);
  const plain = cpuOf(['report', run, '--json', ...options], env);
  emit('screens.report.cpu', cpuOf(['report', run, '--html', html, ...options], env), { plain });
  emit('screens.report.size', statSync(html).size / 1e6);
  const { first, second, memory } = await serving(stateDir, run, env);
  emit('screens.serve.first', first, { report: plain });
  emit('screens.serve.next', second, { first });
  emit('screens.serve.memory', memory);
}
