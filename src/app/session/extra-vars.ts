// Extra variables: `-e` with key=value, a JSON or YAML mapping, @FILE or @- (standard input), and
// KMEND_VAR_* of the environment.
import { parseExtraVars, type Read, type Reader, type Vault } from '../../load/index.ts';
import type { Mapping } from '../../model/value.ts';
import { report } from './diagnostics.ts';
import { CommandError, type Surroundings, type World } from './world.ts';

const prefix = 'KMEND_VAR_';

/** `KMEND_VAR_name=value` is `-e name=value` that no process list shows. `-e` wins over it. */
export function environmentVars({ env }: World): readonly string[] {
  const vars = Object.entries(env).flatMap(([name, value]) =>
    name.startsWith(prefix) && name.length > prefix.length && value !== undefined
      ? [[name.slice(prefix.length), value] as const]
      : [],
  );
  return vars.length === 0 ? [] : [JSON.stringify(Object.fromEntries(vars))];
}

/**
 * A variable of the environment of a worker is for the work that needs it: other inputs would be
 * stale by it.
 */
export const onlyVars = <W extends Pick<World, 'env'>>(names: readonly string[], world: W): W => ({
  ...world,
  env: Object.fromEntries(
    Object.entries(world.env).filter(
      ([name]) => !name.startsWith(prefix) || names.includes(name.slice(prefix.length)),
    ),
  ),
});

/** Texts that can be read only once, by path: standard input and pipes (`-e @<(...)`). */
const inputs = new WeakMap<World['readInput'], Map<string, Read>>();

const inputsOf = ({ readInput }: World): Map<string, Read> => {
  const known = inputs.get(readInput) ?? new Map<string, Read>();
  inputs.set(readInput, known);
  return known;
};

/** `-e @-`: read before the command begins. */
export async function readInputVars(args: readonly string[], world: World): Promise<void> {
  if (!args.includes('@-')) return;
  const text = await world.readInput(world.stop).catch((error: unknown) => {
    throw new CommandError(
      world.stop.reason === 'SIGTERM' ? 143 : world.stop.aborted ? 130 : 3,
      `standard input (-e @-) cannot be read: ${error instanceof Error ? error.message : String(error)}`,
    );
  });
  inputsOf(world).set('-', { ok: true, text });
}

/** All arguments merged; the last wins. Errors are reported together. */
export function extraVarsOf(
  args: readonly string[],
  { world, observer }: Surroundings,
  vault?: Vault,
): Mapping {
  const known = inputsOf(world);
  const readText = (path: string): Read => {
    if (path !== '-' && !path.startsWith('/dev/') && !path.startsWith('/proc/'))
      return world.reader.readText(path);
    const text =
      known.get(path) ?? (path === '-' ? { ok: true, text: '' } : world.reader.readText(path));
    known.set(path, text);
    return text;
  };
  const reader: Reader = { ...world.reader, readText };
  const checked = parseExtraVars(args, reader, vault);
  report(checked.diagnostics, observer);
  return checked.value ?? {};
}
