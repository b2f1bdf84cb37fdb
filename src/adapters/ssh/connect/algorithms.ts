// The algorithms that we offer to a server, in order. The first one that the server supports is
// used.

// curve25519 and AES-GCM need the least CPU. CentOS 7 and old appliances need the rest. All are
// defaults of OpenSSH.
const kex = [
  'curve25519-sha256',
  'curve25519-sha256@libssh.org',
  'ecdh-sha2-nistp256',
  'ecdh-sha2-nistp384',
  'ecdh-sha2-nistp521',
  'diffie-hellman-group-exchange-sha256',
  'diffie-hellman-group14-sha256',
  'diffie-hellman-group16-sha512',
  'diffie-hellman-group18-sha512',
] as const;
const legacyKex = [
  'diffie-hellman-group-exchange-sha1',
  'diffie-hellman-group14-sha1',
  'diffie-hellman-group1-sha1',
] as const;
const ciphers = [
  'aes128-gcm@openssh.com',
  'aes256-gcm@openssh.com',
  'aes128-ctr',
  'aes192-ctr',
  'aes256-ctr',
  'chacha20-poly1305@openssh.com',
] as const;
const legacyCiphers = ['aes128-cbc', 'aes256-cbc', '3des-cbc'] as const;
const macs = [
  'hmac-sha2-256-etm@openssh.com',
  'hmac-sha2-512-etm@openssh.com',
  'hmac-sha1-etm@openssh.com',
  'hmac-sha2-256',
  'hmac-sha2-512',
  'hmac-sha1',
] as const;
const hostKeys = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'rsa-sha2-512',
  'rsa-sha2-256',
] as const;
const legacyHostKeys = ['ssh-rsa'] as const;

export interface Algorithms {
  readonly kex: readonly string[];
  readonly cipher: readonly string[];
  readonly hmac: readonly string[];
  readonly serverHostKey: readonly string[];
  readonly compress: readonly string[];
}

const keyTypeOf = (algorithm: string): string =>
  algorithm.startsWith('rsa-') ? 'ssh-rsa' : algorithm;

const cache = new Map<string, Algorithms>();

/**
 * The offer to a host with keys of `knownTypes` in known_hosts. Those types come first, or a valid
 * server would seem to have a changed key.
 */
export function algorithmsFor(knownTypes: readonly string[], legacy: boolean): Algorithms {
  const id = `${legacy} ${[...new Set(knownTypes)].sort().join(' ')}`;
  const made = cache.get(id) ?? offer(knownTypes, legacy);
  cache.set(id, made);
  return made;
}

function offer(knownTypes: readonly string[], legacy: boolean): Algorithms {
  const all: readonly string[] = legacy ? [...hostKeys, ...legacyHostKeys] : hostKeys;
  const known = all.filter((algorithm) => knownTypes.includes(keyTypeOf(algorithm)));
  return {
    kex: legacy ? [...kex, ...legacyKex] : kex,
    cipher: legacy ? [...ciphers, ...legacyCiphers] : ciphers,
    hmac: macs,
    serverHostKey: [...known, ...all.filter((algorithm) => !known.includes(algorithm))],
    compress: ['none'],
  };
}
