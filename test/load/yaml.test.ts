// YAML as Ansible reads it, with places. Errors are reported, never thrown.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { resolvePlain } from '../../src/load/text/scalar.ts';
import { sourceOf } from '../../src/load/text/source.ts';
import { nodeAt, placeInside, plainOf } from '../../src/load/text/tree.ts';
import { parseYaml } from '../../src/load/text/yaml.ts';

const parse = (text: string) => parseYaml(sourceOf('f.yml', text));
const reported = (text: string): readonly string[] =>
  parse(text).diagnostics.map(
    (one) => `${one.place?.line}:${one.place?.column} ${one.code}: ${one.summary}`,
  );

describe('plain scalars', () => {
  it.each([
    ['off', false],
    ['Yes', true],
    ['y', 'y'],
    ['~', null],
    ['', null],
    ['null', null],
    ['10', 10],
    ['-3', -3],
    ['-0', 0],
    ['+1', 1],
    ['1_000', 1000],
    ['010', 8],
    ['08', '08'],
    ['0x1F', 31],
    ['0b11', 3],
    ['0o17', '0o17'],
    ['20.10', 20.1],
    ['.5', 0.5],
    ['5.', 5],
    ['1e3', '1e3'],
    ['1.5e3', '1.5e3'],
    ['1.5e+3', 1500],
    ['22:30', 1350],
    ['05:00', '05:00'],
    ['1:2:3', 3723],
    ['22:75', '22:75'],
    ['3.10.0-1062.el7', '3.10.0-1062.el7'],
    ['2026-12-20', '2026-12-20'],
    ['.inf', '.inf'],
    ['-', '-'],
    ['...', '...'],
  ])('%s is read as %j', (text, value) => {
    expect(resolvePlain(text)).toBe(value);
  });

  it('quoted scalars are text', () => {
    expect(
      plainOf(
        parse(`[ "off", '10', !!str 20.10, !!int "7", ! 5 ]`).value ?? {
          kind: 'list',
          at: 0,
          items: [],
        },
      ),
    ).toEqual(['off', '10', '20.10', 7, '5']);
  });
});

describe('a YAML error', () => {
  it.each([
    ['a: 1\n\tb: 2\n', ['2:1 tab: Tabs are not allowed as indentation']],
    ['a: 1\nb: 2\na: 3\n', ['3:1 duplicate-key: the key `a` is given twice']],
    ['x: {a: 1, a: 2}\n', ['1:11 duplicate-key: the key `a` is given twice']],
    [
      'a: [1, 2\n',
      [
        '2:1 yaml-syntax: Flow sequence in block collection must be sufficiently indented and end with a ]',
      ],
    ],
    ['a: b: c\n', ['1:4 yaml-syntax: Nested mappings are not allowed in compact mappings']],
    ['a: @x\n', ['1:4 yaml-syntax: Plain value cannot start with reserved character @']],
    ['a: {{ x }}\n', ['1:5 key-not-text: a key must be plain text']],
    ['a: *nope\n', ['1:4 unknown-anchor: nothing before this is named &nope']],
    ['a: &x [1, *x]\n', ['1:11 recursive-alias: *x is part of the value that it names']],
    [
      'a: !vault |\n  6162\n',
      [
        '1:11 vault: this is no value that ansible-vault encrypted: it does not begin with $ANSIBLE_VAULT',
      ],
    ],
    ['a: !what x\n', ['1:10 unknown-tag: the tag !what is not known']],
    ['a: 1\n---\nb: 1\n', ['2:1 several-documents: this file holds more than one YAML document']],
    ['<<: 5\n', ['1:5 merge-not-mapping: `<<` can only merge mappings']],
  ])('%j', (text, expected) => {
    expect(reported(text)).toEqual(expected);
  });

  it('aliases that would expand without limit are reported once', () => {
    const levels = Array.from(
      { length: 12 },
      (_, level) =>
        `l${level + 1}: &l${level + 1} [${Array.from({ length: 10 }, () => `*l${level}`).join(', ')}]`,
    );
    expect(reported(`l0: &l0 [1, 2, 3]\n${levels.join('\n')}\n`)).toEqual([
      expect.stringContaining('alias-bomb'),
    ]);
  });

  it.each(['[', '{a: ', '- ', '? '])('ten thousand %j are refused and not parsed', (text) => {
    expect(reported(text.repeat(10_000))[0]).toContain('too-deep');
  });

  it('names the line of the first of two equal keys', () => {
    expect(parse('a: 1\nb: 2\na: 3\n').diagnostics[0]?.hint).toBe(
      'the first is on line 1: keep one of the two',
    );
  });
});

describe('values', () => {
  const plain = (text: string) => {
    const { value } = parse(text);
    return value && plainOf(value);
  };

  it('aliases and merge keys are read, and an own key wins', () => {
    expect(plain('base: &b {x: 1, y: 2}\nmine: {<<: *b, y: 3}\nsame: *b\n')).toEqual({
      base: { x: 1, y: 2 },
      mine: { x: 1, y: 3 },
      same: { x: 1, y: 2 },
    });
  });

  it('`!unsafe` text without braces does not change', () => {
    expect(plain('a: !unsafe "50% {off}"\n')).toEqual({ a: '50% {off}' });
  });

  it('a key called __proto__ is data', () => {
    const value = plain('__proto__: {polluted: true}\n');
    expect(Object.keys(value ?? {})).toEqual(['__proto__']);
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
  });
});

describe('the place of an error inside a scalar', () => {
  it.each([
    ['a: x {{ nope }}\n', '1:9'],
    ['a: "x {{ nope }}"\n', '1:10'],
    ["a: 'it''s {{ nope }}'\n", '1:14'],
    ['a: "\\t{{ nope }}"\n', '1:10'],
    ['a: |\n  one\n  two {{ nope }}\n', '3:10'],
    ['a: >\n  one\n  two {{ nope }}\n', '3:10'],
    ['a: |-\n    {{ nope }}\n', '2:8'],
    ['a: one\n  two {{ nope }}\n', '2:10'],
  ])('%j', (text, expected) => {
    const source = sourceOf('f.yml', text);
    const { value } = parseYaml(source);
    const node = value && nodeAt(value, ['a']).node;
    if (node?.kind !== 'scalar') throw new Error('no scalar');
    const place = placeInside(source, node, node.text.indexOf('nope'));
    expect(`${place.line}:${place.column}`).toBe(expected);
  });
});

it('random text never makes the parser throw', () => {
  const piece = fc.constantFrom(
    'a',
    ':',
    ' ',
    '\n',
    '\t',
    '-',
    '[',
    ']',
    '{',
    '}',
    '"',
    "'",
    '|',
    '>',
    '&x',
    '*x',
    '!',
    '!!int',
    '<<',
    '#',
    '%',
    '?',
    ',',
    '{{',
    '}}',
    '0',
    '\\',
    '\u0000',
    '\ufeff',
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.array(piece, { maxLength: 40 }).map((parts) => parts.join('')),
        fc.string({ unit: 'binary', maxLength: 60 }),
      ),
      (text) => {
        const { value, diagnostics } = parse(text);
        if (value !== undefined) JSON.stringify(plainOf(value));
        for (const one of diagnostics) expect(one.place?.line).toBeGreaterThan(0);
      },
    ),
    { numRuns: 3_000 },
  );
});
