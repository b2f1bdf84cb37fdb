// Credentials that change during a run: they are renewed in time, the old one is used meanwhile,
// and a failed renewal is an outage.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { keep } from '../../src/adapters/kube/auth/kept.ts';
import { HttpClient } from '../../src/adapters/kube/client/http.ts';
import { systemClock } from '../../src/adapters/local/index.ts';
import { failed, type Outcome, ok } from '../../src/model/run/failure.ts';
import { type FakeKube, type FakeKubeOptions, startFakeKube } from '../fakes/kube-api.ts';
import { haveOpenssl, type Pair, pki } from '../fakes/kube-tls.ts';
import { clusterOn, cordonAndDrain, failure, type On, tryCluster, value } from './cluster-on.ts';
import { drainOptions } from './pods.ts';

const folder = mkdtempSync(join(tmpdir(), 'kmend-renew-'));
const at = (name: string): string => join(folder, name);
const put = (name: string, text: string): string => {
  writeFileSync(at(name), text);
  return at(name);
};
const putPair = ({ cert, key }: Pair): void => {
  put('cert', cert);
  put('key', key);
};

let fake: FakeKube;
const closing: (() => void)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) close();
  await (fake as FakeKube | undefined)?.stop();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function start(options?: FakeKubeOptions): Promise<void> {
  fake = await startFakeKube({ tokens: { old: 'old', fresh: 'fresh' }, ...options });
  fake.addNode('n1');
}
async function connectTo(on: On) {
  const cluster = await clusterOn(fake, {
    ...on,
    options: { env: { PATH: process.env.PATH }, ...on.options },
  });
  closing.push(cluster.close);
  return cluster;
}
/** From now on the server refuses the previous credential. */
const endOld = (): void =>
  fake.faults(({ user }) =>
    ['ann', 'old'].includes(user)
      ? { status: 401, body: { kind: 'Status', message: 'Unauthorized' } }
      : undefined,
  );

/** Prints the credential in a file. Without the file it fails, like an expired login. */
function plugin(): object {
  const script = `#!/bin/sh
echo x >> ${at('asked')}
[ -s ${at('given')} ] || { echo 'warming up' >&2; printf 'error: the sso session \\033[31mended\\nsecond line\\n' >&2; exit 3; }
printf '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"%s"}}' "$(cat ${at('given')})"
`;
  chmodSync(put('plugin', script), 0o755);
  put('asked', '');
  return { exec: { apiVersion: 'client.authentication.k8s.io/v1', command: at('plugin') } };
}
const asked = (): number => readFileSync(at('asked'), 'utf8').length / 2;

interface Source {
  readonly user: () => object;
  readonly old: () => unknown;
  readonly fresh: () => unknown;
  readonly broken: () => unknown;
}
const sources: Readonly<Record<string, Source>> = {
  'client certificate files': {
    user: () => ({ 'client-certificate': at('cert'), 'client-key': at('key') }),
    old: () => putPair(pki().client),
    fresh: () => putPair(pki().renewedClient),
    broken: () => putPair({ cert: pki().renewedClient.cert, key: pki().client.key }),
  },
  'a token file': {
    user: () => ({ tokenFile: at('token') }),
    old: () => put('token', 'old\n'),
    fresh: () => put('token', 'fresh\n'),
    broken: () => put('token', ''),
  },
  'a credential plugin': {
    user: plugin,
    old: () => put('given', 'old'),
    fresh: () => put('given', 'fresh'),
    broken: () => put('given', ''),
  },
};

describe.skipIf(!haveOpenssl).each(Object.entries(sources))(
  '%s',
  (_, { user, old, fresh, broken }) => {
    it('is renewed after a 401, and the call succeeds', async () => {
      await start();
      old();
      const cluster = await connectTo({ user: { ...user() } });
      value(await cluster.node('n1'));
      endOld();
      fresh();
      value(await cluster.node('n1'));
      expect(fake.seen.at(-1)?.user).toMatch(/fresh|ann-renewed/);
    });

    it('law: after its first success, a failed renewal is an outage that ends with the next renewal', async () => {
      await start();
      old();
      const cluster = await connectTo({ user: { ...user() } });
      value(await cluster.node('n1'));
      endOld();
      // First the old one is still there, then something that cannot be used.
      expect(failure(await cluster.node('n1'))).toMatchObject({ kind: 'auth', transport: true });
      broken();
      expect(failure(await cluster.node('n1'))).toMatchObject({ kind: 'auth', transport: true });
      fresh();
      value(await cluster.node('n1'));
    });

    it('is an error, not an outage, before its first success', async () => {
      await start({ tokens: {} });
      endOld();
      old();
      const cluster = await connectTo({ user: { ...user() } });
      const why = failure(await cluster.node('n1'));
      expect([why.kind, why.transport]).toEqual(['auth', undefined]);
    });
  },
);

