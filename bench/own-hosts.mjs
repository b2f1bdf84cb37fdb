// Hosts that answer by themselves, in place of the SSH adapter: what is left of a command is its own
// work. KMEND_BENCH_ANSWERS names what a host prints; CPU, memory and delays of the event loop go to
// KMEND_BENCH_REPORT when the process ends.
import { readFileSync, writeFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setFlagsFromString } from 'node:v8';
import { HostWorld } from '../test/fakes/host-world.ts';

const { scripts, recording } = JSON.parse(readFileSync(process.env.KMEND_BENCH_ANSWERS, 'utf8'));

const fate = {
  lossy: 0,
  draws: [0.5],
  scriptSeconds: 0.02,
  bootSeconds: 1,
  reboot: 'good',
  drain: 'good',
};

/** Milliseconds of one answer: 5 to 24, so that they do not come at once. */
let answers = 0;
const latency = () => 5 + ((answers++ * 7) % 20);
const wait = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Milliseconds of work that are not the command's. */
let foreign = 0;

/** What no two hosts of a fleet have in common: ids, clocks, counters, and the groups of its pods. */
function ownText(text, name) {
  const number = Number(name.replace(/\D/g, '')) || 0;
  const id = number.toString(16).padStart(6, '0');
  const more = (begin) => (_, before, digits) => `${before}${Number(digits) + begin}`;
  return recording.bootIds
    .reduce((said, boot) => said.replaceAll(boot, `${name}-1`), text)
    .replace(/^machine [0-9a-f]{26}/m, `machine 00000000000000000000${id}`)
    .replace(/^host .*/m, `host ${name}`)
    .replace(/^(uptime |clock |process )(\d+)/gm, more(number % 1000))
    .replace(/^(S\w+: +)(\d+)/gm, more(number))
    .replace(/^(slab |slab \d+ )(\d+)/gm, more(number % 300))
    .replace(/^(w unit eio .* )(\d+)$/gm, more(number % 50))
    .replace(/(docker\/|pod)([0-9a-f]{6})(?=[0-9a-f-]{8})/g, `$1${id}`);
}

/** A flat text, as a transport makes it of the bytes that it got. */
function freshText(text, name) {
  const began = performance.now();
  const made = Buffer.from(ownText(text, name)).toString();
  foreign += performance.now() - began;
  return made;
}

const time = {
  get now() {
    return Date.now();
  },
  spend: (milliseconds) => wait(Math.min(milliseconds, latency())),
};

// As the SSH adapter does when it loads its library: it decides what of the heap is kept.
setFlagsFromString('--semi-space-growth-factor=1');

let lag;
const worlds = new Map();

/** When each host gave its last answer, in milliseconds since 1970. */
const answered = {};

async function connect({ name }) {
  if (lag === undefined) {
    lag = monitorEventLoopDelay({ resolution: 1 });
    lag.enable();
  }
  const world = worlds.get(name) ?? new HostWorld(recording, fate, {}, time, name);
  worlds.set(name, world);
  const made = await world.transport.connect();
  if (!made.ok) return made;
  const exec = async (request) => {
    const text = scripts[request.script];
    if (text === undefined) return made.value.exec(request);
    await wait(latency());
    const stdout = freshText(text, name);
    answered[name] = Date.now();
    return { ok: true, value: { code: 0, stdout, stderr: '', truncated: false } };
  };
  return { ok: true, value: { ...made.value, exec, hostKey: `key of ${name}` } };
}

process.on('exit', () => {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
  writeFileSync(
    process.env.KMEND_BENCH_REPORT,
    JSON.stringify({
      cpu: (userCPUTime + systemCPUTime) / 1000 - foreign,
      rss: maxRSS / 1024,
      answered,
      lag: lag && { p99: lag.percentile(99) / 1e6, max: lag.max / 1e6 },
    }),
  );
});

export const createTransport = () => ({ connect, close: async () => {} });
