// Gates read the outside, and whatever cannot be read is closed.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createGates } from '../../src/adapters/outside/gates.ts';
import type { Cluster, DeploymentState, NodeState } from '../../src/engine/ports/cluster.ts';
import type { GateSpec } from '../../src/model/playbook.ts';
import { failed, ok } from '../../src/model/run/failure.ts';
import type { Mapping } from '../../src/model/value.ts';

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

let answer: Answer = (_, response) => response.end();
const server = createServer((request, response) => answer(request, response));
let url = '';
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const gate = (kind: GateSpec['kind'], args: Mapping): GateSpec => ({
  name: 'gate',
  kind,
  args,
  for: 0,
});
const read = (kind: GateSpec['kind'], args: Mapping, cluster?: Cluster) =>
  createGates(cluster, { seconds: 1 }).read(gate(kind, args));
const says = (status: number, body: string): void => {
  answer = (_, response) => void response.writeHead(status).end(body);
};

describe('http', () => {
  it.each([
    [200, 'all ok', {}, { open: true, read: 'status 200' }],
    [503, 'no', {}, { open: false, read: 'status 503' }],
    [503, 'no', { status: 503 }, { open: true, read: 'status 503' }],
    [200, 'all ok', { contains: 'ok' }, { open: true, read: 'status 200' }],
    [200, 'degraded', { contains: 'ok' }, { open: false, read: 'status 200, without "ok"' }],
    [204, '', { status: 200 }, { open: false, read: 'status 204' }],
  ])('%i %j with %j', async (status, body, args, expected) => {
    says(status, body);
    expect(await read('http', { url, ...args })).toEqual(expected);
  });

  it('is closed where nobody listens, nobody answers, or the answer is cut', async () => {
    expect(await read('http', { url: 'http://127.0.0.1:1' })).toEqual({
      open: false,
      read: expect.stringMatching(/ECONNREFUSED/),
    });
    answer = () => {};
    expect(await read('http', { url })).toEqual({ open: false, read: 'no answer within 1 s' });
    answer = (_, response) => {
      response.writeHead(200, { 'content-length': '10' }).write('half');
      setTimeout(() => response.destroy(), 50);
    };
    expect(await read('http', { url })).toMatchObject({ open: false });
  });

  it('follows a redirect on the same server, and none to another one', async () => {
    let elsewhere = 0;
    const other = createServer((_, response) => {
      elsewhere += 1;
      response.end('all ok');
    });
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const there = `http://127.0.0.1:${(other.address() as AddressInfo).port}/`;
    answer = (request, response) =>
      void response
        .writeHead(request.url === '/' ? 302 : 200, { location: '/there' })
        .end('all ok');
    expect(await read('http', { url, contains: 'ok' })).toEqual({ open: true, read: 'status 200' });
    answer = (_, response) => void response.writeHead(307, { location: there }).end();
    expect(await read('http', { url })).toEqual({
      open: false,
      read: `status 307, a redirect to ${there.slice(0, -1)}, which is not followed`,
    });
    expect(await read('prometheus', { url, query: 'up' })).toMatchObject({
      open: false,
      read: expect.stringMatching(/not followed$/),
    });
    answer = (_, response) => void response.writeHead(302, { location: '/again' }).end();
    expect(await read('http', { url })).toEqual({ open: false, read: 'status 302' });
    expect(elsewhere).toBe(0);
    other.close();
  });

  it.each([
    ['http', { contains: 'ok' }, 'status 200, without "ok" in its first 128 KiB'],
    ['prometheus', { query: 'up' }, 'the answer is longer than 8 MiB'],
  ] as const)(
    '%s: an answer without end is read to its limit, and no further',
    async (kind, args, said) => {
      let sent = 0;
      answer = (_, response) => {
        const chunk = Buffer.alloc(256 * 1024, 'x');
        const more = (): void => {
          while (!response.destroyed) {
            sent += chunk.length;
            if (!response.write(chunk)) return void response.once('drain', more);
          }
        };
        more();
      };
      expect(await read(kind, { url, ...args })).toEqual({ open: false, read: said });
      expect(sent).toBeLessThan(32 * 1024 * 1024);
    },
  );

  it('a reading is short, whatever the server calls its samples', async () => {
    const metric = { alertname: 'x'.repeat(100_000) };
    says(
      200,
      JSON.stringify({ status: 'success', data: { result: [{ metric, value: [0, '1'] }] } }),
    );
    const { read: said } = await read('prometheus', { url, query: 'up' });
    expect(said).toHaveLength(400);
  });

  it('sends name and password as a header, and never prints them', async () => {
    answer = ({ headers }, response) =>
      void response
        .writeHead(headers.authorization === `Basic ${btoa('eve:s3cret')}` ? 200 : 401)
        .end();
    expect(await read('http', { url: url.replace('//', '//eve:s3cret@') })).toEqual({
      open: true,
      read: 'status 200',
    });
    const refused = await read('http', { url: 'http://eve:s3cret@127.0.0.1:1' });
    expect(refused.open).toBe(false);
    expect(refused.read).not.toContain('s3cret');
  });
});

