// One host whose answers make kmend's own code throw, wherever they are first read: that host
// fails, and every other host ends as without it.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTransport } from '../../src/adapters/ssh/index.ts';
import type { ExecResult, Transport } from '../../src/engine/ports/transport.ts';
import { type Outcome, ok } from '../../src/model/run/failure.ts';
import { eventsOf, type Practice, practice, remediationPlay, sick } from '../cli/practice.ts';
import type { CommandResult, WorldChanges } from '../cli/real-world.ts';

const bad = 'bad';

/** An answer that throws when its text is read. */
const poisoned = (result: ExecResult): ExecResult => ({
  code: result.code,
  truncated: false,
  get stdout(): string {
    throw new RangeError('poison');
  },
  get stderr(): string {
    throw new RangeError('poison');
  },
});

/** Whether this answer of the bad host throws. The first has the number 1. */
type IsPoisoned = (answer: number) => boolean;

/** The real transport, but for some of the bad host's answers. */
const poisoning = (home: string, isPoisoned: IsPoisoned): Partial<WorldChanges> => ({
  transport: async (needs) => {
    const real = createTransport({ ...needs, home, env: {} });
    let answers = 0;
    const connect: Transport['connect'] = async (target, options) => {
      const made = await real.connect(target, options);
      if (!made.ok || target.name !== bad) return made;
      const exec = async (
        ...request: Parameters<typeof made.value.exec>
      ): Promise<Outcome<ExecResult>> => {
        const outcome = await made.value.exec(...request);
        answers += 1;
        return outcome.ok && isPoisoned(answers) ? ok(poisoned(outcome.value)) : outcome;
      };
      return ok({ ...made.value, exec, close: made.value.close, alive: made.value.alive });
    };
    return { connect, close: real.close };
  },
});

let lab: Practice;
let playbook: string;
const start = async (): Promise<void> => {
  lab = await practice([sick('good'), sick(bad), sick('last')]);
  playbook = lab.file(
    'fix.yaml',
    remediationPlay('{max_unavailable: 3, unplannable: leave_out, brake: {failures: 9}}'),
  );
};
const poison = (args: readonly string[], from = 0): Promise<CommandResult> =>
  lab.run(
    args,
    poisoning(`${lab.dir}/home`, (answer) => answer > from),
  );

describe('commands that read', () => {
  beforeAll(start);
  afterAll(() => lab.close());

  it('check shows the others', async () => {
    const { out, err, exit } = await poison(['check']);
    expect([exit, err]).toEqual([4, '']);
    expect(out).toMatch(
      /^bad .*parse .*kmend cannot handle the answers of bad: RangeError: poison/m,
    );
    expect(out).toMatch(/3 hosts: 2 need a remedy, 1 could not be read/);
  });

  it('check --active shows the others', async () => {
    const { out, exit } = await poison(['check', '--active'], 1);
    expect(exit).toBe(4);
    expect(out).toMatch(/3 hosts: 2 need a remedy, 1 could not be read/);
  });

  it.each(['doctor', 'cleanup'])('%s answers for the others', async (name) => {
    const { out, exit } = await poison([
      name,
      'all',
      '-i',
      lab.fleet.inventoryFile,
      ...(name === 'cleanup' ? ['-y'] : []),
    ]);
    expect(exit).toBe(4);
    expect(out).toMatch(/^bad +parse: kmend cannot handle the answers of bad/m);
    expect(out).toMatch(/^last +(?:reached|clean)/m);
  });

  it('plan leaves it out', async () => {
    const { out, exit } = await poison(['plan', playbook]);
    expect(exit).toBe(4);
    expect(out).toContain('kmend cannot handle the answers of bad');
  });

  it('drift --all reads the others', async () => {
    const { out, exit } = await poison(['drift', 'all', '--all', '-i', lab.fleet.inventoryFile]);
    expect(exit).toBe(4);
    expect(out).toContain('kmend cannot handle the answers of bad');
  });
});

/** Ends of hosts by the journal of the last run. */
const ends = (run?: string): Readonly<Record<string, string>> =>
  Object.fromEntries(
    lab
      .journal(run)
      .flatMap((event) =>
        event.type === 'host.done'
          ? [[event.host, event.proven]]
          : event.type === 'host.failed'
            ? [[event.host, event.failure.message]]
            : [],
      ),
  );

describe('a run', () => {
  const apply = (args: readonly string[], from: IsPoisoned): Promise<CommandResult> =>
    lab.run(['apply', ...args, '--yes'], poisoning(`${lab.dir}/home`, from));

  const isChanged = (): boolean =>
    lab.runs().length > 0 &&
    eventsOf(lab.journal(), 'task.done', bad).some(({ status }) => status === 'changed');
  // The first answer is the plan's; the others are those of the walk: facts, the argument and its
  // polls, the reboot, the new boot, the proof.
  it.each<readonly [string, IsPoisoned]>([
    ['after the plan', (answer) => answer > 1],
    ['from its fourth answer on', (answer) => answer > 3],
    ['from its seventh answer on', (answer) => answer > 6],
    ['once a task has changed it', isChanged],
  ])('goes on where the bad host throws %s, and so does its resume', async (_, throws) => {
    await start();
    const done = await apply([playbook], throws);
    expect(done.err).not.toContain('internal error');
    expect(ends()).toEqual({
      good: 'yes',
      last: 'yes',
      bad: 'kmend cannot handle the answers of bad: RangeError: poison',
    });
    expect(done.exit).toBe(4);
    const [run = ''] = lab.runs();
    const again = await lab.run(
      ['resume', run, '--yes', '--retry', bad, '--why', 'checked'],
      poisoning(`${lab.dir}/home`, () => true),
    );
    expect([again.exit, again.err]).toEqual([4, '']);
    expect((await lab.run(['audit', 'verify', run])).exit).toBe(0);
    await lab.close();
  });

  it('of a saved plan goes on where the re-check of the bad host throws', async () => {
    await start();
    await lab.run(['plan', playbook, '-o', `${lab.dir}/plan.json`]);
    const done = await apply([`${lab.dir}/plan.json`], () => true);
    expect([done.exit, done.err]).toEqual([4, '']);
    expect(ends()).toMatchObject({
      good: 'yes',
      last: 'yes',
      bad: expect.stringMatching(/^kmend cannot handle/),
    });
    await lab.close();
  });

  it('goes on where the check at the end of the soak throws: the host keeps its slot', async () => {
    await start();
    const soaking = lab.file(
      'soak.yaml',
      remediationPlay('{max_unavailable: 3, soak: {host: 1s}, brake: {failures: 9}}'),
    );
    const done = await apply(
      [soaking],
      () => eventsOf(lab.runs().length === 0 ? [] : lab.journal(), 'host.done', bad).length > 0,
    );
    expect([done.exit, done.err]).toEqual([4, '']);
    expect(
      eventsOf(lab.journal(), 'host.soaked')
        .map(({ host }) => host)
        .sort(),
    ).toEqual(['good', 'last']);
    expect(eventsOf(lab.journal(), 'host.failed', bad)).toMatchObject([
      { touched: true, failure: { kind: 'parse' } },
    ]);
    await lab.close();
  });
});
