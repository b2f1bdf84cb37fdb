// Lines of a view: plain text, with a level where a terminal shows a colour.
import { expect, it } from 'vitest';
import type { EventBody } from '../../src/model/run/event.ts';
import { lineOf } from '../../src/screens/run/lines.ts';
import { done, eventsOf, failed } from '../core/fleet.ts';

const rows: readonly (readonly [EventBody, ReturnType<typeof lineOf>])[] = [
  [done('h1'), { text: 'h1 done', level: 'good' }],
  [
    failed('h1', 'timeout'),
    { text: 'h1 FAILED timeout: it went wrong [left: cordoned]', level: 'error' },
  ],
  [
    { type: 'gate.read', gate: 'alerts', open: false, read: '3' },
    { text: 'gate alerts is closed: 3', level: 'warning' },
  ],
  [
    { type: 'wave.done', wave: 1 },
    { text: 'wave 1 done', level: 'info' },
  ],
  [{ type: 'run.closed' }, undefined],
];

it.each(rows)('has the level of its colour: %j', (body, line) => {
  expect(eventsOf([[0, body]]).map(lineOf)).toEqual([line]);
});
