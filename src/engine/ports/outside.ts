// The ports to services elsewhere: gates, notices and forwarded journals.
import type { NoticeKind, RunNotice } from '../../core/notices/outbox.ts';
import type { GateSpec } from '../../model/playbook.ts';
import type { Event } from '../../model/run/event.ts';
import type { Failure, Outcome } from '../../model/run/failure.ts';

/** What people are notified of. `text` is a whole sentence, which chat webhooks can show as it is. */
export interface Notice {
  readonly schema: 'kmend.notice/1';
  readonly kind: NoticeKind;
  /** The same each time this notice is sent: `RUN/ENTRY`, or of a job's turn `job/NAME/TIME`. */
  readonly key: string;
  readonly text: string;
  readonly why: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  /** The machine that runs kmend. */
  readonly from: string;
  /** The job whose turn it was. */
  readonly job?: string;
  readonly run?: string;
  readonly play?: string;
  readonly exit?: number;
  /** Hosts that it is about. */
  readonly hosts?: readonly string[];
  /** Hosts of the run by their status. */
  readonly counts?: RunNotice['counts'];
  /** Head of the run's journal: outside of this machine it cannot be tampered with here. */
  readonly head?: string;
  /** Why hosts of the run failed, were refused or left out: the first few. */
  readonly failures?: readonly { readonly host: string; readonly failure: Failure }[];
}

/** `url` may contain a secret and is never printed. A command reads the notice as JSON from stdin. */
export type NoticeTarget =
  | { readonly kind: 'webhook'; readonly url: string }
  | { readonly kind: 'command'; readonly command: string }
  | { readonly kind: 'mail'; readonly to: readonly string[] };

export interface Notifier {
  /** One try, which ends within seconds. A transport failure is worth another one. */
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
