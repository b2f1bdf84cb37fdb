// Resolves a Target and ~/.ssh/config to the hops of a connection: jump hosts first, the host last.

import { hostname } from 'node:os';
import { isAbsolute, join } from 'node:path';
import type { HostKeyChecking, Secret, Target } from '../../../model/host.ts';
import { present } from '../../../model/present.ts';
import { hostName, take } from './config-file.ts';
import { lineOf } from './config-lines.ts';
import type { Setting, Settings } from './keywords.ts';
import { expandProxy, isNone, jumpIn } from './proxy-command.ts';
import type { Looked, Sources } from './source.ts';

/** One SSH server on the route, with all settings resolved. */
export interface Hop {
  /** Name of the host in the inventory. */
  readonly alias: string;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /**
   * Key files in the order in which they are tried. `named`: the user named it, so that a missing
   * file is an error.
   */
  readonly keyFiles: readonly {
    readonly path: string;
    readonly named: boolean;
    readonly configured: boolean;
  }[];
  /** Certificates of the user. One beside a key file is found without being named. */
  readonly certificateFiles?: readonly string[];
  readonly identitiesOnly: boolean;
  /** Socket of the agent. Absent: no agent. */
  readonly agent?: string;
  readonly password?: Secret;
  /**
   * The operator may be asked for the password. Only jump hosts: the passwords of a fleet come with
   * the target.
   */
  readonly mayAsk: boolean;
  readonly hostKeyChecking: HostKeyChecking;
  /** Name of its host key in known_hosts. Absent: the host name. */
  readonly hostKeyAlias?: string;
  readonly userKnownHosts: readonly string[];
  readonly globalKnownHosts: readonly string[];
  readonly hashKnownHosts: boolean;
  readonly legacyCrypto: boolean;
  /** Seconds. */
  readonly connectTimeout: number;
  /** IP version of the connection. Absent: both. */
  readonly family?: 4 | 6;
  /** Address of this machine that the connection comes from. */
  readonly bindAddress?: string;
  /** Methods of login that may be tried, in this order. Absent: all, in kmend's order. */
  readonly methods?: readonly string[];
  /** Command whose stdin and stdout lead to the host: the first hop of a route only. */
  readonly proxyCommand?: string;
}

export interface RouteContext {
  readonly sources: Sources;
  readonly home: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The user who runs kmend. */
  readonly localUser: string;
  readonly globalKnownHosts: readonly string[];
}

/** `message` explains what is not supported, or an invalid jump host. */
export type Route =
  | { readonly ok: true; readonly hops: readonly Hop[] }
  | { readonly ok: false; readonly message: string };

const defaultKeys = ['id_ed25519', 'id_ecdsa', 'id_rsa'];
const mostJumps = 8;

/** Resolves all hops of a target. */
export async function routeTo(target: Target, context: RouteContext): Promise<Route> {
  const looked = await lookUp(target, context);
  if (!looked.ok) return { ok: false, message: looked.problem };
  const last = hopOf(target, looked.settings, context);
  const way = wayOf(looked.settings, target);
  const hops = await hopsTo(last, way, { target, context, seen: [target.name] });
  return typeof hops === 'string' ? { ok: false, message: hops } : { ok: true, hops };
}

async function lookUp(target: Target, { sources }: RouteContext): Promise<Looked> {
  const { name, address, user } = target;
  const ignore = new Set((target.sshIgnore ?? []).map((keyword) => keyword.toLowerCase()));
  try {
    return await sources(target.sshConfigFile)(
      {
        names: address === undefined || address === name ? [name] : [name, address],
        before: settingsBefore(target, ignore),
        ignore,
        ...present({ address }),
      },
      user,
    );
  } catch (error) {
    return { ok: false, problem: error instanceof Error ? error.message : String(error) };
  }
}

/** The options of the inventory's ssh arguments, which come before all files. */
function settingsBefore({ sshOptions }: Target, ignore: ReadonlySet<string>): Settings {
  const settings = new Map<string, Setting>();
  for (const option of sshOptions ?? []) {
    const line = lineOf(option, 1);
    if (line === undefined || ignore.has(line.keyword)) continue;
    take(settings, { ...line, values: line.words, place: 'ssh arguments' });
  }
  return settings;
}

