// The load room: reads texts into an inventory and a playbook, and reports each problem at its place.
export {
  type Accounted,
  type Draft,
  type DraftFile,
  leastShare,
  usableShare,
} from './draft/account.ts';
export { draftPlaybook } from './draft/draft.ts';
export { declaredFacts } from './inventory/declared.ts';
export { parseExtraVars } from './inventory/extra-vars.ts';
export { globMatcher } from './inventory/glob.ts';
export { loadInventory } from './inventory/inventory.ts';
export {
  inventoryGraph,
  inventoryList,
  listTagsText,
  listTasksText,
  sortedJson,
} from './inventory/listing.ts';
export { limitTo, resolvePattern } from './inventory/pattern.ts';
export { type TargetOptions, targetOf } from './inventory/target.ts';
export { loadPlaybook, type PlaybookOptions } from './playbook/playbook.ts';
export {
  parseSettings,
  type SettingKey,
  type SettingValues,
  settingKeys,
} from './settings-file.ts';
export { type ConfigSections, readIniConfig } from './text/ini-config.ts';
export type { Read, Reader } from './text/reader.ts';
export {
  hostScope,
  hostVars,
  inventoryVars,
  type Layers,
  readVariable,
  writtenVariable,
} from './text/variables.ts';
export {
  isVaultText as isSealedText,
  type Opened,
  placeOfSealed,
  SealedError,
  sealedDiagnostic,
  sealedIn,
  type Vault,
} from './text/vault.ts';
export { openPlaybook } from './text/vault-file.ts';
