// Compares many more expressions with an installed ansible-core; skipped where it is absent.
import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { sameValue, type Value } from '../../src/model/value.ts';
import { outcome } from './outcome.ts';
import questions from './questions.json' with { type: 'json' };
import recorded from './ref.json' with { type: 'json' };

type Answer =
  | { readonly ok: true; readonly v: Value }
  | { readonly ok: false; readonly err: string };

/** Reads `{vars, mode, sources}` as JSON and evaluates each expression with Ansible's own templar. */
const oracle = `
import json, sys
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template
asked = json.load(sys.stdin)
templar = Templar(DataLoader(), variables=asked['vars'])
def answer(source):
    try:
        if asked['mode'] == 'condition':
            value = templar.evaluate_conditional(trust_as_template(source))
        else:
            value = templar.template(trust_as_template(source if asked['mode'] == 'text' else '{{ ' + source + ' }}'))
        return {'ok': True, 'v': json.loads(json.dumps(value, allow_nan=False, default=list))}
    except Exception as error:
        return {'ok': False, 'err': str(error)[:200]}
json.dump([answer(source) for source in asked['sources']], sys.stdout)
`;

const python = '/usr/bin/python3';
const installed =
  spawnSync(python, ['-c', 'import ansible.template; ansible.template.trust_as_template'])
    .status === 0;

function ask(mode: string, sources: readonly string[]): readonly Answer[] {
  const asked = spawnSync(python, ['-c', oracle], {
    input: JSON.stringify({ vars: recorded.vars, mode, sources }),
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  if (asked.status !== 0) throw new Error(asked.stderr);
  return JSON.parse(asked.stdout) as readonly Answer[];
}

/** Patterns that need backtracking, which RE2 lacks: a text could make them run forever. */
const refused = /[*?]\(\?<?[=!]|\(\?(?:>|P=)|\(foo\)\\1|\+\+|\*\+/;

/** False where Ansible cannot write the result as JSON. */
const isComparable = (answer: Answer): boolean =>
  answer.ok || !answer.err.includes('JSON compliant');

describe.skipIf(!installed)('against an installed ansible-core (needs 2.19 or later)', () => {
  it.each(['template', 'condition', 'text'] as const)(
    'every %s question has the same answer',
    (mode) => {
      const sources = questions[mode];
      const answers = ask(mode, sources);
      const differing = sources.flatMap((source, index) => {
        const answer = answers[index];
        if (answer === undefined || !isComparable(answer)) return [];
        const ours = outcome(source, mode, recorded.vars);
        if (refused.test(source))
          return ours.kind === 'error' ? [] : [{ source, theirs: answer, ours }];
        const same = answer.ok
          ? ours.kind === 'value' && sameValue(ours.value, answer.v)
          : ours.kind === 'error';
        return same ? [] : [{ source, theirs: answer, ours }];
      });
      expect(differing).toEqual([]);
      expect(answers.length).toBe(sources.length);
    },
  );
});
