// Three small modules for tests of loading: with a schema like real ones, and nothing to do.
import type { AnyModule } from '../../src/model/run/change.ts';
import {
  absolutePath,
  amount,
  anyMapping,
  asArgs,
  duration,
  flag,
  listOf,
  mode,
  object,
  type Schema,
  shorthand,
  state,
  text,
  version,
  whole,
  word,
} from '../../src/model/shape/schema.ts';

const module = <T>(name: string, schema: Schema<T>, example: string): AnyModule => ({
  name,
  summary: `${name}, for tests`,
  example,
  args: asArgs<unknown>(schema),
  maxRisk: 'none',
  facts: () => [],
  plan: () => ({ changes: [] }),
});

export const smallModules: ReadonlyMap<string, AnyModule> = new Map(
  [
    module(
      'command',
      shorthand((cmd) => ({ cmd }), object({ cmd: text, creates: absolutePath.optional() })),
      '- command: uptime',
    ),
    module(
      'thing',
      object({
        name: word,
        version: version.optional(),
        state: state('enabled', 'disabled').optional(),
        timeout: duration.default(60),
        count: whole(1, 9).optional(),
        force: flag.optional(),
        hosts: amount.optional(),
        packages: listOf(version).optional(),
        mode: mode.optional(),
        nested: object({ label: text, size: whole() }).optional(),
      }).refine(
        (args) => args.version === undefined || args.packages === undefined,
        'takes version or packages, not both',
      ),
      '- thing: {name: x}',
    ),
    module('nothing', object({}), '- nothing:'),
    module('set_fact', anyMapping, '- set_fact: {a: 1}'),
  ].map((one) => [one.name, one]),
);
