// Certificates for the fake API server, issued by openssl at test time: a CA, a server on
// 127.0.0.1, clients good and expired.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Pair {
  readonly cert: string;
  readonly key: string;
}

export interface Pki {
  readonly ca: string;
  readonly otherCa: string;
  readonly server: Pair;
  readonly client: Pair;
  /** The next certificate of the same account, under another name to distinguish it. */
  readonly renewedClient: Pair;
  readonly expiredClient: Pair;
  readonly expiredServer: Pair;
}

export const haveOpenssl: boolean = (() => {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();

let made: Pki | undefined;

/** Made once for each test file. */
export function pki(): Pki {
  made ??= issue();
  return made;
}

function issue(): Pki {
  const folder = mkdtempSync(join(tmpdir(), 'kmend-kube-tls-'));
  const openssl = (...args: string[]): unknown =>
    execFileSync('openssl', args, { cwd: folder, stdio: 'ignore' });
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const text = (name: string): string => readFileSync(join(folder, name), 'utf8');
  const authority = (name: string): string => {
    openssl(
      'req',
      '-x509',
      ...newKey,
      '-days',
      '3',
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.crt`,
      '-subj',
      `/CN=${name}`,
    );
    return text(`${name}.crt`);
  };
  writeFileSync(
    join(folder, 'server.ext'),
    'subjectAltName=IP:127.0.0.1,DNS:kube.test\nextendedKeyUsage=serverAuth\n',
  );
  writeFileSync(join(folder, 'client.ext'), 'extendedKeyUsage=clientAuth\n');
  const sign = (name: string, subject: string, ext: string, validity: readonly string[]): Pair => {
    openssl('req', ...newKey, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', subject);
    const authorityOf = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial'];
    openssl(
      'x509',
      '-req',
      '-in',
      `${name}.csr`,
      ...authorityOf,
      ...validity,
      '-out',
      `${name}.crt`,
      '-extfile',
      ext,
    );
    return { cert: text(`${name}.crt`), key: text(`${name}.key`) };
  };
  const past = ['-not_before', '20200101000000Z', '-not_after', '20200201000000Z'];
  const now = ['-days', '2'];
  try {
    const ca = authority('ca');
    return {
      ca,
      otherCa: authority('other'),
      server: sign('server', '/CN=kube-apiserver', 'server.ext', now),
      client: sign('client', '/O=ops/CN=ann', 'client.ext', now),
      renewedClient: sign('renewed', '/O=ops/CN=ann-renewed', 'client.ext', now),
      expiredClient: sign('old', '/CN=ann', 'client.ext', past),
      expiredServer: sign('oldserver', '/CN=kube-apiserver', 'server.ext', past),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
