// What is read back from a file has its shape, or is refused with the place of what is wrong.
import { describe, expect, it } from 'vitest';
import { wrongBody, wrongEvent } from '../../src/model/shape/event-shape.ts';
import { plan } from '../../src/model/shape/plan-shape.ts';
import {
  anything,
  dataIn,
  flag,
  listOf,
  number,
  object,
  oneOf,
  record,
  type Shape,
  text,
} from '../../src/model/shape/shape.ts';

const pair = object({ a: number }, { b: text });

describe('a shape', () => {
  it.each<readonly [name: string, shape: Shape, data: unknown, wrong: string | undefined]>([
    ['text', text, '', undefined],
    ['text', text, 1, 'x should be text'],
    ['text', text, undefined, 'x is missing'],
    ['number', number, 1.5, undefined],
    ['number', number, null, undefined],
    ['number', number, '1', 'x should be a number'],
    ['flag', flag, false, undefined],
    ['flag', flag, 0, 'x should be true or false'],
    ['one of', oneOf('yes', 'no'), 'no', undefined],
    ['one of', oneOf('yes', 'no'), 'No', 'x should be yes, no'],
    ['list', listOf(text), [], undefined],
    ['list', listOf(text), ['a', 2, 3], 'x[1] should be text'],
    ['list', listOf(text), { length: 1 }, 'x should be a list'],
    ['mapping', pair, { a: 1, other: [] }, undefined],
    ['mapping', pair, { a: 1, b: undefined }, undefined],
    ['mapping', pair, { a: 1, b: 2 }, 'x.b should be text'],
    ['mapping', pair, {}, 'x.a is missing'],
    ['mapping', pair, [], 'x should be a mapping'],
    ['mapping', pair, null, 'x should be a mapping'],
    ['a key that only objects have', object({ constructor: text }), {}, 'x.constructor is missing'],
    ['record', record(number), { a: 1, b: 'c' }, 'x.b should be a number'],
    ['record', record(number), [1], 'x should be a mapping'],
    ['anything', anything, undefined, undefined],
  ])('%s: %# ', (_, shape, data, wrong) => {
    expect(shape(data, 'x')).toBe(wrong);
  });

  it('is asked of JSON only', () => {
    expect([dataIn('{"a": 1}'), dataIn('{"a": 1'), dataIn('')]).toEqual([
      { a: 1 },
      undefined,
      undefined,
    ]);
  });
});

const head = { seq: 1, at: 2, run: 'r', prev: 'p' };

