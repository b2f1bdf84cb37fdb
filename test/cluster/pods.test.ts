// contrib/kubernetes/worker.yaml in pods of the image, with a real PostgreSQL that asks for TLS and
// passwords: its Job makes the schema, and its workers carry on each other's runs.
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import type { Event } from '../../src/model/run/event.ts';
import { eventsOf, until } from '../cli/practice.ts';
import { pki } from '../fakes/kube-tls.ts';
import { type NodeFleet, nodeFleet, nodePlay, sickNode } from '../kube/fleet-nodes.ts';
import { buildLimit, type Image, imageMissing, openImage } from './image.ts';
import { type KubeObject, type Pod, type PodOptions, startPod } from './pods.ts';
import { type Postgres, postgresBin, startPostgres } from './postgres.ts';

const missing = imageMissing ?? (postgresBin === undefined ? 'no PostgreSQL' : undefined);
const passwords = { kmend_owner: 'of the owner', kmend: 'of the workers' } as const;

let [image, server, nodes]: [Image?, Postgres?, NodeFleet?] = [];
let folder: string;
let manifest: Manifest;
const pods: Pod[] = [];

interface Manifest {
  /** The pod of an object of the manifest. */
  readonly pod: (kind: 'Job' | 'Deployment') => Omit<PodOptions, 'image' | 'name'>;
  readonly probe: readonly string[];
}

function start(kind: 'Job' | 'Deployment', name: string, more: Partial<PodOptions> = {}): Pod {
  if (image === undefined) throw new Error('there is no image');
  const pod = startPod({ image, name, ...manifest.pod(kind), ...more });
  pods.push(pod);
  return pod;
}

/** Asks as a kubelet does, for half a minute at most, until the pod is as expected. */
async function untilReady(pod: Pod, expected: boolean): Promise<void> {
  const last = Date.now() + 30_000;
  for (;;) {
    const { code, out } = await pod.exec(manifest.probe);
    if ((code === 0) === expected) return;
    if (Date.now() > last) throw new Error(`not ${expected ? '' : 'un'}ready: ${out} ${pod.err()}`);
    await sleep(200);
  }
}

async function startWorker(name: string): Promise<Pod> {
  const pod = start('Deployment', name);
  await untilReady(pod, true);
  return pod;
}

const sql = (text: string): string =>
  server?.psql('kmend', `set search_path = kmend; ${text}`) ?? '';

const events = (run: string): readonly Event[] =>
  sql(`select line from event where run = '${run}' order by seq`)
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Event);

/** The pod whose worker leads a run. */
const leader = (run: string): string =>
  sql(
    `select says::json ->> 'machine' from run join holder on holder.id = leader where run = '${run}'`,
  );

/** In the pod of a worker, as an operator does by `kubectl exec`. */
async function detach(pod: Pod, hosts: string): Promise<string> {
  const { code, out } = await pod.exec([
    ...['kmend', 'apply', 'play.yaml', '-i', 'hosts.yaml', '-l', hosts, '--yes', '--detach', '-q'],
  ]);
  expect([code, out]).toEqual([0, expect.stringMatching(/\d{8}-\d{6}-\w{4}\s*$/)]);
  return out.trim().split(/\s+/).at(-1) ?? '';
}

describe.skipIf(missing !== undefined)(`workers in pods (${missing ?? 'all there'})`, () => {
  beforeAll(async () => {
    image = openImage();
    folder = mkdtempSync(join(tmpdir(), 'kmend-cluster-'));
    server = await startStrictServer(folder);
    nodes = await nodeFleet(
      ['a', 'b', 'c', 'd'].map((name) => sickNode(name)),
      {
        tokens: { t1: 'system:serviceaccount:kmend:kmend-worker' },
      },
    );
    manifest = manifestOf(nodes, server.port, folder);
  }, buildLimit);
  afterAll(async () => {
    for (const pod of pods) pod.close();
    await nodes?.close();
    await server?.close();
    image?.close();
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  });

  it('the job makes the schema, and has nothing to do when it runs again', async () => {
    for (const name of ['kmend-migrate-1', 'kmend-migrate-2']) {
      const job = start('Job', name);
      expect([await job.ended, job.err()]).toEqual([0, '']);
    }
    expect(sql('select schema from meta')).toBe('1');
  });

  it('a worker is ready while it is alive for the others', async () => {
    const worker = await startWorker('worker-0');
    const other = start('Deployment', 'other', { args: manifest.probe.slice(1) });
    expect([await other.ended, other.err()]).toEqual([
      1,
      expect.stringContaining('no worker of this machine (other) is alive'),
    ]);
    worker.signal('STOP');
    await untilReady(worker, false);
    worker.signal('CONT');
    await untilReady(worker, true);
    worker.signal('TERM');
    expect(await worker.ended).toBe(0);
  });

  it.each([
    ['KILL', 137, 'killed', 'a,b'],
    ['TERM', 0, 'asked to end', 'c,d'],
  ] as const)(
    'SIG%s in the middle of a reboot, exit %i: when the leader is %s, the other one goes on',
    async (signal, exit, _, hosts) => {
      const names = [`${signal}-1`, `${signal}-2`].map((name) => name.toLowerCase());
      const workers = new Map<string, Pod>();
      for (const name of names) workers.set(name, await startWorker(name));
      const run = await detach([...workers.values()][0] as Pod, hosts);
      await until(
        'a reboot was announced',
        () => events(run).some((one) => one.type === 'effect.started' && one.kind === 'reboot'),
        90,
      );
      const leads = leader(run);
      const leading = workers.get(leads) as Pod;
      const [[next, other]] = [...workers].filter(([name]) => name !== leads) as [[string, Pod]];
      leading.signal(signal);
      const ended = Date.now();
      expect(await leading.ended).toBe(exit);
      await until('its end', () => events(run).at(-1)?.type === 'run.closed', 120);
      const all = events(run);
      const resumed = eventsOf(all, 'run.resumed').at(-1);
      process.stderr.write(
        `SIG${signal}: the other pod goes on after ${(resumed?.at ?? 0) - ended} ms\n`,
      );
      expect(resumed?.who).toContain(`@${next} (worker)`);
      expect(eventsOf(all, 'run.finished').map((one) => one.exit)).toEqual([0]);
      expect(eventsOf(all, 'host.failed')).toEqual([]);
      for (const host of hosts.split(',')) {
        expect(nodes?.lab.host(host).boots()).toBe(2);
        expect(nodes?.isCordoned(host)).toBe(false);
      }
      other.signal('TERM');
      expect(await other.ended).toBe(0);
    },
  );
});

