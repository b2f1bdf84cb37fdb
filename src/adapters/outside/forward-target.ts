// Targets of a forwarded journal: syslog over UDP, TCP or TLS, and the programs that write to the
// syslog or journald of this machine.
import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, isIP, isIPv6 } from 'node:net';
import { Writable } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import type { ForwardTarget } from '../../model/forward-target.ts';

/** Bytes of a message that syslog servers do not cut (rsyslog's default limit is 8,192). */
export const longestMessage = 8_000;

/** Milliseconds that a server has to answer. */
const answerLimit = 5_000;

/** Opens the stream. Each write to it is one message. */
export function openTarget(target: ForwardTarget): Promise<Writable> {
  switch (target.kind) {
    case 'syslog':
      return openProgram('logger', [
        '-t',
        'kmend',
        '-p',
        'authpriv.info',
        '--size',
        String(longestMessage),
      ]);
    case 'journald':
      return openProgram('systemd-cat', ['-t', 'kmend', '-p', 'info']);
    case 'udp':
      return openDatagrams(target.host, target.port);
    case 'tcp':
      return opened(connect(target.port, target.host), 'connect');
    case 'tls':
      return opened(
        connectTls({
          host: target.host,
          port: target.port,
          ...(isIP(target.host) === 0 ? { servername: target.host } : {}),
        }),
        'secureConnect',
      );
  }
}

async function opened(socket: ReturnType<typeof connect>, event: string): Promise<Writable> {
  const signal = AbortSignal.timeout(answerLimit);
  try {
    await once(socket, event, { signal });
  } catch (error) {
    socket.destroy();
    throw signal.aborted ? new Error(`no answer within ${answerLimit / 1000} s`) : error;
  }
  // A syslog server sends nothing; if it does, the data is dropped.
  return socket.resume();
}

async function openDatagrams(host: string, port: number): Promise<Writable> {
  const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4');
  socket.connect(port, host);
  await once(socket, 'connect').catch((error: unknown) => {
    socket.close();
    throw error;
  });
  const stream = new Writable({
    write: (chunk: Buffer, _, done) => socket.send(chunk, done),
    destroy: (error, done) => socket.close(() => done(error)),
  });
  socket.on('error', (error) => stream.destroy(error));
  return stream;
}

/** Detached, so that Ctrl-C stops the run but not the program that forwards its last entries. */
async function openProgram(name: string, args: readonly string[]): Promise<Writable> {
  const child = spawn(name, args, { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
  await once(child, 'spawn');
  const ended = once(child, 'close');
  child.stdin.on('error', () => {});
  const stream = new Writable({
    write: (chunk: Buffer, _, done) => void child.stdin.write(chunk, done),
    final: (done) => {
      child.stdin.end();
      ended.then(
        ([code]) => done(code === 0 ? null : new Error(`${name} ended with ${code}`)),
        done,
      );
    },
    destroy: (error, done) => {
      child.kill();
      done(error);
    },
  });
  void ended.then(([code]) => {
    if (!stream.writableEnded) stream.destroy(new Error(`${name} ended with ${code}`));
  });
  return stream;
}
