// What a command costs beside its connections: `check`, `plan` and `apply` of many hosts that answer
// by themselves. CPU and memory of the whole process, and how long its event loop did not turn.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { build } from 'esbuild';
import { bundleOptions } from '../scripts/build.mjs';
import { missing } from './lines.mjs';
import { makePodNode } from './pods.mjs';
import { measure } from './process.mjs';
import { bundle, cleanEnv } from './product.mjs';

const root = new URL('..', import.meta.url).pathname;
const many = Number(process.env.KMEND_BENCH_HOSTS ?? 10_000);
const usual = 1000;

/** The product, with hosts that answer by themselves in place of the SSH adapter. */
export async function buildProgram(folder) {
  const out = join(folder, 'kmend.cjs');
  const plugin = {
    name: 'own-hosts',
    setup: ({ onResolve }) =>
      onResolve({ filter: /^\.\/adapters\/ssh\/index\.ts$/ }, () => ({
        path: join(root, 'bench/own-hosts.mjs'),
      })),
  };
  await build({ ...bundleOptions(join(root, 'src/main.ts'), out), plugins: [plugin] });
  return out;
}

/** The output with one area as another output has it. */
function withArea(text, other, index) {
  const frame = new RegExp(`@@kmend area ${index}\\n[^]*?@@kmend done ${index}\\b`);
  const [found] = frame.exec(other);
  return text.replace(frame, () => found);
}

/**
 * What a practice host prints, and the same host with the memory cgroups of a node with 110 pods.
 */
export async function record(folder) {
  const parts = ['../practice/index.ts', '../test/practice/client.ts', 'facts/index.ts'];
  const file = await bundle([...parts, 'facts/probe/registry.ts'], join(folder, 'practice.cjs'));
  const { createFleet, ssh, buildProbe, checkWants, baseAreas } = createRequire(import.meta.url)(
    file,
  );
  const host = {
    name: 'host',
    flavour: 'el7',
    kernel: '3.10.0-1160.el7.x86_64',
    packages: ['container-selinux-2:2.68-1.el7', 'docker-ce-18.06.1.ce-3.el7'],
  };
  const node = join(folder, 'node');
  makePodNode(node);
  const area = baseAreas.findIndex(({ name }) => name === 'cgroup');
  const fleet = await createFleet({ dir: join(folder, 'fleet'), hosts: [host] });
  const answers = { small: {}, pods: {} };
  try {
    for (const wants of [[], checkWants]) {
      const script = buildProbe(wants);
      const { out } = await ssh(fleet, 'host', script);
      const { stdout } = spawnSync('sh', ['-c', script], {
        env: cleanEnv(folder, { KMEND_ROOT: node }),
        encoding: 'utf8',
      });
      answers.small[script] = out;
      answers.pods[script] = withArea(out, stdout, area);
    }
    const bootIds = [fleet.hosts[0].bootId()];
    for (const [name, scripts] of Object.entries(answers)) {
      const [sick, check] = Object.values(scripts);
      const recording = { sick, check, set: sick, remediated: sick, deaf: sick, bootIds };
      writeFileSync(join(folder, `${name}.json`), JSON.stringify({ scripts, recording }));
    }
  } finally {
    await fleet.close();
  }
}

export function inventory(folder, count) {
  const path = join(folder, `hosts-${count}.yaml`);
  const lines = Array.from(
    { length: count },
    (_, at) => `    n${at}: {ansible_host: 10.${at >> 16}.${(at >> 8) & 255}.${at & 255}}\n`,
  );
  writeFileSync(path, `all:\n  hosts:\n${lines.join('')}`);
  return path;
}

const commands = `- name: Commands
  hosts: all
  rollout: {max_unavailable: 100%, soak: 0}
  tasks:
    - name: One
      command: "true"
    - name: Two
      command: "true"
    - name: Three
      command: "true"
`;

const rowsRun = 'check rows';

/** When the row of each host was printed, by the lines of `check --json`. */
function rowTimes() {
  const at = new Map();
  let text = '';
  let read = 0;
  return {
    see: (more) => {
      text += more;
      const end = text.lastIndexOf('\n') + 1;
      for (const [, host] of text.slice(read, end).matchAll(/"host":"(n\d+)"/g))
        if (!at.has(host)) at.set(host, Date.now());
      read = Math.max(read, end);
    },
    text: () => text,
    /** Seconds from the last answer of each host to its row, in the order of the rows. */
    after: (answered) => [...at].map(([host, time]) => (time - answered[host]) / 1000),
  };
}

/** MB of a Node program that does nothing, as `own-hosts.mjs` measures the command: its peak. */
export const emptyNode = () =>
  Number(
    execFileSync(process.execPath, ['-p', 'process.resourceUsage().maxRSS'], { encoding: 'utf8' }),
  ) / 1024;

