// The image: what is in it, that any user can run it on a read-only root, and the job that
// `schedule install --as kubernetes` makes, in pods of it that are killed.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { until } from '../cli/practice.ts';
import { pki } from '../fakes/kube-tls.ts';
import { type NodeFleet, nodeFleet, nodePlay, sickNode } from '../kube/fleet-nodes.ts';
import { buildLimit, type Image, imageMissing, openImage } from './image.ts';
import { type KubeObject, type Pod, type PodOptions, startPod } from './pods.ts';

let image: Image;
const pods: Pod[] = [];
const { version } = JSON.parse(readFileSync('package.json', 'utf8'));

function start(options: Omit<PodOptions, 'image'>): Pod {
  const pod = startPod({ image, ...options });
  pods.push(pod);
  return pod;
}

/** The names that `find` prints, below a folder of the image. */
const find = (folder: string, ...words: readonly string[]): readonly string[] =>
  execFileSync('find', [join(image.rootfs, folder), ...words, '-printf', '%P\n'], {
    encoding: 'utf8',
  })
    .split('\n')
    .filter((name) => name !== '')
    .toSorted();

describe.skipIf(imageMissing !== undefined)(`the image (${imageMissing ?? 'all there'})`, () => {
  beforeAll(() => {
    image = openImage();
  }, buildLimit);
  afterEach(() => {
    for (const pod of pods.splice(0)) pod.close();
  });
  afterAll(() => image?.close());

  it('has a user that is no root, who may write temporary files only and become nobody else', () => {
    expect(image.config).toMatchObject({ User: '10001:10001', Entrypoint: ['kmend'] });
    expect(find('', '!', '-type', 'l', '-perm', '-0002')).toEqual(['tmp', 'var/tmp']);
    expect(find('', '-type', 'f', '-perm', '/6000')).toEqual([]);
    expect(find('', '-uid', '10001')).toEqual([]);
  });

  it('holds the program and nothing else of a checkout', () => {
    expect(find('opt/kmend', '-maxdepth', '2', '!', '-path', '*/dist/*')).toEqual([
      ...['LICENSE', 'bin', 'bin/kmend', 'dist', 'docs', 'docs/rbac.yaml', 'package.json'],
      'playbooks',
      ...readdirSync('playbooks').map((name) => `playbooks/${name}`),
    ]);
  });

  // As strict as a cluster may be: any user, no capability, nothing to write to.
  const strict: KubeObject = {
    securityContext: { runAsUser: 1_000_660_000 },
    containers: [
      { securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true } },
    ],
  };
  it.each<[readonly string[], number, string]>([
    [['--version'], 0, version],
    [['--help'], 0, 'Usage: kmend'],
    [['validate', '@scheduled'], 0, ''],
    [['runs'], 0, ''],
    [['doctor'], 3, 'no inventory is given'],
  ])('runs for any user on a read-only root: kmend %j', async (args, code, says) => {
    const pod = start({ name: 'strict', spec: strict, args });
    expect([await pod.ended, pod.out() + pod.err()]).toEqual([code, expect.stringContaining(says)]);
  });

  describe('the job of `schedule install --as kubernetes`, without a database', () => {
    let nodes: NodeFleet;
    let folder: string;
    let job: Omit<PodOptions, 'image' | 'name'>;
    beforeAll(async () => {
      nodes = await nodeFleet([sickNode('a'), sickNode('b')], {
        tokens: { t1: 'system:serviceaccount:kmend:kmend-nightly' },
      });
      folder = mkdtempSync(join(tmpdir(), 'kmend-volumes-'));
      job = await cronJob(nodes, folder);
    });
    afterAll(async () => {
      await nodes?.close();
      if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
    });

    const turn = (name: string): Pod => {
      const { metadata } = nodes.fake.addPod({ name, namespace: 'kmend', node: 'c' });
      return start({ ...job, name, uid: metadata.uid });
    };
    const journals = (): string =>
      execFileSync('sh', ['-c', 'cat "$1"/state/runs/*/journal.ndjson || true', 'sh', folder], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      });

    it('goes on in the next pod after the first was killed in the middle of a reboot', async () => {
      const first = turn('nightly-1');
      await until('a reboot was announced', () => /"kind":"reboot"/.test(journals()), 60);
      first.signal('KILL');
      expect(await first.ended).toBe(137);
      const second = turn('nightly-2');
      expect([await second.ended, second.out() + second.err()]).toEqual([
        0,
        expect.stringContaining('was interrupted, it goes on first'),
      ]);
      expect(nodes.boots()).toEqual([2, 2]);
      expect(['a', 'b'].filter(nodes.isCordoned)).toEqual([]);
    });

    it('has nothing to do the next night', async () => {
      const third = turn('nightly-3');
      expect([await third.ended, third.err()]).toEqual([0, '']);
      expect(third.out()).toContain('nothing to do');
    });
  });
});

/** The pod of the job, with a volume, a secret and an account below `folder`. */
async function cronJob(
  { lab, fake }: NodeFleet,
  folder: string,
): Promise<Omit<PodOptions, 'image' | 'name'>> {
  const { keyFile, dir, inventoryText, knownHostsText } = lab.fleet;
  const inventory = inventoryText
    .replaceAll(keyFile, '/etc/kmend/ssh/id')
    .replaceAll(join(dir, 'known_hosts'), '/etc/kmend/ssh/known_hosts');
  const { out } = await lab.run([
    ...['schedule', 'install', 'nightly', '--every', 'daily', '--as', 'kubernetes'],
    ...['--image', 'kmend', '--', 'apply', lab.file('play.yaml', nodePlay())],
    ...['-i', lab.file('hosts.yaml', inventory)],
  ]);
  // A name of the cluster means nothing here.
  const server = `https://127.0.0.1:${fake.port}`;
  const made = parseAllDocuments(out.replace('https://kubernetes.default.svc', server)).map(
    (one): KubeObject => one.toJS(),
  );
  const secret = {
    metadata: { name: 'kmend-nightly-ssh' },
    data: { id: readFileSync(keyFile, 'utf8'), known_hosts: knownHostsText },
  };
  const account = join(folder, 'account');
  mkdirSync(account);
  const files = { 'ca.crt': pki().ca, token: 't1', namespace: 'kmend' };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(account, name), text);
  return {
    spec: made.find(({ kind }) => kind === 'CronJob').spec.jobTemplate.spec.template.spec,
    objects: [made.find(({ kind }) => kind === 'ConfigMap'), secret],
    claims: { 'kmend-nightly': join(folder, 'state') },
    account,
    env: { KUBERNETES_SERVICE_HOST: '127.0.0.1', KUBERNETES_SERVICE_PORT: String(fake.port) },
    node: 'c',
  };
}
