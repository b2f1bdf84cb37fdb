// Repositories of a host that cannot be used, and why: from their configuration and from the output
// of the package manager.
import type { Unusable, UnusableCause } from '../../../model/facts/values.ts';
import type { Fields } from '../../fields.ts';
import { matchesAny } from './package-pins.ts';
import type { Repositories } from './repositories.ts';
import { causeOf, isOfHost, type Shown } from './repository-causes.ts';

interface Configured {
  readonly id: string;
  readonly enabled: boolean;
  /** Its address up to the first variable; empty where a list of mirrors decides. */
  readonly address: string;
}

const longest = 300;
/** Limits of the script of the area. */
const [mostRepositories, mostLines] = [100, 80];

/** Removes logins from addresses, and everything after a `?`, where a token may be. */
export const masked = (text: string): string =>
  text
    .replace(/:\/\/[^/\s]*@/g, '://***@')
    .replace(/(:\/\/[^\s?]*)(\?[^\s\])"']*)?/g, (_, place, query) =>
      query === undefined ? place : `${place}?...`,
    );

/** At most five. Repositories that were not skipped come first. */
export function unusableOf(
  fields: Fields,
  found: boolean,
  choice: Repositories,
): readonly Unusable[] {
  const configured = fields.all('repo').slice(0, mostRepositories).flatMap(configuredOf);
  const lines = fields
    .all('said')
    .slice(0, mostLines)
    .map((line) => masked(line).slice(0, longest));
  const ofHost = hostFailure(lines, fields.all('full'), found);
  if (ofHost !== undefined) return [ofHost];
  const failed = failures(lines, configured, fields.has('proxy'));
  if (failed.length > 0)
    return failed.sort((a, b) => Number(a.skipped) - Number(b.skipped)).slice(0, 5);
  const bare =
    found || fields.has('elsewhere') ? [] : unconfigured(configured, choice, fields.has('unread'));
  if (found || bare.length > 0 || !fields.has('look_failed')) return bare;
  return [{ cause: 'failed', repository: '', said: lines.at(-1) ?? '', skipped: false }];
}

/**
 * A failure of the host itself. `repository` then names the full file systems. Where versions were
 * found all the same, the failure was skipped.
 */
function hostFailure(
  lines: readonly string[],
  full: readonly string[],
  skipped: boolean,
): Unusable | undefined {
  const shown = causeOf(lines);
  if (shown === undefined || !isOfHost(shown.name)) return undefined;
  const said = shown.lines.map((line) => line.trim()).join('; ');
  return {
    cause: shown.name,
    repository: [...new Set(full)].join(' and '),
    said: said.slice(0, longest),
    skipped,
  };
}

function configuredOf(line: string): readonly Configured[] {
  const [id, enabled, kind, url = ''] = line.split(' ');
  if (id === undefined || id === '') return [];
  return [
    {
      id: masked(id),
      enabled: enabled === '1',
      address: kind === 'baseurl' ? (masked(url).split('$')[0] ?? '') : '',
    },
  ];
}

function unconfigured(
  configured: readonly Configured[],
  { enable, disable }: Repositories,
  unread: boolean,
): readonly Unusable[] {
  const bare = { said: '', skipped: false };
  const unknown = enable.find((pattern) => !configured.some(({ id }) => matchesAny([pattern], id)));
  if (unknown !== undefined) return [{ cause: 'unknown', repository: unknown, ...bare }];
  if (configured.length === 0) return [{ cause: 'none', repository: '', ...bare }];
  const enabled = configured.filter(
    ({ id, enabled }) => matchesAny(enable, id) || (enabled && !matchesAny(disable, id)),
  );
  if (enabled.length > 0) return unread ? [{ cause: 'unread', repository: '', ...bare }] : [];
  const ids = configured.map(({ id }) => id);
  return [
    {
      cause: 'disabled',
      repository: `${ids.slice(0, 8).join(', ')}${ids.length > 8 ? ', ...' : ''}`,
      ...bare,
    },
  ];
}

