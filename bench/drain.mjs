// A node with a hundred pods drained by kmend and by kubectl, on a real API server: seconds, and calls by its audit log.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { missing } from './lines.mjs';
import { isInstalled, measure, sleep } from './process.mjs';
import { kmend } from './product.mjs';

const root = new URL('..', import.meta.url).pathname;
const scripts = join(root, 'test/lab/kube');
const others = ['n2', 'n3', 'n4'];
const pods = 100;

export async function drain({ folder, emit, print }) {
  const binaries = process.env.KUBE_BIN ?? join(root, '.kube/bin');
  const needed = ['kubectl', 'etcd', 'jq', 'openssl'].find((program) => !isInstalled(program));
  if (!existsSync(join(binaries, 'kube-apiserver')))
    throw new Error(`no API server in ${binaries} (WORK=$PWD/.kube test/lab/kube/build.sh)`);
  if (needed !== undefined) throw new Error(`no ${needed}`);
  const run = join(folder, 'run');
  const env = {
    ...process.env,
    RUN: run,
    KUBE_BIN: binaries,
    PORT: '26443',
    ETCD_PORT: '32379',
    CTL_PORT: '27443',
    HOOK_PORT: '29443',
    KUBECONFIG: join(run, 'admin.kubeconfig'),
  };
  try {
    execFileSync('bash', [join(scripts, 'up.sh')], { env, stdio: 'ignore', timeout: 120_000 });
    const ours = await drained('kmend', [...kmend, 'drain', 'n1'], { env, run, print });
    const theirs = await drained('kubectl', ['kubectl', 'drain', 'n1'], { env, run, print });
    emit('drain.wall', ours.wall ?? ours, { kubectl: theirs.wall ?? theirs });
    emit('drain.calls', ours.calls ?? ours, { kubectl: theirs.calls ?? theirs });
  } finally {
    execFileSync('bash', [join(scripts, 'stop.sh')], { env, stdio: 'ignore' });
  }
}

async function drained(name, command, { env, run, print }) {
  const kubectl = (...args) => execFileSync('kubectl', args, { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  for (const node of others) kubectl('cordon', node);
  kubectl('uncordon', 'n1');
  kubectl('create', 'namespace', name);
  await until(() => kubectl('get', 'serviceaccounts', '-n', name).includes('default'));
  kubectl('apply', '-n', name, '-f', join(scripts, 'manifests/many-100.yaml'));
  kubectl('rollout', 'status', 'deployment/web', '-n', name, '--timeout=90s');
  for (const node of others) kubectl('uncordon', node);
  const calls = () => readFileSync(join(run, 'log/audit.log'), 'utf8').split('\n').length;
  const before = calls();
  const result = await measure([...command, '--timeout', '120s'], { env, timeout: 130 });
  const made = calls() - before;
  const left = kubectl('get', 'pods', '-n', name, '--field-selector', 'spec.nodeName=n1', '-o', 'name').split('\n').filter(Boolean).length;
  kubectl('delete', 'namespace', name, '--wait=false');
  print(
    `# ${name}  ${pods} pods, ${left} left  wall ${result.wall.toFixed(2)} s  cpu ${result.cpu.toFixed(2)} s  ${made} API calls  exit ${result.code}`,
  );
  return result.code === 0 && left === 0
    ? { ...result, calls: made }
    : missing(`exit ${result.code}, ${left} pods left: ${result.errors.slice(0, 200)}`);
}

async function until(holds) {
  for (let round = 0; round < 100 && !holds(); round++) await sleep(200);
}
