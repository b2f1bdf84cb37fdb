// The suite of calls that the fake API server passes, against a real 1.20: what the tests of the
// fake rest on.

import { readFileSync } from 'node:fs';
import { describe } from 'vitest';
import { apiSuite } from '../kube/api-suite.ts';
import { sleep } from '../kube/cluster-on.ts';
import { missing, startLab } from './kube-lab.ts';

// biome-ignore lint/suspicious/noExplicitAny: answers are JSON of any shape
type Json = any;

describe.skipIf(missing !== undefined)(
  `a real API server (1.20)${missing === undefined ? '' : ` (skipped: ${missing})`}`,
  () => {
    apiSuite('answers as the fake one', async () => {
      const lab = startLab();
      lab.kubectl('create', 'namespace', 'suite');
      const until = async (path: string, is: (body: Json) => boolean): Promise<void> => {
        for (let attempt = 0; attempt < 600 && !is(await lab.read(path)); attempt += 1)
          await sleep(100);
      };
      return {
        kubeconfig: readFileSync(`${lab.kubeconfig('admin')}.json`, 'utf8'),
        modern: false,
        pod: async (name, labels, { neverReady, neverEnds } = {}) => {
          const annotations = {
            ...(neverReady ? { 'fake.kubelet/never-ready': 'true' } : {}),
            ...(neverEnds ? { 'fake.kubelet/stop-seconds': 'never' } : {}),
          };
          lab.apply({
            apiVersion: 'v1',
            kind: 'Pod',
            metadata: { name, namespace: 'suite', labels, annotations },
            spec: { nodeName: 'n1', containers: [{ name: 'c', image: 'x' }] },
          });
          const ready = neverReady ? 'False' : 'True';
          await until(
            `/api/v1/namespaces/suite/pods/${name}`,
            ({ status }) =>
              status?.phase === 'Running' &&
              status.conditions?.some(
                (one: Json) => one.type === 'Ready' && one.status === ready,
              ) === true,
          );
        },
        budget: async (name, spec, status) => {
          const selector = { matchLabels: { app: name } };
          const path = `/apis/policy/v1beta1/namespaces/suite/poddisruptionbudgets/${name}`;
          lab.apply({
            apiVersion: 'policy/v1beta1',
            kind: 'PodDisruptionBudget',
            metadata: { name, namespace: 'suite' },
            spec: { selector, ...spec },
          });
          await until(path, (body) =>
            Object.entries(status).every(([key, number]) => body.status?.[key] === number),
          );
        },
        // The cache of a server that has just come up knows nothing of before.
        tooOld: async () => {
          await lab.restartApiServer();
          for (
            let attempt = 0;
            attempt < 300 &&
            !(await lab.read('/api/v1/nodes/n1').then(
              () => true,
              () => false,
            ));
            attempt += 1
          )
            await sleep(100);
          return '1';
        },
        stop: lab.stop,
      };
    });
  },
);
