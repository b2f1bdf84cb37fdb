// Input and output of an emulated tool that runs in the fleet's process.
import type { Reply } from '../host/calls.ts';
import type { Machine } from '../host/machine.ts';

export interface World {
  /** Reboots the host shortly after the tool has answered. */
  readonly reboot: (machine: Machine) => void;
  /** Powers the host off until `power` switches it on. */
  readonly powerOff: (machine: Machine) => void;
  /** Waits; false when the host went down in the meantime: then nothing may be changed. */
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
 * The emulated tool does not support this call, and says so clearly: it must not look like an
 * answer of the real program.
 */
export const unsupported = (program: string, args: readonly string[]): Reply =>
  failed(64, `${program}: the practice fleet's ${program} does not know: ${args.join(' ')}\n`);
