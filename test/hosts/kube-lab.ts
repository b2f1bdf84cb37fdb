// A real control plane on loopback for tests: starts and ends the scripts of test/lab/kube, and
// puts cases through a drainer.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parse } from 'yaml';
import { createCluster, type KubeCluster } from '../../src/adapters/kube/index.ts';
import { systemClock } from '../../src/adapters/local/index.ts';
import type { Clock } from '../../src/engine/ports/local.ts';
import { bundlePath } from '../cli/child.ts';
import { labNumber } from './lab.ts';

const scripts = resolve(import.meta.dirname, '../lab/kube');
const binaries = process.env.KUBE_BIN ?? resolve(import.meta.dirname, '../../.kube/bin');

const has = (program: string): boolean =>
  spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;

/** What is missing for it; undefined = it can be run. */
export const missing: string | undefined = (() => {
  if (!existsSync(join(binaries, 'kube-apiserver')))
    return 'no kube-apiserver: build it once with WORK=$PWD/.kube test/lab/kube/build.sh';
  return ['kubectl', 'etcd', 'jq', 'openssl', 'curl', 'bash']
    .map((name) => (has(name) ? undefined : `no ${name}`))
    .find((text) => text !== undefined);
})();

/** One row of a recorded or new result. */
export interface Row {
  readonly name: string;
  readonly flags: string;
  readonly exit: number;
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
      const [
        name = '',
        flags = '',
        exit = '',
        cordoned = '',
        evicted = '',
        left = '',
        calls = '',
        ,
        seconds = '',
      ] = line.split('\t');
      return {
        name,
        flags,
        exit: Number(exit),
        cordoned,
        evicted,
        left,
        calls: Number(calls),
        seconds: Number(seconds),
      };
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

interface Budget {
  readonly status?: { readonly expectedPods?: number; readonly currentHealthy?: number };
}

/** Whether something takes connections there. */
const accepts = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });

/** At most two minutes, ten reads a second. */
async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 1_200; attempt += 1) {
    if (await holds()) return;
    await sleep(100);
  }
  throw new Error(`not within two minutes: ${what}`);
}

/** GET, or POST of an object. `kubeconfig`: as JSON, with its certificates inside. */
function callApi(kubeconfig: string, path: string, object?: object): Promise<unknown> {
  const { clusters, users } = JSON.parse(readFileSync(kubeconfig, 'utf8'));
  const from64 = (text: string): Buffer => Buffer.from(text, 'base64');
  const identity = {
    ca: from64(clusters[0].cluster['certificate-authority-data']),
    cert: from64(users[0].user['client-certificate-data']),
    key: from64(users[0].user['client-key-data']),
  };
  return new Promise((resolve, reject) => {
    const method = object === undefined ? 'GET' : 'POST';
    const headers = object === undefined ? {} : { 'content-type': 'application/json' };
    const asked = request(
      `${clusters[0].cluster.server}${path}`,
      { ...identity, agent: kept, method, headers },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString('utf8');
          if (method === 'GET' || response.statusCode === 201) resolve(JSON.parse(text));
          else reject(new Error(`${method} ${path}: ${response.statusCode} ${text}`));
        });
      },
    );
    asked.on('error', reject).end(object === undefined ? undefined : JSON.stringify(object));
  });
}
const kept = new Agent({ keepAlive: true });

/** Kernel ticks of a hundredth of a second. */
const ticksPerSecond = 100;

async function clusterOf(text: string, clock: Clock = systemClock): Promise<KubeCluster> {
  const made = await createCluster({
    kubeconfigs: [{ path: 'kubeconfig', text }],
    parseYaml: parse,
    env: {},
    clock,
  });
  if (!made.ok) throw new Error(made.failure.message);
  return made.value;
}

