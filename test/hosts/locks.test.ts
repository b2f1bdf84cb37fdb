// Locks that free themselves, and never wrongly: controllers in containers and pods are killed,
// vanish and live on, on real hosts and a real API server.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { command } from '../cli/real-world.ts';
import { missing as kubeMissing, startLab as startKube } from './kube-lab.ts';
import { type Lab, labMissing, startLab } from './lab.ts';
import { type Operator, operator, type Ran, until } from './operator.ts';

const missing = labMissing('el7');
const program = resolve(import.meta.dirname, '../../bin/kmend.mjs');
const ownBoot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();

let lab: Lab;
let op: Operator;
const controllers: ChildProcess[] = [];
beforeAll(async () => {
  if (missing !== '') return;
  lab = await startLab({ flavour: 'el7', count: 1, net: '127.36' });
  op = operator([{ name: 'h1', lab, host: 'h1' }]);
});
afterEach(() => {
  for (const child of controllers.splice(0)) child.kill('SIGKILL');
});
afterAll(() => {
  op?.close();
  lab?.down();
});

interface Container {
  readonly hostName: string;
  /** Folder of a service account. */
  readonly account?: string;
  /** The boot id that it sees: it is on another machine. */
  readonly boot?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * As a container runtime does: namespaces of its own for processes, names and mounts; its death is
 * that of all its processes.
 */
const inside = `hostname "$HOST_NAME" && mount -t tmpfs tmpfs /run && mkdir -p /run/secrets/kubernetes.io/serviceaccount &&
if [ -n "$ACCOUNT" ]; then mount --bind "$ACCOUNT" /run/secrets/kubernetes.io/serviceaccount; fi &&
if [ -n "$BOOT" ]; then mount --bind "$BOOT" /proc/sys/kernel/random/boot_id; fi && exec "$@"`;

function contained(
  { hostName, account = '', boot = '', env = {} }: Container,
  words: readonly string[],
) {
  const seen = boot === '' ? '' : op.file(`boot-${boot}`, `${boot}\n`);
  const child = spawn(
    'unshare',
    [
      '--pid',
      '--uts',
      '--mount',
      '--fork',
      '--kill-child',
      '--mount-proc',
      'sh',
      '-c',
      inside,
      'sh',
      process.execPath,
      program,
      ...words,
    ],
    {
      cwd: op.dir,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...env,
        HOST_NAME: hostName,
        ACCOUNT: account,
        BOOT: seen,
        PATH: process.env.PATH,
        HOME: op.dir,
        KMEND_STATE_DIR: join(op.dir, 'state'),
      },
    },
  );
  controllers.push(child);
  const output = { out: '', err: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output.out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output.err += text;
  });
  const ended = new Promise<Ran>((end) =>
    child.on('close', (code) => end({ code: code ?? -1, ...output })),
  );
  return { child, ended };
}

let rounds = 0;
/** A step of so many seconds, done once however often its run is taken up. */
function step(seconds: number) {
  rounds += 1;
  const done = `/var/log/step-${rounds}`;
  const book = op.file(
    `step-${rounds}.yaml`,
    `- hosts: all\n  tasks:\n    - shell: {cmd: 'echo done >> ${done}; sleep ${seconds}'}\n`,
  );
  const times = async (): Promise<number> =>
    (await lab.ssh('h1', `cat ${done} 2>/dev/null`)).out.split('\n').filter(Boolean).length;
  return {
    book,
    times,
    begun: () => until('the step has begun', 60, async () => (await times()) > 0),
  };
}
const apply = (book: string): readonly string[] => ['apply', book, '-i', op.inventory, '--yes'];
const turn = (book: string): readonly string[] => [
  'schedule',
  'run',
  'nightly',
  '--',
  'apply',
  book,
  '-i',
  op.inventory,
];

describe.skipIf(missing !== '')(
  `controllers in containers of one machine (${missing || 'all there'})`,
  () => {
    it('one that lives in another PID namespace, under the same host name, keeps its run', async () => {
      const { book, times, begun } = step(8);
      const first = contained({ hostName: 'box' }, apply(book));
      await begun();
      const run = op.runs().at(-1) ?? '';
      const second = await contained({ hostName: 'box' }, ['resume', run, '--yes']).ended;
      expect([second.code, second.err]).toEqual([
        7,
        expect.stringContaining('it runs, in another container of this machine'),
      ]);
      const outside = await op.kmend(apply(book));
      expect([outside.code, outside.err]).toEqual([
        7,
        expect.stringContaining(`locked by run ${run}`),
      ]);
      expect(outside.err).toContain(`--takeover ${run}`);
      expect([(await first.ended).code, await times()]).toEqual([0, 1]);
    });

    it('the run of one that was killed goes on in another, under another host name', async () => {
      const { book, times, begun } = step(3);
      const first = contained({ hostName: 'box-1' }, turn(book));
      await begun();
      first.child.kill('SIGKILL');
      await first.ended;
      const second = await contained({ hostName: 'box-2' }, turn(book)).ended;
      // Once by the run that went on, whose effect ran on without it, and once by the turn's own.
      expect([second.code, await times()], second.err).toEqual([0, 2]);
      expect(second.out).toContain('was interrupted, it goes on first');
    });
  },
);

