// Operator commands to a run that a crash interrupts: none is lost and none is done twice.
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventsOf, type Practice, play, practice, sick } from '../cli/practice.ts';

describe('a run that is resumed', () => {
  let lab: Practice;
  beforeAll(async () => {
    lab = await practice([sick('h1')]);
  });
  afterAll(() => lab.close());

  it('does what waited for it once, and does not do again what its journal has', async () => {
    await lab.run([
      'apply',
      lab.file('a.yaml', play("    - name: First\n      shell: {cmd: 'false'}\n")),
      '--yes',
    ]);
    const run = lab.runs().at(-1) ?? '';
    expect((await lab.run(['resolve', run, 'h1', '--as', 'retry'])).exit).toBe(0);
    const control = join(lab.state, 'runs', run, 'control');
    const [name = ''] = readdirSync(control);
    const waiting = { type: 'host.resolved', host: 'h1', who: 'eve', note: 'looked', as: 'retry' };
    expect((await lab.run(['resume', run, '--yes'])).exit).toBe(4);
    expect(eventsOf(lab.journal(run), 'host.resolved')).toMatchObject([
      { host: 'h1', as: 'retry', command: name },
    ]);
    expect(existsSync(join(control, name))).toBe(false);
    // As a crash right after the entry leaves it.
    writeFileSync(join(control, name), JSON.stringify(waiting));
    await lab.run(['resume', run, '--yes']);
    expect(eventsOf(lab.journal(run), 'host.resolved')).toHaveLength(1);
    expect(existsSync(join(control, name))).toBe(false);
  }, 30_000);
});