/** How the first connection is made: through jump hosts, by a command, or directly (both empty). */
interface Way {
  readonly jump: string;
  readonly command: string;
}

const direct: Way = { jump: '', command: '' };

/**
 * As in OpenSSH, the first of `ProxyJump` and `ProxyCommand` decides. `ProxyJump none` only takes
 * the place of a later `ProxyJump`.
 */
function wayOf(settings: Settings, chosen: Pick<Target, 'jump' | 'proxyCommand'>): Way {
  if (chosen.jump !== undefined && !isNone(chosen.jump)) return wayBy('proxyjump', chosen.jump);
  if (chosen.proxyCommand !== undefined) return wayBy('proxycommand', chosen.proxyCommand);
  for (const [keyword, { values }] of settings) {
    const value = values[0] ?? '';
    if (keyword === 'proxycommand') return wayBy(keyword, value);
    if (keyword === 'proxyjump' && chosen.jump === undefined && !isNone(value))
      return wayBy(keyword, value);
  }
  return direct;
}

function wayBy(keyword: 'proxyjump' | 'proxycommand', value: string): Way {
  if (isNone(value)) return direct;
  const jump = keyword === 'proxyjump' ? value : jumpIn(value);
  return jump === undefined ? { jump: '', command: value } : { jump, command: '' };
}

interface Resolving {
  readonly target: Target;
  readonly context: RouteContext;
  /** Names of the hosts that lead here. */
  readonly seen: readonly string[];
}

/** All hops of the way to a hop, and the hop. */
async function hopsTo(hop: Hop, way: Way, resolving: Resolving): Promise<readonly Hop[] | string> {
  if (way.command === '') {
    const jumps = await jumpsOf(way.jump, resolving);
    return typeof jumps === 'string' ? jumps : [...jumps, hop];
  }
  const proxy = expandProxy(way.command, hop);
  if (!proxy.ok) return `the ProxyCommand of ${hop.alias} cannot be used: ${proxy.problem}`;
  return [{ ...hop, proxyCommand: proxy.command }];
}

async function jumpsOf(written: string, resolving: Resolving): Promise<readonly Hop[] | string> {
  if (isNone(written)) return [];
  const { target, context, seen } = resolving;
  let hops: readonly Hop[] = [];
  for (const [position, word] of written.split(',').entries()) {
    const spec = parseJump(word.trim());
    if (spec === undefined) return `"${word}" is not a jump host (user@host:port)`;
    if (seen.includes(spec.host))
      return `the jump hosts of ${target.name} form a loop at ${spec.host}`;
    const asTarget = jumpTarget(spec, target);
    const looked = await lookUp(asTarget, context);
    if (!looked.ok) return `jump host ${spec.host}: ${looked.problem}`;
    const { settings } = looked;
    const jump = jumpHop(asTarget, settings, target, context);
    // Only the first hop has a way of its own. Each other hop is reached through the one before it,
    // whatever its configuration says.
    const first: readonly Hop[] | string =
      position > 0
        ? [...hops, jump]
        : await hopsTo(jump, wayOf(settings, {}), { ...resolving, seen: [...seen, spec.host] });
    if (typeof first === 'string') return first;
    hops = first;
  }
  return hops.length > mostJumps
    ? `more than ${mostJumps} jump hosts on the way to ${target.name}`
    : hops;
}

interface JumpSpec {
  readonly host: string;
  readonly user?: string;
  readonly port?: number;
}

/** Parses `[ssh://][user@]host[:port]`, with IPv6 in brackets. */
export function parseJump(word: string): JumpSpec | undefined {
  const bare = word.replace(/^ssh:\/\//, '');
  const at = bare.lastIndexOf('@');
  const match = /^(?:\[([^\]]+)\]|([^@:[\]/\s]+))(?::(\d{1,5}))?\/?$/.exec(bare.slice(at + 1));
  const host = match?.[1] ?? match?.[2];
  if (at === 0 || host === undefined) return undefined;
  const port = match?.[3] === undefined ? undefined : Number(match[3]);
  if (port !== undefined && (port < 1 || port > 65535)) return undefined;
  return { host, ...(at < 0 ? {} : { user: bare.slice(0, at) }), ...present({ port }) };
}

