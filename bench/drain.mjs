// A node with a hundred pods drained by kmend and by kubectl, on a real API server: seconds, calls
// by its audit log, bytes on the wire (TLS and all).
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { missing } from './lines.mjs';
import { isInstalled, measure, sleep } from './process.mjs';
import { kmend } from './product.mjs';

/** Passes everything on to the API server and counts it. */
async function countingProxy(port) {
  const bytes = { sent: 0, received: 0 };
  const server = createServer((client) => {
    const upstream = connect({ host: '127.0.0.1', port });
    client.on('data', (chunk) => {
      bytes.sent += chunk.length;
    });
    upstream.on('data', (chunk) => {
      bytes.received += chunk.length;
    });
    client.pipe(upstream).pipe(client);
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ])
      socket.on('error', () => other.destroy());
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { bytes, port: server.address().port, close: () => server.close() };
}

const root = new URL('..', import.meta.url).pathname;
const scripts = join(root, 'test/lab/kube');
const others = ['n2', 'n3', 'n4'];
const pods = 100;
/** Seconds that a pod takes to stop: the longer, the more often kubectl asks. */
const stops = { drain: 0.5, 'drain.stop2s': 2, 'drain.stop10s': 10 };

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
    for (const [measured, stop] of Object.entries(stops)) {
      const ours = await drained(`kmend ${measured}`, [...kmend, 'drain', 'n1'], {
        env,
        run,
        folder,
        print,
        stop,
      });
      const theirs = await drained(`kubectl ${measured}`, ['kubectl', 'drain', 'n1'], {
        env,
        run,
        folder,
        print,
        stop,
      });
      emit(`${measured}.wall`, ours.wall ?? ours, { kubectl: theirs.wall ?? theirs });
      emit(`${measured}.calls`, ours.calls ?? ours, { kubectl: theirs.calls ?? theirs });
      emit(`${measured}.bytes`, ours.kilobytes ?? ours, { kubectl: theirs.kilobytes ?? theirs });
    }
  } finally {
    execFileSync('bash', [join(scripts, 'stop.sh')], { env, stdio: 'ignore' });
  }
}

async function drained(title, command, { env, run, folder, print, stop }) {
  const name = title.replace(/[ .]/g, '-');
  const kubectl = (...args) =>
    execFileSync('kubectl', args, { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  for (const node of others) kubectl('cordon', node);
  kubectl('uncordon', 'n1');
  kubectl('create', 'namespace', name);
  await until(() => kubectl('get', 'serviceaccounts', '-n', name).includes('default'));
  const manifest = join(folder, 'pods.yaml');
  const slow = `annotations: { fake.kubelet/stop-seconds: "${stop}" }`;
  writeFileSync(
    manifest,
    readFileSync(join(scripts, 'manifests/many-100.yaml'), 'utf8').replace('annotations: {}', slow),
  );
  kubectl('apply', '-n', name, '-f', manifest);
  kubectl('rollout', 'status', 'deployment/web', '-n', name, '--timeout=90s');
  for (const node of others) kubectl('uncordon', node);
  const calls = () => readFileSync(join(run, 'log/audit.log'), 'utf8').split('\n').length;
  const proxy = await countingProxy(Number(env.PORT));
  const through = join(folder, `${name}.kubeconfig`);
  writeFileSync(
    through,
    readFileSync(env.KUBECONFIG, 'utf8').replace(
      `127.0.0.1:${env.PORT}`,
      `127.0.0.1:${proxy.port}`,
    ),
  );
  const before = calls();
  const result = await measure([...command, '--timeout', '120s'], {
    env: { ...env, KUBECONFIG: through },
    timeout: 130,
  });
  const made = calls() - before;
  proxy.close();
  const { sent, received } = proxy.bytes;
  const left = kubectl(
    'get',
    'pods',
    '-n',
    name,
    '--field-selector',
    'spec.nodeName=n1',
    '-o',
    'name',
  )
    .split('\n')
    .filter(Boolean).length;
  kubectl('delete', 'namespace', name, '--wait=false');
  print(
    `# ${title}  ${pods} pods, ${left} left  wall ${result.wall.toFixed(2)} s  cpu ${result.cpu.toFixed(2)} s  ${made} API calls  ${sent} bytes sent, ${received} received  exit ${result.code}`,
  );
  return result.code === 0 && left === 0
    ? { ...result, calls: made, kilobytes: (sent + received) / 1000 }
    : missing(`exit ${result.code}, ${left} pods left: ${result.errors.slice(0, 200)}`);
}

async function until(holds) {
  for (let round = 0; round < 100 && !holds(); round++) await sleep(200);
}
