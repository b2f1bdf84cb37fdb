// A real control plane on loopback for tests: starts and ends the scripts of test/lab/kube, and puts cases through a drainer.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { buildSync } from 'esbuild';
import { parse } from 'yaml';
import { createCluster, type KubeCluster } from '../../src/kube/index.ts';

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

/** Four nodes at least, each without taints. */
export function startLab(nodes?: readonly LabNode[]) {
  const folder = mkdtempSync(join(tmpdir(), 'kmend-kube-lab-'));
  const run = join(folder, 'run');
  // Ports of its own: a lab that somebody works with may be up beside it.
  const ports = { PORT: '16443', ETCD_PORT: '22379', CTL_PORT: '17443', HOOK_PORT: '19443' };
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
    /** Kills the API server and starts it again with the same arguments. */
    restartApiServer: (): void => {
      const pid = readFileSync(join(run, 'pid/apiserver'), 'utf8').trim();
      const [program = '', ...args] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, -1);
      process.kill(Number(pid), 'SIGKILL');
      const script = 'setsid "$@" > "$RUN/log/apiserver2.log" 2>&1 & echo $! > "$RUN/pid/apiserver"';
      execFileSync('bash', ['-c', script, 'restart', program, ...args], { env, stdio: 'ignore' });
    },
    cluster: async (user = 'admin'): Promise<KubeCluster> => {
      const path = kubeconfig(user);
      const made = await createCluster({ kubeconfigs: [{ path, text: readFileSync(path, 'utf8') }], parseYaml: parse, env: {} });
      if (!made.ok) throw new Error(made.failure.message);
      return made.value;
    },
    stop: (): void => {
      execFileSync('bash', [join(scripts, 'stop.sh')], { env, stdio: 'pipe' });
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