describe('prometheus', () => {
  const vector = (...samples: readonly (readonly [string, string])[]): string =>
    JSON.stringify({
      status: 'success',
      data: {
        resultType: 'vector',
        result: samples.map(([alertname, value]) => ({ metric: { alertname }, value: [1, value] })),
      },
    });

  it.each([
    ['nothing fires', vector(), {}, { open: true, read: 'nothing matches' }],
    [
      'something fires',
      vector(['NodeDown', '1'], ['Disk', '1']),
      {},
      { open: false, read: 'NodeDown is 1, Disk is 1' },
    ],
    ['only zeros', vector(['a', '0']), {}, { open: true, read: '1 samples hold' }],
    [
      'a rule holds',
      vector(['a', '0.995']),
      { is: '>= 0.99' },
      { open: true, read: '1 samples hold' },
    ],
    [
      'a rule holds of one of two',
      vector(['a', '1'], ['b', '0.5']),
      { is: '>= 0.99' },
      { open: false, read: 'b is 0.5' },
    ],
    [
      'a rule of nothing',
      vector(),
      { is: '< 5' },
      { open: false, read: 'the query gives no sample' },
    ],
    ['0/0', vector(['a', 'NaN']), { is: '!= 1' }, { open: false, read: 'a is NaN' }],
    ['1/0', vector(['a', '+Inf']), { is: '> 1' }, { open: false, read: 'a is NaN' }],
  ])('%s', async (_, body, args, expected) => {
    says(200, body);
    expect(await read('prometheus', { url, query: 'q', ...args })).toEqual(expected);
  });

  it('asks for the query, also below a path', async () => {
    let asked = '';
    answer = (request, response) => {
      asked = request.url ?? '';
      response.end(vector());
    };
    await read('prometheus', { url: `${url}/prom/`, query: 'up == 0' });
    expect(asked).toBe('/prom/api/v1/query?query=up+%3D%3D+0');
  });

  it.each([
    [
      400,
      '{"status":"error","errorType":"bad_data","error":"parse error"}',
      /no result: .*parse error/,
    ],
    [
      503,
      'Service Unavailable',
      /status 503, which is no answer of Prometheus: Service Unavailable/,
    ],
    [200, '{"status":"success","data":{"result":"7"}}', /no result/],
  ])('is closed when it answers %i %j', async (status, body, expected) => {
    says(status, body);
    expect(await read('prometheus', { url, query: 'q' })).toEqual({
      open: false,
      read: expect.stringMatching(expected),
    });
  });
});

describe('command', () => {
  it.each([
    ['exit 0', { open: true, read: 'exit 0' }],
    ['echo first; echo the reason >&2; exit 3', { open: false, read: 'exit 3: the reason' }],
    ['sleep 30', { open: false, read: 'no answer within 1 s' }],
    ['/nonexistent/program', { open: false, read: expect.stringMatching(/^exit 127/) }],
  ])('%s', async (command, expected) => {
    expect(await read('command', { command })).toEqual(expected);
  });
});

describe('kubernetes', () => {
  const node = (name: string, ready: boolean): NodeState => ({ name, ready }) as NodeState;
  const full: DeploymentState = { name: 'shop/web', wanted: 3, available: 3 };
  const short: DeploymentState = { name: 'shop/cart', wanted: 2, available: 1 };
  const forbidden = 'the account may not list deployments.apps (403)';
  const denied = failed('refused', forbidden);
  const cluster = (more: Partial<Cluster> = {}): Cluster =>
    ({
      nodes: async () => ok([node('n1', true), node('n2', true), node('n3', false)]),
      pendingPods: async () => ok(['shop/web-1']),
      deployments: async () => ok([full, short]),
      ...more,
    }) as Cluster;

  it.each<[Mapping, Partial<Cluster>, { open: boolean; read: string }]>([
    [{ not_ready: 1 }, {}, { open: true, read: '1 of 3 nodes not ready (n3)' }],
    [{}, {}, { open: false, read: '1 of 3 nodes not ready (n3)' }],
    [{ not_ready: 1, min_ready: 2 }, {}, { open: true, read: '1 of 3 nodes not ready (n3)' }],
    [{ not_ready: 1, min_ready: 3 }, {}, { open: false, read: '2 nodes are ready, 3 are wanted' }],
    [{ not_ready: 1, pending_pods: 0 }, {}, { open: false, read: 'pods pending: 1 (shop/web-1)' }],
    [
      { not_ready: 1, pending_pods: 1 },
      {},
      { open: true, read: '1 of 3 nodes not ready (n3); pods pending: 1 (shop/web-1)' },
    ],
    [
      { not_ready: 1, deployments: 'all' },
      {},
      { open: false, read: 'deployments short of replicas: 1 of 2 (shop/cart has 1 of 2)' },
    ],
    [
      { not_ready: 1, deployments: ['shop/web'] },
      {},
      { open: true, read: '1 of 3 nodes not ready (n3); deployments short of replicas: 0 of 1' },
    ],
    [
      { not_ready: 1, deployments: ['shop/gone'] },
      {},
      { open: false, read: 'deployments short of replicas: 1 of 1 (shop/gone does not exist)' },
    ],
    [
      { not_ready: 1, deployments: 'all' },
      { deployments: async () => denied },
      { open: false, read: forbidden },
    ],
    [
      { pending_pods: 5 },
      { pendingPods: async () => denied },
      { open: false, read: expect.stringContaining('403') as unknown as string },
    ],
    [{}, { nodes: async () => denied }, { open: false, read: forbidden }],
  ])('%j', async (args, more, expected) => {
    expect(await read('kubernetes', args, cluster(more))).toEqual(expected);
  });

  it('is closed without a cluster', async () => {
    expect(await read('kubernetes', {})).toEqual({
      open: false,
      read: 'no cluster is configured (give --kubeconfig)',
    });
  });
});
