// Certificates of users: read from their wire format, and shown at a login by private fields of the
// SSH library, which this test finds changed.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ssh2 from 'ssh2';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readCertificate } from '../../src/adapters/ssh/library/certificate.ts';
import { readFields } from '../../src/adapters/ssh/library/wire.ts';
import { startServer, targetAt, transportFor } from './server.ts';

const noKeygen = existsSync('/usr/bin/ssh-keygen') ? '' : 'no openssh-client';

describe.skipIf(noKeygen !== '')(
  `a certificate${noKeygen === '' ? '' : ` (skipped: ${noKeygen})`}`,
  () => {
    let home = '';
    const path = (name: string): string => join(home, name);
    const keygen = (...args: string[]): void =>
      void execFileSync('/usr/bin/ssh-keygen', ['-q', ...args], { stdio: 'ignore' });
    const blob = (name: string): Buffer =>
      Buffer.from(readFileSync(path(name), 'utf8').split(' ')[1] ?? '', 'base64');

    beforeAll(() => {
      home = mkdtempSync(join(tmpdir(), 'kmend-certificate-'));
      for (const name of ['ca', 'id', 'host']) keygen('-t', 'ed25519', '-N', '', '-f', path(name));
      keygen(
        '-s',
        path('ca'),
        '-I',
        'me',
        '-n',
        'ops',
        '-V',
        '20240101000000Z:20300101000000Z',
        path('id.pub'),
      );
      keygen('-s', path('ca'), '-I', 'h', '-h', path('host.pub'));
    });
    afterAll(() => rmSync(home, { recursive: true, force: true }));

    it('has the key that it certifies, and its end', () => {
      expect(readCertificate(blob('id-cert.pub'))).toMatchObject({
        algorithm: 'ssh-ed25519-cert-v01@openssh.com',
        plain: blob('id.pub'),
        validBefore: Date.UTC(2030, 0, 1) / 1000,
      });
    });
    it('of a host, of another kind, or cut anywhere, is none', () => {
      expect(readCertificate(blob('host-cert.pub'))).toBe('it certifies a host, not a user');
      expect(readCertificate(blob('id.pub'))).toBe('it is no certificate');
      const whole = blob('id-cert.pub');
      const times = whole.indexOf('ops') + 'ops'.length + 16;
      for (let size = 0; size < times; size++)
        expect(typeof readCertificate(whole.subarray(0, size)), `${size} bytes`).toBe('string');
      expect(typeof readCertificate(whole.subarray(0, times))).toBe('object');
    });

    it('is shown to a server with a signature of its key', async () => {
      const seen: unknown[] = [];
      const key = ssh2.utils.parseKey(readFileSync(path('id.pub'))) as ssh2.ParsedKey;
      const server = await startServer({
        onAuth: (context) => {
          if (context.method !== 'publickey') return false;
          const { algo, data } = context.key;
          // The server of the library leaves the algorithm in front, as it is another one.
          const [type, signature] = readFields(context.signature ?? Buffer.alloc(0), 2);
          seen.push([
            algo,
            data.equals(blob('id-cert.pub')),
            signature === undefined || context.blob === undefined
              ? 'asked'
              : [type?.toString(), key.verify(context.blob, signature)],
          ]);
          context.accept();
          return true;
        },
      });
      const via = transportFor(home, { env: {} });
      const target = targetAt(server.port, { privateKeyFiles: [path('id')] });
      const result = await via.connect({ ...target, knownHostsFiles: [path('known')] });
      expect(result.ok ? '' : result.failure.message).toBe('');
      expect(seen).toEqual([
        ['ssh-ed25519-cert-v01@openssh.com', true, 'asked'],
        ['ssh-ed25519-cert-v01@openssh.com', true, ['ssh-ed25519', true]],
      ]);
      await via.close();
      await server.close();
    });
    it('that is damaged is named, and the key is tried', async () => {
      writeFileSync(path('id-cert.pub'), 'ssh-ed25519-cert-v01@openssh.com AAAA\n');
      const server = await startServer({ publicKeys: [readFileSync(path('id.pub'), 'utf8')] });
      const via = transportFor(home, { env: {} });
      const target = targetAt(server.port, { privateKeyFiles: [path('id')] });
      expect((await via.connect({ ...target, knownHostsFiles: [path('known')] })).ok).toBe(true);
      await via.close();
      await server.close();
    });
  },
);

it('fields end where the bytes do', () => {
  expect(readFields(Buffer.from([0, 0, 0, 1, 65, 0, 0, 0, 9, 66]), 5)).toEqual([Buffer.from('A')]);
  expect(readFields(Buffer.alloc(3), 1)).toEqual([]);
});
