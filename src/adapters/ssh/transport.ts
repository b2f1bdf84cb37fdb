// The Transport port over ssh2: resolves the route to a host, logs in and returns connections.

import { existsSync } from 'node:fs';
import { Socket } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import type { Asker } from '../../engine/ports/local.ts';
import type { Connection, Transport } from '../../engine/ports/transport.ts';
import { createSlots, type Slots } from '../../engine/session/slots.ts';
import type { Become } from '../../model/host.ts';
import { present } from '../../model/present.ts';
import { failed, type Outcome, ok } from '../../model/run/failure.ts';
import { isUsualConfig } from './config/openssh.ts';
import { type Hop, type RouteContext, routeTo } from './config/route.ts';
import { createSources, type Sources } from './config/source.ts';
import { createAgents } from './connect/agent.ts';
import { type HandshakeOptions, logIn, nameOf, opener, type Session } from './connect/handshake.ts';
import { createHostKeys, type HostKeys } from './connect/host-keys.ts';
import { createJumps, type Jumps } from './connect/jumps.ts';
import { createKeepalive, type Keepalive, type KeepaliveOptions } from './connect/keepalive.ts';
import { createKeyring } from './connect/keys.ts';
import { type LoginTools, planLogin } from './connect/login.ts';
import { execOn } from './exec/exec.ts';
import { lineOf } from './exec/line.ts';
import { type Library, loadLibrary } from './library/library.ts';
import { createOpenSshTransport, type OpenSshTransportOptions } from './openssh/transport.ts';
import { createSilence } from './silence.ts';

export interface TransportOptions {
  /** Asks for passphrases of key files, and for passwords of jump hosts. */
  readonly asker: Asker;
  /** Home directory of the user who runs kmend: `~` in paths. */
  readonly home: string;
  /** SSH_AUTH_SOCK is read, and the variables that IdentityAgent names. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Receives each warning once. */
  readonly warn: (text: string) => void;
  /** Handshakes at the same time. Default 50. */
  readonly handshakes?: number;
  /** Default: a check every 5 s; dead after 3 without an answer. `interval: 0` leaves it to TCP. */
  readonly keepalive?: KeepaliveOptions;
  /** Default `~/.ssh/config`. The empty string reads no file. */
  readonly configFile?: string;
  /** Default `/etc/ssh/ssh_config`. The empty string reads no file. */
  readonly systemConfigFile?: string;
  /** Default `/etc/ssh/ssh_known_hosts`. */
  readonly globalKnownHosts?: readonly string[];
}

/** Shared by the connections of a run; made with the first one. */
interface Shared {
  readonly library: Library;
  readonly route: RouteContext;
  readonly tools: LoginTools;
  readonly hostKeys: HostKeys;
  readonly jumps: Jumps;
}

const defaultHandshakes = 50;
const defaultKeepalive: KeepaliveOptions = { interval: 5, count: 3 };

/**
 * Makes the SSH transport of a run. It reads and loads nothing before the first connection.
 *
 * Each `connect` is one attempt without retries. A failure with `transport: true` may pass. Host
 * keys are checked. Files and passphrases are read once per run, and jump hosts share one login.
 *
 * The login shell of the user may be any POSIX shell or fish, not csh. A long script is sent
 * through the input; it is never a secret, since a short one is visible in the process list. `su`,
 * and `doas` with a password, need a terminal, where stdout and stderr are one stream.
 */
