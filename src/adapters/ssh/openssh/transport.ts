// The Transport port over the OpenSSH client: for logins that only it can do, such as FIDO keys,
// smart cards and Kerberos. It costs processes of this machine for each host.

import type { Asker } from '../../../engine/ports/local.ts';
import type { Connection, ConnectOptions, Transport } from '../../../engine/ports/transport.ts';
import { createSlots, type Slots } from '../../../engine/session/slots.ts';
import type { Target } from '../../../model/host.ts';
import { present } from '../../../model/present.ts';
import { type Failure, failed, type Outcome, ok } from '../../../model/run/failure.ts';
import { createOpenSsh, type OpenSsh, type Printed } from '../config/openssh.ts';
import { nameOf } from '../connect/handshake.ts';
import { type ExecContext, execOn } from '../exec/exec.ts';
import type { Line } from '../exec/line.ts';
import { startGroup } from '../program/child-group.ts';
import { type Answers, createAnswers } from './answers.ts';
import {
  type ArgumentOptions,
  commandArguments,
  isOperand,
  masterArguments,
  operandOf,
  targetArguments,
} from './arguments.ts';
import { ProgramChannel } from './channel.ts';
import { createFolder, type Folder } from './folder.ts';
import { type Master, startMaster } from './master.ts';
import { createSessions, type Sessions } from './sessions.ts';

export interface OpenSshTransportOptions extends ArgumentOptions {
  readonly asker: Asker;
  readonly home: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly warn: (text: string) => void;
  /** Logins at the same time. */
  readonly handshakes: number;
}

/**
 * Commands at once over one connection. A server allows ten sessions (MaxSessions); one is left for
 * what ends another command.
 */
const mostCommands = 9;
/** Seconds for `ssh -G`. */
const printTimeout = 10;
/** Milliseconds until a lost connection is noticed by its master, after a command has noticed it. */
const settling = 500;

interface Tools {
  readonly options: OpenSshTransportOptions;
  readonly openSsh: OpenSsh;
  readonly answersFor: (target: Target) => Answers;
  readonly slots: Slots;
  readonly folder: () => Promise<Folder>;
  readonly connections: Set<Connection>;
}

/** Makes the transport. It makes and starts nothing before the first connection. */
export function createOpenSshTransport(options: OpenSshTransportOptions): Transport {
  const { env, home } = options;
  let folder: Promise<Folder> | undefined;
  const tools: Tools = {
    options,
    openSsh: createOpenSsh({ env, timeout: printTimeout }),
    answersFor: createAnswers(options.asker),
    slots: createSlots(options.handshakes),
    folder: () => {
      folder ??= createFolder(env, home);
      return folder;
    },
    connections: new Set(),
  };
  return {
    connect: (target, { signal } = {}) => connect(target, tools, signal),
    close: async () => {
      for (const connection of tools.connections) connection.close();
      await (await folder?.catch(() => undefined))?.close();
    },
  };
}

type Signal = ConnectOptions['signal'];

async function connect(target: Target, tools: Tools, signal: Signal): Promise<Outcome<Connection>> {
  const { options, openSsh, slots } = tools;
  const operand = operandOf(target);
  if (!isOperand(operand))
    return failed(
      'unreachable',
      `${target.name}: ssh takes no host called ${JSON.stringify(operand)}`,
    );
  const printed = await openSsh.print([...targetArguments(target, options), '-G', '--', operand]);
  if (!printed.ok) return unusable(target, printed.problem);
  const login = loginOf(target, printed.lines);
  const free = await slots.take(present({ signal }));
  if (free === undefined)
    return failed('interrupted', `${login.where}: stopped before the login was done`);
  try {
    return await logIn(target, login, tools, signal);
  } finally {
    free();
  }
}

const unusable = (target: Target, problem: string): Outcome<never> =>
  failed('unreachable', `${target.name}: ${problem}, and its ansible_ssh_transport is openssh`, {
    hint: 'install the OpenSSH client, correct its configuration, or leave ansible_ssh_transport out',
  });

/** What ssh itself says of the host. */
interface LoginData {
  readonly where: string;
  readonly user: string;
  readonly host: string;
  readonly isProxied: boolean;
  /** The jump hosts, as `ProxyJump` has them. */
  readonly jump?: string;
  /** Where new host keys are added. */
  readonly knownHosts: string;
}

function loginOf(target: Target, lines: Extract<Printed, { ok: true }>['lines']): LoginData {
  const first = (keyword: string): string => lines.get(keyword)?.[0] ?? '';
  const isSet = (keyword: string): boolean => !/^(?:none)?$/i.test(first(keyword));
  const [user, host] = [first('user'), first('hostname')];
  return {
    where: nameOf({ alias: target.name, host, port: Number(first('port')), user }),
    user,
    host,
    isProxied: isSet('proxyjump') || isSet('proxycommand'),
    ...(isSet('proxyjump') ? { jump: first('proxyjump') } : {}),
    knownHosts: first('userknownhostsfile'),
  };
}

