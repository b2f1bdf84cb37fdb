// How the turn of a job ended, as a notice.

import type { HostFailure } from '../../core/run-state/failures.ts';
import type { Notice } from '../../engine/ports/outside.ts';
import { present } from '../../model/present.ts';
import { mostFailures, turnText } from '../../screens/run/notice-text.ts';
import { laneTo } from '../notices/courier.ts';
import { withTemplate } from '../notices/run-notices.ts';
import { absolutePaths, checkNotify, hasTarget, kindsOf, targetsOf } from '../notices/targets.ts';
import type { NotifyFlags } from '../session/flags.ts';
import { CommandError, type Surroundings, type World } from '../session/world.ts';
import type { Job, JobNotify, JobResult } from './jobs.ts';

export interface JobNotifyFlags extends NotifyFlags {
  readonly notifyAlways?: boolean;
}

/** Milliseconds before each further try: a turn ends soon after its work. */
const turnPauses = [1_000, 5_000];

/** The flags as a job keeps them. The file is checked now, so that an error in it shows at once. */
export function notifyOf(flags: JobNotifyFlags, world: World): JobNotify | undefined {
  const { notifyAlways } = flags;
  if (!hasTarget(flags) && notifyAlways === true)
    throw new CommandError(
      3,
      '--notify-always needs a target',
      'give --notify-url-file, --notify-command or --notify-mail',
    );
  checkNotify(flags, world);
  if (!hasTarget(flags)) return undefined;
  const { notifyUrlFile: urlFile, notifyCommand: command } = absolutePaths(flags, world);
  const { notifyMail: mail, notifyOn: on, notifyText: text } = flags;
  return {
    ...present({ urlFile, command, mail, on, text }),
    ...(notifyAlways === true ? { always: true } : {}),
  };
}

/** The flags of a job's notices; its turn is one notice where it names no kinds. */
const flagsOf = ({ urlFile, command, mail, on = ['finished'], text }: JobNotify): NotifyFlags => ({
  ...present({
    notifyUrlFile: urlFile,
    notifyCommand: command,
    notifyMail: mail,
    notifyText: text,
  }),
  notifyOn: on,
});

/** The flags for the runs of a turn: the turn itself says how it ended. */
export function notifyFlagsOfRuns({ notify }: Job): NotifyFlags {
  if (notify === undefined) return {};
  const flags = flagsOf(notify);
  return { ...flags, notifyOn: (flags.notifyOn ?? []).filter((kind) => kind !== 'finished') };
}

/** How the run of a turn ended, by its journal. */
export interface RunEnd {
  /** Names the turn, also where its notice is sent again; milliseconds since 1970. */
  readonly turn: number;
  readonly why: string;
  readonly head?: string;
  readonly failures: readonly HostFailure[];
}

/** Sends how a job ended. A failure to send is a warning, and does not change the exit code. */
export async function notifyPeople(
  { notify, name }: Job,
  end: JobResult,
  { turn, why, head, failures }: RunEnd,
  around: Surroundings,
): Promise<void> {
  const { world, observer } = around;
  const hadNothingToDo = end.exit === 0 && end.run === undefined;
  if (notify === undefined || (hadNothingToDo && notify.always !== true)) return;
  const flags = flagsOf(notify);
  if (!kindsOf(flags).has('finished')) return;
  const { hostname } = await import('node:os');
  const from = hostname();
  const shown = failures.slice(0, mostFailures);
  const known = { job: name, why, ...present({ run: end.run, head }) };
  const notice: Notice = {
    schema: 'kmend.notice/1',
    kind: 'finished',
    key: `job/${name}/${turn}`,
    text: turnText({ ...known, exit: end.exit, failures }, from),
    from,
    ...known,
    ...end,
    ...(shown.length === 0 ? {} : { failures: shown }),
  };
  const masked = world.secrets.mask(withTemplate(notice, flags.notifyText));
  const notifier = await world.notifier();
  const lanes = targetsOf(flags, around).map(({ target, called }) =>
    laneTo({
      target,
      called,
      send: (to, what) => notifier.send(to, what, world.kill),
      sleep: (pause) => world.clock.sleep(pause, world.kill),
      pauses: turnPauses,
      taken: async () => {},
      warn: (text) => observer.notice(`job ${name}: ${text}`, 'warning'),
    }),
  );
  for (const lane of lanes) lane.send(masked);
  for (const lane of lanes) await lane.close();
}
