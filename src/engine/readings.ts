// What a run reads beside its loop: gates, and the capacity of its pool. Meanwhile no host is started.
import { hostStates, type RunState } from '../core/run-state/state.ts';
import { isAway } from '../model/run/failure.ts';
import type { RunContext } from './host/walk-context.ts';
import { lockOutsOf, missingHosts } from './node/missing.ts';
import type { NodeState } from './ports/cluster.ts';
import type { Gates } from './ports/outside.ts';
import type { SlotClaims } from './slot-claims.ts';

export interface ReadingsInput {
  readonly context: RunContext;
  readonly gates: Gates;
  readonly slots: SlotClaims;
  /** Fires when the run stops, or is over: a reading under way is no answer. */
  readonly unread: AbortSignal;
  /** Sees what the API server says of its nodes. */
  readonly see: (nodes: readonly NodeState[]) => void;
}

export class Readings {
  readonly #input: ReadingsInput;

  constructor(input: ReadingsInput) {
    this.#input = input;
  }

  get #state(): RunState {
    return this.#input.context.state();
  }

  async readGates(names: readonly string[]): Promise<void> {
    const { gates, unread, context } = this.#input;
    const specs = context.setup.play.rollout.gates.filter((gate) => names.includes(gate.name));
    const readings = await Promise.all(
      specs.map(async (gate) => ({ gate, reading: await gates.read(gate, unread) })),
    );
    for (const { gate, reading } of readings)
      if (!unread.aborted)
        await context.record(
          { type: 'gate.read', gate: gate.name, open: reading.open, read: reading.read },
          false,
        );
  }

  /**
   * Reads the slots of other runs and the nodes that are out of service. If the API server refuses,
   * there is no capacity: fail closed.
   */
  async readCapacity(): Promise<void> {
    const { slots, unread, context } = this.#input;
    await slots.read();
    const nodes = await context.ports.cluster?.nodes(unread);
    // An outage pauses the run: it is no answer.
    if (nodes === undefined || unread.aborted || (!nodes.ok && isAway(nodes.failure))) return;
    if (!nodes.ok) {
      await context.record(
        {
          type: 'warning',
          text: `the cluster does not report which nodes are out of service: ${nodes.failure.message}`,
        },
        false,
      );
      await context.record(
        { type: 'capacity.read', unavailable: [...context.setup.hosts.keys()] },
        false,
      );
      return;
    }
    this.#input.see(nodes.value);
    await this.#recordCapacity(nodes.value);
  }

  async #recordCapacity(nodes: readonly NodeState[]): Promise<void> {
    const { setup, token, record } = this.#input.context;
    const hosts = hostStates(this.#state);
    const unavailable = missingHosts(hosts, setup.pool ?? [], nodes, token.run);
    const lockOuts = lockOutsOf(hostStates(this.#state), nodes);
    await record(
      {
        type: 'capacity.read',
        unavailable,
        ...(lockOuts.length === 0 && this.#state.setAside.length === 0 ? {} : { lockOuts }),
      },
      false,
    );
  }
}