/** Four nodes at least, each without taints. `more` is for start.sh, as its head says. */
export function startLab(nodes?: readonly LabNode[], more: Readonly<Record<string, string>> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'kmend-kube-lab-'));
  const run = join(folder, 'run');
  // Ports of its own: a lab that somebody works with may be up beside it.
  const port = (number: number): string => String(number + 10 * labNumber);
  const ports = {
    PORT: port(16_443),
    ETCD_PORT: port(22_379),
    CTL_PORT: port(17_443),
    HOOK_PORT: port(19_443),
  };
  const list = join(folder, 'nodes.json');
  if (nodes !== undefined) writeFileSync(list, JSON.stringify(nodes));
  const chosen = nodes === undefined ? {} : { NODES_JSON: list };
  const env = { ...process.env, ...more, ...ports, ...chosen, RUN: run, KUBE_BIN: binaries };
  execFileSync('bash', [join(scripts, 'up.sh')], { env, stdio: 'pipe', timeout: 280_000 });
  const json = join(run, 'admin.kubeconfig.json');
  const kubeconfig = (user: string): string => join(run, `${user}.kubeconfig`);
  const kubectl = (...args: string[]): string =>
    execFileSync('kubectl', ['--kubeconfig', kubeconfig('admin'), ...args], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });

  /**
   * Objects for `kubectl apply`: today's kubectl has no `create` for the API versions of an old
   * server.
   */
  const apply = (object: object): unknown => {
    return execFileSync('kubectl', ['--kubeconfig', kubeconfig('admin'), 'apply', '-f', '-'], {
      input: JSON.stringify(object),
      stdio: 'pipe',
    });
  };

  /** What it returns starts the server again, with the same arguments. */
  async function killApiServer(): Promise<() => Promise<void>> {
    const pid = Number(readFileSync(join(run, 'pid/apiserver'), 'utf8'));
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, -1);
    process.kill(pid, 'SIGKILL');
    // A killed process goes on holding its port until the kernel has taken it down; the new one
    // would give up at once.
    await until('the old API server is gone', async () => !(await accepts(Number(ports.PORT))));
    return async () => {
      const script =
        'setsid "$@" >> "$RUN/log/apiserver2.log" 2>&1 & echo $! > "$RUN/pid/apiserver"';
      execFileSync('bash', ['-c', script, 'restart', ...command], { env, stdio: 'ignore' });
      await until(
        `the API server is up again (its log: ${join(run, 'log/apiserver2.log')})`,
        async () => accepts(Number(ports.PORT)),
      );
    };
  }

  let deployed = 0;

  return {
    kubeconfig,
    kubectl,
    apply,
    /** Schedulable, and without the mark that an earlier case left. */
    clear: (node: string): void => {
      kubectl('uncordon', node);
      kubectl('annotate', 'node', node, 'kmend.io/owner-');
    },
    /**
     * A Deployment `web` in a namespace of its own (also on a second try), which it returns once
     * all pods run.
     */
    deployWeb: (
      replicas: number,
      pods: { readonly annotations?: object; readonly spec?: object } = {},
    ): string => {
      deployed += 1;
      const namespace = `web-${deployed}`;
      const labels = { app: 'web' };
      const metadata = { labels, annotations: pods.annotations ?? {} };
      const template = {
        metadata,
        spec: { containers: [{ name: 'c', image: 'x' }], ...pods.spec },
      };
      const spec = { replicas, selector: { matchLabels: labels }, template };
      kubectl('create', 'namespace', namespace);
      apply({
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { name: 'web', namespace },
        spec,
      });
      kubectl('rollout', 'status', 'deployment/web', '-n', namespace, '--timeout=120s');
      return namespace;
    },
    /** A PodDisruptionBudget over app=NAME, once its controller has counted the pods. */
    budget: async (
      namespace: string,
      name: string,
      rule: { readonly minAvailable: number } | { readonly maxUnavailable: number },
    ): Promise<void> => {
      const spec = { selector: { matchLabels: { app: name } }, ...rule };
      apply({
        apiVersion: 'policy/v1beta1',
        kind: 'PodDisruptionBudget',
        metadata: { name, namespace },
        spec,
      });
      await until(`budget ${name} is counted`, async () => {
        const { status } = (await callApi(
          json,
          `/apis/policy/v1beta1/namespaces/${namespace}/poddisruptionbudgets/${name}`,
        )) as Budget;
        return (status?.expectedPods ?? 0) > 0 && status?.currentHealthy === status?.expectedPods;
      });
    },
    /** GET as admin, without the cost of a kubectl. */
    read: (path: string): Promise<unknown> => callApi(json, path),
    /** POST as admin. */
    create: (path: string, object: object): Promise<unknown> => callApi(json, path, object),
    /** Sends a signal to a process of the control plane. */
    signal: (name: 'controller-manager' | 'scheduler', signal: NodeJS.Signals): void => {
      process.kill(Number(readFileSync(join(run, 'pid', name), 'utf8')), signal);
    },
    /** Seconds of CPU that the API server has used. */
    cpuOfServer: (): number => {
      const stat = readFileSync(
        `/proc/${readFileSync(join(run, 'pid/apiserver'), 'utf8').trim()}/stat`,
        'utf8',
      );
      const [user = 0, system = 0] = stat.replace(/.*\) /, '').split(' ').slice(11, 13).map(Number);
      return (user + system) / ticksPerSecond;
    },
    control: (path: string): Promise<Response> =>
      fetch(`http://127.0.0.1:${ports.CTL_PORT}${path}`, { method: 'POST' }),
    /** Runs one case of cases.sh with `kmend drain`, as the user named. */
    runCase: async (name: string, user = 'admin'): Promise<Row | undefined> => {
      const command = bundlePath();
      const tsv = join(folder, `${name}.tsv`);
      const given = { ...env, DRAIN: `node ${command} drain`, TSV: tsv, DRAIN_USER: user };
      execFileSync('bash', [join(scripts, 'cases.sh'), `^${name}$`], {
        env: given,
        stdio: 'pipe',
        timeout: 280_000,
      });
      return readRows(tsv)[0];
    },
    /** Kills the API server; what it returns starts it again. */
    killApiServer,
    /** Kills the API server and starts it again after so long. */
    restartApiServer: async (awayMs = 0): Promise<void> => {
      const start = await killApiServer();
      await sleep(awayMs);
      await start();
    },
    /** A file of the lab's state folder. */
    file: (name: string): string => join(run, name),
    cluster: (user = 'admin', clock?: Clock): Promise<KubeCluster> =>
      clusterOf(readFileSync(kubeconfig(user), 'utf8'), clock),
    clusterOf,
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
