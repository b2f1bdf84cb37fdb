// The run that a command is about where none is named.
import type { Session } from '../session/session.ts';
import { CommandError } from '../session/world.ts';

/** The named run, else the last one, which is then named. */
export async function runOrLast(
  named: string | undefined,
  { ports, settings, observer }: Session,
): Promise<string> {
  if (named !== undefined) return named;
  const last = (await (await ports.store()).runs()).at(-1);
  if (last === undefined)
    throw new CommandError(
      3,
      `there is no run under ${settings.state}`,
      '--state or --state-dir names another place of runs',
    );
  observer.notice(`the last run: ${last.run}`);
  return last.run;
}