describe('an event', () => {
  it.each<readonly [body: Readonly<Record<string, unknown>>, wrong: string | undefined]>([
    [{ type: 'run.closed' }, undefined],
    [{ type: 'run.finished', exit: 0, why: 'all done' }, undefined],
    [{ type: 'run.finished', exit: 0 }, 'why is missing'],
    [
      { type: 'run.paused', who: 'anna', why: 'lunch', hosts: ['h1', 2] },
      'hosts[1] should be text',
    ],
    [{ type: 'approved', risk: 'reboot', who: 'anna', how: 'asked' }, undefined],
    [
      { type: 'approved', risk: 'huge', who: 'anna', how: 'asked' },
      'risk should be none, write, restart, evict, reboot',
    ],
    [
      { type: 'wave.started', wave: 1, hosts: ['h1'], canary: 'yes' },
      'canary should be true or false',
    ],
    [{ type: 'gate.read', gate: 'g', open: true, read: '1' }, undefined],
    [
      { type: 'capacity.read', unavailable: [], lockOuts: [{ host: 'h', by: 'lock', why: '' }] },
      'lockOuts[0].by should be hold, cordon',
    ],
    [
      { type: 'effect.done', host: 'h', task: 't', effect: 'e', result: { ok: true, code: '0' } },
      'result.code should be a number',
    ],
    [
      {
        type: 'effect.failed',
        host: 'h',
        task: 't',
        effect: 'e',
        failure: { kind: 'bad luck', message: '' },
      },
      expect.stringMatching(/^failure\.kind should be /) as never,
    ],
    [
      { type: 'task.done', host: 'h', task: 't', name: 'n', status: 'changed', registered: [] },
      'registered should be a mapping',
    ],
    [
      { type: 'host.resolved', host: 'h', who: 'anna', note: '', as: 'forget' },
      'as should be done, skip, retry',
    ],
    [
      {
        type: 'proof',
        host: 'h',
        verdict: 'off',
        by: 'samples',
        evidence: 'EIO',
        accepted: [{ key: 'docker' }],
      },
      'accepted[0].name is missing',
    ],
    [{ type: 'run.continued', who: 'anna', via: 'page' }, undefined],
    [{ type: 'run.continued', who: 'anna', via: 'mail' }, 'via should be page, terminal'],
    [{ type: 'constructor' }, 'this version of kmend knows no entry of type "constructor"'],
    [{}, 'this version of kmend knows no entry of type undefined'],
  ])('%j', (body, wrong) => {
    expect(wrongBody(body)).toEqual(wrong);
    expect(wrongEvent({ ...head, ...body })).toEqual(wrong);
  });

  it.each(Object.keys(head))('has a head with %s', (key) => {
    expect(wrongEvent({ ...head, [key]: undefined, type: 'run.closed' })).toBe(`${key} is missing`);
  });
});

describe('a plan', () => {
  const amount = { count: 1 };
  const rollout = {
    waves: [{ percent: 10 }],
    maxUnavailable: amount,
    order: 'inventory',
    soak: { host: 0, wave: 0 },
    brake: { failures: amount, unreachable: 'count' },
    onBrake: 'finish',
    windows: [],
    freeze: [],
    onWindowEnd: 'finish',
    gates: [],
    deadline: {},
    retries: { transport: 3 },
    approve: 'ask',
    unplannable: 'fail',
  };
  const host = {
    host: 'h1',
    tasks: [],
    risk: 'none',
    verdict: 'off',
    remedy: 'none',
    remedyWhy: '',
    reads: {},
    estimate: 0,
    warnings: [],
  };
  const play = { play: 'p', rollout, pool: 1, hosts: [host], leftOut: [] };
  const whole = {
    id: 'i',
    tool: '1',
    createdAt: 1,
    playbook: 'p.yaml',
    inventories: [],
    inputs: {},
    salt: 's',
    plays: [play],
  };
  const withPlay = (change: object) => ({ ...whole, plays: [{ ...play, ...change }] });

  it.each<readonly [name: string, data: unknown, wrong: string | undefined]>([
    ['one that kmend wrote', whole, undefined],
    ['no plan', null, 'plan should be a mapping'],
    ['without its salt', { ...whole, salt: undefined }, 'plan.salt is missing'],
    [
      'an amount of neither form',
      withPlay({ rollout: { ...rollout, waves: ['10%'] } }),
      'plan.plays[0].rollout.waves[0] should be a mapping',
    ],
    [
      'an unknown verdict',
      withPlay({ hosts: [{ ...host, verdict: 'fine' }] }),
      'plan.plays[0].hosts[0].verdict should be off, on, leaking, at_risk, not_applicable, unknown',
    ],
    [
      'a task without an id',
      withPlay({ hosts: [{ ...host, tasks: [{ name: 'n' }] }] }),
      'plan.plays[0].hosts[0].tasks[0].id is missing',
    ],
    [
      'a gate of an unknown kind',
      withPlay({ rollout: { ...rollout, gates: [{ name: 'g', kind: 'mail', args: {}, for: 0 }] } }),
      'plan.plays[0].rollout.gates[0].kind should be prometheus, http, command, kubernetes',
    ],
  ])('%s', (_, data, wrong) => {
    expect(plan(data, 'plan')).toBe(wrong);
  });
});