function jumpTarget(spec: JumpSpec, target: Target): Target {
  return {
    name: spec.host,
    hostKeyChecking: target.hostKeyChecking,
    legacyCrypto: target.legacyCrypto,
    connectTimeout: target.connectTimeout,
    // The target's values are defaults for the jump host; its own section of the configuration
    // wins.
    defaulted: ['hostKeyChecking', 'connectTimeout'],
    ...present({
      user: spec.user,
      port: spec.port,
      knownHostsFiles: target.knownHostsFiles,
      sshConfigFile: target.sshConfigFile,
      sshIgnore: target.sshIgnore,
    }),
  };
}

/**
 * The keys of a jump host come from the configuration, then from the target. It never gets the
 * target's password.
 */
function jumpHop(asTarget: Target, settings: Settings, target: Target, context: RouteContext): Hop {
  const hop = hopOf(asTarget, settings, context);
  const configured = new Set(hop.keyFiles.map((file) => file.path));
  const more = (target.privateKeyFiles ?? [])
    .map((path) => expand(path, hop, context))
    .filter((path) => !configured.has(path));
  return {
    ...hop,
    mayAsk: true,
    keyFiles: [...hop.keyFiles, ...more.map((path) => ({ path, named: false, configured: true }))],
  };
}

function hopOf(target: Target, settings: Settings, context: RouteContext): Hop {
  const host = target.address ?? hostName(settings, target.name);
  const defaulted = (name: 'hostKeyChecking' | 'connectTimeout'): boolean =>
    target.defaulted?.includes(name) === true;
  const timeout = Number(first(settings, 'connecttimeout'));
  const base = {
    alias: target.name,
    host,
    port: target.port ?? portOf(first(settings, 'port')),
    user: target.user ?? first(settings, 'user') ?? context.localUser,
    ...present({ hostKeyAlias: first(settings, 'hostkeyalias') }),
  };
  const agent = agentOf(settings, base, context);
  const knownHosts = target.knownHostsFiles ??
    valuesOf(settings, 'userknownhostsfile') ?? ['~/.ssh/known_hosts', '~/.ssh/known_hosts2'];
  return {
    ...base,
    keyFiles: keyFilesOf(target, settings, base, context),
    certificateFiles: (valuesOf(settings, 'certificatefile') ?? [])
      .filter((path) => path !== 'none')
      .map((path) => expand(path, base, context)),
    identitiesOnly: isYes(first(settings, 'identitiesonly')),
    ...present({ agent, password: target.password }),
    mayAsk: false,
    hostKeyChecking:
      (defaulted('hostKeyChecking')
        ? checkingOf(first(settings, 'stricthostkeychecking'))
        : undefined) ?? target.hostKeyChecking,
    userKnownHosts: knownHosts
      .filter((path) => path !== 'none')
      .map((path) => expand(path, base, context)),
    globalKnownHosts: (valuesOf(settings, 'globalknownhostsfile') ?? context.globalKnownHosts).map(
      (path) => expand(path, base, context),
    ),
    hashKnownHosts: isYes(first(settings, 'hashknownhosts')),
    legacyCrypto: target.legacyCrypto,
    ...present({
      family: familyOf(first(settings, 'addressfamily')),
      bindAddress: first(settings, 'bindaddress'),
      methods: methodsOf(settings),
    }),
    connectTimeout: defaulted('connectTimeout') && timeout > 0 ? timeout : target.connectTimeout,
  };
}

function keyFilesOf(
  target: Target,
  settings: Settings,
  hop: HopNames,
  context: RouteContext,
): Hop['keyFiles'] {
  if (target.privateKeyFiles !== undefined && target.privateKeyFiles.length > 0)
    return target.privateKeyFiles.map((path) => ({
      path: expand(path, hop, context),
      named: true,
      configured: true,
    }));
  const configured = valuesOf(settings, 'identityfile');
  if (configured !== undefined)
    return configured
      .filter((path) => path !== 'none')
      .map((path) => ({ path: expand(path, hop, context), named: false, configured: true }));
  return defaultKeys.map((name) => ({
    path: join(context.home, '.ssh', name),
    named: false,
    configured: false,
  }));
}

