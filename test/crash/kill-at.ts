// Where in its journal a kmend process is to be killed, as the environment that makes kill-at.cjs
// do it.
import { join } from 'node:path';
import type { EventType } from '../../src/model/run/event.ts';

/**
 * Where a controller is killed: at a line of the journal, by type (the first that it writes) or by
 * number; `later`: milliseconds after it.
 */
export type KillPoint = { readonly type: EventType } | RandomPoint;

export interface RandomPoint {
  readonly seq: number;
  readonly later: number;
}

/** `note` is a file that says where it was killed; without it the process came to its end. */
export function killEnv(point: KillPoint, note: string): Readonly<Record<string, string>> {
  const where =
    'type' in point
      ? { KILL_TYPE: point.type }
      : { KILL_SEQ: String(point.seq), KILL_AFTER_MS: String(point.later) };
  return {
    NODE_OPTIONS: `--require=${join(import.meta.dirname, 'kill-at.cjs')}`,
    KILL_NOTE: note,
    ...where,
  };
}
