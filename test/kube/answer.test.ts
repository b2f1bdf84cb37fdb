// Limits on the answers of the API server, also from a hostile server or proxy. Errors never show
// our credential.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  lineLimit,
  pageLimit,
  readLines,
  sizeInMemory,
} from '../../src/adapters/kube/client/answer.ts';
import { refusal } from '../../src/adapters/kube/client/errors.ts';
import { createCluster, type KubeCluster } from '../../src/adapters/kube/index.ts';
import { systemClock } from '../../src/adapters/local/index.ts';
import type { Outcome } from '../../src/model/run/failure.ts';
import { failure, owner, value } from './cluster-on.ts';
import { drainOptions } from './pods.ts';

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

const MiB = 1024 * 1024;
const token = 'T0KEN-SECRET-XYZ';
let answer: Answer = (_, response) => response.end();
let sent = 0;
const server = createServer((request, response) => answer(request, response));
beforeAll(() => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve)));
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  sent = 0;
});

const says = (status: number, body: object): void => {
  answer = (_, response) =>
    void response
      .writeHead(status, { 'content-type': 'application/json' })
      .end(JSON.stringify(body));
};

async function cluster(user: object = { token }, more: object = {}, warn?: (text: string) => void) {
  const { port } = server.address() as AddressInfo;
  const config = {
    'current-context': 'lab',
    contexts: [{ name: 'lab', context: { cluster: 'c', user: 'u' } }],
    clusters: [{ name: 'c', cluster: { server: `http://127.0.0.1:${port}`, ...more } }],
    users: [{ name: 'u', user }],
  };
  const made = await createCluster({
    kubeconfigs: [{ path: 'kc', text: JSON.stringify(config) }],
    parseYaml: JSON.parse,
    env: {},
    clock: systemClock,
    ...(warn === undefined ? {} : { warn }),
  });
  return value(made);
}

/** Sends data until the reader stops. */
function pours(response: ServerResponse, chunk: Buffer): void {
  const more = (): void => {
    while (!response.destroyed && sent < 40 * pageLimit) {
      sent += chunk.length;
      if (!response.write(chunk)) return void response.once('drain', more);
    }
    response.end();
  };
  more();
}

