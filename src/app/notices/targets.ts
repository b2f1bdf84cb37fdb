// Where notices go, and which: by the flags, which a run and a job keep.
import { resolve } from 'node:path';
import { type NoticeKind, noticeKinds, type Wanted } from '../../core/notices/outbox.ts';
import { wrongTemplate } from '../../core/notices/template.ts';
import { mayHoldSecret } from '../../core/plan/kept-vars.ts';
import type { NoticeTarget } from '../../engine/ports/outside.ts';
import { present } from '../../model/present.ts';
import type { NotifyFlags } from '../session/flags.ts';
import { CommandError, type Surroundings, type World } from '../session/world.ts';

export const hasTarget = (flags: NotifyFlags): boolean =>
  (flags.notifyUrlFile ?? flags.notifyCommand ?? flags.notifyMail) !== undefined;

/** The flags as they are kept: with absolute paths. */
export function absolutePaths<
  T extends { readonly notifyUrlFile?: string; readonly metricsFile?: string },
>(flags: T, { cwd }: World): T {
  const { notifyUrlFile: url, metricsFile: metrics } = flags;
  const [notifyUrlFile, metricsFile] = [url, metrics].map((path) => path && resolve(cwd, path));
  return { ...flags, ...present({ notifyUrlFile, metricsFile }) };
}

/** Refuses wrong flags before anything is done, and flags that must not be kept. */
export function checkNotify(flags: NotifyFlags, world: World): void {
  const { notifyUrlFile, notifyCommand, notifyMail, notifyText } = flags;
  if (!hasTarget(flags) && (flags.notifyOn !== undefined || notifyText !== undefined))
    throw new CommandError(
      3,
      `${notifyText === undefined ? '--notify-on' : '--notify-text'} needs a target`,
      'give --notify-url-file, --notify-command or --notify-mail',
    );
  kindsOf(flags);
  if (notifyUrlFile !== undefined) addressIn(notifyUrlFile, world);
  if (notifyMail !== undefined) recipients(notifyMail);
  if (
    [notifyCommand ?? '', notifyText ?? ''].some((text) => mayHoldSecret(text, world.secrets.mask))
  )
    throw new CommandError(
      3,
      'the command or the text of the notices may hold a secret, and would be kept',
      'put it into a file that the command reads',
    );
  const wrong = notifyText === undefined ? undefined : wrongTemplate(notifyText);
  if (wrong !== undefined) throw new CommandError(3, `--notify-text: ${wrong}`);
}

/** The kinds of notices that are wanted; all of them where none is named. */
export function kindsOf({ notifyOn }: NotifyFlags): ReadonlySet<NoticeKind> {
  if (notifyOn === undefined) return new Set(noticeKinds);
  const kinds = notifyOn.map((word) => {
    const kind = noticeKinds.find((one) => one === word);
    if (kind !== undefined) return kind;
    throw new CommandError(3, `--notify-on must be of ${noticeKinds.join(', ')}, not \`${word}\``);
  });
  return new Set(kinds);
}

/** What a run owes by its flags, wherever they come from. */
export const wantedBy = (flags: NotifyFlags): Wanted => ({
  kinds: kindsOf(flags),
  targets: [
    ...(flags.notifyUrlFile === undefined ? [] : (['webhook'] as const)),
    ...(flags.notifyCommand === undefined ? [] : (['command'] as const)),
    ...(flags.notifyMail === undefined ? [] : (['mail'] as const)),
  ],
});

export interface NamedTarget {
  readonly target: NoticeTarget;
  /** In messages: it names no address. */
  readonly called: string;
}

/** The targets. One that cannot be used now is a warning: nothing else depends on it. */
export function targetsOf(flags: NotifyFlags, around: Surroundings): readonly NamedTarget[] {
  const { notifyUrlFile: file, notifyCommand: command, notifyMail: mail } = flags;
  const targets: NamedTarget[] = [];
  const add = (called: string, make: () => NoticeTarget): void => {
    try {
      targets.push({ target: make(), called });
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      around.observer.notice(error.message, 'warning');
    }
  };
  if (command !== undefined) add('the command', () => ({ kind: 'command', command }));
  if (file !== undefined)
    add(`the webhook of ${file}`, () => ({ kind: 'webhook', url: addressIn(file, around.world) }));
  if (mail !== undefined) add('the e-mail', () => ({ kind: 'mail', to: recipients(mail) }));
  return targets;
}

/** The address of a webhook. It is in no message, since it may be secret. */
function addressIn(file: string, world: World): string {
  const read = world.reader.readText(resolve(world.cwd, file));
  if (!read.ok)
    throw new CommandError(
      3,
      `the address of the webhook cannot be read from ${file}: ${read.why}`,
    );
  const address = read.text.trim();
  if (!/^https?:\/\/[^\s/]\S*$/.test(address))
    throw new CommandError(
      3,
      `${file} should hold the address of a webhook (https://...), and nothing else`,
    );
  world.secrets.learn([address]);
  return address;
}

function recipients(text: string): readonly string[] {
  const all = text.split(',').map((one) => one.trim());
  const wrong = all.find((one) => !/^[^\s@<>"',;|-][^\s@<>"',;|]*(?:@[^\s@<>"',;|]+)?$/.test(one));
  if (wrong === undefined) return all;
  throw new CommandError(
    3,
    `--notify-mail must be addresses such as ops@example.org, not \`${wrong}\``,
  );
}