/** Its administrator needs no password; the users of the manifest need TLS and one. */
async function startStrictServer(dir: string): Promise<Postgres> {
  const files = {
    'server.crt': pki().server.cert,
    'server.key': pki().server.key,
    'pg_hba.conf':
      'host all postgres 127.0.0.1/32 trust\nhostssl kmend kmend,kmend_owner 127.0.0.1/32 scram-sha-256\n',
  };
  const uid = Number(execFileSync('id', ['-u', 'postgres'], { encoding: 'utf8' }));
  const own = join(dir, 'server');
  mkdirSync(own);
  for (const [name, text] of Object.entries(files)) {
    const path = join(own, name);
    writeFileSync(path, text, { mode: 0o600 });
    chownSync(path, uid, -1);
  }
  // On the way to it nothing is secret.
  for (const one of [dir, own]) chmodSync(one, 0o755);
  const started = await startPostgres({
    settings: [
      ...['ssl=on', `ssl_cert_file=${own}/server.crt`, `ssl_key_file=${own}/server.key`],
      `hba_file=${own}/pg_hba.conf`,
    ],
  });
  // As docs/state.md says.
  started.psql(
    'postgres',
    `create role kmend_owner login password '${passwords.kmend_owner}';
     create role kmend_worker nologin; create role kmend_reader nologin;
     create role kmend login password '${passwords.kmend}'; grant kmend_worker to kmend`,
  );
  started.psql(
    'postgres',
    "create database kmend owner kmend_owner template template0 encoding 'UTF8'",
  );
  return started;
}

/** The manifest with this database and this API server, and the objects that its head makes. */
function manifestOf({ lab, fake }: NodeFleet, port: number, dir: string): Manifest {
  // Kubernetes reads YAML 1.1, where 0440 is octal.
  const objects = parseAllDocuments(
    readFileSync('contrib/kubernetes/worker.yaml', 'utf8')
      .replaceAll('database.example.net:5432', `127.0.0.1:${port}`)
      .replace('https://kubernetes.default.svc', `https://127.0.0.1:${fake.port}`),
    { version: '1.1' },
  ).map((one): KubeObject => one.toJS());
  const { keyFile, dir: keys, inventoryText, knownHostsText } = lab.fleet;
  const inventory = inventoryText
    .replaceAll(keyFile, '/home/kmend/.ssh/id_ed25519')
    .replaceAll(join(keys, 'known_hosts'), '/home/kmend/.ssh/known_hosts');
  const made = {
    'kmend-ssh': { id_ed25519: readFileSync(keyFile, 'utf8'), known_hosts: knownHostsText },
    'kmend-database': { password: passwords.kmend, 'ca.crt': pki().ca },
    'kmend-database-owner': { password: passwords.kmend_owner },
    'kmend-project': { 'play.yaml': nodePlay(), 'hosts.yaml': inventory },
  };
  const account = join(dir, 'account');
  mkdirSync(account);
  const files = { 'ca.crt': pki().ca, token: 't1', namespace: 'kmend' };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(account, name), text);
  const specOf = (kind: string): KubeObject =>
    objects.find((one) => one.kind === kind).spec.template.spec;
  return {
    probe: specOf('Deployment').containers[0].readinessProbe.exec.command,
    pod: (kind) => ({
      spec: specOf(kind),
      objects: [
        ...objects.filter((one) => one.kind === 'ConfigMap'),
        ...Object.entries(made).map(([name, data]) => ({ metadata: { name }, data })),
      ],
      account,
    }),
  };
}
