// The load room: texts to inventory and playbook, with every mistake at its place.
export { declaredFacts } from './declared.ts';
export { parseExtraVars } from './extra-vars.ts';
export { loadInventory } from './inventory.ts';
export { inventoryGraph, inventoryList, listTagsText, listTasksText, sortedJson } from './listing.ts';
export { limitTo, resolvePattern } from './pattern.ts';
export { loadPlaybook, type PlaybookOptions } from './playbook.ts';
export { playbookSchema } from './playbook-schema.ts';
export type { Read, Reader } from './reader.ts';
export { parseSettings, type SettingKey, type SettingValues, settingKeys } from './settings-file.ts';
export { type TargetOptions, targetOf } from './target.ts';
export { hostScope, hostVars, type Layers, readVariable } from './variables.ts';