async function logIn(
  target: Target,
  login: LoginData,
  tools: Tools,
  signal: Signal,
): Promise<Outcome<Connection>> {
  const { options, answersFor } = tools;
  const { where } = login;
  const folder = await tools.folder().then(ok, (error: unknown) =>
    failed('unreachable', `${where}: ${error instanceof Error ? error.message : error}`, {
      hint: 'set XDG_RUNTIME_DIR to a private folder with a short path',
    }),
  );
  if (!folder.ok) return folder;
  const paths = folder.value.next();
  const canAnswer = target.password !== undefined || options.asker.attended;
  const started = await startMaster({
    ...paths,
    where,
    args: masterArguments(target, { ...options, ...paths, canAnswer }),
    env: options.env,
    askpass: folder.value.askpass,
    timeout: target.connectTimeout,
    isProxied: login.isProxied,
    legacy: target.legacyCrypto,
    answer: answersFor(target),
    say: (text) => options.warn(`${where}: ${text}`),
    ...present({ signal, jump: login.jump }),
  });
  if (!started.ok) return started;
  const refusal = judgeKey(started.value, target, login, options.warn);
  if (refusal !== undefined) {
    started.value.close();
    return { ok: false, failure: refusal };
  }
  return ok(connectionOf({ target, login, socket: paths.socket, master: started.value }, tools));
}

/** Says what the lack of checking has let pass. */
function judgeKey(
  { login }: Master,
  { hostKeyChecking }: Target,
  { where, knownHosts }: LoginData,
  warn: (text: string) => void,
): Failure | undefined {
  const { accepted, key, trusted } = login;
  if (!trusted)
    warn(
      `${where}: the host key is not the one that is known; checking is off, so the connection continues, but no password is sent`,
    );
  else if (accepted !== undefined && hostKeyChecking === 'no')
    warn(
      `${where}: checking is off, so its unknown ${key?.type} host key is trusted: ${key?.print}, ${accepted === 'added' ? `added to ${knownHosts}` : 'not added'}`,
    );
  return accepted === 'not added' && hostKeyChecking === 'accept-new'
    ? {
        kind: 'host_key',
        message: `${where}: the new host key cannot be written to ${knownHosts}`,
        hint: 'make the file writable',
      }
    : undefined;
}

interface Logged {
  readonly target: Target;
  readonly login: LoginData;
  readonly socket: string;
  readonly master: Master;
}

function connectionOf(logged: Logged, { options, connections }: Tools): Connection {
  const { target, login, master } = logged;
  const { where } = login;
  const sessions = createSessions(mostCommands);
  let closed = false;
  const alive = (): boolean => !closed && master.alive();
  const close = (): void => {
    closed = true;
    connections.delete(connection);
    master.close();
  };
  const refused: Failure = {
    kind: 'unreachable',
    message: `${where}: the channel could not be opened (the server refuses a session)`,
    hint: 'sshd_config: MaxSessions',
    transport: true,
  };
  const line = lineOver(logged, { env: options.env, sessions, refused, close });
  const become =
    target.become !== undefined && target.become.user !== login.user ? target.become : undefined;
  const connection: Connection = {
    exec: async (request) => {
      if (!alive())
        return failed('unreachable', `${where}: the connection was lost`, { transport: true });
      const context: ExecContext = {
        line,
        where,
        alive,
        ...(request.become ? present({ become }) : {}),
      };
      const end = Date.now() + request.timeout * 1000;
      for (;;) {
        const timeout = Math.max(0.001, (end - Date.now()) / 1000);
        const result = await execOn(context, { ...request, timeout });
        // It did not begin, so that it may be sent again.
        if (result.ok || result.failure !== refused || !sessions.refused()) return result;
      }
    },
    close,
    alive,
    dialled: [login.host, ...(master.login.address === undefined ? [] : [master.login.address])],
    ...present({ hostKey: master.login.key?.print }),
  };
  connections.add(connection);
  void master.ended.then(() => connections.delete(connection));
  return connection;
}

interface LineTools {
  readonly env: OpenSshTransportOptions['env'];
  readonly sessions: Sessions;
  readonly refused: Failure;
  readonly close: () => void;
}

function lineOver({ login, socket, master }: Logged, tools: LineTools): Line {
  const { env, sessions, refused, close } = tools;
  const settled = (): Promise<void> =>
    Promise.race([
      master.ended,
      new Promise<void>((resolve) => setTimeout(resolve, settling).unref()),
    ]);
  return {
    trusted: master.login.trusted,
    reportsEnd: true,
    start: (command, { last, wanted }, started) =>
      void sessions.take(last).then((free) => {
        if (!wanted()) return free();
        const child = startGroup('ssh', commandArguments(socket, command), env);
        const channel = new ProgramChannel(child, { command, settled });
        channel.once('close', () => {
          free();
          master.tidy();
        });
        started(undefined, channel);
      }),
    explain: (output) => {
      if (/session request failed: Session open refused/.test(output)) return refused;
      if (!/master hello exchange failed|Control socket connect|UNKNOWN port/.test(output))
        return undefined;
      close();
      return {
        kind: 'unreachable',
        message: `${login.where}: the ssh that keeps the connection does not answer`,
        transport: true,
      };
    },
  };
}
