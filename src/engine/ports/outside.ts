// The ports to services elsewhere: gates, notices and forwarded journals.
import type { GateSpec } from '../../model/playbook.ts';
import type { Event } from '../../model/run/event.ts';
import type { Failure, Outcome } from '../../model/run/failure.ts';

/** The notice at the end of a job. `text` is a whole sentence, which chat webhooks can show as it is. */
export interface Notice {
  readonly schema: 'kmend.notice/1';
  readonly text: string;
  readonly job: string;
  readonly exit: number;
  readonly run?: string;
  /** Head of the run's journal: outside of this machine it cannot be tampered with here. */
  readonly head?: string;
  /** Why hosts of the run failed, were refused or left out: the first few. */
  readonly failures?: readonly { readonly host: string; readonly failure: Failure }[];
  /** Milliseconds since 1970. */
  readonly at: number;
  /** The machine that ran the job. */
  readonly from: string;
}

/** `url` may contain a secret and is never printed. A command reads the notice as JSON from stdin. */
export type NoticeTarget =
  | { readonly kind: 'webhook'; readonly url: string }
  | { readonly kind: 'command'; readonly command: string };

export interface Notifier {
  /** Retries transport failures. A failed notice is reported and does not change the job. */
  readonly send: (
    target: NoticeTarget,
    notice: Notice,
    signal?: AbortSignal,
  ) => Promise<Outcome<true>>;
}

/** Forwards entries of a journal during the run. It never throws; only the end of the run waits for it. */
export interface Forwarder {
  readonly send: (event: Event, line: string) => void;
  /** Waits a few seconds for entries under way; returns why some were lost. */
  readonly close: () => Promise<string | undefined>;
}

export interface GateReading {
  readonly open: boolean;
  /** What it read, for the operator: "503", "3 firing alerts: ...". */
  readonly read: string;
}

export interface Gates {
  /** Reads a gate once; any error is a closed gate that says why. */
  readonly read: (gate: GateSpec, signal?: AbortSignal) => Promise<GateReading>;
}
