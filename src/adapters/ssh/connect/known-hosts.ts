// known_hosts: parser, index, and the verdict on a host key. host-keys.ts reads the files.
import { createHmac } from 'node:crypto';
import { isPlain, matchesList } from '../config/patterns.ts';

/** One valid line of a known_hosts file. */
export interface KnownKey {
  readonly marker: '' | 'revoked' | 'cert-authority';
  /** Patterns in lower case. Empty for a hashed name. */
  readonly names: readonly string[];
  readonly hashed?: { readonly salt: Buffer; readonly digest: string };
  /** `ssh-ed25519`, `ecdsa-sha2-nistp256`, `ssh-rsa`, ... */
  readonly type: string;
  /** The key as base64. */
  readonly key: string;
  readonly file: string;
  readonly line: number;
}

/** Parses the text of a file. As in OpenSSH, comments and invalid lines are skipped. */
export function parseKnownHosts(text: string, file: string): readonly KnownKey[] {
  const found: KnownKey[] = [];
  let number = 0;
  for (const line of text.split('\n')) {
    number++;
    const entry = parseLine(line, file, number);
    if (entry !== undefined) found.push(entry);
  }
  return found;
}

function parseLine(line: string, file: string, number: number): KnownKey | undefined {
  const words = line.trim().split(/[ \t]+/);
  const first = words[0] ?? '';
  if (first === '' || first.startsWith('#')) return undefined;
  const marker =
    first === '@revoked' ? 'revoked' : first === '@cert-authority' ? 'cert-authority' : '';
  if (marker === '' && first.startsWith('@')) return undefined;
  const [names, type, key] = marker === '' ? words : words.slice(1);
  if (names === undefined || type === undefined || key === undefined) return undefined;
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(key)) return undefined;
  const place = { marker, type, key, file, line: number } as const;
  if (!names.startsWith('|'))
    return { ...place, names: names.toLowerCase().split(',').filter(Boolean) };
  const [, version, salt, digest, ...rest] = names.split('|');
  if (version !== '1' || salt === undefined || digest === undefined || rest.length > 0)
    return undefined;
  return { ...place, names: [], hashed: { salt: Buffer.from(salt, 'base64'), digest } };
}

/** `host`, or `[host]:port` for a port other than 22: the name of a key in the file. */
export const filedName = (host: string, port: number): string =>
  (port === 22 ? host : `[${host}]:${port}`).toLowerCase();

/** A name as `HashKnownHosts yes` writes it. */
export function hashName(name: string, salt: Buffer): string {
  return `|1|${salt.toString('base64')}|${digestOf(name, salt)}`;
}

const digestOf = (name: string, salt: Buffer): string =>
  createHmac('sha1', salt).update(name).digest('base64');

function isFor(entry: KnownKey, name: string): boolean {
  if (entry.hashed === undefined) return matchesList(entry.names, [name]);
  return digestOf(name, entry.hashed.salt) === entry.hashed.digest;
}

export interface KnownHosts {
  /**
   * Lines for this name. It computes one HMAC per hashed line, so try the other methods first.
   */
  readonly find: (name: string) => readonly KnownKey[];
  /** Lines for this name with exactly this key. Needs at most one HMAC per line with that key. */
  readonly holding: (key: string, name: string) => readonly KnownKey[];
  /** Key types to offer first. One is enough, since a server sends only one key. */
  readonly types: (name: string) => readonly string[];
  /** Adds a line that was appended to the file. */
  readonly add: (entry: KnownKey) => void;
}

