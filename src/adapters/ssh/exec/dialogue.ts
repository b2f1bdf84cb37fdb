// The password dialogue with sudo, su or doas: the password goes out once, after a question that we
// know, and never into the script.

import type { Become } from '../../../model/host.ts';
import { present } from '../../../model/present.ts';
import type { Failure } from '../../../model/run/failure.ts';
import { passwordExpired, refusalIn } from '../connect/refusals.ts';
import type { RemoteCommand } from './command.ts';

/**
 * Seconds in which the program must have asked and begun: a question in a form that we do not know
 * must not cost the whole timeout.
 */
const longest = 60;

export interface Dialogue {
  /** Looks at what came so far on one of the streams, before the script began. */
  readonly hear: (before: () => string) => void;
  /** The script began, or it is all over. */
  readonly close: () => void;
  /** The password was sent. */
  readonly answered: () => boolean;
}

export interface DialogueOptions {
  readonly command: RemoteCommand;
  readonly become: Become | undefined;
  /** Seconds that the command may take as a whole. */
  readonly timeout: number;
  readonly where: string;
  readonly send: (text: string) => void;
  readonly fail: (failure: Failure) => void;
  /** All that was said so far. */
  readonly said: () => string;
}

export function createDialogue({
  command,
  become,
  timeout,
  where,
  send,
  fail,
  said,
}: DialogueOptions): Dialogue {
  let open = true;
  let answeredAt = -1;
  const password = become?.password;
  const end = (failure: Failure): void => {
    open = false;
    fail(failure);
  };
  const give = (message: string, detail = ''): void => {
    end({
      kind: 'auth',
      message: `${where}: ${become?.method} ${message}`,
      ...(detail === '' ? {} : { detail }),
    });
  };
  const refused = (words: string): Failure | undefined =>
    refusalIn({
      where,
      code: null,
      said: words,
      answered: answeredAt >= 0,
      ...present({ become }),
    });
  const silent = (): void => {
    const known = refused(said());
    if (known !== undefined) return end(known);
    const what =
      answeredAt < 0
        ? 'neither asked for the password in a known way nor began'
        : 'took the password and did not begin';
    give(what, said().trim().slice(-2000));
  };
  // A moment before the command's own clock, which would say less.
  const timer =
    password === undefined ? undefined : setTimeout(silent, Math.min(longest, timeout) * 1000 - 5);
  return {
    hear: (came) => {
      if (!open || password === undefined) return;
      const before = came();
      if (answeredAt >= 0 && passwordExpired.test(before.slice(answeredAt))) return silent();
      if (command.asks?.(before, Math.max(0, answeredAt)) !== true) return;
      if (answeredAt >= 0) give('refused the password');
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