export async function own({ folder, emit, print }) {
  const program = await buildProgram(folder);
  await record(folder);
  const plays = { auto: join(root, 'playbooks/auto.yaml'), apply: join(folder, 'commands.yaml') };
  writeFileSync(plays.apply, commands);
  let runs = 0;
  const run = async (name, kind, hosts, args) => {
    const home = join(folder, `home-${runs++}`);
    mkdirSync(home);
    const report = join(home, 'report.json');
    const env = cleanEnv(home, {
      KMEND_BENCH_ANSWERS: join(folder, `${kind}.json`),
      KMEND_BENCH_REPORT: report,
    });
    const output = join(home, 'out');
    const rows = rowTimes();
    const command = [process.execPath, ...profiling(), program, ...args];
    const more = ['-i', inventory(folder, hosts), '--state-dir', join(home, 'state')];
    const ended = await measure([...command, ...more], {
      env,
      timeout: 300,
      output: name === rowsRun ? rows.see : output,
    });
    if (![0, 2, 12].includes(ended.code))
      return missing(`exit ${ended.code}: ${ended.errors.slice(-300)}`);
    const reported = JSON.parse(readFileSync(report, 'utf8'));
    const text = name === rowsRun ? rows.text() : readFileSync(output, 'utf8');
    print(
      `# ${name} ${kind} n=${hosts}  exit ${ended.code}  wall ${ended.wall.toFixed(2)} s  CPU ${(reported.cpu / 1000).toFixed(2)} s = ${(reported.cpu / hosts).toFixed(3)} ms/host  RSS ${reported.rss.toFixed(0)} MB  loop p99 ${reported.lag.p99.toFixed(1)} max ${reported.lag.max.toFixed(0)} ms  printed ${(text.length / 1024).toFixed(0)} KB`,
    );
    return { ...reported, text, rows: rows.after(reported.answered) };
  };
  /** For comparison: CPU of reading as JSON what `check --json` printed. */
  const calibration = (text, hosts) => {
    const lines = text.split('\n').filter((line) => line.startsWith('{"schema":"kmend.check/1"'));
    const before = process.cpuUsage();
    for (let at = 0; at < hosts; at++) JSON.parse(lines[at % lines.length]);
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000 / hosts;
  };
  const emitCpu = (key, ended, hosts) =>
    emit(`own.${key}.cpu`, 'why' in ended ? ended : ended.cpu / hosts, {});
  const only = process.env.KMEND_BENCH_ONLY?.split(',') ?? ['usual', 'many', 'apply'];
  let fewer;
  if (only.includes('usual')) {
    await run('check', 'pods', 1, ['check', '--json']);
    const check = await run('check', 'pods', usual, ['check', '--json']);
    if (check.text !== undefined)
      print(
        `# JSON.parse of what it printed: ${calibration(check.text, usual).toFixed(3)} ms/host`,
      );
    emitCpu('check', check, usual);
    const empty = emptyNode();
    print(`# an empty Node program  RSS ${empty.toFixed(0)} MB`);
    emit('own.check.memory', 'why' in check ? check : check.rss - empty, {});
    fewer = check.rss;
    emitLag('own.check.lag', check, emit);
    const { rows, ...rest } = await run(rowsRun, 'pods', usual, ['check', '--json']);
    const isWhole = rows?.length === usual;
    emit('own.check.row', isWhole ? rows[0] : missing(rest.why ?? 'rows are missing'), {});
    rows?.sort((a, b) => a - b);
    if (isWhole)
      print(`# all rows: median ${rows[usual / 2]} s, last ${rows.at(-1)} s after the answer`);
    await run('check text', 'small', usual, ['check']);
    const plan = await run('plan', 'pods', usual, ['plan', plays.auto]);
    emitCpu('plan', plan, usual);
  }
  if (only.includes('many')) {
    const check = await run('check', 'pods', many, ['check', '--json']);
    emit('own.check.many.memory', check.rss ?? check, {});
    const more = (check.rss - fewer) / (many - usual);
    emit('own.check.more.memory', Number.isFinite(more) ? more : missing('one was not run'), {});
    const plan = await run('plan', 'pods', many, ['plan', plays.auto]);
    emit('own.plan.many.cpu', 'why' in plan ? plan : plan.cpu / 1000, {});
    emitLag('own.plan.lag', plan, emit);
  }
  if (only.includes('apply')) {
    const apply = await run('apply', 'small', usual, ['apply', plays.apply, '--yes']);
    emitLag('own.apply.lag', apply, emit);
  }
}

function emitLag(key, ended, emit) {
  emit(`${key}.p99`, ended.lag?.p99 ?? ended, {});
  emit(`${key}.max`, ended.lag?.max ?? ended, {});
}

const profiling = () =>
  process.env.KMEND_BENCH_PROFILE === undefined
    ? []
    : ['--cpu-prof', '--cpu-prof-dir', process.env.KMEND_BENCH_PROFILE];