/** Indexes the lines by name and key: thousands of hosts share one file. */
export function indexKnownHosts(entries: readonly KnownKey[]): KnownHosts {
  const plain = new Map<string, KnownKey[]>();
  /** Lines with patterns and hashed names. */
  const byKey = new Map<string, KnownKey[]>();
  const patterns: KnownKey[] = [];
  const hashed: KnownKey[] = [];
  const hashedTypes = new Set<string>();
  const take = (entry: KnownKey): void => {
    const isListed = entry.hashed === undefined && entry.names.every(isPlain);
    if (!isListed) add(byKey, entry.key, entry);
    if (entry.hashed !== undefined) {
      hashed.push(entry);
      if (entry.marker === '') hashedTypes.add(entry.type);
    } else if (!isListed) patterns.push(entry);
    else for (const name of new Set(entry.names)) add(plain, name, entry);
  };
  entries.forEach(take);
  const open = (name: string): KnownKey[] => [
    ...(plain.get(name) ?? []),
    ...patterns.filter((entry) => isFor(entry, name)),
  ];
  let last = 0;
  // Hosts are looked up about in the order of the file, so the search starts at the last match.
  const firstHashed = (name: string): KnownKey | undefined => {
    for (let i = 0; i < hashed.length; i++) {
      const at = (last + i) % hashed.length;
      const entry = hashed[at];
      if (entry === undefined || entry.marker !== '' || !isFor(entry, name)) continue;
      last = at;
      return entry;
    }
    return undefined;
  };
  return {
    add: take,
    find: (name) => [...open(name), ...hashed.filter((entry) => isFor(entry, name))],
    // All hosts may have one key, as after the cloning of a disk.
    holding: (key, name) =>
      [
        ...(plain.get(name) ?? []).filter((entry) => entry.key === key),
        ...(byKey.get(key) ?? []).filter((entry) => isFor(entry, name)),
      ].sort((one, other) => one.line - other.line),
    types: (name) => {
      const known = open(name).flatMap((entry) => (entry.marker === '' ? [entry.type] : []));
      if (known.length > 0 || hashedTypes.size === 0) return known;
      if (hashedTypes.size === 1) return [...hashedTypes];
      const entry = firstHashed(name);
      return entry === undefined ? [] : [entry.type];
    },
  };
}

function add(map: Map<string, KnownKey[]>, key: string, entry: KnownKey): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [entry]);
  else list.push(entry);
}

export type Verdict =
  | { readonly kind: 'known' }
  | { readonly kind: 'revoked'; readonly at: KnownKey }
  /** The file has another key of the same type. */
  | { readonly kind: 'changed'; readonly at: KnownKey }
  /** The file has only keys of other types, although they were offered first. */
  | { readonly kind: 'other_type'; readonly at: KnownKey }
  /**
   * `authority`: the file has a certificate authority for the name, which cannot verify a plain
   * key.
   */
  | { readonly kind: 'unknown'; readonly authority?: KnownKey };

/**
 * Judges the key that a host sent. As in OpenSSH, for a `port` other than 22 a matching key under
 * the bare name counts too.
 */
export function judge(
  files: readonly KnownHosts[],
  host: string,
  port: number,
  type: string,
  key: string,
): Verdict {
  const name = filedName(host, port);
  const bare = host.toLowerCase();
  const holding = files.flatMap((file) => file.holding(key, name));
  const loose =
    name === bare ? holding : [...holding, ...files.flatMap((file) => file.holding(key, bare))];
  const revoked = loose.find((entry) => entry.marker === 'revoked');
  if (revoked !== undefined) return { kind: 'revoked', at: revoked };
  if (holding.some((entry) => entry.marker === '')) return { kind: 'known' };
  const filed = files.flatMap((file) => file.find(name));
  const keys = filed.filter((entry) => entry.marker === '');
  const same = keys.find((entry) => entry.type === type);
  if (same !== undefined) return { kind: 'changed', at: same };
  const other = keys[0];
  if (other !== undefined) return { kind: 'other_type', at: other };
  if (loose.some((entry) => entry.marker === '')) return { kind: 'known' };
  const authority = filed.find((entry) => entry.marker === 'cert-authority');
  return authority === undefined ? { kind: 'unknown' } : { kind: 'unknown', authority };
}
