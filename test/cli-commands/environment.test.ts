// `environment` on a practice host: the program has it, and a value under a secret name is in no output,
// no plan and no journal.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { play, practice, sick } from '../cli/practice.ts';

it('a secret of the environment reaches the program, and nothing else', async () => {
  const fleet = await practice([sick('h1')]);
  onTestFinished(() => fleet.close());
  const secret = 'hunter-2-word';
  const tasks = `
    - shell: mkdir -p "$KMEND_ROOT/etc/t" && printf '%s' "$DB_PASSWORD/$REGION" > "$KMEND_ROOT/etc/t/seen" && echo "is $DB_PASSWORD"
      environment: { DB_PASSWORD: "{{ word }}" }
  `;
  const book = fleet.file(
    'p.yaml',
    play(tasks.trimEnd()).replace('hosts: all', 'hosts: all\n  environment: {REGION: eu}'),
  );
  const planned = await fleet.run(['plan', book, '-e', `word=${secret}`]);
  expect(planned.out).toMatch(/\(with REGION,\s+DB_PASSWORD\)/);
  const applied = await fleet.run(['apply', book, '--yes', '-vv', '-e', `word=${secret}`]);
  expect(`${applied.exit} ${applied.err}`).toBe('0 ');
  expect(readFileSync(join(fleet.host('h1').root, 'etc/t/seen'), 'utf8')).toBe(`${secret}/eu`);
  const plan = readFileSync(join(fleet.state, 'runs', fleet.runs()[0] ?? '', 'plan.json'), 'utf8');
  expect(fleet.journalText()).toContain('is ***');
  for (const text of [planned.out, applied.out, plan, fleet.journalText()])
    expect(text).not.toContain(secret);
}, 60_000);
