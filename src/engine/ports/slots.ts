// Slots of runs: the hosts that they have out of service.
import type { HeldSlot } from '../../core/run-state/slot.ts';

/** A host that a run has out of service, as other runs read it. */
export interface Slot {
  /** As in locks: two inventories may have two names for the host. */
  readonly address: string;
  /** Its name in that run. */
  readonly host: string;
  readonly play: string;
  readonly zone?: string;
  readonly kind: HeldSlot;
}

export interface Slots {
  /**
   * Writes a slot before its host is touched, and then reads those of other runs: of two runs that
   * do so at once, at least one sees the other.
   */
  readonly claim: (slot: Slot) => Promise<readonly TakenSlot[]>;
  /** Writes the state of a slot. */
  readonly keep: (slot: Slot) => Promise<void>;
  readonly drop: (address: string) => Promise<void>;
  /** Drops the slots of other runs for a host that this run has returned to service. */
  readonly clear: (address: string) => Promise<void>;
  /** Drops obsolete slots of earlier controllers of this run. */
  readonly forget: () => Promise<void>;
  readonly others: () => Promise<readonly TakenSlot[]>;
}

export interface TakenSlot extends Slot {
  readonly run: string;
}

/** A slot as it is kept. Its name is used once, so a void slot may be removed safely. */
export interface KeptSlot extends TakenSlot {
  /** `claiming` until its run has found room in the budget: nothing was done to the host yet. */
  readonly state: 'claiming' | 'held';
}
