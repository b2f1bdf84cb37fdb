// The password dialogue with sudo, su or doas. The password is sent once, after a known question,
// and never to the script.

import type { Become } from '../../../model/host.ts';
import { present } from '../../../model/present.ts';
import type { Failure } from '../../../model/run/failure.ts';
import { passwordExpired, refusalIn } from '../connect/refusals.ts';
import type { RemoteCommand } from './command.ts';

/**
 * Seconds until the program must have started the script. A question in an unknown form must not
 * use up the whole timeout.
 */
const longest = 60;

export interface Dialogue {
  /** Reads the output so far of one stream, before the script started. */
  readonly read: (before: () => string) => void;
  /** The script started or the command ended. */
  readonly close: () => void;
  /** The password was sent. */
  readonly answered: () => boolean;
}

export interface DialogueOptions {
  readonly command: RemoteCommand;
  readonly become: Become | undefined;
  /** Time limit of the whole command, in seconds. */
  readonly timeout: number;
  readonly where: string;
  readonly send: (text: string) => void;
  readonly fail: (failure: Failure) => void;
  /** All output so far. */
  readonly output: () => string;
}

export function createDialogue({
  command,
  become,
  timeout,
  where,
  send,
  fail,
  output,
}: DialogueOptions): Dialogue {
  let open = true;
  let answeredAt = -1;
  const password = become?.password;
  const authFailure = (message: string): Failure => ({
    kind: 'auth',
    message: `${where}: ${become?.method} ${message}`,
  });
  const end = (failure: Failure): void => {
    open = false;
    fail(failure);
  };
  const notStarted = (): void => {
    const answered = answeredAt >= 0;
    const known = refusalIn({
      where,
      code: null,
      output: output(),
      answered,
      ...present({ become }),
    });
    const message = answered
      ? 'accepted the password and did not start the script'
      : 'neither asked for the password in a known way nor started the script';
    const detail = output().trim().slice(-2000) || undefined;
    end(known ?? { ...authFailure(message), ...present({ detail }) });
  };
  // Slightly before the command's own time limit, whose message says less.
  const timer =
    password === undefined
      ? undefined
      : setTimeout(notStarted, Math.min(longest, timeout) * 1000 - 5);
  return {
    read: (came) => {
      if (!open || password === undefined) return;
      const before = came();
      if (answeredAt >= 0 && passwordExpired.test(before.slice(answeredAt))) return notStarted();
      if (command.asks?.(before, Math.max(0, answeredAt)) !== true) return;
      if (answeredAt >= 0) end(authFailure('refused the password'));
      else {
        answeredAt = before.length;
        send(`${password.reveal()}\n`);
      }
    },
    close: () => {
      open = false;
      clearTimeout(timer);
    },
    answered: () => answeredAt >= 0,
  };
}
