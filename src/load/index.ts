// The load room: texts to inventory and playbook, with every mistake at its place.
export { type InventoryOptions, loadInventory } from './inventory.ts';
export { limitTo, resolvePattern, splitPattern } from './pattern.ts';
export type { Read, Reader } from './reader.ts';
