// The SSH side of a practice host: a TCP port on loopback behind which every command runs in a real
// sh inside the host's tree.
import { type ChildProcess, spawn } from 'node:child_process';
import { connect, createServer, type Socket, type Server as TcpServer } from 'node:net';
import ssh2, {
  type AuthContext,
  type Connection,
  type ParsedKey,
  type ServerChannel,
  type Session,
} from 'ssh2';
import { putTime } from './boot.ts';
import { fault, type Machine } from './machine.ts';

export const loopback = '127.0.0.1';

export interface HostServer {
  /** Opens the port. */
  readonly open: () => Promise<void>;
  /** Closes it and drops every connection without a message, as a power cut does. */
  readonly cut: () => void;
  readonly newKey: (hostKey: string) => void;
}

export interface HostServerOptions {
  readonly machine: Machine;
  readonly port: number;
  readonly hostKey: string;
  /** The one key that may log in. */
  readonly allowed: ParsedKey;
  /** Environment of every command. */
  readonly env: Readonly<Record<string, string>>;
  /** Ports that may be reached through this host (it can be a jump host within the fleet). */
  readonly forwardsTo: (port: number) => boolean;
}

export function createHostServer(options: HostServerOptions): HostServer {
  const { machine, port } = options;
  const sockets = new Set<Socket>();
  let ssh = sshServer(options, options.hostKey);
  let tcp: TcpServer | undefined;

  const take = (socket: Socket): void => {
    sockets.add(socket);
    // Nagle's algorithm and delayed acknowledgements would cost 40 ms a step of the login.
    socket.setNoDelay(true);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
    if (fault(machine, 'mute')) return;
    if (fault(machine, 'banner')) return void talkForEver(socket);
    const slow = fault(machine, 'slow') ?? 0;
    if (slow === 0) ssh.injectSocket(socket);
    else setTimeout(() => socket.destroyed || ssh.injectSocket(socket), slow * 1000).unref();
  };
  return {
    open: () =>
      new Promise((resolve, reject) => {
        tcp = createServer(take);
        tcp.once('error', reject);
        tcp.listen(port, loopback, () => resolve());
      }),
    cut: () => {
      tcp?.close();
      tcp = undefined;
      for (const socket of sockets) socket.destroy();
    },
    newKey: (hostKey) => {
      ssh = sshServer(options, hostKey);
    },
  };
}

/**
 * Lines that are not an SSH identification: RFC 4253 allows some before it, so a client must count
 * them.
 */
function talkForEver(socket: Socket): void {
  const timer = setInterval(() => socket.write('* authorised use only *\r\n'), 20);
  socket.on('close', () => clearInterval(timer));
}

function sshServer(options: HostServerOptions, hostKey: string): InstanceType<typeof ssh2.Server> {
  return new ssh2.Server({ hostKeys: [hostKey] }, (connection: Connection) => {
    connection.on('error', () => undefined);
    connection.on('authentication', (context) => authenticate(options, context));
    connection.on('session', (accept) => {
      const session: Session = accept();
      session.on('exec', (take, _reject, info) => run(options, connection, take(), info.command));
    });
    connection.on('tcpip', (accept, reject, info) => {
      if (!options.forwardsTo(info.destPort)) return reject();
      const there = connect(info.destPort, loopback);
      there.once('connect', () => {
        const channel = accept();
        channel.pipe(there).pipe(channel);
        channel.on('close', () => there.destroy());
      });
      there.on('error', () => reject());
    });
  });
}

function authenticate({ machine, allowed }: HostServerOptions, context: AuthContext): void {
  const user = machine.spec.user ?? 'root';
  const knows =
    context.method === 'publickey' &&
    !fault(machine, 'auth') &&
    context.username === user &&
    context.key.algo === allowed.type &&
    context.key.data.equals(allowed.getPublicSSH());
  if (!knows) return context.reject(['publickey']);
  // Without a signature the client only asks whether the key would do.
  if (
    context.signature &&
    allowed.verify(context.blob ?? Buffer.alloc(0), context.signature, context.hashAlgo) !== true
  )
    return context.reject();
  context.accept();
}

function run(
  options: HostServerOptions,
  connection: Connection,
  channel: ServerChannel,
  command: string,
): void {
  const { machine } = options;
  if (fault(machine, 'nosh')) {
    channel.stderr.write('/bin/sh: No such file or directory\n');
    channel.exit(127);
    channel.end();
    return;
  }
  putTime(machine);
  channel.write(fault(machine, 'noise') ?? '');
  const child = spawn('/bin/sh', ['-c', command], {
    cwd: options.env.HOME,
    detached: true,
    env: options.env,
  });
  child.on('error', () => channel.close());
  child.stdin.on('error', () => undefined);
  channel.on('error', () => undefined);
  channel.pipe(child.stdin);
  deliver(machine, child, channel);
  child.stderr.pipe(channel.stderr, { end: false });
  child.on('close', (code, signal) => {
    // The connection is gone, or the host went down: there is no client to answer.
    if (!channel.writable) return;
    if (signal) channel.exit(signal.replace('SIG', ''));
    else channel.exit(code ?? 255);
    channel.end();
  });
  // As with sshd: a lost client ends the input; a command that writes on gets SIGPIPE, one that is
  // silent lives on.
  channel.on('close', () => {
    child.stdin.destroy();
    child.stdout.destroy();
    child.stderr.destroy();
  });
  dropLater(machine, connection);
}

/** stdout to the client, truncated where the fault is set. */
function deliver(
  machine: Machine,
  child: ChildProcess & { readonly stdout: NodeJS.ReadableStream },
  channel: ServerChannel,
): void {
  const limit = fault(machine, 'cut');
  if (limit === undefined) {
    child.stdout.pipe(channel, { end: false });
    return;
  }
  let left = limit;
  child.stdout.on('data', (chunk: Buffer) => {
    channel.write(chunk.subarray(0, left));
    left -= Math.min(left, chunk.length);
  });
}

function dropLater(machine: Machine, connection: Connection): void {
  const drop = fault(machine, 'drop');
  if (!drop || drop.times <= 0) return;
  machine.faults.set('drop', { ...drop, times: drop.times - 1 });
  setTimeout(() => connection.end(), drop.seconds * 1000).unref();
}
