// What `kmend serve` sends to the page of a run, and what the page sends back: plain data in JSON.
import type { RunView } from './model.ts';

/**
 * The first event of a stream (`event: snapshot`). After it come deltas (`event: delta`, a
 * `ViewDelta`); `event: gone` says that the run was pruned. `id` is the `seq` of the last entry.
 */
export interface Snapshot {
  readonly view: RunView;
  /** The server takes commands from this reader. */
  readonly control: boolean;
  /** Time of the server: clocks of browsers differ. */
  readonly now: number;
}

export type PageCommand =
  | 'pause'
  | 'continue'
  | 'promote'
  | 'abort'
  | 'retry'
  | 'skip'
  | 'done'
  | 'approve';

/** Body of `POST /api/runs/RUN/command`; answered with 202 and, once journalled, by a delta. */
export interface CommandRequest {
  readonly command: PageCommand;
  /** For `retry`, `skip` and `done`. */
  readonly host?: string;
  /** For `approve`: the question as it was read. Another one may be open by now. */
  readonly question?: string;
  readonly reason: string;
}
