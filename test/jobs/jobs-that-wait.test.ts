// What `schedule list` says of jobs of workers that do not go on.
import { expect, it } from 'vitest';
import type { Job } from '../../src/app/jobs/jobs.ts';
import { jobsThatWait } from '../../src/app/jobs/jobs-that-wait.ts';
import type { Session } from '../../src/app/session/session.ts';

const job = (name: string, since?: number): Job =>
  ({ name, every: 'daily UTC', ...(since === undefined ? {} : { since }) }) as Job;
const refusing = (id: number, ...runs: readonly string[]) => ({
  id,
  refused: runs.map((run) => ({ run, why: `no key for ${run}` })),
});

interface State {
  readonly alive?: readonly unknown[];
  readonly open?: readonly { readonly run: string; readonly leader: string }[];
}

const said = (jobs: readonly Job[], { alive = [refusing(1)], open = [] }: State) =>
  jobsThatWait(jobs, {
    ports: {
      store: async () => ({
        workers: { alive: async () => alive, open: async () => open },
        runs: async () => [{ run: 'r1', job: 'night' }, { run: 'r2' }, { run: 'r3', job: 'timer' }],
      }),
    },
  } as unknown as Session);

it('says that no worker is alive, where a job needs one', async () => {
  expect(await said([job('night', 1)], { alive: [] })).toEqual([
    'no worker is alive: no turn of a job begins; start one with `kmend worker`',
  ]);
  expect(await said([job('timer')], { alive: [] })).toEqual([]);
});

it('says which run of a job no worker carries on, and why each refuses it', async () => {
  const open = ['r1', 'r2', 'r3'].map((run) => ({ run, leader: 'free' }));
  const alive = [refusing(1, 'r1'), refusing(2), refusing(3, 'r2', 'r1')];
  expect(await said([job('night', 1), job('timer')], { alive, open })).toEqual([
    'job night waits: its run r1 is carried on by no worker',
    '  worker 1: no key for r1',
    '  worker 3: no key for r1',
  ]);
});

it('says nothing where the run of a job is led, or nothing waits', async () => {
  expect(await said([job('night', 1)], { open: [{ run: 'r1', leader: 'led' }] })).toEqual([]);
  expect(await said([job('night', 1)], {})).toEqual([]);
});
