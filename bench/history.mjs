// How long commands take to start where many runs are kept: `plan`, `apply` and lists beside a
// history of runs that are over, against the same commands beside an empty state directory.
// KMEND_BENCH_RUNS and KMEND_BENCH_EVENTS say how many runs there are, and events in all.
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { median, missing } from './lines.mjs';
import { policy } from './policy.mjs';
import { measure } from './process.mjs';
import { cleanEnv, kmend, kmendSays } from './product.mjs';

const runs = Number(process.env.KMEND_BENCH_RUNS ?? 1_000);
const events = Number(process.env.KMEND_BENCH_EVENTS ?? 1_000_000);
/** Events of a host: its walk in a play of many tasks. */
const perHost = 100;
const playbook = 'history.yaml';
const play = 'Weekly';
/** One in so many runs was interrupted; of one in so many a failed host is not acknowledged. */
const [interrupted, unresolved] = [50, 50];

const hash = (text) => createHash('sha256').update(text).digest('hex');

const planOf = (host) => ({
  ...{
    host,
    tasks: [],
    risk: 'reboot',
    verdict: 'leaking',
    remedy: 'reboot',
    remedyWhy: 'it leaks',
  },
  ...{ reads: {}, estimate: 600, warnings: [], zone: `z${host.length % 3}` },
});

/** What a host does in a run, about as an apply writes it. */
function walkOf(host, end) {
  const steps = (perHost - 6) / 2;
  const own = { host, task: '0' };
  return [
    { type: 'host.started', host, why: 'it is its turn' },
    { type: 'facts.read', host, verdict: 'leaking', evidence: '9 of 9 cgroups' },
    {
      ...{
        ...own,
        type: 'task.planned',
        name: 'The argument',
        module: 'kernel_arg',
        status: 'change',
      },
      changes: [
        { what: 'boot argument cgroup.memory', sign: '+', after: 'nokmem', risk: 'reboot' },
      ],
    },
    ...Array.from({ length: steps }, (_, step) => [
      {
        ...{ ...own, type: 'effect.started', effect: `${host}/0/${step}`, kind: 'run' },
        ...{ what: 'write the argument for each boot entry', timeout: 900, detached: true },
      },
      { ...own, type: 'effect.done', effect: `${host}/0/${step}`, result: { ok: true } },
    ]).flat(),
    { type: 'proof', host, verdict: 'off', by: 'samples', evidence: '17 of 17 cgroups' },
    { ...own, type: 'task.done', name: 'The argument', status: 'changed' },
    end,
  ];
}

const pad = (text) => String(text).padStart(4, '0');

/** @param hosts of all runs; each run works on the next of them */
function bodiesOf(index, hosts) {
  const failed = hosts.length > 1 && index % unresolved === 1 ? hosts[0] : undefined;
  const isCut = index % interrupted === 2;
  const failure = { kind: 'exit', message: 'it ended with 1' };
  const endOf = (host) =>
    host === failed
      ? { type: 'host.failed', host, failure, touched: true, state: 'drained' }
      : { type: 'host.done', host, changed: true, proven: 'yes' };
  const end = isCut
    ? { type: 'run.finished', exit: 130, why: 'interrupted' }
    : { type: 'run.finished', exit: failed === undefined ? 0 : 4, why: 'all hosts are done' };
  return [
    {
      ...{ type: 'run.started', tool: '1', playbook, play, rollout: policy, pool: hosts.length },
      hosts: hosts.map((host) => ({ host, plan: planOf(host), down: false })),
      ...{ leftOut: [], who: 'bench', attended: false, planId: 'none' },
    },
    { type: 'wave.started', wave: 1, hosts, canary: false },
    ...hosts.flatMap((host) => walkOf(host, endOf(host))),
    ...(isCut ? [{ type: 'run.aborted', who: 'bench', why: 'SIGTERM' }] : []),
    end,
    { type: 'run.closed' },
  ];
}

/** A state directory with so many runs that are over. */
function makeHistory(state, count, fleet) {
  const size = Math.max(1, Math.round(count.events / count.runs / perHost));
  for (let index = 0; index < count.runs; index++) {
    const at = Date.UTC(2020, 0, 1) + index * 86_400_000;
    const stamp = new Date(at).toISOString().replace(/[-:]/g, '').replace('T', '-').slice(0, 15);
    const run = `${stamp}-${index.toString(36).padStart(4, '0')}`;
    const hosts = Array.from({ length: size }, (_, host) => fleet[host] ?? `old-${pad(host)}`);
    let prev = hash(`kmend journal ${run}`);
    const lines = bodiesOf(index, hosts).map((body, seq) => {
      const line = JSON.stringify({ v: 1, seq, at: at + seq * 1000, run, prev, ...body });
      prev = hash(line);
      return `${line}\n`;
    });
    mkdirSync(join(state, 'runs', run), { recursive: true, mode: 0o700 });
    writeFileSync(join(state, 'runs', run, 'journal.ndjson'), lines.join(''), { mode: 0o600 });
  }
}

const text = `- name: ${play}
  hosts: all
  tasks:
    - name: Look
      command: "true"
`;

const inStates = (states, args) =>
  Object.fromEntries(
    Object.entries(states).map(([name, state]) => [
      name,
      [...kmend, ...args, '--state-dir', state],
    ]),
  );

/** Commands that read no host, and commands that read one. */
const commandsOf = (file, inventory) => {
  const fleet = ['-i', inventory, '-l', 'node-a1'];
  return {
    plan: ['plan', file, ...fleet],
    apply: ['apply', file, ...fleet, '--yes'],
    runs: ['runs'],
    report: ['report'],
    drift: ['drift', ...fleet],
  };
};

export async function history({ folder, rounds, emit, print }) {
  const env = cleanEnv(folder);
  const states = { empty: join(folder, 'empty'), full: join(folder, 'full') };
  const fleet = ['node-a1', 'node-a2', 'node-a3', 'node-b1'];
  kmendSays(['lab', 'up', '--state-dir', folder], env);
  try {
    const inventory = join(folder, 'lab/inventory.yaml');
    const file = join(folder, playbook);
    writeFileSync(file, text);
    const made = performance.now();
    makeHistory(states.full, { runs, events }, fleet);
    // A report and a drift need a run: a small one, of the same play.
    makeHistory(states.empty, { runs: 1, events: perHost }, fleet);
    print(
      `# ${runs} runs, ${events} events: made in ${((performance.now() - made) / 1000).toFixed(0)} s`,
    );
    for (const [name, args] of Object.entries(commandsOf(file, inventory)))
      await compare(name, inStates(states, args), { env, rounds, emit, print });
  } finally {
    kmendSays(['lab', 'down', '--state-dir', folder], env);
  }
}

/** The first call of each reads what is not known yet, and counts apart. */
async function compare(name, commands, { env, rounds, emit, print }) {
  const walls = { empty: [], full: [] };
  for (let round = 0; round <= rounds * 3; round++)
    for (const [which, command] of Object.entries(commands)) {
      const run = await measure(command, { env, output: '/dev/null', timeout: 900 });
      if (run.code === null || run.code === 1 || run.code === 3)
        return emit(`history.${name}`, missing(`exit ${run.code} ${run.errors.slice(0, 200)}`), {});
      if (round > 0) walls[which].push(run.wall * 1000);
      else if (which === 'full') print(`# ${name}: first ${run.wall.toFixed(2)} s`);
    }
  emit(`history.${name}`, median(walls.full), { empty: median(walls.empty) });
}
