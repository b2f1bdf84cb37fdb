// What a stand-in that runs in the fleet's process gets and gives.
import type { Reply } from '../host/calls.ts';
import type { Machine } from '../host/machine.ts';

export interface World {
  /** Takes the host down and up again, shortly after the stand-in has answered. */
  readonly reboot: (machine: Machine) => void;
  /** Takes it down until somebody powers it on. */
  readonly powerOff: (machine: Machine) => void;
  /** Waits; false when the host went down meanwhile, and then nothing may be changed any more. */
  readonly pause: (machine: Machine, seconds: number) => Promise<boolean>;
  /** Values of shell variables after sourcing files of the host, in order. */
  readonly source: (
    machine: Machine,
    files: readonly string[],
    names: readonly string[],
  ) => Promise<readonly string[]>;
}

export type EmulatedTool = (
  machine: Machine,
  args: readonly string[],
  world: World,
) => Reply | Promise<Reply>;

export const done = (out = '', err = ''): Reply => ({ code: 0, out, err });
export const failed = (code: number, err: string, out = ''): Reply => ({ code, err, out });
/**
 * A question that this stand-in was not made for: said plainly, so that nobody takes it for the
 * real program's answer.
 */
export const unsupported = (program: string, args: readonly string[]): Reply =>
  failed(64, `${program}: the practice fleet's ${program} does not know: ${args.join(' ')}\n`);
