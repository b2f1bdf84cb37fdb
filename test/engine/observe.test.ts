// Observing a host that is too sick to answer in time: what came before the limit counts.
import { expect, it } from 'vitest';
import { observe } from '../../src/engine/session/observe.ts';
import type { Session } from '../../src/engine/session/session.ts';
import { buildProbe } from '../../src/facts/index.ts';
import { failed, type Outcome } from '../../src/model/run/failure.ts';

const parts = buildProbe().match(/^frame \d+/gm)?.length ?? 0;
const lines = [
  `@@kmend begin 3 ${parts}`,
  '@@kmend area 0',
  'os ID="centos"',
  '@@kmend done 0',
  '@@kmend area 1',
  'machine 1234',
];

/** A session whose read prints these lines and then ends with this failure. */
const sick = (printed: readonly string[], failure: Outcome<never>): Session => {
  const never = (): Promise<never> => Promise.reject(new Error('not asked'));
  return {
    target: {
      name: 'n1',
      address: 'n1',
      port: 22,
      user: 'root',
      hostKeyChecking: 'yes',
      legacyCrypto: false,
      connectTimeout: 10,
    },
    read: async (_, { onLine }) => {
      for (const line of printed) onLine?.(line);
      return failure;
    },
    once: never,
    fresh: never,
    close: () => undefined,
    dialled: () => [],
    hostKey: () => 'SHA256:it',
  };
};
const late = failed('timeout', 'n1: the command took longer than 90 s');

it('gives the areas that came whole, and says why the others are unknown', async () => {
  const observed = await observe(sick(lines, late), []);
  const facts = observed.ok ? observed.value.facts : {};
  expect([facts['os.id'], facts['machine.id'], facts['kmem.samples']]).toEqual([
    'centos',
    { $unknown: 'the probe ended after 90 s' },
    { $unknown: 'the probe ended after 90 s' },
  ]);
});

it('is the failure itself where nothing came, or where the connection broke', async () => {
  expect(await observe(sick([], late), [])).toEqual(late);
  const lost = failed('unreachable', 'n1: the connection was lost', { transport: true });
  expect(await observe(sick(lines, lost), [])).toEqual(lost);
});
