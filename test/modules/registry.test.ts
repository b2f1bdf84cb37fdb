// What holds for every module of the registry, whatever it does.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { areas } from '../../src/facts/probe/registry.ts';
import { viewOf } from '../../src/model/fact.ts';
import { risks } from '../../src/model/run/risk.ts';
import { isMapping } from '../../src/model/value.ts';
import { modules } from '../../src/modules/index.ts';
import { parseArgs } from './laws.ts';

describe.each([...modules])('module %s', (name, module) => {
  const tasks: unknown = parse(module.example);
  const task: unknown = Array.isArray(tasks) ? tasks[0] : undefined;

  it('is registered under its name, with a summary that is a sentence', () => {
    expect(module.name).toBe(name);
    expect(name).toMatch(/^[a-z][a-z_]*$/);
    expect(module.summary).toMatch(/^[A-Z].*\.$/);
    expect(risks).toContain(module.maxRisk);
  });

  it('has an example of one named task whose arguments it takes', () => {
    if (!isMapping(task)) throw new Error('the example is not a task');
    expect(task.name).toMatch(/\S/);
    expect(Object.keys(task)).toContain(name);
    expect(() => parseArgs(module, task[name])).not.toThrow();
  });

  it('asks for areas that exist, before any fact is known', () => {
    if (!isMapping(task)) throw new Error('the example is not a task');
    const wants = module.facts(parseArgs(module, task[name]), viewOf({}));
    // Two are no areas of the probe: the engine runs a play's own read-only command, and scripts of
    // modules.
    for (const want of wants) expect([...areas.keys(), 'output', 'reading']).toContain(want.area);
  });

  it('has a table test of its own', () => {
    expect(existsSync(join(import.meta.dirname, `${name.replaceAll('_', '-')}.test.ts`))).toBe(
      true,
    );
  });
});
