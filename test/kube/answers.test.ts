// The answers to an eviction: their meanings, the pause before the next try, and turns at a used-up
// budget.
import { describe, expect, it } from 'vitest';
import { noAnswer, refusal } from '../../src/adapters/kube/client/errors.ts';
import { createBudgetTurns } from '../../src/adapters/kube/drain/budget-turns.ts';
import { readAnswer, retryPause } from '../../src/adapters/kube/drain/evict.ts';
import { describeProgress, whyStillThere } from '../../src/adapters/kube/objects/pod-status.ts';

const body = (message: string, cause?: string) => ({
  kind: 'Status',
  message,
  details: cause === undefined ? {} : { causes: [{ reason: cause, message: `about ${cause}` }] },
});
const rbac =
  'pods "p" is forbidden: User "ann" cannot create resource "pods/eviction" in API group ""';

describe('an answer to an eviction', () => {
  it.each([
    ['created', 201, {}, { kind: 'going' }],
    ['accepted', 200, {}, { kind: 'going' }],
    ['gone already', 404, body('not found'), { kind: 'going' }],
    [
      'another pod of that name',
      409,
      body('Precondition failed: UID in precondition'),
      { kind: 'going' },
    ],
    ['written by two at once', 409, body('the object has been modified'), { kind: 'passing' }],
    [
      'a budget',
      429,
      body('would violate', 'DisruptionBudget'),
      { kind: 'budget', why: 'about DisruptionBudget' },
    ],
    [
      'a budget of a server that names no cause',
      429,
      body("Cannot evict pod as it would violate the pod's disruption budget."),
      { kind: 'budget' },
    ],
    ['overload', 429, 'Too many requests, please try again later.', { kind: 'passing' }],
    [
      'a namespace that ends',
      403,
      body('forbidden', 'NamespaceTerminating'),
      { kind: 'terminating' },
    ],
    [
      'a missing right',
      403,
      body(rbac),
      { kind: 'hard', why: expect.stringContaining('ann may not create pods/eviction (403)') },
    ],
    [
      'a webhook that denies',
      403,
      body('admission webhook "w" denied the request: no'),
      { kind: 'hard', why: expect.stringContaining('no') },
    ],
    [
      'two budgets, or a webhook that is down',
      500,
      body('This pod has more than one PodDisruptionBudget'),
      { kind: 'hard' },
    ],
    ['restarting', 503, {}, { kind: 'passing' }],
    ['a lost leader', 504, body('etcdserver: leader changed'), { kind: 'passing' }],
    ['a store that took too long', 500, body('etcdserver: request timed out'), { kind: 'passing' }],
    [
      'a store whose connection broke off',
      500,
      body('rpc error: code = Internal desc = unexpected EOF'),
      { kind: 'passing' },
    ],
    ['a bad gateway', 502, '<html>', { kind: 'passing' }],
    ['a wrong version', 400, body('no kind "Eviction" is registered'), { kind: 'hard' }],
    ['a redirect', 302, {}, { kind: 'hard' }],
  ] as const)('%s (%i)', (_, status, answer, expected) => {
    expect(readAnswer({ status, body: answer }, 'ann', 'create')).toMatchObject(expected);
  });

  it('returns the pause that the server asks for', () => {
    expect(readAnswer({ status: 503, body: {}, retryAfter: 7 }, 'ann', 'create')).toMatchObject({
      after: 7,
    });
  });
});

describe('the next try of an eviction', () => {
  it('comes after 1 to 5 seconds, later with each', () => {
    const pauses = [0, 1, 5, 10, 20, 1000].map((tries) => retryPause(tries, 0.5));
    expect(pauses).toEqual([...pauses].sort((a, b) => a - b));
    expect(retryPause(0, 0)).toBe(1_000);
    expect(retryPause(10_000, 0.999)).toBeLessThan(5_000);
  });

  it('comes once a second for a workload whose budget is used up, and at once after a success', async () => {
    let now = 0;
    const asleep: AbortSignal[] = [];
    const clock = {
      now: () => now,
      random: () => 0,
      yield: async () => {},
      gather: async () => {},
      id: () => '',
      sleep: async (_: number, signal?: AbortSignal) => void (signal && asleep.push(signal)),
    };
    const turns = createBudgetTurns(clock);
    expect(turns.wait('web')).toBeUndefined();
    turns.refused('web', 'used up');
    expect([turns.wait('web'), turns.wait('db')]).toEqual(['used up', undefined]);
    now = 1_000;
    expect([turns.wait('web'), turns.wait('web')]).toEqual([undefined, 'used up']);
    const never = new AbortController().signal;
    const sleeping = [1, 2, 3].map(() => turns.pause('web', 5_000, never));
    turns.passed('web');
    await Promise.all(sleeping);
    expect(asleep.map((signal) => signal.aborted)).toEqual([true, true, false]);
    expect(turns.wait('web')).toBeUndefined();
  });
});

