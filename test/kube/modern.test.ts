// Runs the suite of calls (see test/hosts/kube-suite.test.ts for a real server) on the fake API
// server, as 1.20 and as a modern one.
import { describe } from 'vitest';
import { startFakeKube } from '../fakes/kube-api.ts';
import { haveOpenssl } from '../fakes/kube-tls.ts';
import { type ApiBench, apiSuite } from './api-suite.ts';

async function fakeBench(modern: boolean): Promise<ApiBench> {
  const fake = await startFakeKube({ modern });
  for (const name of ['n1', 'n2']) fake.addNode(name);
  return {
    kubeconfig: fake.kubeconfig(fake.clientCertificate),
    modern,
    pod: async (name, labels, { neverReady, neverEnds } = {}) => {
      // As an apply: one that is there stays.
      if (fake.pods.has(`suite/${name}`)) return;
      const annotations = neverEnds ? { 'fake/stop': 'never' } : {};
      fake.addPod({
        name,
        namespace: 'suite',
        labels: { ...labels },
        annotations,
        ready: neverReady !== true,
      });
    },
    budget: async (name, spec, status) => {
      const pdb = fake.addPdb(name, { app: name }, { spec, status });
      pdb.metadata.namespace = 'suite';
    },
    tooOld: async () => {
      fake.forgetHistory();
      return '1';
    },
    stop: fake.stop,
  };
}

describe.skipIf(!haveOpenssl)('the fake API server', () => {
  apiSuite('as 1.20', () => fakeBench(false));
  apiSuite('as a modern server', () => fakeBench(true), true);
});
