// What commands need of a connection, whichever program or library made it.
import type { EventEmitter } from 'node:events';
import type { ExecOptions } from 'ssh2';
import type { Failure } from '../../../model/run/failure.ts';
import type { RawError } from '../connect/failures.ts';
import type { Session } from '../connect/handshake.ts';
import { type ProxyReport, proxyReport } from '../program/proxy-stream.ts';
import type { RemoteCommand } from './command.ts';

/**
 * A running command. Events: `data` (chunk of stdout), `exit` (status or null, signal), `drain`,
 * `close` (after all output).
 */
export interface Channel extends EventEmitter {
  /** Events: `data`. */
  readonly stderr: EventEmitter;
  write(chunk: Uint8Array | string): boolean;
  end(chunk?: Uint8Array): unknown;
  close(): unknown;
  signal(name: string): unknown;
}

export interface StartOptions {
  /** It ends another command: it does not wait for it. */
  readonly last: boolean;
  /** False: nobody waits for the channel any more. */
  readonly wanted: () => boolean;
}

export interface Line {
  /** False: the host key has changed and checking is off. No password is sent. */
  readonly trusted: boolean;
  /** The command must print its own exit status. */
  readonly reportsEnd?: boolean;
  /** Starts a command. It throws if the connection was lost just now. */
  readonly start: (
    command: RemoteCommand,
    options: StartOptions,
    started: (error: RawError | undefined, channel: Channel) => void,
  ) => void;
  /** Why a command with this output did not begin, where that is no fault of the command. */
  readonly explain?: (output: string) => Failure | undefined;
  readonly proxy?: () => ProxyReport | undefined;
}

/** No echo and no conversion of the output (RFC 4254, section 8). Wide, so that no line wraps. */
const terminal = {
  term: 'dumb',
  rows: 24,
  cols: 4096,
  width: 0,
  height: 0,
  modes: { ECHO: 0, ECHONL: 0, OPOST: 0, ONLCR: 0, ICRNL: 1 },
};

/** The line of a session of the library. */
export const lineOf = ({ client, stream, trusted }: Session): Line => ({
  trusted,
  start: (command, _options, started) =>
    client.exec(command.line, (command.terminal ? { pty: terminal } : {}) as ExecOptions, started),
  proxy: () => proxyReport(stream),
});
