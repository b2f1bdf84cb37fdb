// A real control plane on loopback for tests: starts and ends the scripts of test/lab/kube, and puts cases through a drainer.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { buildSync } from 'esbuild';
import { parse } from 'yaml';
import { createCluster, type KubeCluster } from '../../src/kube/index.ts';
import { systemClock } from '../../src/local/index.ts';
import { labNumber } from './lab.ts';

const scripts = resolve(import.meta.dirname, '../lab/kube');
const binaries = process.env.KUBE_BIN ?? resolve(import.meta.dirname, '../../.kube/bin');

const has = (program: string): boolean => spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;

/** What is missing for it; undefined = it can be run. */
export const missing: string | undefined = (() => {
  if (!existsSync(join(binaries, 'kube-apiserver'))) return 'no kube-apiserver: build it once with WORK=$PWD/.kube test/lab/kube/build.sh';
  return ['kubectl', 'etcd', 'jq', 'openssl', 'curl', 'bash']
    .map((name) => (has(name) ? undefined : `no ${name}`))
    .find((text) => text !== undefined);
})();

/** One row of a recorded or new result. */
export interface Row {
  readonly name: string;
  readonly flags: string;
  readonly failed: boolean;
  readonly cordoned: string;
  readonly evicted: string;
  readonly left: string;
  readonly calls: number;
  readonly seconds: number;
}

function readRows(path: string): readonly Row[] {
  return readFileSync(path, 'utf8')
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => {
      const [name = '', flags = '', exit = '', cordoned = '', evicted = '', left = '', calls = '', , seconds = ''] = line.split('\t');
      return { name, flags, failed: exit !== '0', cordoned, evicted, left, calls: Number(calls), seconds: Number(seconds) };
    });
}

/** What kubectl 1.32 did in the same cluster. */
export const recorded: readonly Row[] = readRows(join(scripts, 'expected-kubectl-1.32.tsv'));

/** A node of its own choosing: `bootID` is that of the practice host that it is. */
export interface LabNode {
  readonly name: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly mirrorPods?: readonly string[];
  readonly bootID?: string;
  readonly kernel?: string;
}

/** Whether something takes connections there. */
const accepts = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });

/** At most two minutes, ten looks a second. */
async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  for (let look = 0; look < 1_200; look += 1) {
    if (await holds()) return;
    await sleep(100);
  }
  throw new Error(`not within two minutes: ${what}`);
}

/** Four nodes at least, each without taints. */
export function startLab(nodes?: readonly LabNode[]) {
  const folder = mkdtempSync(join(tmpdir(), 'kmend-kube-lab-'));
  const run = join(folder, 'run');
  // Ports of its own: a lab that somebody works with may be up beside it.
  const port = (number: number): string => String(number + 10 * labNumber);
  const ports = { PORT: port(16_443), ETCD_PORT: port(22_379), CTL_PORT: port(17_443), HOOK_PORT: port(19_443) };
  const list = join(folder, 'nodes.json');
  if (nodes !== undefined) writeFileSync(list, JSON.stringify(nodes));
  const chosen = nodes === undefined ? {} : { NODES_JSON: list };
  const env = { ...process.env, ...ports, ...chosen, RUN: run, KUBE_BIN: binaries };
  const drainer = join(folder, 'drain.mjs');
  buildSync({
    entryPoints: [join(scripts, 'drain.ts')],
    bundle: true,
    platform: 'node',
    format: 'esm',
    outfile: drainer,
    logLevel: 'error',
    banner: { js: "import{createRequire}from'node:module';const require=createRequire(import.meta.url);" },
  });
  execFileSync('bash', [join(scripts, 'up.sh')], { env, stdio: 'pipe', timeout: 180_000 });
  const kubeconfig = (user: string): string => join(run, `${user}.kubeconfig`);
  const kubectl = (...args: string[]): string =>
    execFileSync('kubectl', ['--kubeconfig', kubeconfig('admin'), ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

  /** Objects for `kubectl apply`: today's kubectl has no `create` for the API versions of an old server. */
  const apply = (object: object): unknown => {
    return execFileSync('kubectl', ['--kubeconfig', kubeconfig('admin'), 'apply', '-f', '-'], {
      input: JSON.stringify(object),
      stdio: 'pipe',
    });
  };

  return {
    kubeconfig,
    kubectl,
    apply,
    /** Schedulable, and without the mark that an earlier case left. */
    clear: (node: string): void => {
      kubectl('uncordon', node);
      kubectl('annotate', 'node', node, 'kmend.io/owner-');
    },
    control: (path: string): Promise<Response> => fetch(`http://127.0.0.1:${ports.CTL_PORT}${path}`, { method: 'POST' }),
    /** Runs one case of cases.sh with the room's own drain, as the user named. */
    runCase: (name: string, user = 'admin'): Row | undefined => {
      const tsv = join(folder, `${name}.tsv`);
      const given = { ...env, DRAIN: `node ${drainer}`, TSV: tsv, DRAIN_USER: user };
      execFileSync('bash', [join(scripts, 'cases.sh'), `^${name}$`], { env: given, stdio: 'pipe', timeout: 280_000 });
      return readRows(tsv)[0];
    },
    /** Kills the API server, and has it up again after so long, with the same arguments, when the promise is kept. */
    restartApiServer: async (awayMs = 0): Promise<void> => {
      const pid = Number(readFileSync(join(run, 'pid/apiserver'), 'utf8'));
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, -1);
      process.kill(pid, 'SIGKILL');
      // A killed process goes on holding its port until the kernel has taken it down; the new one would give up at once.
      await until('the old API server is gone', async () => !(await accepts(Number(ports.PORT))));
      await sleep(awayMs);
      const script = 'setsid "$@" >> "$RUN/log/apiserver2.log" 2>&1 & echo $! > "$RUN/pid/apiserver"';
      execFileSync('bash', ['-c', script, 'restart', ...command], { env, stdio: 'ignore' });
      await until(`the API server is up again (its log: ${join(run, 'log/apiserver2.log')})`, async () => accepts(Number(ports.PORT)));
    },
    cluster: async (user = 'admin'): Promise<KubeCluster> => {
      const path = kubeconfig(user);
      const kubeconfigs = [{ path, text: readFileSync(path, 'utf8') }];
      const made = await createCluster({ kubeconfigs, parseYaml: parse, env: {}, clock: systemClock });
      if (!made.ok) throw new Error(made.failure.message);
      return made.value;
    },
    /** The ends of all logs, for a test that failed. */
    logs: (): string =>
      readdirSync(join(run, 'log'))
        .filter((name) => !name.startsWith('audit'))
        .map(
          (name) =>
            `--- ${name}\n${readFileSync(join(run, 'log', name), 'utf8')
              .split('\n')
              .slice(-25)
              .join('\n')}`,
        )
        .join('\n'),
    stop: (): void => {
      execFileSync('bash', [join(scripts, 'stop.sh')], { env, stdio: 'pipe' });
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
