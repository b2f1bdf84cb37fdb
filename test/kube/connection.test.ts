// Connections to a fake API server over real TLS: credentials, plugins, proxies, certificates and
// error messages.
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createProxy, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ownerAnnotation } from '../../src/adapters/kube/index.ts';
import { type FakeKube, type FakeKubeOptions, startFakeKube } from '../fakes/kube-api.ts';
import { haveOpenssl, pki } from '../fakes/kube-tls.ts';
import { startSocksProxy } from '../fakes/socks-proxy.ts';
import { clusterOn, failure, type On, owner, sleep, tryCluster, value } from './cluster-on.ts';
import { drainOptions } from './pods.ts';

const title = `connecting to an API server${haveOpenssl ? '' : ' (skipped: openssl is not installed)'}`;

const protocols = [
  { httpVersion: '2.0', onlyHttp1: false },
  { httpVersion: '1.1', onlyHttp1: true },
] as const;

describe.skipIf(!haveOpenssl).each(protocols)(
  `${title}, HTTP/$httpVersion`,
  ({ httpVersion, onlyHttp1 }) => {
    let fake: FakeKube;
    const folder = mkdtempSync(join(tmpdir(), 'kmend-kube-'));
    const closing: (() => unknown)[] = [];
    const start = async (options?: FakeKubeOptions) => {
      fake = await startFakeKube({ onlyHttp1, ...options });
      fake.addNode('n1');
    };
    const connectTo = async (on?: On) => {
      const cluster = await clusterOn(fake, on);
      closing.push(cluster.close);
      return cluster;
    };
    const seenAs = (): readonly string[] => [...new Set(fake.seen.map((seen) => seen.user))];
    const pem = (name: 'cert' | 'key', text: string): string => {
      const path = join(folder, name);
      writeFileSync(path, text);
      return path;
    };
    beforeEach(() => {
      closing.length = 0;
    });
    afterEach(async () => {
      for (const close of closing) await close();
      await fake.stop();
    });
    afterAll(() => rmSync(folder, { recursive: true, force: true }));

    it('accepts an inline client certificate, on one kept connection', async () => {
      await start();
      const cluster = await connectTo();
      for (let turn = 0; turn < 3; turn += 1)
        expect(value(await cluster.node('n1')).bootId).toBe('boot-n1-1');
      expect(seenAs()).toEqual(['ann']);
      expect(fake.connections()).toBe(1);
      expect(cluster.stats()).toMatchObject({ calls: 3, connections: 1 });
      expect(new Set(fake.seen.map((seen) => seen.httpVersion))).toEqual(new Set([httpVersion]));
    });

    it('makes many calls at once', async () => {
      await start({ slow: 30 });
      const cluster = await connectTo();
      const nodes = await Promise.all(Array.from({ length: 40 }, () => cluster.node('n1')));
      expect(nodes.map((node) => value(node).name)).toEqual(Array.from({ length: 40 }, () => 'n1'));
      expect(fake.connections()).toBe(onlyHttp1 ? 40 : 1);
    });

    it('reports an incomplete answer as a failure, not as an empty list', async () => {
      await start();
      fake.addPod({ name: 'web' });
      const cluster = await connectTo();
      value(await cluster.node('n1'));
      fake.faults(() => 'cut-answer');
      expect(failure(await cluster.pods('n1'))).toMatchObject({
        kind: 'unreachable',
        transport: true,
      });
    });

    it('rejects the page of a proxy, whatever its status', async () => {
      await start();
      const cluster = await connectTo();
      fake.faults(() => ({ status: 200, body: '<html>please log in</html>' }));
      expect(failure(await cluster.pods('n1'))).toMatchObject({
        kind: 'unreachable',
        message: 'what answered GET /api/v1/pods is not an API server',
        hint: expect.stringContaining('login page'),
      });
      expect((await cluster.cordon('n1', owner)).ok).toBe(false);
    });

    it('opens another connection for another credential, and lets earlier calls finish', async () => {
      await start({ tokens: { t: 'ci' }, slow: 200 });
      const { cert, key } = pki().client;
      const b64 = (text: string): string => Buffer.from(text).toString('base64');
      const path = join(folder, 'first.sh');
      // A token the first time, a certificate the second.
      const status = (first: boolean): string =>
        JSON.stringify({
          apiVersion: 'client.authentication.k8s.io/v1',
          kind: 'ExecCredential',
          status: first
            ? { token: 't', expirationTimestamp: new Date(Date.now() + 5_000).toISOString() }
            : { clientCertificateData: cert, clientKeyData: key },
        });
      const answers = `if [ -e ${folder}/asked ]; then echo ${b64(status(false))}; else touch ${folder}/asked; echo ${b64(status(true))}; fi`;
      writeFileSync(path, `#!/bin/sh\n(${answers}) | base64 -d\n`);
      chmodSync(path, 0o755);
      rmSync(join(folder, 'asked'), { force: true });
      const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: path };
      const cluster = await connectTo({
        user: { exec },
        options: { env: { PATH: process.env.PATH } },
      });
      const first = cluster.node('n1');
      while (fake.seen.length === 0) await sleep(5);
      const second = cluster.node('n1');
      value(await first);
      value(await second);
      expect(seenAs()).toEqual(['ci', 'ann']);
      expect(cluster.stats().connections).toBe(2);
    });

    it('finishes open calls of a server that shuts down, and sends new ones on another connection', async () => {
      await start({ slow: 300 });
      const cluster = await connectTo();
      value(await cluster.node('n1'));
      const under = cluster.node('n1');
      while (fake.seen.length < 2) await sleep(5);
      fake.goAway();
      await sleep(50);
      const next = cluster.node('n1');
      value(await under);
      value(await next);
      expect(fake.seen).toHaveLength(3);
      expect(cluster.stats().connections).toBe(2);
    });

    it('accepts a client certificate in files', async () => {
      await start();
      const { client } = pki();
      const cluster = await connectTo({
        user: {
          'client-certificate': pem('cert', client.cert),
          'client-key': pem('key', client.key),
        },
      });
      value(await cluster.node('n1'));
      expect(seenAs()).toEqual(['ann']);
    });

    it('accepts a token, a password, a server name and impersonation', async () => {
      await start({ tokens: { t1: 'ci' } });
      const as = {
        token: 't1',
        as: 'bob',
        'as-groups': ['ops', 'dev'],
        'as-user-extra': { 'a/b': ['x'] },
      };
      value(
        await (await connectTo({ user: as, cluster: { 'tls-server-name': 'kube.test' } })).node(
          'n1',
        ),
      );
      expect(fake.seen[0]?.headers).toMatchObject({
        'impersonate-user': 'bob',
        'impersonate-group': 'ops, dev',
        'impersonate-extra-a%2fb': 'x',
      });
      value(await (await connectTo({ user: { username: 'u', password: 'p' } })).node('n1'));
      expect(seenAs()).toEqual(['ci', 'basic']);
    });

    it('reads a token file again when the server refuses the old token', async () => {
      await start({ tokens: { fresh: 'ci' } });
      const path = join(folder, 'token');
      writeFileSync(path, 'old\n');
      const cluster = await connectTo({ user: { tokenFile: path } });
      expect(failure(await cluster.node('n1')).kind).toBe('auth');
      writeFileSync(path, 'fresh\n');
      value(await cluster.node('n1'));
    });

    it('reads a token file again after a minute', async () => {
      await start({ tokens: { a: 'first', b: 'second' } });
      const path = join(folder, 'token2');
      writeFileSync(path, 'a');
      let now = 1_000_000;
      const clock = {
        now: () => now,
        sleep: async () => undefined,
        random: () => 0,
        yield: async () => {},
        gather: async () => {},
        id: () => 'x',
      };
      const cluster = await connectTo({ user: { tokenFile: path }, options: { clock } });
      value(await cluster.node('n1'));
      writeFileSync(path, 'b');
      now += 30_000;
      value(await cluster.node('n1'));
      now += 31_000;
      value(await cluster.node('n1'));
      expect(fake.seen.map((seen) => seen.user)).toEqual(['first', 'first', 'second']);
    });

    it('uses the service account of a pod', async () => {
      await start({ tokens: { pod: 'system:serviceaccount:kmend' } });
      writeFileSync(join(folder, 'ca.crt'), pki().ca);
      writeFileSync(join(folder, 'token'), 'pod');
      const env = {
        KUBERNETES_SERVICE_HOST: '127.0.0.1',
        KUBERNETES_SERVICE_PORT: String(fake.port),
      };
      value(
        await (await connectTo({ options: { kubeconfigs: [], env, accountFolder: folder } })).node(
          'n1',
        ),
      );
    });

    describe('with a credential plugin', () => {
      const plugin = (body: string, more: object = {}) => {
        const path = join(folder, 'plugin.sh');
        writeFileSync(
          path,
          `#!/bin/sh\necho "$KUBERNETES_EXEC_INFO $EXTRA" >> ${folder}/calls\n${body}\n`,
        );
        chmodSync(path, 0o755);
        writeFileSync(join(folder, 'calls'), '');
        return {
          exec: {
            apiVersion: 'client.authentication.k8s.io/v1',
            command: path,
            env: [{ name: 'EXTRA', value: 'yes' }],
            ...more,
          },
        };
      };
      const credential = (status: string): string =>
        `echo '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":${status}}'`;
      const calls = (): readonly string[] =>
        readFileSync(join(folder, 'calls'), 'utf8').trim().split('\n');
      const env = { PATH: process.env.PATH };

      it('runs once for many calls, and receives the cluster', async () => {
        await start({ tokens: { t: 'ci' } });
        const cluster = await connectTo({
          user: plugin(credential('{"token":"t"}'), { provideClusterInfo: true }),
          options: { env },
        });
        await Promise.all([cluster.node('n1'), cluster.node('n1'), cluster.nodes()]);
        value(await cluster.node('n1'));
        expect(calls()).toHaveLength(1);
        expect(calls()[0]).toMatch(
          /"interactive":false.*"server":"https:\/\/127.0.0.1.*certificate-authority-data.* yes$/,
        );
      });

      it('runs again shortly before its credential expires', async () => {
        await start({ tokens: { t: 'ci' } });
        const soon = new Date(Date.now() + 5_000).toISOString();
        const cluster = await connectTo({
          user: plugin(credential(`{"token":"t","expirationTimestamp":"${soon}"}`)),
          options: { env },
        });
        value(await cluster.node('n1'));
        value(await cluster.node('n1'));
        expect(calls()).toHaveLength(2);
      });

      it('runs once more after a 401, but not forever', async () => {
        await start();
        const cluster = await connectTo({
          user: plugin(credential('{"token":"wrong"}')),
          options: { env },
        });
        expect(failure(await cluster.node('n1')).message).toMatch(
          /does not accept our credential \(401\).*plugin\.sh/,
        );
        expect(calls()).toHaveLength(2);
      });

      it('may return a client certificate', async () => {
        await start();
        const { cert, key } = pki().client;
        const status = JSON.stringify({ clientCertificateData: cert, clientKeyData: key });
        const cluster = await connectTo({
          user: plugin(
            credential(status.replaceAll('\\n', '\\\\n')).replace('echo', "printf '%b\\n'"),
          ),
          options: { env },
        });
        value(await cluster.node('n1'));
        expect(seenAs()).toEqual(['ann']);
      });

      it.each([
        ['one that fails', 'echo "no session" >&2; exit 3', {}, /ended with status 3/],
        ['one that prints nonsense', 'echo hello', {}, /not JSON/],
        [
          'one of another version',
          'echo \'{"apiVersion":"v9","kind":"ExecCredential"}\'',
          {},
          /speaks v9/,
        ],
        ['one without a credential', credential('{}'), {}, /neither a token nor a certificate/],
        [
          'one that is not there',
          '',
          { command: '/no/such/plugin', installHint: 'install it' },
          /was not found/,
        ],
        ['one that needs a terminal', '', { interactiveMode: 'Always' }, /needs a terminal/],
      ])('reports the error of %s', async (_, body, more, message) => {
        await start();
        const cluster = await connectTo({ user: plugin(body, more), options: { env } });
        const why = failure(await cluster.node('n1'));
        expect(why).toMatchObject({ kind: 'auth' });
        expect(why.message).toMatch(message);
        if ('installHint' in more) expect(why.hint).toBe('install it');
      });
    });

    describe('through a proxy', () => {
      const startProxy = async (answer?: number): Promise<{ port: number; asked: string[] }> => {
        const asked: string[] = [];
        const proxy: Server = createProxy();
        proxy.on('connect', (request, socket) => {
          asked.push(`${request.url} ${request.headers['proxy-authorization'] ?? ''}`.trim());
          socket.on('error', () => undefined);
          if (answer !== undefined) return socket.end(`HTTP/1.1 ${answer} No\r\n\r\n`);
          const [host = '', port] = (request.url ?? '').split(':');
          const onward = connect(Number(port), host, () => {
            socket.write('HTTP/1.1 200 OK\r\n\r\n');
            onward.pipe(socket).pipe(onward);
          });
          onward.on('error', () => socket.destroy());
        });
        await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
        closing.push(() => proxy.close());
        return { port: (proxy.address() as AddressInfo).port, asked };
      };

      it('uses the proxy of the kubeconfig, with its password, on kept connections', async () => {
        await start();
        const proxy = await startProxy();
        const cluster = await connectTo({
          cluster: { 'proxy-url': `http://me:word@127.0.0.1:${proxy.port}` },
        });
        value(await cluster.node('n1'));
        value(await cluster.node('n1'));
        expect(proxy.asked).toEqual([
          `127.0.0.1:${fake.port} Basic ${Buffer.from('me:word').toString('base64')}`,
        ]);
        expect(cluster.description).toContain('through the proxy 127.0.0.1');
        expect(cluster.description).not.toContain('word');
      });

      describe.each(['socks5', 'socks5h'])('of SOCKS, %s', (scheme) => {
        const startSocks = async (answer?: (socket: Socket) => void) => {
          const proxy = startSocksProxy(answer);
          await new Promise<void>((resolve) => proxy.server.listen(0, '127.0.0.1', resolve));
          closing.push(proxy.close);
          return { ...proxy, at: `127.0.0.1:${(proxy.server.address() as AddressInfo).port}` };
        };

        it('sends the password, and lets the proxy resolve the name of the server', async () => {
          await start();
          const proxy = await startSocks();
          const cluster = await connectTo({
            cluster: {
              server: `https://kube.test:${fake.port}`,
              'proxy-url': `${scheme}://me:w%40rd@${proxy.at}`,
            },
          });
          value(await cluster.node('n1'));
          value(await cluster.node('n1'));
          expect(proxy.asked).toEqual([`me:w@rd kube.test:${fake.port}`]);
          expect(cluster.description).not.toContain('w@rd');
        });

        it('uses the proxy of the environment, but not for loopback', async () => {
          await start();
          const proxy = await startSocks();
          const options = { env: { HTTPS_PROXY: `${scheme}://${proxy.at}` } };
          value(
            await (
              await connectTo({ cluster: { server: `https://kube.test:${fake.port}` }, options })
            ).node('n1'),
          );
          expect(proxy.asked).toEqual([` kube.test:${fake.port}`]);
        });

        it.each([
          ['refuses', (socket: Socket) => void socket.end(Buffer.from([5, 0xff]))],
          [
            'speaks something else',
            (socket: Socket) => void socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'),
          ],
        ])('reports a proxy that %s', async (_, answer) => {
          await start();
          const proxy = await startSocks(answer);
          const cluster = await connectTo({ cluster: { 'proxy-url': `${scheme}://${proxy.at}` } });
          const message = expect.stringContaining(`the proxy ${proxy.at} opened no tunnel: `);
          expect(failure(await cluster.node('n1'))).toMatchObject({
            kind: 'unreachable',
            message,
            transport: true,
          });
        });
      });

      it('reports a proxy that refuses', async () => {
        await start();
        const proxy = await startProxy(407);
        const cluster = await connectTo({
          cluster: { 'proxy-url': `http://127.0.0.1:${proxy.port}` },
        });
        expect(failure(await cluster.node('n1'))).toMatchObject({
          kind: 'unreachable',
          message: expect.stringContaining('refused the tunnel (407)'),
        });
      });

      it('reports a proxy that does not exist', async () => {
        await start();
        const cluster = await connectTo({ cluster: { 'proxy-url': 'http://127.0.0.1:1' } });
        expect(failure(await cluster.node('n1')).message).toContain('proxy 127.0.0.1:1');
      });
    });

    describe('reports the error of', () => {
      it('an expired client certificate, before any call', async () => {
        await start();
        const { cert, key } = pki().expiredClient;
        const b64 = (text: string): string => Buffer.from(text).toString('base64');
        const outcome = await tryCluster(fake, {
          user: { 'client-certificate-data': b64(cert), 'client-key-data': b64(key) },
        });
        expect(failure(outcome)).toMatchObject({
          kind: 'auth',
          message: expect.stringMatching(/user "ann".*expired on 2020-02-01/),
        });
      });

      it('an expired certificate of the server', async () => {
        await start({ server: pki().expiredServer });
        expect(failure(await (await connectTo()).node('n1')).message).toContain(
          'its certificate has expired',
        );
      });

      it('a server that another CA has signed, unless it is not to be checked', async () => {
        await start();
        const other = {
          'certificate-authority-data': Buffer.from(pki().otherCa).toString('base64'),
        };
        expect(failure(await (await connectTo({ cluster: other })).node('n1')).message).toContain(
          'not signed by the known CA',
        );
        const unchecked = {
          'certificate-authority-data': undefined,
          'insecure-skip-tls-verify': true,
        };
        value(await (await connectTo({ cluster: unchecked })).node('n1'));
      });

      it('a server of another name', async () => {
        await start();
        const cluster = await connectTo({ cluster: { 'tls-server-name': 'other.test' } });
        expect(failure(await cluster.node('n1'))).toMatchObject({
          message: expect.stringContaining('for another name'),
          hint: expect.stringContaining('tls-server-name'),
        });
      });

      it('an unreachable server', async () => {
        await start();
        const cluster = await connectTo({ cluster: { server: 'https://127.0.0.1:1' } });
        expect(failure(await cluster.node('n1'))).toMatchObject({
          kind: 'unreachable',
          message: expect.stringContaining('connection refused'),
          transport: true,
        });
      });

      it('a refused credential (401), with its name', async () => {
        await start();
        const cluster = await connectTo({ user: { token: 'secret-word' } });
        const why = failure(await cluster.node('n1'));
        expect(why.message).toMatch(/\(401\): user "ann" of context "lab"/);
        expect(JSON.stringify(why)).not.toContain('secret-word');
      });

      it('a missing right (403), with verb and resource', async () => {
        await start({ forbid: ['patch nodes'] });
        const why = failure(await (await connectTo()).cordon('n1', owner));
        expect(why).toMatchObject({
          kind: 'auth',
          message: expect.stringMatching(/may not patch nodes n1 \(403\)/),
          hint: expect.stringContaining('docs/rbac.yaml'),
        });
      });

      it('a node that does not exist', async () => {
        await start();
        expect(failure(await (await connectTo()).node('n9'))).toMatchObject({
          kind: 'refused',
          message: 'the cluster has no node n9',
        });
      });

      it('an account that lacks rights', async () => {
        await start({ forbid: ['watch pods', 'create pods/eviction', 'patch events'] });
        const cluster = await connectTo();
        expect(value(await cluster.missingRights('rollout'))).toEqual(['create pods/eviction']);
        expect(value(await cluster.missingRights('watch'))).toEqual(['watch pods']);
        expect(value(await cluster.missingRights('events'))).toEqual(['patch events']);
        expect(value(await cluster.missingRights('delete'))).toEqual([]);
      });
    });

    it('ends an interrupted call at once', async () => {
      await start();
      fake.faults(() => 'hang');
      const stop = new AbortController();
      setTimeout(() => stop.abort(), 100);
      const started = performance.now();
      expect(failure(await (await connectTo()).node('n1', stop.signal)).kind).toBe('interrupted');
      expect(performance.now() - started).toBeLessThan(1_000);
    });

    it('retries on a new connection when the server closed a kept one', async () => {
      await start();
      const cluster = await connectTo();
      value(await cluster.node('n1'));
      await fake.restart(0);
      value(await cluster.node('n1'));
    });

    it('uses HTTP/1.1 if DISABLE_HTTP2 is set, as kubectl does', async () => {
      await start();
      const cluster = await connectTo({ options: { env: { DISABLE_HTTP2: 'true' } } });
      value(await cluster.node('n1'));
      expect(fake.seen[0]?.httpVersion).toBe('1.1');
    });

    it('lists many nodes by page', async () => {
      await start();
      for (let index = 0; index < 1_200; index += 1) fake.addNode(`x${index}`);
      const cluster = await connectTo();
      expect(value(await cluster.nodes())).toHaveLength(1_201);
      expect(fake.seen).toHaveLength(3);
      // A page of 500 such nodes is about 350 kB of JSON.
      expect(cluster.stats().received).toBeLessThan(200_000);
    });

    describe('cordon', () => {
      it('decides again if a kubelet wrote the node in between', async () => {
        await start();
        let turns = 0;
        fake.faults((seen) => {
          if (seen.method === 'PATCH' && ++turns <= 3)
            fake.changeNode('n1', { status: { beat: turns } });
          return undefined;
        });
        expect(value(await (await connectTo()).cordon('n1', owner))).toEqual({
          wasUnschedulable: false,
        });
        expect(turns).toBe(4);
      });

      it('of two concurrent runs gives the node to one; the other is fenced', async () => {
        await start();
        const cluster = await connectTo();
        const outcomes = await Promise.all(
          ['r1', 'r2', 'r3'].map((run) => cluster.cordon('n1', { run, number: 1 })),
        );
        expect(outcomes.filter((outcome) => outcome.ok)).toHaveLength(1);
        expect(outcomes.flatMap((outcome) => (outcome.ok ? [] : [outcome.failure.kind]))).toEqual([
          'fenced',
          'fenced',
        ]);
      });

      it('is undone by the uncordon, which changes only what was ours', async () => {
        await start();
        const cluster = await connectTo();
        value(await cluster.cordon('n1', owner));
        value(await cluster.owns('n1', owner));
        expect(value(await cluster.uncordon('n1', owner))).toEqual({
          uncordoned: true,
          why: 'this run had cordoned it',
        });
        expect(fake.nodes.get('n1').spec.unschedulable).toBeUndefined();
        expect(value(await cluster.uncordon('n1', owner)).uncordoned).toBe(false);
        expect(value(await cluster.plainUncordon('n1', { dryRun: false }))).toEqual({
          changed: false,
        });
      });

      it('that an operator undoes is noticed before the reboot', async () => {
        await start();
        const cluster = await connectTo();
        value(await cluster.cordon('n1', owner));
        fake.changeNode('n1', { spec: { unschedulable: null } });
        expect(failure(await cluster.owns('n1', owner))).toMatchObject({ kind: 'blocked' });
        expect(value(await cluster.uncordon('n1', owner))).toMatchObject({ uncordoned: false });
        expect(fake.nodes.get('n1').metadata.annotations[ownerAnnotation]).toBeUndefined();
      });

      it('that fails is fatal, since nothing can be drained without it', async () => {
        await start({ forbid: ['patch nodes'] });
        const cluster = await connectTo();
        fake.addPod({ name: 'web', owner: { kind: 'ReplicaSet', name: 'web' } });
        expect((await cluster.cordon('n1', owner)).ok).toBe(false);
        expect((await cluster.drain('n1', drainOptions(), owner, () => undefined)).ok).toBe(false);
        expect(fake.pods.size).toBe(1);
      });
    });

    it('retries a read when an overloaded server asks for it', async () => {
      await start();
      const cluster = await connectTo();
      let asked = 0;
      fake.faults(() => {
        asked += 1;
        return asked === 1
          ? {
              status: 429,
              body: 'Too many requests, please try again later.',
              headers: { 'retry-after': '0' },
            }
          : undefined;
      });
      value(await cluster.node('n1'));
      expect(asked).toBe(2);
    });

    it("returns the state of a node's pods, and the members of the control plane", async () => {
      await start();
      const cluster = await connectTo();
      fake.addPod({
        name: 'agent',
        namespace: 'kube-system',
        owner: { kind: 'DaemonSet', name: 'agent' },
        labels: { component: 'etcd' },
        spec: { containers: [{ resources: { limits: { memory: '1Gi' } } }] },
      });
      expect(value(await cluster.pods('n1'))).toEqual([
        {
          name: 'kube-system/agent',
          phase: 'Running',
          ready: true,
          restarts: 0,
          crashLooping: false,
          ending: false,
          daemonSet: 'agent',
          workload: 'kube-system/DaemonSet/agent',
          mirror: false,
          memoryLimited: true,
        },
      ]);
      expect(value(await cluster.systemPods())).toEqual([
        { name: 'kube-system/agent', node: 'n1', component: 'etcd', ready: true },
      ]);
    });
  },
);
