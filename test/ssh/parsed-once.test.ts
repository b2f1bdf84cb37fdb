// The library with keys that are decoded once against a copy of it as it is installed: signatures,
// verdicts on host keys, secrets. The private fields that this needs are found changed here.
import { createHash, KeyObject, verify } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type ssh2 from 'ssh2';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createKeyring } from '../../src/adapters/ssh/connect/keys.ts';
import { loadLibrary, type ParsedKey } from '../../src/adapters/ssh/library/library.ts';
import type { Handlers } from '../../src/adapters/ssh/library/offered-keys.ts';
import { string } from '../../src/adapters/ssh/library/wire.ts';
import { keyPair, nobody, startServer, targetAt, transportFor } from './server.ts';

const require = createRequire(import.meta.url);

/** A copy of the library that nothing has changed. */
function asInstalled(): typeof ssh2 {
  const loaded = Object.keys(require.cache).filter((path) => path.includes('/ssh2/'));
  const kept = loaded.map((path) => [path, require.cache[path]] as const);
  for (const path of loaded) delete require.cache[path];
  const copy = require('ssh2') as typeof ssh2;
  for (const path of Object.keys(require.cache).filter((one) => one.includes('/ssh2/')))
    delete require.cache[path];
  for (const [path, module] of kept) require.cache[path] = module;
  return copy;
}

const data = Buffer.from('the exchange hash');
const sizes = { rsa: 2048, 'ecdsa-256': 256, 'ecdsa-384': 384, 'ecdsa-521': 521 };
const algorithms: Readonly<Record<string, readonly (string | undefined)[]>> = {
  ed25519: [undefined],
  rsa: [undefined, 'sha256', 'sha512'],
  'ecdsa-256': [undefined],
  'ecdsa-384': [undefined],
  'ecdsa-521': [undefined],
};
const plain = asInstalled();
let home = '';
beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'kmend-parsed-once-'));
  await loadLibrary();
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

/** A key of OpenSSH's format, and its file. */
function made(name: string, passphrase?: string): { readonly text: string; readonly path: string } {
  const bits = sizes[name as keyof typeof sizes];
  const lock = passphrase === undefined ? {} : { passphrase, cipher: 'aes256-cbc', rounds: 1 };
  for (;;) {
    const type = name.split('-')[0] as 'ed25519';
    const options = { ...(bits === undefined ? {} : { bits }), ...lock };
    const { private: text } = plain.utils.generateKeyPairSync(type, options as never);
    // The library's own parser refuses about one in some hundred.
    if (plain.utils.parseKey(text, passphrase) instanceof Error) continue;
    const path = join(home, `${name}-${createHash('sha256').update(text).digest('hex')}`);
    writeFileSync(path, text, { mode: 0o600 });
    return { text, path };
  }
}

describe.each(Object.keys(algorithms))('a private key of type %s', (name) => {
  it.each([
    ['plain', undefined],
    ['encrypted', 'open sesame'],
  ])('signs as the library does (%s file)', async (_what, passphrase) => {
    const { text, path } = made(name, passphrase);
    const asker = { ...nobody, attended: true, secret: async () => passphrase ?? '' };
    const keyring = createKeyring(await loadLibrary(), asker);
    const read = await keyring.read(path);
    const key = read.kind === 'key' ? read.key : ((await keyring.unlock(path)) as ParsedKey);
    const same = plain.utils.parseKey(text, passphrase) as ParsedKey;
    // Otherwise it is slow again, and nothing else says so.
    expect(key.getPrivatePEM() as unknown).toBeInstanceOf(KeyObject);
    expect(key.getPublicSSH()).toEqual(same.getPublicSSH());
    for (const algorithm of algorithms[name] ?? []) {
      const signature = key.sign(data, algorithm);
      expect(same.verify(data, signature, algorithm)).toBe(true);
      expect(key.verify(data, same.sign(data, algorithm), algorithm)).toBe(true);
      // Signatures of ECDSA have a random part.
      if (!name.startsWith('ecdsa')) expect(signature).toEqual(same.sign(data, algorithm));
    }
  });

  it('has signatures that are accepted, or not, as by the library', async () => {
    const { utils } = await loadLibrary();
    const { text } = made(name);
    const [key, same] = [utils.parseKey(text), plain.utils.parseKey(text)] as ParsedKey[];
    const other = plain.utils.parseKey(made(name).text) as ParsedKey;
    const signature = same?.sign(data) ?? Buffer.alloc(0);
    const flipped = Buffer.from(signature);
    flipped[flipped.length - 1] = (flipped.at(-1) ?? 0) ^ 1;
    const cases: readonly (readonly [Buffer, Buffer])[] = [
      [data, signature],
      [data, flipped],
      [data, signature.subarray(1)],
      [data, Buffer.alloc(0)],
      [data, Buffer.alloc(signature.length)],
      [data, other.sign(data)],
      [Buffer.from('another exchange hash'), signature],
    ];
    const verdicts = cases.map(([what, by]) => key?.verify(what, by) === true);
    expect(verdicts).toEqual(cases.map(([what, by]) => same?.verify(what, by) === true));
    expect(verdicts).toEqual([true, false, false, false, false, false, false]);
  });
});

it('a host key of 32 bytes that are no point is refused, as by the library', async () => {
  const field = (bytes: Buffer): Buffer => {
    const size = Buffer.alloc(4);
    size.writeUInt32BE(bytes.length);
    return Buffer.concat([size, bytes]);
  };
  const blob = Buffer.concat([field(Buffer.from('ssh-ed25519')), field(Buffer.alloc(32, 0xff))]);
  const text = `ssh-ed25519 ${blob.toString('base64')}`;
  const { utils } = await loadLibrary();
  for (const { parseKey } of [utils, plain.utils]) {
    const key = parseKey(text) as ParsedKey;
    expect(key.verify(data, Buffer.alloc(64))).toBe(false);
  }
});

