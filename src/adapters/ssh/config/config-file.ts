// Reads ~/.ssh/config once per run and looks up hosts in it. As in OpenSSH, the first value wins.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, isAbsolute, join } from 'node:path';
import { pasteable } from '../../../model/text/quote.ts';
import { matchesWildcard } from '../../../model/text/wildcard.ts';
import { type ConfigLine, configLines } from './config-lines.ts';
import { isPlain, matchesList } from './patterns.ts';

/**
 * Settings of one host by lower-case keyword. IdentityFile and list keywords have several values.
 */
export type Settings = ReadonlyMap<string, readonly string[]>;

export interface SshConfig {
  /** Settings of a host with these names (alias and address). */
  readonly lookup: (names: readonly string[]) => Settings;
}

/** Lists of patterns of which each must match: an included file has those of its section too. */
type Conditions = readonly (readonly string[])[];

interface Section {
  readonly conditions: Conditions;
  readonly order: number;
  readonly settings: (readonly [string, readonly string[]])[];
}

/** Keywords that affect the connection and that kmend does not support. Each is reported once. */
const unsupported: ReadonlyMap<string, string> = new Map(
  Object.entries({
    proxyusefdpass: 'ProxyUseFdpass',
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
    proxyusefdpass: /^no$/i,
    canonicalizehostname: /^no$/i,
    addressfamily: /^any$/i,
    certificatefile: /^none$/i,
  }),
);

/** The configuration of a machine without the file. */
export const noConfig: SshConfig = { lookup: () => new Map() };

/** Reads the file and its includes. A missing file is empty; a broken one throws with its line. */
export async function readSshConfig(
  file: string,
  home: string,
  warn: (text: string) => void,
): Promise<SshConfig> {
  const text = textOf(file);
  if (text === undefined) return noConfig;
  const sections: Section[] = [];
  collect({ home, base: dirname(file), warn, sections }, { file, text, outer: [], depth: 0 });
  return index(sections, warn);
}

interface Collecting {
  readonly home: string;
  readonly base: string;
  readonly warn: (text: string) => void;
  readonly sections: Section[];
}

interface ConfigText {
  readonly file: string;
  readonly text: string;
  /** Conditions of the section that includes it. */
  readonly outer: Conditions;
  readonly depth: number;
}

function collect(work: Collecting, { file, text, outer, depth }: ConfigText): void {
  const open = (conditions: Conditions): Section => {
    const section: Section = { conditions, order: work.sections.length, settings: [] };
    work.sections.push(section);
    return section;
  };
  let section: Section | undefined = open(outer);
  for (const { keyword, words } of linesOf(file, text)) {
    if (keyword === 'host') section = open([...outer, words]);
    else if (keyword === 'match') {
      work.warn(`${file}: \`Match\` is not supported; its settings are not used`);
      section = undefined;
    } else if (section === undefined) continue;
    else if (keyword === 'include') {
      const { conditions } = section;
      if (depth < 16)
        for (const path of words.flatMap((word) => expandInclude(word, work)))
          include(work, path, conditions, depth);
      section = open(conditions);
    } else section.settings.push([keyword, words]);
  }
}

function include(work: Collecting, file: string, outer: Conditions, depth: number): void {
  const text = textOf(file);
  if (text !== undefined) collect(work, { file, text, outer, depth: depth + 1 });
}

function linesOf(file: string, text: string): readonly ConfigLine[] {
  try {
    return configLines(text);
  } catch (error) {
    throw new Error(`${file}${error instanceof Error ? error.message : String(error)}`);
  }
}

function textOf(file: string): string | undefined {
  try {
    const text = readFileSync(file, 'utf8');
    judge(file);
    return text;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw code === undefined ? error : new Error(`${file} cannot be read (${code})`);
  }
}

/** As in OpenSSH: the file names programs that are run, so nobody else may write it. */
function judge(file: string): void {
  const { mode, uid } = statSync(file);
  const isOurs = uid === 0 || uid === process.getuid?.();
  if (isOurs && (mode & 0o022) === 0) return;
  throw new Error(
    `${file} cannot be read: ${isOurs ? `others may write it; chmod go-w ${pasteable(file)}` : 'it belongs to another user'}`,
  );
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
    const [names] = section.conditions;
    if (section.conditions.length !== 1 || names?.every(isPlain) !== true) open.push(section);
    else
      for (const name of names)
        plain.set(name.toLowerCase(), [...(plain.get(name.toLowerCase()) ?? []), section]);
  }
  return {
    lookup: (names) => {
      const found = new Set(
        open.filter((section) => section.conditions.every((list) => matchesList(list, names))),
      );
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
