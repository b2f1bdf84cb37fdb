// Named jobs: their definitions in the state directory, and their runs.
import { mayHoldSecret, withoutSecrets } from '../../core/plan/kept-vars.ts';
import { secretNames } from '../../core/plan/secrets.ts';
import type { RunInfo } from '../../engine/ports/store.ts';
import { dataIn, flag, listOf, number, object, oneOf, text } from '../../model/shape/shape.ts';
import { toJson } from '../../model/text/printable.ts';
import { extraVarsOf } from '../session/extra-vars.ts';
import type { Session } from '../session/session.ts';
import { CommandError, type Surroundings } from '../session/world.ts';

/** When and how a job last ended. */
export interface JobResult {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly exit: number;
  readonly run?: string;
  /** When the turn was due that a worker ended so; milliseconds since 1970. */
  readonly turn?: number;
}

/** Targets of the notification. The webhook's address may be secret, so only its file is named. */
export interface JobNotify {
  readonly urlFile?: string;
  readonly command?: string;
  readonly mail?: string;
  /** Kinds of notices; absent = how a turn ended. */
  readonly on?: readonly string[];
  /** Template of the text. */
  readonly text?: string;
  /** Also when there was nothing to do. */
  readonly always?: boolean;
}

export interface Job {
  readonly schema: 'kmend.job/1';
  readonly name: string;
  readonly every: string;
  /** Command line after `kmend`: `apply playbooks/auto.yaml -i inventory.yaml`. */
  readonly args: readonly string[];
  readonly directory: string;
  readonly who: string;
  /** Unit files that `--write` wrote. */
  readonly units: readonly string[];
  readonly notify?: JobNotify;
  readonly last?: JobResult;
  /** When a turn last ended with 0; milliseconds since 1970. */
  readonly succeeded?: number;
  /**
   * Workers carry out its turns that are due after this time (milliseconds since 1970), by a
   * calendar with a zone; absent = a timer of a machine starts them.
   */
  readonly since?: number;
}

/** Checks a name, since it goes into file names, unit names and names of Kubernetes objects. */
export function checkedName(name: string): string {
  if (/^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/.test(name)) return name;
  throw new CommandError(
    3,
    `\`${name}\` is no name for a job`,
    'lower-case letters, digits and dashes, 40 at most: nightly-pool-a',
  );
}

/** Refuses secrets in a job's command line, which is stored, and printed in units. */
export function refuseSecrets({ args, notify }: Job, around: Surroundings): void {
  const { mask } = around.world.secrets;
  const given = args.flatMap((word, index) => extraVarsIn(word, args[index + 1] ?? ''));
  const vars = given
    .filter((word) => !word.startsWith('@'))
    .map((word) => extraVarsOf([word], around));
  const named = vars.flatMap((one) => withoutSecrets(one, secretNames(), mask).withheld);
  const [name] = named;
  if (name !== undefined)
    throw new CommandError(
      3,
      `the job would keep the value of ${name}, which may be secret`,
      'give it with -e @FILE, or as KMEND_VAR_NAME',
    );
  if ([...args, notify?.command ?? ''].some((word) => mayHoldSecret(word, mask)))
    throw new CommandError(
      3,
      'the command line of the job may hold a secret, and would be kept',
      'put it into a file, and name the file',
    );
}

function extraVarsIn(word: string, next: string): readonly string[] {
  if (/^(?:-[a-zA-Z]*e|--extra-vars)$/.test(word)) return [next];
  const [, joined] = /^(?:-e|--extra-vars=)(.+)$/s.exec(word) ?? [];
  return joined === undefined ? [] : [joined];
}

export const saveJob = async (job: Job, { ports }: Session): Promise<void> =>
  (await ports.store()).jobs.write(job.name, `${toJson(job, 1)}\n`);

export const removeJob = async (name: string, { ports }: Session): Promise<void> =>
  (await ports.store()).jobs.remove(name);

const jobShape = object(
  {
    schema: oneOf('kmend.job/1'),
    name: text,
    every: text,
    args: listOf(text),
    directory: text,
    who: text,
    units: listOf(text),
  },
  {
    notify: object(
      {},
      { urlFile: text, command: text, mail: text, on: listOf(text), text, always: flag },
    ),
    last: object({ at: number, exit: number }, { run: text, turn: number }),
    succeeded: number,
    since: number,
  },
);

export async function findJob(name: string, { ports }: Session): Promise<Job | undefined> {
  const { jobs } = await ports.store();
  const read = await jobs.read(checkedName(name));
  if (read === undefined) return undefined;
  const data = dataIn(read);
  const wrong = jobShape(data, '');
  if (wrong !== undefined)
    throw new CommandError(
      1,
      `${jobs.placeOf(name)} is damaged: ${wrong}`,
      'install the job again',
    );
  // Its shape is checked, and only this user can write it.
  return data as unknown as Job;
}

export async function jobNamed(name: string, session: Session): Promise<Job> {
  const job = await findJob(name, session);
  if (job !== undefined) return job;
  throw new CommandError(
    3,
    `there is no job ${name} under ${session.settings.state}`,
    'kmend schedule list shows them',
  );
}

export async function allJobs(session: Session): Promise<readonly Job[]> {
  const jobs: Job[] = [];
  for (const name of await (await session.ports.store()).jobs.names())
    jobs.push(await jobNamed(name, session));
  return jobs;
}

/** Without those that are damaged: `schedule list` says what is wrong with them. */
export async function readableJobs(session: Session): Promise<readonly Job[]> {
  const names = await (await session.ports.store()).jobs.names();
  const found = await Promise.all(
    names.map((name) =>
      findJob(name, session).catch((error: unknown) => {
        if (error instanceof CommandError) return undefined;
        throw error;
      }),
    ),
  );
  return found.flatMap((job) => job ?? []);
}

/** The runs that this job started, the oldest first. */
export const runsOfJob = async (name: string, { ports }: Session): Promise<readonly RunInfo[]> =>
  (await (await ports.store()).runs()).filter(({ job }) => job === name);
