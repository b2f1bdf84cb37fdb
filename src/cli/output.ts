// What `--json` prints, as types: `npm run docs` makes docs/schema/ of them, and
// docs/machine-output.md says what may change within a number.
import type { Stays } from '../app/history/prune.ts';
import type { ClusterAnswer } from '../app/hosts/doctor.ts';
import type { Job } from '../app/jobs/jobs.ts';
import type { ExaminedState } from '../app/session/database.ts';
import type { HostDrift } from '../core/history/drift-report.ts';
import type { Held, Twins } from '../core/history/orphans.ts';
import type { RunSummary } from '../core/history/run-summary.ts';
import type { ActiveProbe } from '../engine/host/fleet.ts';
import type { RunInfo } from '../engine/ports/history.ts';
import type { Notice } from '../engine/ports/outside.ts';
import type { LiveWorker, OpenRun } from '../engine/ports/workers.ts';
import { eachInTurns } from '../engine/session/in-turns.ts';
import type { Accounted } from '../load/index.ts';
import type { Diagnostic } from '../model/diagnostic.ts';
import type { Facts } from '../model/fact.ts';
import type { Event } from '../model/run/event.ts';
import type { Failure } from '../model/run/failure.ts';
import type { Plan } from '../model/run/plan.ts';
import { jsonPieces, toJson } from '../model/text/printable.ts';
import type { World } from './world.ts';

/** Every object that kmend prints with `--json`, by its `schema`. */
export interface Outputs {
  readonly 'kmend.audit/1': AuditLine;
  readonly 'kmend.check/1': CheckLine;
  readonly 'kmend.cleanup/1': HostAnswer;
  readonly 'kmend.cluster/1': ClusterAnswer;
  readonly 'kmend.control/1': ControlLine;
  readonly 'kmend.detached/1': DetachedLine;
  readonly 'kmend.doctor/1': HostAnswer;
  readonly 'kmend.drift/1': DriftLine;
  readonly 'kmend.error/1': ErrorLine;
  readonly 'kmend.event/1': Event;
  readonly 'kmend.held/1': Held;
  readonly 'kmend.import/1': ImportLine;
  readonly 'kmend.job/1': JobLine;
  readonly 'kmend.journal/1': JournalLine;
  readonly 'kmend.lab/1': LabLine;
  readonly 'kmend.node/1': NodeLine;
  readonly 'kmend.notice/1': Notice;
  readonly 'kmend.open-run/1': OpenRun;
  readonly 'kmend.plan/1': Plan;
  readonly 'kmend.prune/1': PruneLine;
  readonly 'kmend.refused/1': RefusedLine;
  readonly 'kmend.report/1': RunSummary;
  readonly 'kmend.run/1': RunInfo;
  readonly 'kmend.state/1': ExaminedState;
  readonly 'kmend.token/1': TokenLine;
  readonly 'kmend.twins/1': Twins;
  readonly 'kmend.validate/1': ValidateLine;
  readonly 'kmend.worker/1': LiveWorker;
}

/** `schedule list`: a job. */
export interface JobLine extends Job {
  /** Its next turn; milliseconds since 1970. */
  readonly next?: number;
}

/** `audit verify`: a journal, checked. */
export interface AuditLine {
  readonly run: string;
  /** `open`: without a final record; it was killed, or its end was cut off. */
  readonly end: 'closed' | 'under_way' | 'open';
  /** Absent where the chain is broken, as are the next three. */
  readonly entries?: number;
  /** sha256 of the last line. */
  readonly head?: string;
  /** A crash cut off the last line. */
  readonly torn?: boolean;
  /** Number of files and pieces of output that match their entries. */
  readonly files?: number;
  /** What contradicts the journal; empty = it holds. */
  readonly wrong: readonly string[];
  readonly notes: readonly string[];
}

/** `check`: a host, as soon as it has answered. */
export interface CheckLine {
  readonly host: string;
  /** Facts by their names (docs/facts.md); null where the host could not be read. */
  readonly facts: Facts | null;
  readonly failure: Failure | null;
  /** Only with `--active`. */
  readonly active?: ActiveProbe;
}

/** `import`: a playbook of Ansible, and what became of it. */
export interface ImportLine {
  readonly playbook: string;
  /** Share of the tasks that are kept or replaced, from 0 to 1. */
  readonly share: number;
  /** False where the share is below 0.7: then nothing was written. */
  readonly worth: boolean;
  /** Each task of the old files once; and keys and roles that do not stay as they are. */
  readonly account: readonly Accounted[];
  /** The playbook first, then each file that it reads; `written`: where the draft of it is. */
  readonly files: readonly {
    readonly path: string;
    readonly changed: boolean;
    readonly written?: string;
  }[];
}

