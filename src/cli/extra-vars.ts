// `-e`: key=value pairs, a JSON or YAML mapping, or @FILE with one.
import { parseExtraVars } from '../load/index.ts';
import type { Mapping } from '../model/value.ts';
import { uncoloured } from '../report/layout.ts';
import { tell } from './mistakes.ts';
import type { World } from './world.ts';

/** All of them merged, the last wins. Mistakes are told together. */
export function extraVarsOf(words: readonly string[], world: World): Mapping {
  const checked = parseExtraVars(words, world.reader);
  tell(checked.diagnostics, world, uncoloured);
  return checked.value ?? {};
}
