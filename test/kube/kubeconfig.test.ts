// Kubeconfig documents, in-cluster account and proxies: pure tables.
import { type AddressInfo, createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { proxyFor, tunnel, unsupportedProxy } from '../../src/adapters/http/proxy.ts';
import {
  inClusterConfig,
  kubeconfigPaths,
  readKubeconfigs,
  resolveKubeconfig,
} from '../../src/adapters/kube/auth/kubeconfig.ts';

const file = (path: string, document: object) => ({ path, text: JSON.stringify(document) });
const b64 = (text: string): string => Buffer.from(text).toString('base64');
const base = {
  'current-context': 'prod',
  contexts: [
    { name: 'prod', context: { cluster: 'c1', user: 'u1' } },
    { name: 'stage', context: { cluster: 'c2', user: 'u1' } },
    { name: 'broken', context: { cluster: 'gone', user: 'u1' } },
    { name: 'nobody', context: { cluster: 'c1', user: 'gone' } },
  ],
  clusters: [
    {
      name: 'c1',
      cluster: {
        server: 'https://c1:6443',
        'certificate-authority': 'ca.crt',
        'tls-server-name': 'kube',
        'proxy-url': 'http://p:1',
      },
    },
    { name: 'c2', cluster: { server: 'https://c2:6443', 'insecure-skip-tls-verify': true } },
  ],
  users: [
    {
      name: 'u1',
      user: {
        token: 't1',
        as: 'ann',
        'as-groups': ['ops'],
        'as-uid': '7',
        'as-user-extra': { why: ['x'] },
      },
    },
  ],
};
const resolve = (documents: readonly { path: string; text: string }[], context?: string) =>
  resolveKubeconfig(documents, JSON.parse, context);
const message = (outcome: ReturnType<typeof resolve>): string =>
  outcome.ok ? 'ok' : `${outcome.failure.message} | ${outcome.failure.hint ?? ''}`;

const withUser = (user: object) => file('/k', { ...base, users: [{ name: 'u1', user }] });

/** Every key that kubectl supports in a cluster and a user, with a value of its type. */
const clusterKeys = {
  server: 'https://c9',
  'tls-server-name': 'n',
  'insecure-skip-tls-verify': true,
  'certificate-authority': '/ca',
  'certificate-authority-data': b64('CA'),
  'proxy-url': 'socks5://p:1',
};
const userKeys = {
  'client-certificate': '/c',
  'client-certificate-data': b64('C'),
  'client-key': '/k',
  'client-key-data': b64('K'),
  token: 't',
  tokenFile: '/t',
  as: 'ann',
  'as-uid': '7',
  'as-groups': ['g'],
  'as-user-extra': { a: ['b'] },
  username: 'u',
  password: 'p',
  'auth-provider': { name: 'oidc', config: { 'id-token': 'i' } },
  exec: { command: 'x' },
};

describe('kubeconfig', () => {
  it.each(Object.entries(clusterKeys))(
    'law: %s of a cluster is obeyed or refused, never overlooked',
    (key, given) => {
      const plain = { ...base, clusters: [{ name: 'c1', cluster: { server: 'https://c1' } }] };
      const changed = {
        ...base,
        clusters: [{ name: 'c1', cluster: { server: 'https://c1', [key]: given } }],
      };
      expect(resolve([file('/k', changed)])).not.toEqual(resolve([file('/k', plain)]));
    },
  );

  it.each(Object.entries(userKeys))(
    'law: %s of a user is obeyed or refused, never overlooked',
    (key, given) => {
      expect(resolve([withUser({ [key]: given })])).not.toEqual(resolve([withUser({})]));
    },
  );

  it('reads the current context, paths relative to their file, and impersonation', () => {
    expect(resolve([file('/home/a/.kube/config', base)])).toMatchObject({
      ok: true,
      value: {
        origin: 'context "prod" of /home/a/.kube/config',
        cluster: {
          server: 'https://c1:6443',
          ca: { kind: 'file', path: '/home/a/.kube/ca.crt' },
          insecure: false,
          tlsServerName: 'kube',
          proxyUrl: 'http://p:1',
        },
        user: {
          token: 't1',
          impersonate: { user: 'ann', groups: ['ops'], uid: '7', extra: { why: ['x'] } },
        },
      },
    });
  });

  it('uses the context of --context', () => {
    expect(resolve([file('/k', base)], 'stage')).toMatchObject({
      value: { cluster: { server: 'https://c2:6443', insecure: true } },
    });
  });

  it('takes each entry from the first file that defines it, also across files', () => {
    const one = file('/a/one', {
      contexts: [{ name: 'prod', context: { cluster: 'c1', user: 'me' } }],
      users: [{ name: 'me', user: { tokenFile: 'tok' } }],
    });
    expect(resolve([one, file('/b/two', base)])).toMatchObject({
      value: {
        cluster: { server: 'https://c1:6443', ca: { path: '/b/ca.crt' } },
        user: { tokenFile: '/a/tok' },
        userName: 'me',
      },
    });
  });

  it('prefers inline data to a file', () => {
    const document = {
      ...base,
      users: [
        {
          name: 'u1',
          user: {
            'client-certificate': 'x',
            'client-certificate-data': b64('CERT'),
            'client-key-data': b64('KEY'),
          },
        },
      ],
    };
    expect(resolve([file('/k', document)])).toMatchObject({
      value: { user: { certificate: { kind: 'inline', text: 'CERT' }, key: { text: 'KEY' } } },
    });
  });

  it('reads an exec plugin', () => {
    const exec = {
      apiVersion: 'client.authentication.k8s.io/v1beta1',
      command: './auth',
      args: ['a'],
      env: [{ name: 'X', value: '1' }],
      provideClusterInfo: true,
    };
    expect(
      resolve([file('/h/k', { ...base, users: [{ name: 'u1', user: { exec } }] })]),
    ).toMatchObject({
      value: {
        user: {
          exec: {
            command: './auth',
            folder: '/h',
            args: ['a'],
            env: [{ name: 'X', value: '1' }],
            provideClusterInfo: true,
            interactive: false,
          },
        },
      },
    });
  });

  it.each([
    [
      'a wrong context, with the near one',
      [file('/k', base)],
      'prdo',
      /no context "prdo" in \/k \| did you mean "prod"/,
    ],
    [
      'a wrong context, with all there are',
      [file('/k', base)],
      'zzzzzzz',
      /there are: prod, stage/,
    ],
    [
      'no current context',
      [file('/k', { ...base, 'current-context': '' })],
      undefined,
      /no current-context in \/k \| name one with --context; there are: prod/,
    ],
    [
      'a context of a cluster that is not there',
      [file('/k', base)],
      'broken',
      /names the cluster "gone"/,
    ],
    [
      'a context of a user that is not there',
      [file('/k', base)],
      'nobody',
      /names the user "gone"/,
    ],
    [
      'an old auth provider',
      [
        file('/k', {
          ...base,
          users: [{ name: 'u1', user: { 'auth-provider': { name: 'gcp' } } }],
        }),
      ],
      undefined,
      /auth-provider "gcp" is not supported/,
    ],
    [
      'a server that is no URL',
      [file('/k', { ...base, clusters: [{ name: 'c1', cluster: { server: 'c1:6443' } }] })],
      undefined,
      /no server address/,
    ],
    [
      'a server that is no address',
      [file('/k', { ...base, clusters: [{ name: 'c1', cluster: { server: 'https://c1:port' } }] })],
      undefined,
      /no server address/,
    ],
    [
      'a server address with a password',
      [file('/k', { ...base, clusters: [{ name: 'c1', cluster: { server: 'https://u:p@c1' } }] })],
      undefined,
      /holds a user name/,
    ],
    [
      'a CA that is not to be checked',
      [
        file('/k', {
          ...base,
          clusters: [
            {
              name: 'c1',
              cluster: {
                server: 'https://c1',
                'certificate-authority': 'x',
                'insecure-skip-tls-verify': true,
              },
            },
          ],
        }),
      ],
      undefined,
      /exclude each other/,
    ],
    [
      'an oidc login without a token',
      [withUser({ 'auth-provider': { name: 'oidc', config: {} } })],
      undefined,
      /holds no id-token \| log in first/,
    ],
    [
      'groups of nobody',
      [withUser({ token: 't', 'as-groups': ['admins'] })],
      undefined,
      /as-groups needs `as`/,
    ],
    ['a uid of nobody', [withUser({ token: 't', 'as-uid': '7' })], undefined, /as-uid needs `as`/],
    [
      'more about nobody',
      [withUser({ token: 't', 'as-user-extra': { a: ['b'] } })],
      undefined,
      /as-user-extra needs `as`/,
    ],
    [
      'a certificate alone',
      [withUser({ 'client-certificate': 'x' })],
      undefined,
      /client certificate without its key/,
    ],
    [
      'a key alone',
      [withUser({ 'client-key-data': b64('x') })],
      undefined,
      /client key without its certificate/,
    ],
    ['no YAML', [{ path: '/k', text: '{"a": secret' }], undefined, /\/k is not valid YAML/],
    ['a list', [{ path: '/k', text: '[]' }], undefined, /not a mapping/],
    ['nothing at all', [{ path: '/k', text: '' }], undefined, /no current-context/],
  ] as const)('reports the error: %s', (_, files, context, expected) => {
    expect(message(resolve(files, context))).toMatch(expected);
  });

  it('searches the files that kubectl searches', () => {
    expect(kubeconfigPaths({ KUBECONFIG: '/a::/b' }, '/h')).toEqual(['/a', '/b']);
    expect(kubeconfigPaths({ KUBECONFIG: '/a' }, '/h', '/flag')).toEqual(['/flag']);
    expect(kubeconfigPaths({}, '/h')).toEqual(['/h/.kube/config']);
    expect(kubeconfigPaths({ KUBERNETES_SERVICE_HOST: '10.0.0.1' }, '/h')).toEqual([]);
  });

  it('skips missing files if at least one can be read', () => {
    const read = (path: string) =>
      path === '/there'
        ? { ok: true as const, text: 'x' }
        : { ok: false as const, why: 'no such file' };
    expect(readKubeconfigs(['/gone', '/there'], read)).toEqual({
      ok: true,
      value: [{ path: '/there', text: 'x' }],
    });
    expect(readKubeconfigs([], read)).toEqual({ ok: true, value: [] });
    expect(readKubeconfigs(['/gone', '/nope'], read)).toMatchObject({
      ok: false,
      failure: {
        kind: 'refused',
        message: 'no kubeconfig can be read: /gone: no such file; /nope: no such file',
      },
    });
  });

  it('reads the in-cluster account', () => {
    expect(
      inClusterConfig(
        { KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '443' },
        '/sa',
      ),
    ).toMatchObject({
      value: {
        cluster: { server: 'https://[fd00::1]:443', insecure: false, ca: { path: '/sa/ca.crt' } },
        user: { tokenFile: '/sa/token' },
      },
    });
    expect(inClusterConfig({}).ok).toBe(false);
  });
});

describe('proxies', () => {
  const server = 'https://kube.example.net:6443';
  it.each([
    ['proxy-url wins', server, 'http://a:1', { HTTPS_PROXY: 'http://b:1' }, 'http://a:1'],
    ['HTTPS_PROXY', server, undefined, { HTTPS_PROXY: 'http://b:1' }, 'http://b:1'],
    ['https_proxy, without a scheme', server, undefined, { https_proxy: 'b:1' }, 'http://b:1'],
    ['HTTP_PROXY is not for https', server, undefined, { HTTP_PROXY: 'http://b:1' }, undefined],
    [
      'NO_PROXY by name',
      server,
      undefined,
      { HTTPS_PROXY: 'http://b:1', NO_PROXY: 'x, kube.example.net' },
      undefined,
    ],
    [
      'NO_PROXY by domain',
      server,
      undefined,
      { HTTPS_PROXY: 'http://b:1', NO_PROXY: 'example.net' },
      undefined,
    ],
    [
      'NO_PROXY by .domain',
      server,
      undefined,
      { HTTPS_PROXY: 'http://b:1', no_proxy: '.example.net' },
      undefined,
    ],
    [
      'NO_PROXY is no substring',
      server,
      undefined,
      { HTTPS_PROXY: 'http://b:1', NO_PROXY: 'ample.net' },
      'http://b:1',
    ],
    [
      'NO_PROXY with another port',
      server,
      undefined,
      { HTTPS_PROXY: 'http://b:1', NO_PROXY: 'kube.example.net:443' },
      'http://b:1',
    ],
    [
      'NO_PROXY with this port',
      server,
      undefined,
      { HTTPS_PROXY: 'http://b:1', NO_PROXY: 'kube.example.net:6443' },
      undefined,
    ],
    ['NO_PROXY star', server, undefined, { HTTPS_PROXY: 'http://b:1', NO_PROXY: '*' }, undefined],
    [
      'NO_PROXY by network',
      'https://10.1.2.3',
      undefined,
      { HTTPS_PROXY: 'http://b:1', NO_PROXY: '10.0.0.0/8' },
      undefined,
    ],
    [
      'NO_PROXY by another network',
      'https://11.1.2.3',
      undefined,
      { HTTPS_PROXY: 'http://b:1', NO_PROXY: '10.0.0.0/8' },
      'http://b:1',
    ],
    [
      'loopback is never proxied',
      'https://127.0.0.1:6443',
      undefined,
      { HTTPS_PROXY: 'http://b:1' },
      undefined,
    ],
    ['none', server, undefined, {}, undefined],
  ] as const)('%s', (_, url, proxyUrl, env, proxy) =>
    expect(proxyFor(url, proxyUrl, env)).toBe(proxy),
  );

  it.each(['http', 'socks5'])(
    'that are silent but for a byte now and then end within the time limit: %s',
    async (scheme) => {
      const timers: NodeJS.Timeout[] = [];
      const slow = createServer((socket) => {
        socket
          .on('error', () => undefined)
          .write(scheme === 'http' ? 'HTTP/1.1 200 OK\r\nx: ' : Buffer.from([5, 0, 5, 0, 0, 1]));
        timers.push(setInterval(() => socket.write(scheme === 'http' ? 'x' : ''), 50));
      });
      await new Promise<void>((resolve) => slow.listen(0, '127.0.0.1', resolve));
      const began = performance.now();
      const { port } = slow.address() as AddressInfo;
      await expect(
        tunnel(`${scheme}://127.0.0.1:${port}`, 'kube', 6443, 300),
      ).rejects.toMatchObject({ code: 'EPROXY' });
      expect(performance.now() - began).toBeLessThan(2_000);
      timers.forEach(clearInterval);
      slow.close();
    },
  );

  it('names the unsupported ones', () => {
    expect(unsupportedProxy('socks4://p:1')).toContain('socks4 proxy is not supported');
    for (const scheme of ['http', 'https', 'socks5', 'socks5h'])
      expect(unsupportedProxy(`${scheme}://p:1`)).toBeUndefined();
    expect(unsupportedProxy('p')).toContain('not a URL');
  });
});