/** A server of the library as it is installed, which answers `true`. */
function serve(hostKey: string | ParsedKey, kex: string, alter?: (exchange: Exchange) => void) {
  const seen: (readonly [string, boolean])[] = [];
  const server = new plain.Server(
    { hostKeys: [{ key: hostKey as string }], algorithms: { kex: [kex as 'curve25519-sha256'] } },
    (client) => {
      const { _protocol: protocol } = client as unknown as { _protocol: { _kex?: Exchange } };
      let exchange: Exchange | undefined;
      Object.defineProperty(protocol, '_kex', {
        get: () => exchange,
        set: (next: Exchange) => {
          exchange = next;
          alter?.(next);
        },
      });
      client
        .on('error', () => undefined)
        .on('authentication', (context) => {
          if (context.method === 'publickey')
            seen.push([context.key.algo, context.signature !== undefined]);
          context.accept();
        });
    },
  );
  return new Promise<{ port: number; seen: typeof seen; close: () => void }>((resolve) =>
    server.listen(0, '127.0.0.1', () =>
      resolve({
        port: (server.address() as { port: number }).port,
        seen,
        close: () => void server.close(),
      }),
    ),
  );
}
interface Exchange {
  getPublicKey: () => Buffer;
}

/** Two logins, one after the other: the first one shows the class of the exchange. */
async function twice(port: number, path: string): Promise<readonly (string | true)[]> {
  const results: (string | true)[] = [];
  for (let round = 0; round < 2; round++) {
    const transport = transportFor(home);
    const { password: _, ...target } = targetAt(port, { privateKeyFiles: [path] });
    const connected = await transport.connect(target);
    results.push(connected.ok ? true : connected.failure.message);
    await transport.close();
  }
  return results;
}

describe('a login at the library as it is installed', () => {
  it.each(['curve25519-sha256', 'ecdh-sha2-nistp256', 'diffie-hellman-group14-sha256'])(
    'agrees on a secret by %s',
    async (kex) => {
      const server = await serve(keyPair().private, kex);
      expect(await twice(server.port, made('ed25519').path)).toEqual([true, true]);
      server.close();
    },
  );

  it('fails when the server sends a public key that gives no secret', async () => {
    const server = await serve(keyPair().private, 'curve25519-sha256', (exchange) => {
      exchange.getPublicKey = () => Buffer.alloc(32);
    });
    const [first, second] = await twice(server.port, made('ed25519').path);
    expect([first, second]).toEqual([expect.any(String), expect.any(String)]);
    server.close();
  });

  it.each(['ed25519', 'rsa', 'ecdsa'] as const)(
    'refuses a wrong signature of an %s host key',
    async (type) => {
      const hostKey = plain.utils.parseKey(keyPair(type).private) as ParsedKey;
      const right = hostKey.sign.bind(hostKey);
      hostKey.sign = (_data, algorithm) => right(Buffer.from('something else'), algorithm);
      const server = await serve(hostKey, 'curve25519-sha256');
      for (const message of await twice(server.port, made('ed25519').path))
        expect(message).toMatch(/signature verification failed/);
      expect(server.seen).toEqual([]);
      server.close();
    },
  );

  it.each([
    ['ed25519', [['ssh-ed25519', true]]],
    ['ecdsa-256', [['ecdsa-sha2-nistp256', true]]],
    ['rsa', [['ssh-rsa', false]]],
  ])('shows a key of type %s, signed or as a question', async (name, expected) => {
    const server = await serve(keyPair().private, 'curve25519-sha256');
    await twice(server.port, made(name).path);
    expect(server.seen.slice(0, 1)).toEqual(expected);
    server.close();
  });
});

it('a signature of the first request is that of the session, by the key', async () => {
  const { text, path } = made('ed25519');
  const key = plain.utils.parseKey(text) as ParsedKey;
  const server = await startServer({
    onAuth: (context) => {
      if (context.method !== 'publickey') return false;
      const { signature, blob } = context;
      const good =
        signature !== undefined &&
        blob !== undefined &&
        verify(null, blob, key.getPublicPEM(), signature);
      if (good) context.accept();
      else context.reject();
      return true;
    },
  });
  expect(await twice(server.port, path)).toEqual([true, true]);
  expect(server.methods.filter((method) => method === 'publickey')).toHaveLength(2);
  await server.close();
});

it('host keys that are offered after a login are not read, other requests are', async () => {
  await loadLibrary();
  const handlers = require('ssh2/lib/protocol/handlers.js') as Handlers;
  const request = (name: string): Buffer =>
    Buffer.concat([Buffer.from([80]), string(name), Buffer.from([0])]);
  const names: unknown[] = [];
  const protocol = {
    _handlers: { GLOBAL_REQUEST: (_: unknown, name: string) => names.push(name) },
  };
  for (const name of ['hostkeys-00@openssh.com', 'keepalive@openssh.com'])
    handlers[80]?.(protocol, request(name));
  expect(names).toEqual(['keepalive@openssh.com']);

  // The library takes what it does with a packet from there.
  const changed = handlers[80];
  const packets: number[] = [];
  handlers[80] = (_, payload) => packets.push(payload[0] ?? 0);
  const server = await startServer({
    onConnection: (client) =>
      client.on('ready', () =>
        (client as unknown as { _protocol: { ping: () => void } })._protocol.ping(),
      ),
    onAuth: (context) => {
      context.accept();
      return true;
    },
  });
  await twice(server.port, made('ed25519').path);
  await server.close();
  if (changed !== undefined) handlers[80] = changed;
  expect(packets).toContain(80);
});
