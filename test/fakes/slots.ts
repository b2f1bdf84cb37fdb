// Slots in memory: the files of a state directory that two or more controllers share in a test.
import { randomUUID } from 'node:crypto';
import type { KeptSlot } from '../../src/engine/ports/store.ts';
import type { SlotRows } from '../../src/engine/state/slots.ts';

export interface SlotWorld {
  readonly files: Map<string, KeptSlot>;
  /** Runs that a process works on. */
  readonly alive: Set<string>;
  readonly judge: SlotRows['judge'];
  /** Called before every step, to put those of others between. */
  readonly step?: () => Promise<void>;
}

export const emptyWorld = (): SlotWorld => ({
  files: new Map(),
  alive: new Set(),
  judge: async () => 'unknown',
});

export function memorySlots({ files, alive, judge, step = async () => {} }: SlotWorld): SlotRows {
  return {
    names: async () => {
      await step();
      return [...files.keys()];
    },
    read: async (name) => {
      await step();
      return files.get(name);
    },
    put: async (name, slot) => {
      await step();
      files.set(name, slot);
    },
    remove: async (name) => {
      await step();
      files.delete(name);
    },
    isAlive: async (run) => {
      await step();
      return alive.has(run);
    },
    judge: async (run, host) => {
      await step();
      return judge(run, host);
    },
    sleep: step,
    unique: randomUUID,
  };
}
