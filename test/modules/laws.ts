// The laws of every module, tried on every row of every table: what a plan may be, whatever the
// module.
import { spawnSync } from 'node:child_process';
import { expect } from 'vitest';
import { derive } from '../../src/facts/index.ts';
import { type Facts, viewOf } from '../../src/model/fact.ts';
import type { AnyModule, ModulePlan, PlanContext } from '../../src/model/run/change.ts';
import type { Effect } from '../../src/model/run/effect.ts';
import { failureKinds } from '../../src/model/run/failure.ts';
import { higherRisk } from '../../src/model/run/risk.ts';
import { modules } from '../../src/modules/index.ts';
import { shells } from './host-tree.ts';

export const noContext: PlanContext = {
  hasCluster: false,
  acceptPartial: false,
  acceptNoRollback: false,
  done: { drained: false, rebooted: false, cordoned: false },
};

export interface Row {
  readonly args: unknown;
  readonly facts: Facts;
  readonly context?: Partial<PlanContext>;
}

export function moduleNamed(name: string): AnyModule {
  const module = modules.get(name);
  if (module === undefined) throw new Error(`no module ${name}`);
  return module;
}

export function parseArgs(module: AnyModule, args: unknown): unknown {
  const parsed = module.args.safeParse(args);
  if (!parsed.success)
    throw new Error(
      parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; '),
    );
  return parsed.data;
}

/** Plans the row, and tries every law on it. */
export function planOf(name: string, row: Row): ModulePlan {
  const module = moduleNamed(name);
  const args = parseArgs(module, row.args);
  const context = { ...noContext, ...row.context };
  const plan = module.plan(args, viewOf(row.facts), context);
  sameTwice(module, args, row.facts, context, plan);
  isPlainData(plan);
  hasShape(module, plan);
  for (const effect of plan.changes.flatMap((change) => change.effects)) effectIsSound(effect);
  secondPlanIsEmpty(module, args, row.facts, context, plan);
  return plan;
}

function sameTwice(
  module: AnyModule,
  args: unknown,
  facts: Facts,
  context: PlanContext,
  plan: ModulePlan,
): void {
  expect(module.plan(args, viewOf(facts), context), 'the same input gives the same plan').toEqual(
    plan,
  );
}

function isPlainData(plan: ModulePlan): void {
  expect(JSON.parse(JSON.stringify(plan)), 'a plan is plain data').toEqual(plan);
}

function hasShape(module: AnyModule, plan: ModulePlan): void {
  const ends = [plan.refuse, plan.unmet].filter((end) => end !== undefined);
  expect(ends.length, 'a host is refused or a condition is unmet, not both').toBeLessThan(2);
  if (ends.length > 0)
    expect(plan.changes, 'nothing is planned for a host that must not be touched').toEqual([]);
  if (plan.refuse !== undefined) expect(plan.refuse.why).toMatch(/\S/);
  if (plan.unmet !== undefined) expect(failureKinds).toContain(plan.unmet.kind);
  for (const change of plan.changes) {
    expect(
      higherRisk(change.risk, module.maxRisk),
      `${change.what}: no more risk than the module's highest`,
    ).toBe(false);
    expect(change.what).toMatch(/\S/);
  }
  if (plan.changes.length > 0)
    expect(
      plan.changes.flatMap((change) => change.effects).length,
      'changes have effects',
    ).toBeGreaterThan(0);
}

const checked = new Set<string>();

function effectIsSound(effect: Effect): void {
  expect(
    Number.isFinite(effect.timeout) && effect.timeout > 0,
    `${effect.what}: a finite time limit`,
  ).toBe(true);
  if (effect.kind !== 'run' || checked.has(effect.script)) return;
  checked.add(effect.script);
  for (const [program = 'sh', ...flags] of [['sh'], ...shells]) {
    const parsed = spawnSync(program, [...flags, '-n'], { input: effect.script, encoding: 'utf8' });
    expect(`${parsed.status} ${parsed.stderr}`, `${program} -n`).toBe('0 ');
  }
  expect(effect.script.startsWith(`R=\${KMEND_ROOT-}`), 'a script begins with the prelude').toBe(
    true,
  );
  const bare =
    effect.script
      .match(/(?<![\w"$}/.*)-])\/(?:etc|boot|var|run|proc|sys|usr|oem)\/\S*/g)
      ?.filter((path) => !isWord(path)) ?? [];
  expect(bare, 'paths of the host begin with $R').toEqual([]);
}

/**
 * The prelude's PATH, and words that are for people or for grubby, which knows the host's root
 * itself.
 */
const isWord = (path: string): boolean => /^\/usr\/(?:local\/)?s?bin|^\/boot\/vmlinuz/.test(path);

function secondPlanIsEmpty(
  module: AnyModule,
  args: unknown,
  facts: Facts,
  context: PlanContext,
  plan: ModulePlan,
): void {
  const convergent =
    typeof module.convergent === 'function' ? module.convergent(args) : (module.convergent ?? true);
  if (!convergent || plan.changes.length === 0) return;
  const kinds = new Set(
    plan.changes.flatMap((change) => change.effects.map((effect) => effect.kind)),
  );
  const done = {
    cordoned: (context.done.cordoned || kinds.has('cordon')) && !kinds.has('uncordon'),
    drained: (context.done.drained || kinds.has('drain')) && !kinds.has('uncordon'),
    rebooted: context.done.rebooted || kinds.has('reboot'),
  };
  const promised = { ...facts, ...plan.promises };
  // What a promise says of a derived fact stands: here nothing is read again.
  const after = 'kmem.samples' in facts ? { ...derive(promised), ...plan.promises } : promised;
  const again = module.plan(args, viewOf(after), { ...context, done });
  expect(again.changes, 'planned again on what it promises, nothing is left to do').toEqual([]);
  expect(again.refuse, 'and it is not refused').toBeUndefined();
  expect(again.unmet, 'and nothing is unmet').toBeUndefined();
}