export function createTransport(options: TransportOptions): Transport {
  const warn = once(options.warn);
  const slots = createSlots(options.handshakes ?? defaultHandshakes);
  const silence = createSilence();
  const keepalive = createKeepalive(options.keepalive ?? defaultKeepalive);
  const connections = new Set<Connection>();
  let shared: Promise<Shared> | undefined;
  let byOpenSsh: Transport | undefined;
  return {
    connect: async (target, { signal, turn } = {}) => {
      if (target.transport === 'openssh') {
        byOpenSsh ??= createOpenSshTransport(openSshOptions(options, warn));
        return byOpenSsh.connect(target, present({ signal }));
      }
      shared ??= prepare(options, warn, slots);
      const ready = await shared.then(ok, (error: unknown) => error);
      if (!isShared(ready)) {
        shared = undefined;
        return failed('unreachable', ready instanceof Error ? ready.message : String(ready), {
          hint: 'correct the ssh configuration',
        });
      }
      const route = await routeTo(target, ready.value.route);
      if (!route.ok)
        return failed('unreachable', `${target.name}: ${route.message}`, { hint: routeHint });
      // A proxy command is a process: as many run as hosts are under way, so its turn is kept.
      const silent = silence(route.hops[0]?.proxyCommand === undefined ? turn : undefined);
      const admit = async (): ReturnType<Admit> => {
        await silent.broken();
        return slots.take(stoppedBy(signal));
      };
      const reached = await reach(route.hops, ready.value, admit, signal).finally(silent.end);
      if (!reached.ok) return reached;
      return ok(connectionOf(reached.value, target.become, keepalive, connections));
    },
    close: async () => {
      for (const connection of connections) connection.close();
      keepalive.close();
      const ready = await shared?.catch(() => undefined);
      ready?.jumps.close();
      await byOpenSsh?.close();
    },
  };
}

function openSshOptions(
  options: TransportOptions,
  warn: (text: string) => void,
): OpenSshTransportOptions {
  const { asker, home, env, handshakes, keepalive, globalKnownHosts } = options;
  const { configFile, systemConfigFile } = filesOf(options);
  // OpenSSH reads its own files whatever HOME says. It gets another file by `-F`.
  const isUsual = isUsualConfig(configFile, systemConfigFile);
  return {
    ...{ asker, home, env, warn },
    handshakes: handshakes ?? defaultHandshakes,
    keepalive: keepalive ?? defaultKeepalive,
    ...(isUsual ? {} : { configFile: existsSync(configFile) ? configFile : 'none' }),
    ...present({ globalKnownHosts }),
  };
}

const filesOf = ({ home, configFile, systemConfigFile }: TransportOptions) => ({
  configFile: configFile ?? join(home, '.ssh', 'config'),
  systemConfigFile: systemConfigFile ?? '/etc/ssh/ssh_config',
});

const routeHint =
  'correct the ssh configuration, leave an option out by its name (ssh_ignore: [NAME]), or let ssh itself log in (ansible_ssh_transport: openssh)';

const isShared = (value: unknown): value is { readonly ok: true; readonly value: Shared } =>
  typeof value === 'object' && value !== null && 'value' in value;

function once(warn: (text: string) => void): (text: string) => void {
  const warned = new Set<string>();
  return (text) => {
    if (warned.has(text)) return;
    warned.add(text);
    warn(text);
  };
}

async function prepare(
  options: TransportOptions,
  warn: (text: string) => void,
  slots: Slots,
): Promise<Shared> {
  const { asker, home, env } = options;
  const { configFile, systemConfigFile } = filesOf(options);
  const library = await loadLibrary();
  const sources = createSources({
    home,
    env,
    configFile,
    systemFile: systemConfigFile,
    warn,
  });
  // A broken file is an error of all hosts.
  sources();
  const tools: LoginTools = {
    library,
    keyring: createKeyring(library, asker),
    agents: createAgents(library),
    asker,
  };
  const hostKeys = createHostKeys(warn);
  const base = { library, tools, hostKeys, admit: () => slots.take() };
  const jumps = createJumps((hop, way) => logInTo(base, hop, way), opener(options.env));
  return { library, tools, hostKeys, jumps, route: routeContext(options, sources) };
}

function routeContext(
  { home, env, globalKnownHosts }: TransportOptions,
  sources: Sources,
): RouteContext {
  return {
    sources,
    home,
    env,
    localUser: env.USER ?? env.LOGNAME ?? localUser(),
    globalKnownHosts: globalKnownHosts ?? ['/etc/ssh/ssh_known_hosts'],
  };
}

function localUser(): string {
  try {
    return userInfo().username;
  } catch {
    // A container may run under a uid without a name.
    return 'root';
  }
}

interface Reached {
  readonly session: Session;
  readonly hop: Hop;
}

