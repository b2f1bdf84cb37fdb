// `-e`: key=value pairs, a JSON or YAML mapping, @FILE or @- (standard input) with one; and variables of the environment.
import { parseExtraVars, type Reader } from '../../load/index.ts';
import type { Mapping } from '../../model/value.ts';
import { uncoloured } from '../../screens/layout.ts';
import { tell } from './diagnostics.ts';
import { CommandError, type World } from './world.ts';

const prefix = 'KMEND_VAR_';

/** `KMEND_VAR_name=value` is `-e name=value`, and stands in no process list; `-e` is stronger. */
export function environmentVars({ env }: World): readonly string[] {
  const vars = Object.entries(env).flatMap(([name, value]) =>
    name.startsWith(prefix) && name.length > prefix.length && value !== undefined ? [[name.slice(prefix.length), value] as const] : [],
  );
  return vars.length === 0 ? [] : [JSON.stringify(Object.fromEntries(vars))];
}

const inputs = new WeakMap<World['readInput'], string>();

/** `-e @-`: read before the command begins. */
export async function readInputVars(words: readonly string[], world: World): Promise<void> {
  if (!words.includes('@-')) return;
  const text = await world.readInput(world.stop).catch((error: unknown) => {
    throw new CommandError(
      world.stop.reason === 'SIGTERM' ? 143 : world.stop.aborted ? 130 : 3,
      `standard input (-e @-) cannot be read: ${error instanceof Error ? error.message : String(error)}`,
    );
  });
  inputs.set(world.readInput, text);
}

/** All of them merged, the last wins. Mistakes are told together. */
export function extraVarsOf(words: readonly string[], world: World): Mapping {
  const input = inputs.get(world.readInput) ?? '';
  const reader: Reader = { ...world.reader, readText: (path) => (path === '-' ? { ok: true, text: input } : world.reader.readText(path)) };
  const checked = parseExtraVars(words, reader);
  tell(checked.diagnostics, world, uncoloured);
  return checked.value ?? {};
}
