// Plans a module that reads by scripts and by areas on a directory that plays the root of a host,
// carries its changes out there, and plans again.
import { writeScript } from '../../src/engine/effects/host-scripts.ts';
import { withPrelude } from '../../src/facts/index.ts';
import { areas } from '../../src/facts/probe/registry.ts';
import { allOf, type Facts, viewOf } from '../../src/model/fact.ts';
import type { ModulePlan } from '../../src/model/run/change.ts';
import type { HostTree } from './host-tree.ts';
import { moduleNamed, noContext, parseArgs, planOf } from './laws.ts';
import { answersOf } from './readings.ts';

/** The facts of a tree that the module asks for, in two rounds. */
export function treeFacts(tree: HostTree, name: string, given: unknown, shell?: readonly string[]) {
  const module = moduleNamed(name);
  const args = parseArgs(module, given);
  const read = (known: Facts): Facts => {
    const wants = module.facts(args, viewOf(known));
    const answers = answersOf(
      wants.filter(({ area }) => area === 'reading'),
      (script) => tree.run(script, shell),
    );
    const parts = wants.flatMap(({ area: of, args: values = {} }) => {
      const area = areas.get(of);
      if (area === undefined) return [];
      const script = typeof area.script === 'string' ? area.script : area.script(values);
      const { out } = tree.run(withPrelude(script), shell);
      return [area.parse(out, { cut: false, args: values })];
    });
    return allOf([answers, ...parts]);
  };
  return read(read({}));
}

/** Plans, carries out, and plans again: the first plan, and the second, which should be empty. */
export function applied(
  tree: HostTree,
  name: string,
  args: unknown,
  shell?: readonly string[],
): { readonly plan: ModulePlan; readonly again: ModulePlan; readonly ends: readonly string[] } {
  const plan = planOf(name, { args, facts: treeFacts(tree, name, args, shell) });
  const ends = plan.changes.flatMap(({ effects }) =>
    effects.map((effect) => {
      if (effect.kind === 'run') {
        const { code, err } = tree.run(effect.script, shell);
        return code === 0 ? 'ok' : `${effect.errors?.[code ?? -1] ?? code}: ${err}`;
      }
      if (effect.kind !== 'write' || typeof effect.content !== 'string') return effect.kind;
      const script = writeScript({ run: '2026-01-01-000000-aaaa', number: 1 }, effect);
      const { code, err } = tree.run(
        `printf %s ${quoted(effect.content)} | {\n${script}\n}`,
        shell,
      );
      return code === 0 ? 'ok' : `${code}: ${err}`;
    }),
  );
  const module = moduleNamed(name);
  const facts = treeFacts(tree, name, args, shell);
  return { plan, ends, again: module.plan(parseArgs(module, args), viewOf(facts), noContext) };
}

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
