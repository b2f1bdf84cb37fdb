// The ports to services elsewhere: gates, notices and forwarded journals.
import type { GateSpec } from '../../model/playbook.ts';
import type { Event } from '../../model/run/event.ts';
import type { Failure, Outcome } from '../../model/run/failure.ts';

/**
 * What is told to people who are not there: the end of a job. Its `text` is a whole sentence, so
 * that chat webhooks can show it as it is.
 */
export interface Notice {
  readonly schema: 'kmend.notice/1';
  readonly text: string;
  readonly job: string;
  readonly exit: number;
  readonly run?: string;
  /** Head of the run's journal: what left this machine cannot be changed here any more. */
  readonly head?: string;
  /** Why hosts of the run failed, were refused or left out: the first few. */
  readonly failures?: readonly { readonly host: string; readonly failure: Failure }[];
  /** Milliseconds since 1970. */
  readonly at: number;
  /** The machine that ran the job. */
  readonly from: string;
}

/**
 * `url` may hold a secret and is never printed. A command gets the notice as JSON on its standard
 * input.
 */
export type NoticeTarget =
  | { readonly kind: 'webhook'; readonly url: string }
  | { readonly kind: 'command'; readonly command: string };

export interface Notifier {
  /**
   * Tries a few times where that can help. A notice that does not arrive changes nothing about the
   * job: it is told, and that is all.
   */
  readonly send: (
    target: NoticeTarget,
    notice: Notice,
    signal?: AbortSignal,
  ) => Promise<Outcome<true>>;
}

/**
 * Sends entries of a journal elsewhere, while the run goes on. It never throws, and nothing waits
 * for it but the end of the run.
 */
export interface Forwarder {
  readonly send: (event: Event, line: string) => void;
  /** Waits a few seconds for what is under way; gives what did not get through. */
  readonly close: () => Promise<string | undefined>;
}

export interface GateReading {
  readonly open: boolean;
  /** What it read, for people: "503", "3 firing alerts: ...". */
  readonly read: string;
}

export interface Gates {
  /** Reads a gate once; any error is a closed gate that says why. */
  readonly read: (gate: GateSpec, signal?: AbortSignal) => Promise<GateReading>;
}
