// Reads ~/.ssh/config once per run and looks up hosts in it. As in OpenSSH, the first value wins.
import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, isAbsolute, join } from 'node:path';
import { matchesWildcard } from '../../../model/text/wildcard.ts';
import { isPlain, matchesList } from './patterns.ts';

/**
 * Settings of one host by lower-case keyword. IdentityFile and list keywords have several values.
 */
export type Settings = ReadonlyMap<string, readonly string[]>;

export interface SshConfig {
  /** Settings of a host with these names (alias and address). */
  readonly lookup: (names: readonly string[]) => Settings;
}

interface Section {
  readonly patterns: readonly string[];
  readonly order: number;
  readonly settings: (readonly [string, readonly string[]])[];
}

/** Keywords that affect the connection and that kmend does not support. Each is reported once. */
const unsupported: ReadonlyMap<string, string> = new Map(
  Object.entries({
    proxycommand: 'ProxyCommand',
    certificatefile: 'CertificateFile',
    pkcs11provider: 'PKCS11Provider',
    securitykeyprovider: 'SecurityKeyProvider',
    knownhostscommand: 'KnownHostsCommand',
    canonicalizehostname: 'CanonicalizeHostname',
    bindaddress: 'BindAddress',
    bindinterface: 'BindInterface',
    addressfamily: 'AddressFamily',
    preferredauthentications: 'PreferredAuthentications',
    hostkeyalgorithms: 'HostKeyAlgorithms',
    kexalgorithms: 'KexAlgorithms',
    ciphers: 'Ciphers',
    macs: 'MACs',
    pubkeyacceptedalgorithms: 'PubkeyAcceptedAlgorithms',
    pubkeyacceptedkeytypes: 'PubkeyAcceptedKeyTypes',
    remotecommand: 'RemoteCommand',
  }),
);

const harmless: ReadonlyMap<string, RegExp> = new Map(
  Object.entries({
    proxycommand: /^none$/i,
    canonicalizehostname: /^no$/i,
    addressfamily: /^any$/i,
    certificatefile: /^none$/i,
  }),
);

/** The part of the types of `ssh-config` that is used. */
interface ParsedLine {
  readonly type: number;
  readonly param?: string;
  readonly value?: string | readonly { readonly val: string }[];
  readonly config?: readonly ParsedLine[];
}
type Parse = (text: string) => readonly ParsedLine[];

/** The configuration of a machine without the file. */
export const noConfig: SshConfig = { lookup: () => new Map() };

/**
 * Reads the file and its includes. A missing file is empty; one that cannot be parsed throws with
 * its name. Lookups do not use the package's own code, which runs `nslookup` and `Match exec`.
 */
export async function readSshConfig(
  file: string,
  home: string,
  warn: (text: string) => void,
): Promise<SshConfig> {
  const text = textOf(file);
  if (text === undefined) return noConfig;
  const { parse } = await import('ssh-config');
  const sections: Section[] = [];
  collect(
    { parse: parse as unknown as Parse, home, base: dirname(file), warn, sections },
    file,
    text,
    ['*'],
    0,
  );
  return index(sections, warn);
}

interface Collecting {
  readonly parse: Parse;
  readonly home: string;
  readonly base: string;
  readonly warn: (text: string) => void;
  readonly sections: Section[];
}

function collect(
  work: Collecting,
  file: string,
  text: string,
  outer: readonly string[],
  depth: number,
): void {
  const open = (patterns: readonly string[]): Section => {
    const section: Section = { patterns, order: work.sections.length, settings: [] };
    work.sections.push(section);
    return section;
  };
  const take = (lines: readonly ParsedLine[], patterns: readonly string[]): void => {
    let section = open(patterns);
    for (const line of lines) {
      const keyword = line.param?.toLowerCase() ?? '';
      if (keyword === '') continue;
      const values = valuesOf(line);
      if (keyword === 'include') {
        if (depth < 16)
          for (const path of values.flatMap((value) => expandInclude(value, work)))
            include(work, path, patterns, depth);
        section = open(patterns);
      } else if (keyword === 'host') take(line.config ?? [], values);
      else if (keyword === 'match')
        work.warn(`${file}: \`Match\` is not supported; its settings are not used`);
      else section.settings.push([keyword, values]);
      if (keyword === 'host') section = open(patterns);
    }
  };
  take(parseOrThrow(work.parse, text, file), outer);
}

function include(work: Collecting, path: string, patterns: readonly string[], depth: number): void {
  const text = textOf(path);
  if (text !== undefined) collect(work, path, text, patterns, depth + 1);
}

function parseOrThrow(parse: Parse, text: string, file: string): readonly ParsedLine[] {
  try {
    return parse(text);
  } catch (error) {
    throw new Error(
      `${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

const valuesOf = (line: ParsedLine): readonly string[] =>
  typeof line.value === 'string' ? [line.value] : (line.value ?? []).map((part) => part.val);

function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new Error(`${file} cannot be read (${code})`);
  }
}

/** Expands wildcards in the last part of the path only, which is enough to include a directory. */
function expandInclude(written: string, { home, base }: Collecting): readonly string[] {
  const path = written.startsWith('~/')
    ? join(home, written.slice(2))
    : isAbsolute(written)
      ? written
      : join(base, written);
  const pattern = basename(path);
  if (isPlain(pattern)) return [path];
  try {
    return readdirSync(dirname(path))
      .filter((name) => matchesWildcard(pattern, name) && !name.startsWith('.'))
      .sort()
      .map((name) => join(dirname(path), name));
  } catch {
    return [];
  }
}

/** Finds sections without wildcards by a map: a generated file may have ten thousand of them. */
function index(sections: readonly Section[], warn: (text: string) => void): SshConfig {
  const plain = new Map<string, Section[]>();
  const open: Section[] = [];
  for (const section of sections) {
    if (section.settings.length === 0) continue;
    if (!section.patterns.every(isPlain)) open.push(section);
    else
      for (const name of section.patterns)
        plain.set(name.toLowerCase(), [...(plain.get(name.toLowerCase()) ?? []), section]);
  }
  return {
    lookup: (names) => {
      const found = new Set(open.filter((section) => matchesList(section.patterns, names)));
      for (const name of names)
        for (const section of plain.get(name.toLowerCase()) ?? []) found.add(section);
      return merge(
        [...found].sort((a, b) => a.order - b.order),
        warn,
      );
    },
  };
}

function merge(sections: readonly Section[], warn: (text: string) => void): Settings {
  const settings = new Map<string, readonly string[]>();
  for (const section of sections) {
    for (const [keyword, values] of section.settings) {
      const name = unsupported.get(keyword);
      if (name !== undefined && harmless.get(keyword)?.test(values.join(' ')) !== true)
        warn(`ssh configuration: \`${name}\` is not supported and not used`);
      if (keyword === 'identityfile')
        settings.set(keyword, [...(settings.get(keyword) ?? []), ...values]);
      else if (!settings.has(keyword)) settings.set(keyword, values);
    }
  }
  return settings;
}
