// contrib/kubernetes/worker.yaml in a real API server: its commands, its objects, where the workers
// run, and what their account may do.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { missing, startLab } from '../hosts/kube-lab.ts';
import { until } from '../hosts/operator.ts';

const manifest = readFileSync('contrib/kubernetes/worker.yaml', 'utf8');

describe.skipIf(missing !== undefined)(
  `the manifest of workers (${missing ?? 'all there'})`,
  () => {
    let kube: ReturnType<typeof startLab>;
    let dir: string;
    const kubectl = (...words: string[]): string => kube.kubectl('-n', 'kmend', ...words);
    beforeAll(() => {
      kube = startLab();
      dir = mkdtempSync(join(tmpdir(), 'kmend-manifest-'));
      for (const name of ['KEYFILE', 'KNOWN_HOSTS', 'FILE', 'CAFILE'])
        writeFileSync(join(dir, name), name);
      // What its head says to do before.
      const commands = [...manifest.matchAll(/^# {3}(kubectl .*?)(?: {2,}#.*)?$/gm)].map(
        ([, line = '']) => line,
      );
      expect(commands).toHaveLength(6);
      for (const line of commands)
        execFileSync(
          'sh',
          [
            '-ec',
            line
              .replace('=DIRECTORY', '=playbooks')
              .replaceAll(/=(KEYFILE|KNOWN_HOSTS|FILE|CAFILE)\b/g, `=${dir}/$1`),
          ],
          {
            env: { PATH: process.env.PATH, KUBECONFIG: kube.kubeconfig('admin') },
            stdio: 'pipe',
          },
        );
      // The API server of the tests is 1.20.
      const file = join(dir, 'worker.yaml');
      writeFileSync(
        file,
        manifest.replace('apiVersion: policy/v1 #', 'apiVersion: policy/v1beta1 #'),
      );
      kubectl('apply', '-f', file);
    });
    afterAll(() => {
      kube?.stop();
      if (dir !== undefined) rmSync(dir, { recursive: true, force: true });
    });

    it('is taken as it is: no field is unknown', () => {
      expect(kubectl('diff', '-f', join(dir, 'worker.yaml'))).toBe('');
    });

    it('has two workers, on two nodes, of which a drain ends one at a time', async () => {
      const pods = () =>
        JSON.parse(
          kubectl('get', 'pods', '-l', 'app.kubernetes.io/name=kmend-worker', '-o', 'json'),
        ).items;
      await until(
        'two workers run',
        60,
        () =>
          pods().filter((pod: { status: { phase: string } }) => pod.status.phase === 'Running')
            .length === 2,
      );
      const nodes = pods().map((pod: { spec: { nodeName: string } }) => pod.spec.nodeName);
      expect(new Set(nodes).size).toBe(2);
      await until(
        'the budget allows one',
        60,
        () =>
          kubectl('get', 'pdb', 'kmend-worker', '-o', 'jsonpath={.status.disruptionsAllowed}') ===
          '1',
      );
    });

    it.each([
      ['patch', 'nodes', 'yes'],
      ['create', 'pods --subresource=eviction', 'yes'],
      ['list', 'poddisruptionbudgets.policy', 'yes'],
      ['delete', 'pods', 'no'],
      ['get', 'secrets', 'no'],
    ])('lets its account %s %s: %s', (verb, resource, answer) => {
      const account = 'system:serviceaccount:kmend:kmend-worker';
      const asked = (): string => {
        try {
          return kubectl(
            'auth',
            'can-i',
            verb,
            ...resource.split(' '),
            '--all-namespaces',
            `--as=${account}`,
          );
        } catch (error) {
          return String((error as { stdout?: string }).stdout);
        }
      };
      expect(asked().trim()).toBe(answer);
    });
  },
);