const skipped = missing || kubeMissing || '';
describe.skipIf(skipped !== '')(`a job that is a CronJob (${skipped || 'all there'})`, () => {
  let kube: ReturnType<typeof startKube>;
  let account = '';
  let book: ReturnType<typeof step>;
  beforeAll(async () => {
    kube = startKube([
      { name: 'n1', bootID: ownBoot },
      { name: 'n2', bootID: 'boot-n2' },
      { name: 'n3' },
      { name: 'n4' },
    ]);
    kube.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'kmend' } });
    book = step(3);
    const words = [
      '--every',
      'daily',
      '--as',
      'kubernetes',
      '--image',
      'x',
      '--kubernetes-version',
      '1.20',
      '--',
      'apply',
      book.book,
      '-i',
      op.inventory,
    ];
    const { out } = await command(['schedule', 'install', 'nightly', ...words], { home: op.dir });
    kube.kubectl('apply', '-f', op.file('job.yaml', out));
    account = mkdtempSync(join(tmpdir(), 'kmend-account-'));
    await until(
      'the account has a token',
      60,
      () =>
        kube.kubectl(
          '-n',
          'kmend',
          'get',
          'serviceaccount',
          'kmend-nightly',
          '-o',
          'jsonpath={.secrets[0].name}',
        ) !== '',
    );
    const secret = kube.kubectl(
      '-n',
      'kmend',
      'get',
      'serviceaccount',
      'kmend-nightly',
      '-o',
      'jsonpath={.secrets[0].name}',
    );
    const { data } = JSON.parse(kube.kubectl('-n', 'kmend', 'get', 'secret', secret, '-o', 'json'));
    for (const [name, value] of Object.entries<string>(data))
      writeFileSync(join(account, name), Buffer.from(value, 'base64'));
  });
  afterAll(() => {
    kube?.stop();
    if (account !== '') rmSync(account, { recursive: true });
  });

  const read = (...path: readonly string[]): string => kube.kubectl('get', ...path);
  /** The turn of a pod on this node. On n1 it has the kernel of this machine. */
  async function podOn(node: string, name: string): Promise<Container> {
    const metadata = { name, namespace: 'kmend' };
    const spec = {
      nodeName: node,
      restartPolicy: 'Never',
      serviceAccountName: 'kmend-nightly',
      containers: [{ name: 'kmend', image: 'x' }],
    };
    kube.apply({ apiVersion: 'v1', kind: 'Pod', metadata, spec });
    await until(
      `pod ${name} runs`,
      60,
      () => read('pod', '-n', 'kmend', name, '-o', 'jsonpath={.status.phase}') === 'Running',
    );
    const server = new URL(
      JSON.parse(readFileSync(`${kube.kubeconfig('admin')}.json`, 'utf8')).clusters[0].cluster
        .server,
    );
    return {
      hostName: name,
      account,
      ...(node === 'n1' ? {} : { boot: `boot-${node}` }),
      env: {
        KUBERNETES_SERVICE_HOST: server.hostname,
        KUBERNETES_SERVICE_PORT: server.port,
        KMEND_POD_NAMESPACE: 'kmend',
        KMEND_POD_NAME: name,
        KMEND_POD_UID: read('pod', '-n', 'kmend', name, '-o', 'jsonpath={.metadata.uid}'),
        KMEND_NODE_NAME: node,
      },
    };
  }
  async function killedTurn(pod: Container): Promise<void> {
    book = step(3);
    const first = contained(pod, turn(book.book));
    await book.begun();
    first.child.kill('SIGKILL');
    await first.ended;
  }
  async function expectTurn(pod: Container, code: number, says: string): Promise<void> {
    const ran = await contained(pod, turn(book.book)).ended;
    expect([ran.code, ran.out + ran.err]).toEqual([code, expect.stringContaining(says)]);
  }

  it('a turn that was killed goes on in the next pod, on another node, once a kubelet has reported its end', async () => {
    const [first, next] = [await podOn('n1', 'nightly-1'), await podOn('n2', 'nightly-2')];
    await killedTurn(first);
    await expectTurn(
      next,
      7,
      'in pod kmend/nightly-1 on node n1; no kubelet has reported that its containers ended',
    );
    const terminated = { exitCode: 137, reason: 'Error', containerID: 'containerd://1' };
    const status = {
      phase: 'Failed',
      containerStatuses: [
        {
          name: 'kmend',
          image: 'x',
          imageID: 'x',
          ready: false,
          restartCount: 0,
          state: { terminated },
        },
      ],
    };
    kube.kubectl(
      'patch',
      'pod',
      '-n',
      'kmend',
      'nightly-1',
      '--subresource=status',
      '--type=merge',
      '-p',
      JSON.stringify({ status }),
    );
    await expectTurn(next, 0, 'was interrupted, it goes on first');
  });

  it('a pod that vanished may still run, until its node has booted', async () => {
    const [first, next] = [await podOn('n1', 'nightly-3'), await podOn('n2', 'nightly-4')];
    await killedTurn(first);
    kube.kubectl('delete', 'pod', '-n', 'kmend', 'nightly-3', '--force', '--grace-period=0');
    await expectTurn(next, 7, 'it is no longer in the API, and may still run on its node');
    await kube.control('/reboot?node=n1&seconds=1');
    await until(
      'n1 has booted',
      60,
      () => !['', ownBoot].includes(read('node', 'n1', '-o', 'jsonpath={.status.nodeInfo.bootID}')),
    );
    await expectTurn(next, 0, 'was interrupted, it goes on first');
  });
});
