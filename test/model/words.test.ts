// Words of others: suggested, matched, quoted and read.
import { describe, expect, it } from 'vitest';
import { nearest } from '../../src/model/diagnostic.ts';
import { forwardTarget } from '../../src/model/forward-target.ts';
import { present } from '../../src/model/present.ts';
import { pasteable, quote } from '../../src/model/text/quote.ts';
import { matchesWildcard } from '../../src/model/text/wildcard.ts';

describe('the nearest word', () => {
  it.each([
    ['kernel_agr', 'kernel_arg'],
    ['KERNEL_ARG', 'kernel_arg'],
    ['rebot', 'reboot'],
    ['darin', 'drain'],
    ['r', undefined],
    ['something', undefined],
  ])('of %s', (word, expected) => {
    expect(nearest(word, ['kernel_arg', 'reboot', 'drain'])).toBe(expected);
  });
});

describe('a wildcard', () => {
  it.each([
    ['*', '', true],
    ['docker*', 'docker-ce', true],
    ['*-ce', 'docker-ce', true],
    ['d?cker', 'docker', true],
    ['d?cker', 'dcker', false],
    ['a*b*c', 'aXbXbYc', true],
    ['a*b*c', 'aXbXb', false],
    ['', 'a', false],
    ['.*', 'a', false],
    [`${'*a'.repeat(50)}b`, 'a'.repeat(5_000), false],
  ])('%s on %s', (pattern, text, expected) => {
    expect(matchesWildcard(pattern, text)).toBe(expected);
  });
});

describe('a shell word', () => {
  it.each([
    ['node-1.example.com', 'node-1.example.com'],
    ['', "''"],
    ['two words', "'two words'"],
    ["it's", "'it'\\''s'"],
    ['$(reboot)', "'$(reboot)'"],
    ['a;b', "'a;b'"],
  ])('%j', (word, expected) => {
    expect(quote(word)).toBe(expected);
  });

  it('cannot hold a NUL byte; what a hint shows holds no control character either', () => {
    expect(() => quote('a\0b')).toThrow('a shell word cannot hold a NUL byte');
    expect(pasteable('a\u001b[2J')).toBe("'a?[2J'");
  });
});

describe('where journals are forwarded to', () => {
  it.each([
    ['syslog', { kind: 'syslog' }],
    ['journald', { kind: 'journald' }],
    ['udp://log', { kind: 'udp', host: 'log', port: 514 }],
    ['tcp://log:601', { kind: 'tcp', host: 'log', port: 601 }],
    ['tls://log', { kind: 'tls', host: 'log', port: 6514 }],
    ['tls://[::1]:6514', { kind: 'tls', host: '::1', port: 6514 }],
    ['udp://log:0', undefined],
    ['udp://log:65536', undefined],
    ['http://log', undefined],
    ['udp://', undefined],
    ['Syslog', undefined],
  ])('%s', (text, expected) => {
    expect(forwardTarget(text)).toEqual(expected);
  });
});

it('an absent field is left out, a false or empty one is not', () => {
  const made = present({ a: undefined, b: null, c: false, d: 0, e: '' });
  expect(Object.keys(made)).toEqual(['b', 'c', 'd', 'e']);
});
