// shell: its script run for real.
import { describe, expect, it } from 'vitest';
import { hostTree } from './host-tree.ts';
import { planOf } from './laws.ts';

const scriptOf = (args: unknown) => {
  const [effect] = planOf('shell', { args, facts: {} }).changes.flatMap((change) => change.effects);
  return effect?.kind === 'run' ? effect.script : '';
};

describe('shell', () => {
  it('understands pipes, and does not wait for input', () => {
    expect(hostTree().run(scriptOf('printf "b\\na\\n" | sort; cat')).out).toBe('a\nb\n');
  });
  it('ends with the status of the script', () => {
    expect(hostTree().run(scriptOf({ cmd: 'exit 3' })).code).toBe(3);
  });
  it('runs in another shell where the task names one', () => {
    const script = scriptOf({ cmd: 'echo "$0"; cat', executable: '/bin/sh' });
    expect(hostTree().run(script).out).toBe('/bin/sh\n');
  });
  it('shows its first line', () => {
    expect(planOf('shell', { args: { cmd: 'one\ntwo' }, facts: {} }).changes[0]?.what).toBe(
      'run sh: one ...',
    );
  });
  it('keeps its standard input out of the script', () => {
    const [change] = planOf('shell', { args: { cmd: 'cat', stdin: 'secret' }, facts: {} }).changes;
    expect(change?.effects).toMatchObject([{ stdin: 'secret\n', detached: false }]);
    expect(JSON.stringify(change?.effects[0]).match(/secret/g)).toHaveLength(1);
  });
});
