// Run by gate.mjs in a process of its own, with a heap that collects nothing meanwhile: what facts
// of a host and events of a rollout cost, as bytes allocated and as multiples of a fixed loop.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { policy } from './policy.mjs';

const { product, outputs, rounds } = JSON.parse(process.env.KMEND_GATE);
const { parseProbe, checkWants, derive, simulate, decide } = createRequire(import.meta.url)(
  product,
);

/** Fixed work of the kind that kmend does: text, objects, maps. */
function calibrate() {
  const seen = new Map();
  const line = JSON.stringify({ host: 'node-a', facts: { kernel: '3.10.0-862', groups: [1, 2] } });
  for (let round = 0; round < 8_000; round++) {
    const read = JSON.parse(line);
    seen.set(`${read.host}-${round % 500}`, read.facts.kernel.split('.').map(Number));
  }
  return seen.size;
}

const cpuOf = (work) => {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return user + system;
};

function allocatedBy(work) {
  globalThis.gc();
  const before = process.memoryUsage().heapUsed;
  work();
  return process.memoryUsage().heapUsed - before;
}

const facts = (text) => {
  const parsed = parseProbe(text, checkWants);
  if (!parsed.ok) throw new Error(parsed.failure.message);
  return parsed.value;
};

const task = {
  id: '1',
  name: 'Fix',
  module: 'reboot',
  changes: [],
  risk: 'reboot',
  status: 'change',
};
const host = (name) => ({
  host: name,
  target: { name, port: 22, user: 'ops' },
  down: false,
  plan: {
    ...{ host: name, tasks: [task], risk: 'reboot', verdict: 'on', remedy: 'reboot' },
    ...{ remedyWhy: '', reads: {}, estimate: 300, warnings: [] },
  },
});
const world = {
  begin: {
    ...{ type: 'run.started', tool: 'bench', playbook: 'bench', play: 'bench', planId: 'bench' },
    ...{ pool: 300, leftOut: [], who: 'bench', attended: false },
    rollout: { ...policy, maxUnavailable: { count: 6 } },
    hosts: Array.from({ length: 300 }, (_, index) => host(`n${index}`)),
  },
  run: 'bench',
  now: 0,
  outcome: () => ({ seconds: 300, end: 'done' }),
};
let events = 0;
const rollout = () => {
  events = 0;
  const onEvent = (event, state) => {
    events += 1;
    decide(state, world.begin.rollout, event.at);
  };
  simulate({ ...world, onEvent });
};

/** The answer of a host that has nothing in common with those before it. */
let different = 0;
const unlikeOthers = (text) => text.replaceAll('\n@@kmend done', `\n${different++}\n@@kmend done`);

const repeated = (times, work) => () => {
  for (let time = 0; time < times; time++) work();
};
const works = { rollout };
const counts = {};
for (const [name, path] of Object.entries(outputs)) {
  const text = readFileSync(path, 'utf8');
  works[`parse.${name}`] = repeated(20, () => facts(text));
  works[`parse.first.${name}`] = repeated(20, () => facts(unlikeOthers(text)));
  const read = facts(text);
  works[`derive.${name}`] = repeated(20, () => derive(read));
}
const best = {};
for (let round = 0; round < rounds; round++)
  for (const [name, work] of Object.entries({ calibrate, ...works }))
    best[name] = Math.min(best[name] ?? Number.POSITIVE_INFINITY, cpuOf(work));
for (const [name, work] of Object.entries(works)) {
  const one = name === 'rollout' ? events : 20;
  counts[`${name}.cpu`] = ((best[name] / best.calibrate) * 1000) / one;
  counts[`${name}.allocated`] = allocatedBy(work) / 1024 / one;
}
process.stdout.write(JSON.stringify(counts));
