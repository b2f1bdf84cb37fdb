// Workers over one state, on hosts with a virtual clock: who takes a run, when it is handed over, and
// which runs are not carried on.
import { existsSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { RunningCommand, WorldChanges } from '../cli/real-world.ts';
import type { Recording } from '../fakes/host-world.ts';
import { eventsOf, play, remediationPlay } from '../fakes/plays.ts';
import { recordHost } from '../fakes/recording.ts';
import { type VirtualFleet, virtualFleet } from '../fakes/virtual-fleet.ts';
import { type SharedState, sharedState } from '../fakes/workers.ts';

let recording: Recording;
beforeAll(async () => {
  recording = await recordHost();
});

let lab: VirtualFleet;
let shared: SharedState;
const running: RunningCommand[] = [];
afterEach(async () => {
  for (const worker of running.splice(0)) {
    worker.stop('SIGTERM');
    await worker.result;
  }
  lab.close();
});

function fleet(...names: readonly string[]): void {
  lab = virtualFleet(recording, Object.fromEntries(names.map((name) => [name, {}])));
  shared = sharedState(lab.state, lab.clock.now);
}

/** A process of its own in the shared state. */
const process = (changes: Partial<WorldChanges> = {}): Partial<WorldChanges> => {
  const store = shared.store();
  return { store: async () => store, ...changes };
};

function worker(changes: Partial<WorldChanges> = {}, more: readonly string[] = []): RunningCommand {
  const started = lab.start(['worker', ...more], process(changes));
  running.push(started);
  return started;
}

/** Begins a run, and leaves it; returns its name. */
async function detach(
  text: string,
  changes: Partial<WorldChanges> = {},
  name = 'play.yaml',
): Promise<string> {
  const detached = await lab.run(
    ['apply', lab.file(name, text), '--detach', '--yes', '-q'],
    process(changes),
  );
  expect([detached.exit, detached.err]).toEqual([0, expect.stringContaining('run 2')]);
  return detached.out.split('\n').at(-1) ?? '';
}

const isOver = (run: string) => (): boolean =>
  lab.journal(run).some(({ type }) => type === 'run.closed');
const finish = (run: string): unknown => eventsOf(lab.journal(run), 'run.finished').at(-1)?.exit;

describe('a worker', () => {
  it('carries out what `apply --detach` left, and prints each line with the run', async () => {
    fleet('h1', 'h2');
    const run = await detach(remediationPlay());
    expect(run).toMatch(/^\d{8}-\d{6}-\w{4}$/);
    expect(lab.journal(run).map(({ type }) => type)).toEqual(['run.started', 'approved']);
    const one = worker();
    await lab.until('the end', isOver(run));
    expect(finish(run)).toBe(0);
    await lab.until('the end is printed', () => one.out().includes('2 done'));
    const lines = one.out().split('\n');
    expect(lines.filter((line) => !line.startsWith(`${run} `))).toEqual([
      expect.stringMatching(/^worker /),
    ]);
    expect(eventsOf(lab.journal(run), 'run.resumed')[0]?.who).toMatch(/^eve@.* \(worker\)$/);
  });

  it('gives a run back on SIGTERM once its step is over, and another one goes on', async () => {
    fleet('h1');
    const run = await detach(
      play(`    - name: First
      shell: {cmd: 'sleep 20; echo first >> "$KMEND_ROOT/var/ran"'}
    - name: Second
      shell: {cmd: 'echo second >> "$KMEND_ROOT/var/ran"'}
`),
    );
    const one = worker();
    await lab.until('the first step', () =>
      lab.journal(run).some(({ type }) => type === 'effect.started'),
    );
    const two = worker();
    one.stop('SIGTERM');
    expect((await one.result).exit).toBe(0);
    const given = lab.journal(run);
    expect(given.some(({ type }) => type === 'effect.done')).toBe(true);
    expect(given.some(({ type }) => type === 'run.aborted' || type === 'run.finished')).toBe(false);
    expect(eventsOf(given, 'effect.started')).toHaveLength(1);
    await lab.until('the end', isOver(run));
    expect(lab.ran('h1')).toBe('first\nsecond\n');
    expect([finish(run), eventsOf(lab.journal(run), 'host.failed')]).toEqual([0, []]);
    expect(two.out()).toContain(run);
  });

  it('is found by `workers --here` on its own machine, as long as it lives', async () => {
    fleet('h1');
    const here = () => lab.run(['workers', '--here'], process());
    shared.other({ machine: 'elsewhere' });
    const none = await here();
    expect([none.exit, none.out]).toEqual([1, '']);
    expect(none.err).toContain(`no worker of this machine (${hostname()}) is alive`);
    worker();
    await lab.until('it says so', () => shared.words.size > 1);
    const { exit, out } = await here();
    expect([exit, out]).toEqual([0, expect.stringContaining(hostname())]);
    expect(out).not.toContain('elsewhere');
  });

  it('takes no more runs than it may, and one after the other', async () => {
    fleet('h1', 'h2');
    const sleeps = play(`    - shell: {cmd: 'sleep 5; true'}\n`);
    const runs = [
      await detach(sleeps.replace('all', 'h1')),
      await detach(sleeps.replace('all', 'h2'), {}, 'other.yaml'),
    ];
    worker({}, ['--runs', '1']);
    await lab.until('both ends', () => runs.every((run) => isOver(run)()));
    const [first = [], second = []] = runs.map((run) => lab.journal(run));
    expect(second.find(({ type }) => type === 'run.resumed')?.at).toBeGreaterThan(
      first.at(-1)?.at ?? 0,
    );
  });

  it('leaves a run whose files differ here, says why once, and carries it on when they are right', async () => {
    fleet('h1');
    const text = remediationPlay();
    const run = await detach(text);
    const path = lab.file('play.yaml', `${text}# newer\n`);
    const one = worker();
    const why = `run ${run} is stale: ${path} has changed`;
    await lab.until('the refusal', () =>
      [...shared.words.values()].some(({ refused }) => refused.length > 0),
    );
    const listed = await lab.run(['workers'], process());
    expect(listed.out).toContain(`does not carry on run ${run}: ${why}`);
    expect(listed.out).toContain(`run ${run} waits for a worker`);
    await lab.clock.sleep(200_000);
    expect(lab.journal(run).map(({ type }) => type)).toEqual(['run.started', 'approved']);
    writeFileSync(path, text);
    await lab.until('the end', isOver(run));
    one.stop('SIGTERM');
    const { err } = await one.result;
    expect(err.split('\n').filter((line) => line.includes('is stale'))).toHaveLength(1);
    expect(finish(run)).toBe(0);
  });

  it('leaves a run of another minor version, and one whose hosts refuse its key', async () => {
    fleet('h1');
    const run = await detach(remediationPlay(), { version: '0.1.0-test' });
    worker();
    const why = (): string =>
      [...shared.words.values()].flatMap(({ refused }) => refused)[0]?.why ?? '';
    await lab.until('the refusal', () => why().includes('run of kmend 0.1.0-test'));
    worker({ version: '0.1.7' });
    await lab.until('the end', isOver(run));
    const next = await detach(play(`    - shell: {cmd: 'true'}\n`));
    lab.host('h1').unreachable = 'auth';
    await lab.until('the refusal', () => why().includes('cannot log in to h1'));
    expect(eventsOf(lab.journal(next), 'host.started')).toEqual([]);
    delete lab.host('h1').unreachable;
    await lab.until('the end', isOver(next));
    expect(finish(next)).toBe(0);
  });

  it('leaves a host that is its own machine to a worker elsewhere, in the middle of a run', async () => {
    fleet('h1', 'h2', 'h3');
    const run = await detach(remediationPlay());
    worker({ ownBootId: lab.host('h2').world.bootId });
    await lab.until('h2 is started', () =>
      eventsOf(lab.journal(run), 'host.started').some(({ host }) => host === 'h2'),
    );
    const other = worker({ ownBootId: lab.host('h1').world.bootId });
    await lab.until('the end', isOver(run));
    expect([finish(run), eventsOf(lab.journal(run), 'host.failed')]).toEqual([0, []]);
    expect(other.out()).toContain('h2 done');
  });

  it('keeps a host of its own where no worker is elsewhere: it is refused, as by a command', async () => {
    fleet('h1', 'h2');
    const run = await detach(remediationPlay());
    worker({ ownBootId: lab.host('h1').world.bootId });
    await lab.until('the end', isOver(run));
    expect(eventsOf(lab.journal(run), 'host.failed').map(({ host }) => host)).toEqual(['h1']);
    expect(eventsOf(lab.journal(run), 'run.resumed')).toHaveLength(1);
  });
});

describe('kmend apply --detach', () => {
  it('refuses what a worker could not know', async () => {
    fleet('h1');
    const path = lab.file('play.yaml', remediationPlay());
    const alone = await lab.run(['apply', path, '--detach', '--yes']);
    expect([alone.exit, alone.err]).toEqual([3, expect.stringContaining('is a directory')]);
    const asked = await lab.run(['apply', path, '--detach', '--yes', '-K'], process());
    expect([asked.exit, asked.err]).toEqual([3, expect.stringContaining('does not go with -K')]);
    expect(existsSync(join(lab.state, 'runs'))).toBe(false);
  });

  it('says that no worker is alive', async () => {
    fleet('h1');
    const path = lab.file('play.yaml', remediationPlay());
    const left = await lab.run(['apply', path, '--detach', '--yes', '--json'], process());
    expect(JSON.parse(left.out.split('\n').at(-1) ?? '')).toMatchObject({
      schema: 'kmend.detached/1',
      workers: 0,
    });
    expect(left.err).toContain('none is alive now');
  });
});

describe('the rest of a run', () => {
  const echo = (word: string): string =>
    play(`    - shell: {cmd: 'echo ${word} >> "$KMEND_ROOT/var/ran"'}\n`);
  const runs = async (): Promise<readonly string[]> =>
    (await shared.store().runs()).map(({ run }) => run);

  it('is its later plays: each is begun once, and left to any worker', async () => {
    fleet('h1');
    const run = await detach(echo('one') + echo('two') + echo('three'));
    worker();
    worker();
    await lab.until('the last end', () => lab.ran('h1').endsWith('three\n'));
    await lab.clock.sleep(20_000);
    expect(lab.ran('h1')).toBe('one\ntwo\nthree\n');
    expect([run, await runs()]).toEqual([run, expect.arrayContaining([run])]);
    expect(await runs()).toHaveLength(3);
    expect(await shared.store().workers?.open(false)).toEqual([]);
  });

  it('is not lost where no worker is there when the run ends', async () => {
    fleet('h1');
    const run = await detach(echo('one') + echo('two'));
    const first = worker();
    await lab.until('the end of the first play', () =>
      lab.journal(run).some(({ type }) => type === 'run.finished'),
    );
    first.stop('SIGTERM');
    await first.result;
    worker();
    await lab.until('the end', () => lab.ran('h1') === 'one\ntwo\n');
    expect(await runs()).toHaveLength(2);
  });
});