describe('an answer that is too long is refused', () => {
  it.each([
    ['an object', 200, ' ', (on) => on.node('n1'), /nodes\/n1 is longer than 6 MiB$/],
    ['a page', 200, ' ', (on) => on.nodes(), /nodes is longer than 32 MiB$/],
    ['an error', 503, '<', (on) => on.node('n1'), /nodes\/n1 is longer than 1 MiB$/],
  ] as readonly (readonly [
    string,
    number,
    string,
    (on: KubeCluster) => Promise<Outcome<unknown>>,
    RegExp,
  ])[])(
    'without end, %s: given up at its limit, and nobody reads on',
    async (_, status, char, ask, message) => {
      const chunk = Buffer.alloc(MiB / 4, char);
      answer = (__, response) => {
        response.writeHead(status);
        pours(response, chunk);
      };
      expect(failure(await ask(await cluster()))).toEqual({
        kind: 'parse',
        message: expect.stringMatching(message),
      });
      expect(sent).toBeLessThan(pageLimit + 40 * MiB);
    },
  );

  it('a small compressed answer that expands to a large one', async () => {
    const packed = gzipSync(Buffer.alloc(256 * MiB, 'a'));
    answer = (_, response) =>
      void response.writeHead(200, { 'content-encoding': 'gzip' }).end(packed);
    const before = process.memoryUsage().arrayBuffers;
    expect(failure(await (await cluster()).node('n1')).message).toMatch(/longer than 6 MiB/);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 * pageLimit);
  });

  it.each([
    ['of nothing but empty lists', `{"items":[${'[],'.repeat(9_000_000)}[]]}`],
    ['nested as nothing is', `{"items":${'['.repeat(14_000_000)}${']'.repeat(14_000_000)}}`],
    [
      'nested in an error',
      `{"kind":"Status","message":${'['.repeat(400_000)}${']'.repeat(400_000)}}`,
      500,
    ],
  ])(
    'an answer %s, which would need many times its size in memory',
    async (_, text, status = 200) => {
      answer = (__, response) =>
        void response.writeHead(status, { 'content-encoding': 'gzip' }).end(gzipSync(text));
      const on = await cluster();
      globalThis.gc?.();
      const before = process.memoryUsage();
      expect(failure(await on.nodes())).toEqual({
        kind: 'parse',
        message: expect.stringMatching(/nodes is nested or divided as no answer/),
      });
      expect(process.memoryUsage().heapUsed - before.heapUsed).toBeLessThan(2 * pageLimit);
    },
  );

  it('brackets in text and the objects of a busy node do not count as too many parts', () => {
    const managed = Object.fromEntries(
      Array.from({ length: 5_000 }, (_, index) => [`f:a${index}`, {}]),
    );
    const message = `${'[{'.repeat(100_000)}"\\`;
    expect(
      sizeInMemory(
        Buffer.from(
          JSON.stringify({ items: [{ metadata: { managedFields: [managed] }, message }] }),
        ),
      ),
    ).toBeGreaterThan(100_000);
  });

  it('a list whose pages do not end', async () => {
    const name = 'x'.repeat(20 * MiB);
    says(200, {
      kind: 'NodeList',
      metadata: { continue: 'more' },
      items: [{ metadata: { name } }],
    });
    expect(failure(await (await cluster()).nodes())).toEqual({
      kind: 'parse',
      message: expect.stringMatching(/list of nodes is too long/),
    });
  });

  it('pages of nothing that do not end', async () => {
    let pages = 0;
    answer = (_, response) => {
      pages += 1;
      response.end(JSON.stringify({ kind: 'NodeList', metadata: { continue: 'more' }, items: [] }));
    };
    expect(failure(await (await cluster()).nodes()).message).toMatch(/is too long/);
    expect(pages).toBe(1_000);
  });

  it('a line of a watch: earlier lines are delivered, later ones are not read', async () => {
    let given = 0;
    const endless = function* () {
      yield Buffer.from('{"one":1}\n\n{"two":');
      yield Buffer.from('2}\n');
      for (;;) {
        given += MiB;
        yield Buffer.alloc(MiB, 'x');
      }
    };
    const body = Readable.from(endless());
    const lines: string[] = [];
    await readLines({ status: 200, headers: {}, body, isIncomplete: () => false }, (line) =>
      lines.push(line),
    );
    expect(lines).toEqual(['{"one":1}', '{"two":2}']);
    expect(given).toBeLessThan(lineLimit + 40 * MiB);
    expect(body.destroyed).toBe(true);
  });
});

describe('an answer of any shape', () => {
  const drain = drainOptions({ timeout: 1 });
  const calls: Readonly<Record<string, (on: KubeCluster) => Promise<Outcome<unknown>>>> = {
    nodes: (on) => on.nodes(),
    node: (on) => on.node('n1'),
    pods: (on) => on.pods('n1'),
    systemPods: (on) => on.systemPods(),
    pendingPods: (on) => on.pendingPods(),
    deployments: (on) => on.deployments(),
    forecast: (on) => on.forecast('n1', drain),
    cordon: (on) => on.cordon('n1', owner),
    owns: (on) => on.owns('n1', owner),
    uncordon: (on) => on.uncordon('n1', owner),
    nodesWith: (on) => on.nodesWith('a=b'),
    plainUncordon: (on) => on.plainUncordon('n1', { dryRun: true }),
    missingRights: (on) => on.missingRights('rollout'),
  };
  /** Answers of a real API server, with any part replaced by another type. */
  const any = fc.oneof(
    fc.jsonValue({ maxDepth: 1 }),
    fc.constantFrom(null, 5, 'x', [], {}, [null], [5]),
  );
  const part = (fields: Readonly<Record<string, fc.Arbitrary<unknown>>>) =>
    fc.oneof({ weight: 4, arbitrary: fc.record(fields, { requiredKeys: [] }) }, any);
  const listOf = (one: fc.Arbitrary<unknown>) =>
    fc.oneof({ weight: 4, arbitrary: fc.array(one, { maxLength: 2 }) }, any);
  const object = part({
    metadata: part({
      name: any,
      namespace: any,
      labels: any,
      annotations: any,
      ownerReferences: listOf(any),
      deletionTimestamp: any,
    }),
    spec: part({
      taints: listOf(any),
      containers: listOf(any),
      nodeName: any,
      selector: any,
      tolerations: listOf(any),
      replicas: any,
      nodeSelector: any,
    }),
    status: part({
      addresses: listOf(any),
      conditions: listOf(any),
      nodeInfo: any,
      containerStatuses: listOf(any),
      allocatable: any,
      allowed: any,
    }),
  });
  const reply = fc.oneof(
    object,
    part({ items: listOf(object), resources: listOf(any), versions: listOf(any), metadata: any }),
  );

  it('every call returns an outcome and throws nothing', async () => {
    const on = await cluster();
    await fc.assert(
      fc.asyncProperty(reply, fc.constantFrom(...Object.keys(calls)), async (body, name) => {
        says(200, body as object);
        const outcome = await calls[name]?.(on);
        expect(outcome?.ok).toBeTypeOf('boolean');
      }),
      { numRuns: 300 },
    );
  }, 60_000);
});