async function reach(
  hops: readonly Hop[],
  shared: Shared,
  admit: Admit,
  signal: AbortSignal | undefined,
): Promise<Outcome<Reached>> {
  const before = hops.slice(0, -1);
  const hop = hops.at(-1);
  if (hop === undefined) throw new Error('a route without hops');
  const way = await unlessStopped(shared.jumps.ready(before), hop, signal);
  if (!way.ok) return way;
  const result = await logInTo(
    { ...shared, admit },
    hop,
    (to) => shared.jumps.open(before, to),
    signal,
  );
  return result.ok ? ok({ session: result.value, hop }) : result;
}

/** Stops waiting when the signal fires. Other hosts may still wait for the same jump host. */
async function unlessStopped<T>(
  work: Promise<Outcome<T>>,
  hop: Hop,
  signal: AbortSignal | undefined,
): Promise<Outcome<T>> {
  if (signal === undefined) return work;
  let leave = (): void => undefined;
  const stopped = new Promise<Outcome<never>>((resolve) => {
    leave = () =>
      resolve(failed('interrupted', `${nameOf(hop)}: stopped before the login was done`));
    if (signal.aborted) leave();
    else signal.addEventListener('abort', leave, { once: true });
  });
  const result = await Promise.race([work, stopped]);
  signal.removeEventListener('abort', leave);
  return result;
}

type Admit = HandshakeOptions['admit'];
type LoginBase = Pick<Shared, 'library' | 'tools' | 'hostKeys'> & { readonly admit: Admit };

async function logInTo(
  base: LoginBase,
  hop: Hop,
  open: Parameters<typeof logIn>[0]['open'],
  signal?: AbortSignal,
): Promise<Outcome<Session>> {
  const plan = await unlessStopped(planLogin(hop, base.tools).then(ok), hop, signal);
  if (!plan.ok) return plan;
  const login = plan.value;
  if (!login.ok) return failed('auth', `${nameOf(hop)}: ${login.message}`, { hint: login.hint });
  if (login.attempts.length === 0)
    return failed(
      'auth',
      `${nameOf(hop)}: nothing to log in with: no key file, no agent and no password`,
      {
        hint: 'name a key file (--private-key), start an agent or give a password (-k); for Kerberos and smart cards: ansible_ssh_transport: openssh',
      },
    );
  const { library, hostKeys, admit } = base;
  return logIn({
    library,
    hop,
    attempts: login.attempts,
    hostKeys,
    open,
    admit,
    ...stoppedBy(signal),
  });
}

const stoppedBy = (signal: AbortSignal | undefined): { readonly signal?: AbortSignal } =>
  signal === undefined ? {} : { signal };

function connectionOf(
  { session, hop }: Reached,
  become: Become | undefined,
  keepalive: Keepalive,
  connections: Set<Connection>,
): Connection {
  const { client, stream } = session;
  const line = lineOf(session);
  const where = nameOf(hop);
  let alive = true;
  let commands = 0;
  const lost = (): void => {
    alive = false;
    unwatch();
    connections.delete(connection);
  };
  const unwatch = keepalive.watch({
    client,
    stream,
    inUse: () => commands > 0,
    dead: () => stream.destroy(),
  });
  const connection: Connection = {
    exec: async (request) => {
      if (!alive)
        return failed('unreachable', `${where}: the connection was lost`, { transport: true });
      const other =
        request.become && become !== undefined && become.user !== hop.user ? become : undefined;
      commands++;
      try {
        return await execOn(
          { line, where, alive: () => alive, ...present({ become: other }) },
          request,
        );
      } finally {
        commands--;
      }
    },
    close: () => {
      if (!alive) return;
      lost();
      client.end();
      endStream(stream);
    },
    alive: () => alive,
    hostKey: session.hostKey,
    dialled: [
      hop.host,
      ...(stream instanceof Socket && stream.remoteAddress !== undefined
        ? [stream.remoteAddress]
        : []),
    ],
  };
  connections.add(connection);
  client.once('close', lost);
  // The connection was lost just after the login; no event follows.
  if (stream.destroyed || !stream.readable) lost();
  return connection;
}

/** A peer that does not answer would keep the half-closed socket, and this process, for minutes. */
function endStream(stream: Session['stream']): void {
  if ('destroySoon' in stream && typeof stream.destroySoon === 'function') stream.destroySoon();
  else stream.destroy();
}
