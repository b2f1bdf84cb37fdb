// The Prometheus gate against a real Prometheus: an alert that fires closes it, one that ends opens
// it, a server that is gone closes it.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createGates } from '../../src/adapters/outside/gates.ts';
import type { GateReading } from '../../src/engine/ports/outside.ts';
import type { Mapping } from '../../src/model/value.ts';

const installed = spawnSync('prometheus', ['--version']).status === 0;
const title = `gates on a real Prometheus${installed ? '' : ' (skipped: needs prometheus)'}`;

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
};

describe.skipIf(!installed)(title, () => {
  let dir: string;
  let prometheus: ChildProcess;
  let url: string;
  let errors = 3;
  /** What is scraped: a counter of a service, and a gauge that an alert reads. */
  const service = createServer((_, response) =>
    response.end(`shop_errors ${errors}\nshop_ok 99\nshop_all 100\n`),
  );

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'kmend-prometheus-'));
    service.listen(0, '127.0.0.1');
    await once(service, 'listening');
    const target = `127.0.0.1:${(service.address() as AddressInfo).port}`;
    const rule = { alert: 'ShopErrors', expr: 'shop_errors > 0', labels: { severity: 'page' } };
    writeFileSync(
      join(dir, 'rules.json'),
      JSON.stringify({ groups: [{ name: 'shop', rules: [rule] }] }),
    );
    const config = {
      global: { scrape_interval: '500ms', scrape_timeout: '400ms', evaluation_interval: '500ms' },
      rule_files: ['rules.json'],
      scrape_configs: [{ job_name: 'shop', static_configs: [{ targets: [target] }] }],
    };
    writeFileSync(join(dir, 'prometheus.yml'), JSON.stringify(config));
    const port = await freePort();
    url = `http://127.0.0.1:${port}`;
    const words = [
      `--config.file=${dir}/prometheus.yml`,
      `--storage.tsdb.path=${dir}/data`,
      `--web.listen-address=127.0.0.1:${port}`,
    ];
    prometheus = spawn('prometheus', words, { stdio: 'ignore' });
  });
  afterAll(async () => {
    if (prometheus?.exitCode === null && prometheus.kill()) await once(prometheus, 'exit');
    service.close();
    if (dir !== undefined) rmSync(dir, { recursive: true, force: true });
  });

  const read = (args: Mapping): Promise<GateReading> =>
    createGates(undefined).read({ name: 'g', kind: 'prometheus', args, for: 0 });
  const alerts = (): Promise<GateReading> =>
    read({ url, query: 'ALERTS{alertstate="firing",severity="page"}' });
  const becomes = async (wanted: boolean): Promise<GateReading> => {
    let last = await alerts();
    for (let attempt = 0; attempt < 120 && last.open !== wanted; attempt += 1) {
      await sleep(250);
      last = await alerts();
    }
    return last;
  };

  it('is closed while an alert fires, and open when the alert has ended', async () => {
    errors = 3;
    await becomes(true);
    expect(await becomes(false)).toEqual({ open: false, read: 'ShopErrors is 1' });
    errors = 0;
    expect(await becomes(true)).toEqual({ open: true, read: 'nothing matches' });
  });

  it('compares numbers, and distinguishes a wrong query from an empty answer', async () => {
    expect(await read({ url, query: 'shop_ok / shop_all', is: '>= 0.99' })).toEqual({
      open: true,
      read: '1 samples hold',
    });
    expect(await read({ url, query: 'shop_ok / shop_all', is: '> 0.99' })).toMatchObject({
      open: false,
      read: expect.stringMatching(/ is 0\.99$/),
    });
    expect(await read({ url, query: '0 * shop_ok / (0 * shop_all)', is: '!= 1' })).toMatchObject({
      open: false,
      read: expect.stringMatching(/ is NaN$/),
    });
    expect(await read({ url, query: 'no_such_metric', is: '> 0' })).toEqual({
      open: false,
      read: 'the query gives no sample',
    });
    expect(await read({ url, query: 'shop_ok /' })).toMatchObject({
      open: false,
      read: expect.stringMatching(/no result: .*parse error/),
    });
  });

  it('is closed when the server is gone', async () => {
    prometheus.kill('SIGKILL');
    await once(prometheus, 'exit');
    expect(await alerts()).toMatchObject({
      open: false,
      read: expect.stringMatching(/^connect ECONNREFUSED /),
    });
  });
});