function agentOf(
  settings: Settings,
  hop: HopNames,
  { env, ...context }: RouteContext,
): string | undefined {
  const written = first(settings, 'identityagent') ?? 'SSH_AUTH_SOCK';
  if (written === 'none') return undefined;
  const fromEnv = written === 'SSH_AUTH_SOCK' ? written : /^\$\{?(\w+)\}?$/.exec(written)?.[1];
  const path = fromEnv === undefined ? expand(written, hop, { env, ...context }) : env[fromEnv];
  return path === undefined || path === '' ? undefined : path;
}

interface HopNames {
  readonly hostKeyAlias?: string;
  readonly alias: string;
  readonly host: string;
  readonly port: number;
  readonly user: string;
}

/**
 * Expands `~` and the tokens of ssh_config(5). As in OpenSSH, a relative path starts at the working
 * directory.
 */
function expand(path: string, hop: HopNames, { home, localUser, env }: RouteContext): string {
  const tokens: Readonly<Record<string, () => string>> = {
    '%%': () => '%',
    '%h': () => hop.host,
    '%n': () => hop.alias,
    '%p': () => String(hop.port),
    '%r': () => hop.user,
    '%d': () => home,
    '%u': () => localUser,
    '%i': () => String(process.getuid?.() ?? ''),
    '%k': () => hop.hostKeyAlias ?? hop.alias,
    '%l': hostname,
    '%L': () => hostname().replace(/[.].*/s, ''),
  };
  const expanded = path
    .replace(/%[%hnprduiklL]/g, (token) => tokens[token]?.() ?? token)
    .replace(/\$\{(\w+)\}/g, (whole, name: string) => env[name] ?? whole);
  if (expanded === '~') return home;
  if (expanded.startsWith('~/')) return join(home, expanded.slice(2));
  return isAbsolute(expanded) ? expanded : join(process.cwd(), expanded);
}

const valuesOf = (settings: Settings, keyword: string): readonly string[] | undefined =>
  settings.get(keyword)?.values;
const first = (settings: Settings, keyword: string): string | undefined =>
  valuesOf(settings, keyword)?.[0];
const isYes = (text: string | undefined): boolean => /^(yes|true)$/i.test(text ?? '');
const portOf = (text: string | undefined): number =>
  /^\d{1,5}$/.test(text ?? '') ? Number(text) : 22;

const familyOf = (text: string | undefined): 4 | 6 | undefined =>
  /^inet$/i.test(text ?? '') ? 4 : /^inet6$/i.test(text ?? '') ? 6 : undefined;

/** The method and the keyword that switches it off. */
const switches = [
  ['publickey', 'pubkeyauthentication'],
  ['password', 'passwordauthentication'],
  ['keyboard-interactive', 'kbdinteractiveauthentication'],
] as const;

function methodsOf(settings: Settings): readonly string[] | undefined {
  const preferred = first(settings, 'preferredauthentications')?.split(',');
  const off: readonly string[] = switches.flatMap(([method, keyword]) =>
    /^(?:no|false)$/i.test(first(settings, keyword) ?? '') ? [method] : [],
  );
  if (preferred === undefined && off.length === 0) return undefined;
  const all = preferred ?? switches.map(([method]) => method);
  return all.filter((method) => !off.includes(method));
}

function checkingOf(text: string | undefined): HostKeyChecking | undefined {
  switch (text?.toLowerCase()) {
    case 'yes':
    case 'true':
    // `ask` would need an operator at each host. An unknown key is refused instead, with the
    // command that accepts it.
    case 'ask':
      return 'yes';
    case 'accept-new':
      return 'accept-new';
    case 'no':
    case 'off':
    case 'false':
      return 'no';
    default:
      return undefined;
  }
}