describe('the text of an error', () => {
  it('never shows our credential, even if the server repeats it', async () => {
    answer = ({ headers }, response) => {
      const message = `you sent ${headers.authorization}, and ${token}`;
      response
        .writeHead(403, { 'content-type': 'application/json' })
        .end(JSON.stringify({ kind: 'Status', message }));
    };
    expect(failure(await (await cluster()).node('n1')).message).toBe(
      'get nodes n1 was denied: you sent Bearer ***, and ***',
    );
    const basic = { username: 'ann', password: 'Correct-Horse' };
    const found = failure(await (await cluster(basic)).node('n1'));
    expect(found.message).toMatch(/you sent Basic \*\*\*/);
  });

  it('is one line of limited length', () => {
    const body = {
      kind: 'Status',
      message: `no\r\n17:29:59 n1 proven off ${'x'.repeat(100_000)}`,
      reason: 'y'.repeat(100_000),
    };
    const { message } = refusal(500, body, { verb: 'get', resource: 'nodes' }, 'ann');
    expect(message).toMatch(/^get nodes failed \(500 y{100}\): no 17:29:59 n1 proven off x+$/);
    expect(message.length).toBeLessThan(1_300);
  });

  it.each([
    ['a message that is no text', { message: { a: 1 } }],
    ['causes that are no list', { message: 'no', details: { causes: 5 } }],
    ['details that are nothing', { message: 'no', details: null }],
    [
      'causes of any kind',
      { message: 'no', details: { causes: [null, 5, { reason: {}, message: [] }] } },
    ],
  ])('an error with %s is a failure like any other', (_, more) => {
    for (const status of [400, 403, 409, 429, 500, 503])
      expect(
        refusal(status, { kind: 'Status', ...more }, { verb: 'get', resource: 'nodes' }, 'ann')
          .kind,
      ).toBeTypeOf('string');
  });
});

it('a redirect is not followed, so that no other server gets the credential', async () => {
  let elsewhere = 0;
  const other = createServer((_, response) => {
    elsewhere += 1;
    response.end('{}');
  });
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  const location = `http://127.0.0.1:${(other.address() as AddressInfo).port}/`;
  for (const status of [301, 302, 307, 308]) {
    answer = (_, response) => void response.writeHead(status, { location }).end();
    expect((await (await cluster()).node('n1')).ok).toBe(false);
  }
  expect(elsewhere).toBe(0);
  other.close();
});

describe('a connection that others can read', () => {
  it.each([
    [
      'a token without encryption',
      { token },
      {},
      [/^context "lab" of kc: the credential is sent to http:.* without encryption/],
    ],
    ['no credential without encryption', {}, {}, []],
    [
      'a certificate that is not checked',
      { token },
      { server: 'https://127.0.0.1:1', 'insecure-skip-tls-verify': true },
      [/the certificate of https:\/\/127.0.0.1:1 is not checked/],
    ],
    ['TLS as it should be', { token }, { server: 'https://127.0.0.1:1' }, []],
  ] as const)('%s', async (_, user, more, expected) => {
    const warned: string[] = [];
    await cluster(user, more, (text) => warned.push(text));
    expect(warned).toEqual(expected.map((pattern) => expect.stringMatching(pattern)));
  });
});
