// The types that modules and playbooks are checked with.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as schema from '../../src/model/shape/schema.ts';

const parse = (type: schema.Schema<unknown>, input: unknown): unknown => {
  const parsed = type.safeParse(input);
  return parsed.success
    ? parsed.data
    : new Error(schema.problemsOf(schema.asArgs(type), input)[0]?.message);
};
const wrong = (message: string): Error => new Error(message);

describe.each<[string, schema.Schema<unknown>, (readonly [unknown, unknown])[]]>([
  [
    'duration',
    schema.duration,
    [
      [90, 90],
      ['90', 90],
      ['90s', 90],
      ['10m', 600],
      ['1h30m', 5400],
      ['2d', 172_800],
      ['1.5', 1.5],
      ['', wrong('should be a length of time such as 90, 90s, 10m or 1h30m')],
      ['m', wrong('should be a length of time such as 90, 90s, 10m or 1h30m')],
      ['10m5', wrong('should be a length of time such as 90, 90s, 10m or 1h30m')],
      ['1m1h', wrong('should be a length of time such as 90, 90s, 10m or 1h30m')],
      [-1, wrong('should be 0 or more')],
      ['400d', wrong('should be a year at most')],
      [true, wrong('should be a length of time such as 90, 90s, 10m or 1h30m')],
    ],
  ],
  [
    'amount',
    schema.amount,
    [
      [3, { count: 3 }],
      ['3', { count: 3 }],
      ['10%', { percent: 10 }],
      ['101%', wrong('should be 100% at most')],
      ['33.5%', wrong('should be a number of hosts or a whole percentage such as 10%')],
      [1.5, wrong('should be a number of hosts or a whole percentage such as 10%')],
    ],
  ],
  [
    'state',
    schema.state('disabled', 'enabled'),
    [
      ['off', 'disabled'],
      [false, 'disabled'],
      ['no', 'disabled'],
      ['disabled', 'disabled'],
      ['on', 'enabled'],
      [true, 'enabled'],
      ['maybe', wrong('should be disabled or enabled')],
      [1, wrong('should be disabled or enabled')],
    ],
  ],
  [
    'state without an on',
    schema.state('started', 'stopped'),
    [
      ['started', 'started'],
      ['on', wrong('should be started or stopped')],
      [true, wrong('should be started or stopped')],
    ],
  ],
  [
    'state with an off only',
    schema.state('running', 'absent'),
    [
      [false, 'absent'],
      ['running', 'running'],
      [true, wrong('should be running or absent')],
    ],
  ],
  [
    'version',
    schema.version,
    [
      ['3:18.09.1-3.el7', '3:18.09.1-3.el7'],
      [20.1, wrong('the version 20.1 is a number: put it in quotes')],
      ['a b', wrong('should be a version such as 18.09.9 or 3.10.0-1160.el7')],
      [undefined, wrong('is required')],
    ],
  ],
  [
    'flag',
    schema.flag,
    [
      [true, true],
      ['No', false],
      ['on', true],
      [1, wrong('should be true or false')],
      ['maybe', wrong('should be true or false')],
    ],
  ],
  [
    'timeOfDay',
    schema.timeOfDay,
    [
      ['22:30', 1350],
      ['5:00', 300],
      ['24:00', 1440],
      ['24:01', wrong('should be a time of day such as 22:30')],
      ['25:00', wrong('should be a time of day such as 22:30')],
    ],
  ],
])('%s', (_, type, rows) => {
  it.each(rows)('%j is %j', (input, expected) => {
    expect(parse(type, input)).toEqual(expected);
  });
});

it('a number of seconds written in parts is the sum of its parts', () => {
  fc.assert(
    fc.property(
      fc.nat(300),
      fc.nat(50),
      fc.nat(99),
      fc.nat(99),
      (days, hours, minutes, seconds) => {
        expect(schema.parseDuration(`${days}d${hours}h${minutes}m${seconds}s`)).toBe(
          days * 86_400 + hours * 3_600 + minutes * 60 + seconds,
        );
      },
    ),
  );
});

it('problems say what, where and which keys there are', () => {
  const type = schema.object({
    name: schema.word,
    inner: schema.object({ count: schema.whole(1) }).optional(),
  });
  expect(schema.problemsOf(schema.asArgs(type), { inner: { count: 0 }, nmae: 1 })).toEqual([
    { path: ['name'], kind: 'missing', message: 'is required' },
    { path: ['inner', 'count'], kind: 'value', message: 'should be 1 or more' },
    { path: [], kind: 'unknown-key', message: 'has no key `nmae`', keys: ['nmae'] },
  ]);
  expect(schema.keysAt(schema.asArgs(type), [])).toEqual(['name', 'inner']);
  expect(schema.keysAt(schema.asArgs(type), ['inner'])).toEqual(['count']);
});

it('the JSON schema of a short form says that a scalar will do, and that templates will', () => {
  const type = schema.shorthand(
    (cmd) => ({ cmd }),
    schema.object({ cmd: schema.text, count: schema.whole().optional() }),
  );
  expect(schema.toJsonSchema(type, { templates: true })).toMatchObject({
    anyOf: [
      {
        type: 'object',
        properties: {
          cmd: { type: 'string' },
          count: { anyOf: [{ type: 'integer' }, { type: 'string', pattern: '\\{\\{' }] },
        },
      },
      { type: ['string', 'number', 'boolean', 'null'] },
    ],
  });
});