describe('texts about pods and failures', () => {
  it.each([
    [{}, undefined, 'not asked to go yet'],
    [{}, { by: 'budget', why: 'PDB web' }, 'PDB web'],
    [{ deletionTimestamp: '2024-05-01T12:00:00Z' }, undefined, 'ending'],
    [
      { deletionTimestamp: '2024-05-01T11:59:00Z' },
      undefined,
      'ending, past its grace period: is the kubelet running?',
    ],
    [
      { deletionTimestamp: '2024-05-01T12:00:00Z', finalizers: ['a/b'] },
      undefined,
      'ending, held by finalizer a/b',
    ],
    [
      {
        deletionTimestamp: '2024-05-01T12:00:00Z',
        finalizers: ['batch.kubernetes.io/job-tracking'],
      },
      undefined,
      'ending',
    ],
  ] as const)('%j %j', (metadata, held, text) =>
    expect(whyStillThere(metadata, held, Date.parse('2024-05-01T12:00:00Z'))).toBe(text),
  );

  it('names at most eight pods', () => {
    expect(describeProgress(3, [])).toBe('3 of 3 pods gone');
    expect(
      describeProgress(
        20,
        Array.from({ length: 10 }, (_, index) => ({ name: `p${index}`, why: 'x' })),
      ),
    ).toMatch(/^10 of 20 .*p7 \(x\), and 2 more$/);
  });

  it.each([
    [
      'ECONNREFUSED',
      {
        kind: 'unreachable',
        transport: true,
        message: /k8s:6443 cannot be reached: connection refused/,
        hint: /is it running/,
      },
    ],
    [
      'ENOTFOUND',
      { kind: 'unreachable', transport: true, message: /its name is not known/, hint: /VPN/ },
    ],
    [
      'EWHATEVER',
      {
        kind: 'unreachable',
        transport: true,
        message: /cannot be reached: boom/,
        hint: /is it running/,
      },
    ],
    [
      'EPROTO',
      {
        kind: 'unreachable',
        transport: undefined,
        message: /does not speak the API server's protocol/,
        hint: undefined,
      },
    ],
    [
      'HPE_INVALID_CONSTANT',
      {
        kind: 'unreachable',
        transport: undefined,
        message: /does not speak the API server's protocol/,
        hint: undefined,
      },
    ],
    ['EPROXY', { kind: 'unreachable', transport: true, message: /^boom$/, hint: undefined }],
    [
      'CERT_HAS_EXPIRED',
      { kind: 'auth', transport: undefined, message: /its certificate has expired/, hint: /renew/ },
    ],
    [
      'SELF_SIGNED_CERT_IN_CHAIN',
      {
        kind: 'auth',
        transport: undefined,
        message: /not signed by the known CA/,
        hint: /certificate-authority-data/,
      },
    ],
    [
      'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED',
      { kind: 'auth', transport: undefined, message: /refused our certificate/, hint: undefined },
    ],
  ])(
    'the failure for a call without an answer, with code %s',
    (code, { kind, transport, message, hint }) => {
      const failure = noAnswer(Object.assign(new Error('boom'), { code }), 'k8s:6443');
      expect([failure.kind, failure.transport]).toEqual([kind, transport]);
      expect(failure.message).toMatch(message);
      if (hint === undefined) expect(failure.hint).toBeUndefined();
      else expect(failure.hint).toMatch(hint);
    },
  );

  it('the failure for a call without an answer and without a code', () => {
    expect(noAnswer(new Error('boom'), 'k8s')).toEqual({
      kind: 'unreachable',
      message: 'the API server k8s cannot be reached: boom',
      hint: 'is it running, and is it the right context?',
      transport: true,
    });
  });

  it('a server that is down for a moment is distinguished from one that refuses', () => {
    const want = { verb: 'list', resource: 'pods' } as const;
    for (const status of [429, 502, 503, 504])
      expect(refusal(status, 'no', want, 'ann')).toMatchObject({
        kind: 'unreachable',
        transport: true,
      });
    expect(refusal(500, 'no', want, 'ann').transport).toBeUndefined();
    expect(refusal(403, 'no', want, 'ann')).toEqual({
      kind: 'blocked',
      message: 'list pods was denied: no reason given',
    });
    expect(refusal(401, body('expired'), want, 'ann').detail).toBe('expired');
    expect(refusal(404, null, want, 'ann').detail).toBeUndefined();
  });

  it('a refusal names the request and the account', () => {
    const want = { verb: 'patch', resource: 'nodes', name: 'n1' } as const;
    expect(refusal(401, {}, want, 'ann')).toMatchObject({
      kind: 'auth',
      message: expect.stringContaining('ann'),
    });
    expect(
      refusal(403, body('nodes "n1" is forbidden: User "x" cannot patch resource'), want, 'ann'),
    ).toMatchObject({
      kind: 'auth',
      message: 'ann may not patch nodes n1 (403)',
    });
    expect(refusal(422, body('no'), want, 'ann')).toMatchObject({
      kind: 'blocked',
      message: 'patch nodes n1 failed (422): no',
    });
  });
});
