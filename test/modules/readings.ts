// Modules that read a host by scripts of their own: the script is run for real, and the module plans
// on its answer.
import { withPrelude } from '../../src/facts/index.ts';
import { allOf, type Facts, type FactWant, fact, viewOf } from '../../src/model/fact.ts';
import type { ModulePlan, PlanContext } from '../../src/model/run/change.ts';
import { type HostTree, shells } from './host-tree.ts';
import { moduleNamed, parseArgs, planOf } from './laws.ts';

/** The facts that these wants give when their scripts run through `run`. */
export const answersOf = (
  wants: readonly FactWant[],
  run: (script: string) => ReturnType<HostTree['run']>,
): Facts =>
  allOf(
    wants.map(({ args }) => {
      const script = String(args?.script);
      const { code, out, err } = run(withPrelude(script));
      return fact(`reading.${script}`, { rc: code ?? -1, stdout: out, stderr: err });
    }),
  );

export const wantsOf = (name: string, args: unknown): readonly FactWant[] => {
  const module = moduleNamed(name);
  return module.facts(parseArgs(module, args), viewOf({}));
};

/** Plans a module on what its script answers in this shell. */
export function planIn(
  tree: HostTree,
  name: string,
  args: unknown,
  {
    shell,
    context = {},
    facts = {},
  }: {
    readonly shell?: readonly string[];
    readonly context?: Partial<PlanContext>;
    readonly facts?: Facts;
  } = {},
): ModulePlan {
  const answers = answersOf(wantsOf(name, args), (script) => tree.run(script, shell));
  return planOf(name, { args, facts: { ...facts, ...answers }, context });
}

export const everyShell: readonly (readonly string[])[] = [['sh'], ...shells];
