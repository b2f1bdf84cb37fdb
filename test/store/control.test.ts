// Operator commands to a run: none is lost and none is done twice, wherever a crash falls.
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { commandsFor, createStore, postCommand } from '../../src/adapters/store/index.ts';
import type { EventBody } from '../../src/model/run/event.ts';
import { eventsOf, type Practice, play, practice, sick } from '../cli/practice.ts';

describe('a command in the directory of a run', () => {
  let state: string;
  beforeEach(() => {
    state = mkdtempSync(join(tmpdir(), 'kmend-control-'));
  });
  afterEach(() => rmSync(state, { recursive: true, force: true }));

  const files = (): readonly string[] => readdirSync(join(state, 'runs/r1/control'));
  const pause: EventBody = { type: 'run.paused', who: 'eve', why: 'lunch' };
  const resolved: EventBody = {
    type: 'host.resolved',
    host: 'h1',
    who: 'eve',
    note: 'looked',
    as: 'retry',
  };

  it('stays until the journal has it, is not given again after that, and is then removed', async () => {
    const store = createStore(state, () => 0);
    const journal = await store.createJournal('r1');
    await postCommand(state, 'r1', pause, 1);
    await postCommand(state, 'r1', { type: 'run.continued', who: 'eve' }, 2);
    // The first process takes both, journals one, and is killed.
    const [first] = await commandsFor(state, 'r1').take();
    if (first !== undefined) await journal.append(first, true);
    await journal.close();
    expect(files()).toHaveLength(2);
    const next = commandsFor(state, 'r1');
    await store.scanEvents('r1', next.see);
    expect(await next.take()).toMatchObject([{ type: 'run.continued' }]);
    expect(files()).toHaveLength(1);
  });

  it('is left where another type is asked for', async () => {
    await postCommand(state, 'r1', pause, 1);
    await postCommand(state, 'r1', resolved, 2);
    expect(await commandsFor(state, 'r1').take('host.resolved')).toMatchObject([resolved]);
    expect(files()).toHaveLength(2);
  });
});

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