/** `apply --detach`: the run that was begun. */
export interface DetachedLine {
  readonly run: string;
  /** Workers that were alive then. */
  readonly workers: number;
}

/** `doctor` and `cleanup`: a host. */
export interface HostAnswer {
  readonly host: string;
  /** What was found or done, for people; empty where it failed. */
  readonly text: string;
  readonly failure: Failure | null;
}

/** `pause`, `continue`, `abort`, `promote`, `resolve`, and a `resume` of a run under way. */
export interface ControlLine {
  readonly run: string;
  /** The process that takes the command up; null: the next `resume` does. */
  readonly holder: string | null;
}

/** `drift`: a host. */
export interface DriftLine extends HostDrift {
  /** The run that left the host out of service. */
  readonly held: Held | null;
}

/** An error that ended the command, or a part of it. People read the same on stderr. */
export interface ErrorLine {
  /**
   * `usage`: the command line. `input`: playbook or inventory, see `diagnostics`. `state`: the state
   * directory. `command`: any other that an operator can act on. `internal`: a fault of kmend.
   */
  readonly kind: 'usage' | 'input' | 'state' | 'command' | 'internal';
  /** The exit code that this error has. */
  readonly exit: number;
  readonly message: string;
  readonly hint?: string;
  readonly diagnostics?: readonly Diagnostic[];
}

/** The last line of the events of a run: the head of its journal. */
export interface JournalLine {
  readonly run: string;
  readonly entries: number;
  /** sha256 of the last line. */
  readonly head: string;
}

/** `lab list`: a host of the practice fleet. */
export interface LabLine {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly flavour: string;
  readonly answers: boolean;
}

/** `drain`, `cordon` and `uncordon`: a node. */
export interface NodeLine {
  readonly node: string;
  readonly action: 'cordon' | 'drain' | 'uncordon';
  /** Nothing was changed: `--dry-run`. */
  readonly dryRun: boolean;
  /** The node was not as asked before. */
  readonly changed?: boolean;
  /** `drain`: pods that were evicted, or would be. */
  readonly evicted?: readonly string[];
  /** `drain`: pods and volumes that stay on the node. */
  readonly left?: readonly string[];
  /** `drain --dry-run`: what prevents it, and what prevents it now only. */
  readonly blocks?: readonly string[];
  readonly busy?: readonly string[];
  /** `drain --dry-run`: seconds, by grace periods. */
  readonly estimate?: number;
  readonly failure?: Failure;
}

/** `runs prune`. */
export interface PruneLine {
  /** Nothing was removed: `--check`. */
  readonly check: boolean;
  /** Runs that were removed, or would be. */
  readonly removed: readonly string[];
  readonly stays: readonly { readonly run: string; readonly why: Stays }[];
}

/** `rollback`: a host that is not rolled back. */
export interface RefusedLine {
  readonly run: string;
  readonly host: string;
  readonly failure: Failure;
}

/** `token list`: a read-only token of `kmend serve`, without what is secret of it. */
export interface TokenLine {
  readonly name: string;
  /** The user that made it. */
  readonly who: string;
  /** When, in milliseconds since 1970. */
  readonly at: number;
}

/** `validate`: a playbook. */
export interface ValidateLine {
  readonly playbook: string;
  /** Without an error. */
  readonly ok: boolean;
  /** Absent where the playbook could not be read. */
  readonly plays?: number;
  /** Hosts of the inventory; 0 without one. */
  readonly hosts?: number;
  readonly diagnostics: readonly Diagnostic[];
}

/** Prints an object on one line of standard output. */
export const printJson = <Name extends keyof Outputs>(
  schema: Name,
  body: Outputs[Name],
  { out }: Pick<World, 'out'>,
): void => out(toJson({ schema, ...body }));

/** The same for an object of megabytes: the event loop turns while its text is made. */
export const printJsonInTurns = async <Name extends keyof Outputs>(
  schema: Name,
  body: Outputs[Name],
  { out, clock }: Pick<World, 'out' | 'clock'>,
): Promise<void> => out(await jsonInTurns({ schema, ...body }, clock));

/** The text of a value as JSON, made while the event loop turns. */
export async function jsonInTurns(
  value: unknown,
  clock: World['clock'],
  indent = 0,
): Promise<string> {
  let text = '';
  const add = (piece: string): void => {
    text += piece;
  };
  await eachInTurns(jsonPieces(value, indent), add, clock);
  return text;
}
