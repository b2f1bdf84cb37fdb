// Chooses a proxy by Go's rules, as kubectl does, and opens the CONNECT tunnel.
import { request as plainRequest } from 'node:http';
import { request as tlsRequest } from 'node:https';
import { BlockList, isIP, type Socket } from 'node:net';

export type Env = Readonly<Record<string, string | undefined>>;

const either = (env: Env, name: string): string => env[name] || env[name.toLowerCase()] || '';

function exempt(entry: string, host: string, port: string): boolean {
  if (entry === '*') return true;
  const [, pattern = entry, onlyPort] = /^(.*[^:]):(\d+)$/.exec(entry) ?? [];
  if (onlyPort !== undefined && onlyPort !== port && isIP(entry) === 0) return false;
  const cidr = /^([0-9a-fA-F.:]+)\/(\d+)$/.exec(pattern);
  if (cidr !== null) {
    const family = isIP(cidr[1] ?? '') === 6 ? 'ipv6' : 'ipv4';
    if (isIP(host) !== (family === 'ipv6' ? 6 : 4)) return false;
    const list = new BlockList();
    list.addSubnet(cidr[1] ?? '', Number(cidr[2]), family);
    return list.check(host, family);
  }
  if (pattern.startsWith('*.')) return host.endsWith(pattern.slice(1));
  if (pattern.startsWith('.')) return host.endsWith(pattern);
  return host === pattern || (isIP(pattern) === 0 && host.endsWith(`.${pattern}`));
}

/**
 * Proxy for this server: `proxy-url` of the kubeconfig, else HTTPS_PROXY (HTTP_PROXY for plain
 * HTTP), unless NO_PROXY names the host.
 */
export function proxyFor(
  server: string,
  proxyUrl: string | undefined,
  env: Env,
): string | undefined {
  if (proxyUrl !== undefined) return proxyUrl;
  const url = new URL(server);
  const host = url.hostname.replace(/^\[|\]$/g, '').toLowerCase();
  const proxy = either(env, url.protocol === 'http:' ? 'HTTP_PROXY' : 'HTTPS_PROXY');
  // Go never uses a proxy of the environment for loopback.
  if (proxy === '' || host === 'localhost' || host === '::1' || /^127\./.test(host))
    return undefined;
  const port = url.port || (url.protocol === 'http:' ? '80' : '443');
  const entries = either(env, 'NO_PROXY').toLowerCase().split(',');
  if (
    entries.map((entry) => entry.trim()).some((entry) => entry !== '' && exempt(entry, host, port))
  )
    return undefined;
  return /^[a-z0-9]+:\/\//i.test(proxy) ? proxy : `http://${proxy}`;
}

/** As in Go, both let the proxy resolve the server's name. */
const socksProtocols: readonly string[] = ['socks5:', 'socks5h:'];

/** Why a proxy is not supported. Undefined: it is. */
export function unsupportedProxy(proxy: string): string | undefined {
  try {
    const { protocol } = new URL(proxy);
    return ['http:', 'https:', ...socksProtocols].includes(protocol)
      ? undefined
      : `a ${protocol.replace(':', '')} proxy is not supported (http, https and socks5 are)`;
  } catch {
    return 'the address of the proxy is not a URL';
  }
}

/** The proxy without its password, for messages. */
export const nameProxy = (proxy: string): string => new URL(proxy).host;

const proxyError = (message: string): Error =>
  Object.assign(new Error(message), { code: 'EPROXY' });

/**
 * Opens a raw connection to `host:port` through the proxy within `timeout` milliseconds. Throws
 * when the proxy refuses.
 */
export async function tunnel(
  proxy: string,
  host: string,
  port: number,
  timeout: number,
): Promise<Socket> {
  const url = new URL(proxy);
  return socksProtocols.includes(url.protocol)
    ? socksTunnel(url, { host, port }, timeout)
    : connectTunnel(url, host, port, timeout);
}

async function socksTunnel(
  url: URL,
  destination: { readonly host: string; readonly port: number },
  timeout: number,
): Promise<Socket> {
  const { SocksClient } = await import('socks');
  const proxy = {
    type: 5 as const,
    host: hostOf(url),
    port: Number(url.port) || 1080,
    ...(url.username === ''
      ? {}
      : { userId: decodeURIComponent(url.username), password: decodeURIComponent(url.password) }),
  };
  try {
    const { socket } = await SocksClient.createConnection({
      proxy,
      command: 'connect',
      destination,
      timeout,
    });
    return socket;
  } catch (error) {
    throw proxyError(
      `the proxy ${url.host} opened no tunnel: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

const hostOf = (url: URL): string => url.hostname.replace(/^\[|\]$/g, '');

function connectTunnel(url: URL, host: string, port: number, timeout: number): Promise<Socket> {
  const auth =
    url.username === ''
      ? undefined
      : `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  const target = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  const headers = {
    host: target,
    ...(auth === undefined
      ? {}
      : { 'proxy-authorization': `Basic ${Buffer.from(auth).toString('base64')}` }),
  };
  return new Promise((resolve, reject) => {
    const request = (url.protocol === 'https:' ? tlsRequest : plainRequest)({
      host: hostOf(url),
      port: url.port || (url.protocol === 'https:' ? 443 : 3128),
      method: 'CONNECT',
      path: target,
      headers,
      agent: false,
    });
    // A limit for the whole request, not for silence: a proxy that sends single bytes must not
    // block the calls that share the connection.
    const late = setTimeout(
      () => request.destroy(new Error(`no tunnel within ${timeout / 1000} s`)),
      timeout,
    );
    request.once('close', () => clearTimeout(late));
    request.on('error', (error) =>
      reject(proxyError(`the proxy ${url.host} cannot be reached: ${error.message}`)),
    );
    request.on('response', (response) => {
      request.destroy();
      reject(
        proxyError(
          `the proxy ${url.host} answered ${response.statusCode} instead of opening a tunnel`,
        ),
      );
    });
    request.on('connect', (response, socket: Socket) => {
      clearTimeout(late);
      if (response.statusCode === 200) return resolve(socket);
      socket.destroy();
      return reject(
        proxyError(`the proxy ${url.host} refused the tunnel (${response.statusCode})`),
      );
    });
    request.end();
  });
}