function failures(
  lines: readonly string[],
  configured: readonly Configured[],
  proxy: boolean,
): Unusable[] {
  const ignored = lines.flatMap(
    (line) => /^Ignoring repositories: (.*)$/.exec(line)?.[1]?.split(/[,\s]+/) ?? [],
  );
  // yum 3 does not report that it continues without a repository: it only does not stop.
  const stopped = lines.some((line) =>
    /metadata for repo|configured repositories failed|valid baseurl|did not answer within/.test(
      line,
    ),
  );
  return [...byRepository(lines, configured)].flatMap(([repository, own]): Unusable[] => {
    const shown = causeOf(own);
    if (shown === undefined) return [];
    const address = configured.find(({ id }) => id === repository)?.address ?? '';
    return [
      {
        cause: seenThrough(shown, address, proxy),
        repository,
        said: (shown.lines[0] ?? '').trim().slice(0, longest),
        skipped: ignored.includes(repository) || (!stopped && shown.name !== 'unknown'),
      },
    ];
  });
}

/**
 * Lines by repository. A line without a name belongs to the repository before it, or to the only
 * one that is named.
 */
function byRepository(
  lines: readonly string[],
  configured: readonly Configured[],
): ReadonlyMap<string, readonly string[]> {
  const groups = new Map<string, string[]>();
  let current = '';
  for (const line of lines) {
    current = namedIn(line) ?? ownerOf(line, configured) ?? (/^\s+-/.test(line) ? current : '');
    groups.set(current, [...(groups.get(current) ?? []), line]);
  }
  const nameless = groups.get('');
  const only = [...groups.keys()].filter((id) => id !== '');
  if (nameless === undefined || only.length !== 1) return groups;
  return new Map(only.map((id) => [id, [...nameless, ...(groups.get(id) ?? [])]]));
}

/** dnf quotes the id, dnf 5 with double quotes. yum 3 prints `base/7/x86_64`. */
function namedIn(line: string): string | undefined {
  const found =
    /repo(?:sitory)? ['"]([^'"]+)['"]/.exec(line) ??
    /Unknown repo: '([^']+)'/.exec(line) ??
    /repository data for ([^\s,]+)/.exec(line) ??
    /No matching repositories for "?([^\s",]+)/.exec(line) ??
    /repo(?:sitory)?: ([^\s/]+)/.exec(line) ??
    /from ([^\s/:]+)(?:\/[^\s:]*)?: \[Errno 256\]/.exec(line) ??
    /(?<!\S)--disablerepo=([^\s<]+) /.exec(line);
  return found?.[1]?.replace(/\.$/, '');
}

const ownerOf = (line: string, configured: readonly Configured[]): string | undefined =>
  configured.find(({ address }) => address !== '' && line.includes(address))?.id;

/**
 * curl follows redirects. An error at another address than the configured one is an error of the
 * redirect's target. With a proxy, "failed to connect" names the proxy.
 */
function seenThrough(
  { name, lines: [line = ''] }: Shown,
  address: string,
  proxy: boolean,
): UnusableCause {
  const url = /(?<![a-z])[a-z]+:\/\/[^\s:[][^\s[]*/.exec(line)?.[0] ?? '';
  const host = hostOf(url);
  const tried =
    /(?:resolve host: |connect to (?:server )?|Failed connect to )([A-Za-z0-9.-]+)/.exec(
      line.slice(line.indexOf('[')),
    )?.[1];
  if (proxy && tried !== undefined && tried !== host && (name === 'refused' || name === 'timeout'))
    return 'proxy';
  if (stays.has(name) || url === '') return name;
  const elsewhere = address !== '' && !url.startsWith(address.replace(/\/$/, ''));
  return elsewhere || (name === 'name' && tried !== undefined && host !== '' && tried !== host)
    ? 'moved'
    : name;
}

/** Causes that do not depend on an address. */
const stays: ReadonlySet<UnusableCause> = new Set([
  'proxy',
  'proxy_login',
  'unknown',
  'key',
  'past',
  'stale',
  'address',
  'disabled',
  'unreached',
]);

const hostOf = (url: string): string => /:\/\/(?:[^/@]*@)?([^/:\s]+)/.exec(url)?.[1] ?? '';
