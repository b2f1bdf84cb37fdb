// Client certificate files on a real API server, which judges expiry by its own clock:
// renewed in the middle, and found late.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { KubeCluster } from '../../src/adapters/kube/index.ts';
import { systemClock } from '../../src/adapters/local/index.ts';
import type { Outcome } from '../../src/model/run/failure.ts';
import { missing, startLab } from './kube-lab.ts';

const title = `credentials that renew, on a real API server${missing === undefined ? '' : ` (skipped: ${missing})`}`;
const life = 15_000;

describe.skipIf(missing !== undefined)(title, () => {
  let lab: ReturnType<typeof startLab>;
  beforeAll(() => {
    lab = startLab();
  }, 300_000);
  afterAll(() => lab?.stop());

  /** Of the lab's administrators, from a moment ago until then; files of their own. */
  function certify(name: string, until: number): void {
    const utc = (at: number): string =>
      `${new Date(at).toISOString().replace(/[-:T]|\.\d+Z/g, '')}Z`;
    const openssl = (...args: string[]): unknown =>
      execFileSync('openssl', args, { stdio: 'pipe' });
    const [key, request, certificate] = ['key', 'csr', 'crt'].map((end) =>
      lab.file(`${name}.${end}`),
    ) as [string, string, string];
    openssl(
      'req',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-keyout',
      key,
      '-out',
      request,
      '-subj',
      '/O=system:masters/CN=renewed',
    );
    const times = ['-not_before', utc(Date.now() - 60_000), '-not_after', utc(until)];
    const authority = [
      '-CA',
      lab.file('pki/ca.crt'),
      '-CAkey',
      lab.file('pki/ca.key'),
      '-CAcreateserial',
    ];
    openssl('x509', '-req', '-in', request, ...authority, ...times, '-out', certificate);
  }

  function clusterWith(name: string, now: () => number): Promise<KubeCluster> {
    const config = JSON.parse(readFileSync(`${lab.kubeconfig('admin')}.json`, 'utf8'));
    config.users[0].user = {
      'client-certificate': lab.file(`${name}.crt`),
      'client-key': lab.file(`${name}.key`),
    };
    return lab.clusterOf(JSON.stringify(config), { ...systemClock, now });
  }

  const shown = (outcome: Outcome<unknown>): unknown =>
    outcome.ok ? 'well' : [outcome.failure.kind, outcome.failure.transport];

  it('goes on with the new one, whether kmend or only the server finds the old one expired', async () => {
    const began = Date.now();
    certify('mine', began + life);
    const kmend = await clusterWith('mine', Date.now);
    // Its clock does not move: only the server knows.
    const late = await clusterWith('mine', () => began);
    for (const cluster of [kmend, late]) expect(shown(await cluster.node('n1'))).toBe('well');
    await sleep(began + life + 2_000 - Date.now());
    expect(shown(await kmend.node('n1'))).toEqual(['auth', true]);
    expect(shown(await late.node('n1'))).toEqual(['auth', true]);
    certify('next', Date.now() + 600_000);
    for (const end of ['crt', 'key'])
      writeFileSync(lab.file(`mine.${end}`), readFileSync(lab.file(`next.${end}`)));
    for (const cluster of [kmend, late]) {
      expect(shown(await cluster.node('n1'))).toBe('well');
      cluster.close();
    }
  }, 60_000);
});
