// Retries of calls: when an overloaded server asks for it, and after a restart of the API server,
// while it has not read all rights.
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type FakeKube, startFakeKube } from '../fakes/kube-api.ts';
import { skipWaits } from '../fakes/skipped-waits.ts';
import { clusterIn, failure, sleep, value } from './cluster-on.ts';

skipWaits();

let fake: FakeKube;
beforeEach(async () => {
  fake = await startFakeKube();
  fake.addNode('n1');
});
afterEach(() => fake.stop());

it('a 403 of a server that has just restarted is retried; a 403 of any other server is returned at once', async () => {
  const cluster = clusterIn(fake);
  value(await cluster.node('n1'));
  const forbidden = {
    status: 403,
    body: {
      kind: 'Status',
      message: 'nodes "n1" is forbidden: User "kmend" cannot get resource "nodes"',
      code: 403,
    },
  };
  let refused = 0;
  const refuse = (times: number) => {
    refused = 0;
    fake.faults(() => {
      refused += 1;
      return refused <= times ? forbidden : undefined;
    });
  };
  refuse(1);
  expect(failure(await cluster.node('n1')).kind).toBe('auth');
  const back = fake.restart(700);
  expect(failure(await cluster.node('n1'))).toMatchObject({ transport: true });
  await back;
  refuse(3);
  expect(value(await cluster.node('n1')).name).toBe('n1');
  expect(refused).toBe(4);
  // As long after the loss as a busy server takes from its start to its first answer.
  const backAgain = fake.restart(700);
  expect(failure(await cluster.node('n1'))).toMatchObject({ transport: true });
  await backAgain;
  await sleep(60_000);
  refuse(3);
  expect(value(await cluster.node('n1')).name).toBe('n1');
  await sleep(60_000);
  refuse(1);
  expect(failure(await cluster.node('n1')).kind).toBe('auth');
});

it('a call is retried when an overloaded server asks for it, as kubectl does; without Retry-After it is not', async () => {
  const cluster = clusterIn(fake);
  const overloaded = (headers: Record<string, string>) => ({
    status: 429,
    body: 'Too many requests, please try again later.',
    headers,
  });
  let refused = 0;
  fake.faults(() => {
    refused += 1;
    return refused <= 2 ? overloaded({ 'retry-after': '1' }) : undefined;
  });
  const began = performance.now();
  value(await cluster.node('n1'));
  expect(performance.now() - began).toBeGreaterThan(1_900);
  fake.faults(() => overloaded({}));
  expect(failure(await cluster.node('n1'))).toMatchObject({ kind: 'unreachable', transport: true });
  refused = 0;
  fake.faults(() => {
    refused += 1;
    return overloaded({ 'retry-after': '0' });
  });
  expect(failure(await cluster.node('n1'))).toMatchObject({ kind: 'unreachable' });
  expect(refused).toBe(10);
});
