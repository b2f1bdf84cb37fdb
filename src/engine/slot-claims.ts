// The slots of a run beside those of other runs: written before a host is started, kept up to date
// with the journal, and read as events.

import type { Decision } from '../core/rollout/decision.ts';
import { inOrder } from '../core/run-state/ranked.ts';
import { countsForBrake, type HeldSlot, heldSlot } from '../core/run-state/slot.ts';
import {
  type HostState,
  hostAt,
  hostState,
  hostStates,
  type RunState,
} from '../core/run-state/state.ts';
import { present } from '../model/present.ts';
import type { EventBody, OtherSlot } from '../model/run/event.ts';
import type { Slot, Slots, TakenSlot } from './ports/store.ts';

export interface SlotInput {
  readonly slots: Slots;
  /** Hosts of the pool by address. */
  readonly addresses: ReadonlyMap<string, string>;
  /** The brake counts unreachable hosts too. */
  readonly countsUnreachable: boolean;
  readonly now: () => number;
  readonly state: () => RunState;
  readonly record: (body: EventBody) => Promise<unknown>;
}

export class SlotClaims {
  readonly #input: SlotInput;
  readonly #addressOf: ReadonlyMap<string, string>;
  readonly #held = new Set<string>();
  #begun = false;
  #readAt = 0;

  constructor(input: SlotInput) {
    this.#input = input;
    this.#addressOf = new Map([...input.addresses].map(([address, host]) => [host, address]));
  }

  get readAt(): number {
    return this.#readAt;
  }

  /** Writes the state of hosts to their slots, after it is in the journal. Call it before a decision. */
  async sync(): Promise<void> {
    const state = this.#input.state();
    for (const host of this.#begun ? this.#concerned(state) : hostStates(state))
      await this.#bring(host);
    if (!this.#begun) await this.#input.slots.forget();
    this.#begun = true;
  }

  /**
   * Takes a slot for a host, if `decide` still starts it beside the slots of other runs. The claim is
   * written before theirs are read: of two runs that start at once, at least one sees the other.
   */
  async take(name: string, decide: () => Decision): Promise<boolean> {
    const host = hostState(this.#input.state(), name);
    if (host === undefined) throw new Error(`${name} is not of this run`);
    const slot = this.#slotOf(host, 'held');
    await this.#note(await this.#input.slots.claim(slot));
    const again = decide();
    if (again.kind === 'start' && again.host === name) {
      await this.#input.slots.keep(slot);
      this.#held.add(name);
      return true;
    }
    if (!this.#held.has(name)) await this.#input.slots.drop(slot.address);
    return false;
  }

  /** Reads the slots of other runs. */
  async read(): Promise<void> {
    await this.#note(await this.#input.slots.others());
  }

  #concerned(state: RunState): Iterable<HostState> {
    const indexes = [state.running, state.soaking, state.kept].flatMap((set) => [...inOrder(set)]);
    const before = [...this.#held].flatMap((host) => state.indexOf.get(host) ?? []);
    return [...new Set([...indexes, ...before])].map((index) => hostAt(state, index));
  }

  async #bring(host: HostState): Promise<void> {
    const { slots } = this.#input;
    const kind = heldSlot(host);
    if (kind !== undefined) {
      this.#held.add(host.host);
      return slots.keep(this.#slotOf(host, kind));
    }
    if (!this.#held.delete(host.host)) return;
    const { address } = this.#slotOf(host, 'held');
    await slots.drop(address);
    if (host.status === 'done' && host.changed === true) await slots.clear(address);
  }

  #slotOf({ host, plan }: HostState, kind: HeldSlot): Slot {
    const address = this.#addressOf.get(host) ?? host;
    return { address, host, play: this.#input.state().play, kind, ...present({ zone: plan.zone }) };
  }

  async #note(slots: readonly TakenSlot[]): Promise<void> {
    const { addresses, state, record, now } = this.#input;
    this.#readAt = now();
    const others = new Map(slots.map((slot) => [addresses.get(slot.address) ?? slot.host, slot]));
    const noted = [...others]
      .map(([host, slot]) => this.#otherOf(host, slot))
      .sort((a, b) => (a.host < b.host ? -1 : 1));
    if (JSON.stringify(noted) !== JSON.stringify(state().others))
      await record({ type: 'slots.read', others: noted });
  }

  #otherOf(host: string, slot: TakenSlot): OtherSlot {
    const { state, countsUnreachable } = this.#input;
    const zone = hostState(state(), host)?.plan.zone ?? slot.zone;
    const failed = countsForBrake(slot, { play: state().play, countsUnreachable });
    return { host, run: slot.run, ...present({ zone }), ...(failed ? { failed } : {}) };
  }
}
