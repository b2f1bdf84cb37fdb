// Runs a contender and measures it: wall, CPU of its whole process tree, peak memory of the tree.
import { spawn, spawnSync } from 'node:child_process';
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs';

/** Kernel ticks are hundredths of a second on every Linux that Node runs on. */
const tick = 0.01;

const textOf = (path) => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
};

/**
 * utime, stime, cutime, cstime of a process in seconds; its command may hold spaces and brackets.
 */
function times(pid) {
  const fields = textOf(`/proc/${pid}/stat`)
    .replace(/^.*\) /s, '')
    .split(' ');
  const [own, system, children, childrenSystem] = [11, 12, 13, 14].map(
    (at) => Number(fields[at] ?? 0) * tick,
  );
  return { own: own + system, children: children + childrenSystem };
}

/** CPU seconds of the children that this process has waited for, and of theirs. */
export const waitedFor = () => times('self').children;

/** CPU seconds of a server and of all its sessions that have ended. */
export function serverCpu(pid) {
  const { own, children } = times(pid);
  return own + children;
}

export function childrenOf() {
  const children = new Map();
  for (const pid of readdirSync('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    const parent = textOf(`/proc/${pid}/stat`)
      .replace(/^.*\) /s, '')
      .split(' ')[1];
    if (parent !== undefined) children.set(parent, [...(children.get(parent) ?? []), pid]);
  }
  return children;
}

export function treeOf(pid) {
  const children = childrenOf();
  const found = [];
  const todo = [...(children.get(String(pid)) ?? [])];
  for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
    found.push(next);
    todo.push(...(children.get(next) ?? []));
  }
  return found;
}

const kilobytes = (status, name) =>
  Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0);

/**
 * kB of a process's own memory; pages that forked processes share are divided among them, where the
 * kernel reports that.
 */
function anonymous(pid, state) {
  const rollup = textOf(`/proc/${pid}/smaps_rollup`);
  return rollup === '' ? kilobytes(state, 'RssAnon') : kilobytes(rollup, 'Pss_Anon');
}

/** MB of anonymous memory, and the highest RSS of one process so far. */
export function memoryOf(pids) {
  const states = pids.map((pid) => textOf(`/proc/${pid}/status`));
  return {
    anon: states.reduce((sum, state, index) => sum + anonymous(pids[index], state), 0) / 1024,
    rss: Math.max(0, ...states.map((state) => kilobytes(state, 'VmHWM') / 1024)),
    processes: pids.length,
  };
}

/**
 * In a PID namespace of its own nothing outlives the contender, and what it leaves behind (ssh
 * masters) is waited for and counted too.
 */
const ownPids = ['unshare', '--fork', '--pid', '--kill-child', '--'];
const canUnshare = spawnSync(ownPids[0], [...ownPids.slice(1), 'true']).status === 0;

/**
 * Runs a command to its end. `output` = a file for stdout, opened for appending: many writers do
 * not mix there; a function gets the text as it comes. `sample` = milliseconds between two readings of the memory (0 = none).
 */
export async function measure(
  command,
  { env = process.env, cwd = process.cwd(), output, timeout = 120, sample = 0 } = {},
) {
  const [program, ...args] = canUnshare ? [...ownPids, ...command] : command;
  const isShown = typeof output === 'function';
  const file = isShown ? 'pipe' : output === undefined ? 'ignore' : openSync(output, 'a');
  const errors = [];
  const before = waitedFor();
  const started = performance.now();
  const child = spawn(program, args, { env, cwd, stdio: ['ignore', file, 'pipe'] });
  child.stderr.on('data', (chunk) => {
    errors.push(chunk);
    if (errors.length > 50) errors.shift();
  });
  if (isShown) child.stdout.setEncoding('utf8').on('data', output);
  let timedOut = false;
  const peak = { anon: 0, rss: 0, processes: 0 };
  let sampler;
  const look = () => {
    const began = performance.now();
    const now = memoryOf(treeOf(child.pid));
    for (const name of Object.keys(peak)) peak[name] = Math.max(peak[name], now[name]);
    // Looking must not become the load: a tenth of one core at most.
    sampler = setTimeout(look, Math.max(sample, 9 * (performance.now() - began)));
  };
  if (sample > 0) sampler = setTimeout(look, sample);
  const clock = setTimeout(() => {
    timedOut = true;
    child.kill('SIGKILL');
  }, timeout * 1000);
  const code = await new Promise((resolve) => {
    child.on('error', (error) => {
      errors.push(Buffer.from(error.message));
      resolve(127);
    });
    // What it has printed is read to the end.
    child.on(isShown ? 'close' : 'exit', (status) => resolve(status ?? 128));
  });
  const wall = (performance.now() - started) / 1000;
  clearTimeout(sampler);
  clearTimeout(clock);
  if (typeof file === 'number') closeSync(file);
  return {
    code,
    wall,
    cpu: waitedFor() - before,
    ...peak,
    timedOut,
    errors: Buffer.concat(errors).toString().trim(),
  };
}

export const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

export const isInstalled = (program) =>
  spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;