it('a credential that takes longer than the call is a timeout, not an interruption', async () => {
  const identity = (signal?: AbortSignal) =>
    new Promise<Outcome<never>>((resolve) =>
      signal?.addEventListener('abort', () => resolve(failed('interrupted', 'no'))),
    );
  const credentials = {
    ca: async () => undefined,
    renews: true,
    description: 'user ann',
    identity,
  };
  const cluster = { server: 'http://127.0.0.1:9', insecure: false };
  const http = new HttpClient({
    cluster,
    credentials,
    proxy: undefined,
    onlyHttp1: true,
    now: Date.now,
    userAgent: 'test',
  });
  closing.push(() => http.close());
  const found = await http.call({ method: 'GET', path: '/', timeout: 0.05 });
  expect(failure(found)).toEqual({
    kind: 'timeout',
    message: 'no credential within 0.05 s: user ann',
  });
  const stop = AbortSignal.timeout(50);
  expect(failure(await http.call({ method: 'GET', path: '/', signal: stop })).kind).toBe(
    'interrupted',
  );
});

it('a late refusal does not drop a credential that was renewed meanwhile', async () => {
  let made = 0;
  const making = {
    make: async () => ok({ number: ++made }),
    freshUntil: () => 1,
    goodUntil: () => 1,
    now: () => 0,
  };
  const kept = keep(making);
  const first = value(await kept.get());
  kept.refuse(first);
  const second = value(await kept.get());
  kept.refuse(first);
  expect(value(await kept.get())).toBe(second);
  expect(made).toBe(2);
});

describe.skipIf(!haveOpenssl)('files', () => {
  const pairUser = { 'client-certificate': at('cert'), 'client-key': at('key') };

  it('are read again after a minute, without a 401; while one is half written, the old content is used', async () => {
    await start();
    putPair(pki().client);
    let now = Date.now();
    const cluster = await connectTo({
      user: pairUser,
      options: { clock: { ...systemClock, now: () => now } },
    });
    value(await cluster.node('n1'));
    put('cert', pki().renewedClient.cert);
    now += 61_000;
    value(await cluster.node('n1'));
    put('key', pki().renewedClient.key);
    value(await cluster.node('n1'));
    expect(fake.seen.map((seen) => seen.user)).toEqual(['ann', 'ann', 'ann-renewed']);
  });

  it('are read again shortly before the certificate expires', async () => {
    await start();
    putPair(pki().expiredClient);
    let now = Date.parse('2020-01-31T23:59:49Z');
    const cluster = await connectTo({
      user: pairUser,
      options: { clock: { ...systemClock, now: () => now } },
    });
    putPair(pki().client);
    now += 2_000;
    value(await cluster.node('n1'));
    expect(fake.seen.map((seen) => seen.user)).toEqual(['ann']);
  });

  it('are read again if a proxy ends the handshake instead of sending a 401', async () => {
    await start();
    mkdirSync(at('api/v1/nodes'), { recursive: true });
    put('api/v1/nodes/n1', JSON.stringify({ metadata: { name: 'n1' } }));
    const { server, ca, expiredClient, client } = pki();
    const files = [
      '-cert',
      put('s.crt', server.cert),
      '-key',
      put('s.key', server.key),
      '-CAfile',
      put('s.ca', ca),
    ];
    const proxy = spawn(
      'openssl',
      [
        's_server',
        '-accept',
        '127.0.0.1:0',
        '-WWW',
        '-Verify',
        '1',
        '-verify_return_error',
        ...files,
      ],
      {
        cwd: folder,
      },
    );
    closing.push(() => proxy.kill());
    let said = '';
    proxy.stdout.setEncoding('utf8').on('data', (chunk) => {
      said += chunk;
    });
    while (!/ACCEPT .*:\d+\n/.test(said)) await once(proxy.stdout, 'data');
    const port = /ACCEPT .*:(\d+)/.exec(said)?.[1];
    putPair(expiredClient);
    const then = Date.parse('2020-01-20T00:00:00Z');
    const cluster = await connectTo({
      user: pairUser,
      cluster: { server: `https://127.0.0.1:${port}` },
      options: { clock: { ...systemClock, now: () => then } },
    });
    expect(failure(await cluster.node('n1'))).toMatchObject({
      kind: 'auth',
      message: expect.stringContaining('refused our certificate'),
    });
    putPair(client);
    expect(value(await cluster.node('n1')).name).toBe('n1');
  });

  it('of a CA are read for each connection; one that is half written does not replace the last', async () => {
    await start();
    const on = {
      cluster: {
        'certificate-authority-data': undefined,
        'certificate-authority': put('ca', pki().otherCa),
      },
    };
    const cluster = await connectTo({ user: fake.clientCertificate, ...on });
    const before = failure(await cluster.node('n1'));
    expect([before.message, before.transport]).toEqual([
      expect.stringContaining('not signed by the known CA'),
      undefined,
    ]);
    put('ca', pki().ca);
    value(await cluster.node('n1'));
    put('ca', pki().ca.slice(0, 100));
    await fake.restart(0);
    value(await cluster.node('n1'));
    put('ca', pki().otherCa);
    await fake.restart(0);
    expect(failure(await cluster.node('n1'))).toMatchObject({ kind: 'auth', transport: true });
    put('ca', pki().ca);
    value(await cluster.node('n1'));
  });

  it.each([
    [
      'a key of another certificate',
      { 'client-certificate': 'client', 'client-key': 'expiredClient' },
      /key of user "ann".* is not the one/,
    ],
    ['a CA that is none', { ca: 'nothing' }, /certificate-authority-data holds no PEM certificate/],
  ] as const)(
    'that cannot be right are named before the first call: %s',
    async (_, given, message) => {
      await start();
      const b64 = (text: string): string => Buffer.from(text).toString('base64');
      const user =
        'ca' in given
          ? fake.clientCertificate
          : {
              'client-certificate-data': b64(pki()[given['client-certificate']].cert),
              'client-key-data': b64(pki()[given['client-key']].key),
            };
      const cluster = 'ca' in given ? { 'certificate-authority-data': b64(given.ca) } : {};
      expect(failure(await tryCluster(fake, { user, cluster })).message).toMatch(message);
    },
  );
});

