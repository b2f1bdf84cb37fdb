// Notifications of how a job ended.

import { resolve } from 'node:path';
import type { HostFailure } from '../../core/run-state/failures.ts';
import type { NoticeTarget } from '../../engine/ports/outside.ts';
import { present } from '../../model/present.ts';
import { plural } from '../../model/text/plural.ts';
import { failureText } from '../../screens/run/failure-text.ts';
import { CommandError, type Surroundings, type World } from '../session/world.ts';
import type { Job, JobNotify, JobResult } from './jobs.ts';

export interface NotifyFlags {
  readonly notifyUrlFile?: string;
  readonly notifyCommand?: string;
  readonly notifyAlways?: boolean;
}

/** The flags as a job keeps them. The file is checked now, so that an error in it shows at once. */
export function notifyOf(flags: NotifyFlags, world: World): JobNotify | undefined {
  const { notifyUrlFile: file, notifyCommand, notifyAlways } = flags;
  if (file === undefined && notifyCommand === undefined) {
    if (notifyAlways !== true) return undefined;
    throw new CommandError(
      3,
      '--notify-always needs a target',
      'give --notify-url-file or --notify-command',
    );
  }
  const urlFile = file === undefined ? undefined : resolve(world.cwd, file);
  if (urlFile !== undefined) addressIn(urlFile, world);
  return {
    ...present({ urlFile, command: notifyCommand }),
    ...(notifyAlways === true ? { always: true } : {}),
  };
}

/** The address of a webhook. It is in no message, since it may be secret. */
function addressIn(file: string, world: World): string {
  const read = world.reader.readText(file);
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

/** How the run of a turn ended, by its journal. */
export interface RunEnd {
  readonly why: string;
  readonly head?: string;
  readonly failures: readonly HostFailure[];
}

/** Failures that a notice names; a chat shows no more. */
const mostFailures = 3;

/** Sends how a job ended. A failure to send is a warning, and does not change the exit code. */
export async function notifyPeople(
  job: Job,
  end: JobResult,
  { why, head, failures }: RunEnd,
  around: Surroundings,
): Promise<void> {
  const { world, observer } = around;
  const { notify, name } = job;
  const hadNothingToDo = end.exit === 0 && end.run === undefined;
  if (notify === undefined || (hadNothingToDo && notify.always !== true)) return;
  const { hostname } = await import('node:os');
  const from = hostname();
  const report = end.run === undefined ? '' : `; kmend report ${end.run}`;
  const journal = head === undefined ? '' : `; journal head ${head}`;
  const shown = failures.slice(0, mostFailures);
  const reasons = shown.map(({ host, failure }) => `; ${host}: ${failureText(failure)}`).join('');
  const more =
    failures.length > shown.length
      ? `; and ${plural(failures.length - shown.length, 'more host')}`
      : '';
  const text = `kmend job ${name} on ${from}: ${why} (exit ${end.exit})${reasons}${more}${report}${journal}`;
  const known = { ...present({ head }), ...(shown.length === 0 ? {} : { failures: shown }) };
  const notice = world.secrets.mask({
    schema: 'kmend.notice/1',
    text,
    job: name,
    from,
    ...end,
    ...known,
  } as const);
  const notifier = await world.notifier();
  for (const { target, called } of targetsOf(notify, around)) {
    const sent = await notifier.send(target, notice, world.kill);
    if (!sent.ok)
      observer.notice(
        `job ${name}: ${called} was not notified: ${sent.failure.message}`,
        'warning',
      );
  }
}

function targetsOf(
  { urlFile, command }: JobNotify,
  { world, observer }: Surroundings,
): readonly { readonly target: NoticeTarget; readonly called: string }[] {
  const targets: { readonly target: NoticeTarget; readonly called: string }[] = [];
  if (command !== undefined)
    targets.push({ target: { kind: 'command', command }, called: 'the command' });
  if (urlFile === undefined) return targets;
  try {
    targets.push({
      target: { kind: 'webhook', url: addressIn(urlFile, world) },
      called: `the webhook of ${urlFile}`,
    });
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    observer.notice(error.message, 'warning');
  }
  return targets;
}