describe.skipIf(!haveOpenssl)('a credential plugin', () => {
  it('that fails reports the reason in one printable line, and its whole output below', async () => {
    await start();
    put('given', '');
    const why = failure(await (await connectTo({ user: { ...plugin() } })).node('n1'));
    expect(why.message).toMatch(
      /plugin ended with status 3 \[error: the sso session \?\[31mended\]$/,
    );
    expect(why.detail).toContain('second line');
  });

  it('runs once for all calls that were refused at the same time', async () => {
    await start({ slow: 50 });
    put('given', 'old');
    const cluster = await connectTo({ user: { ...plugin() } });
    value(await cluster.node('n1'));
    endOld();
    put('given', 'fresh');
    for (const done of await Promise.all(Array.from({ length: 20 }, () => cluster.node('n1'))))
      value(done);
    expect(asked()).toBe(2);
  });

  it('that fails during a drain is retried', async () => {
    await start({ stopAfter: 200 });
    put('given', 'old');
    const cluster = await connectTo({ user: { ...plugin() } });
    for (const name of ['a', 'b', 'c']) fake.addPod({ name, owner: { kind: 'ReplicaSet', name } });
    fake.afterEviction(() => {
      fake.afterEviction(() => undefined);
      put('given', '');
      endOld();
      setTimeout(() => put('given', 'fresh'), 1_500);
    });
    const { outcome } = await cordonAndDrain(cluster, drainOptions({ timeout: 20 }));
    expect(outcome.ok, JSON.stringify(outcome)).toBe(true);
    expect(fake.pods.size).toBe(0);
  }, 30_000);

  it('that leaves a background process is not waited for', async () => {
    await start();
    put('given', 'fresh');
    const user = plugin();
    writeFileSync(
      at('plugin'),
      readFileSync(at('plugin'), 'utf8').replace('echo x', 'sleep 20 &\necho x'),
    );
    const began = performance.now();
    value(await (await connectTo({ user: { ...user } })).node('n1'));
    expect(performance.now() - began).toBeLessThan(10_000);
  });
});

describe.skipIf(!haveOpenssl)('an id-token of auth-provider oidc', () => {
  const idToken = (exp: number): string =>
    `head.${Buffer.from(JSON.stringify({ exp })).toString('base64url')}.sign`;
  const oidc = (token: string) => ({
    'auth-provider': { name: 'oidc', config: { 'id-token': token, 'refresh-token': 'SECRET' } },
  });

  it('is used until it expires, and its expiry is reported; then it is refused without another call', async () => {
    const token = idToken(2_000_000_000);
    await start({ tokens: { [token]: 'ann@example.net' } });
    let now = 1_999_999_000_000;
    const cluster = await connectTo({
      user: oidc(token),
      options: { clock: { ...systemClock, now: () => now } },
    });
    value(await cluster.node('n1'));
    expect(fake.seen[0]?.user).toBe('ann@example.net');
    expect(cluster.description).toMatch(
      /\(id-token of auth-provider oidc, until 2033-05-18T03:33Z\)/,
    );
    now += 2_000_000;
    const why = failure(await cluster.node('n1'));
    expect(why).toMatchObject({
      kind: 'auth',
      message: expect.stringMatching(/has expired, and kmend does not renew it/),
    });
    expect(JSON.stringify(why)).not.toContain('SECRET');
  });
});
