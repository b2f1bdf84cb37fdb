// Version orders against the programs whose orders they are: the real rpm and dpkg, on historic and
// generated pairs.
import { execFileSync, spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareDeb, compareRpm } from '../../src/model/text/versions.ts';
import { debPairs, rpmPairs } from '../model/version-pairs.ts';

const has = (program: string): boolean =>
  spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0;

/** Versions of the packages that kmend handles, as they were really named. */
const historic = [
  ...[
    '17.03.3.ce-1.el7',
    '17.06.2.ce-1.el7.centos',
    '17.12.1.ce-1.el7.centos',
    '18.03.1.ce-1.el7.centos',
    '18.06.0.ce-3.el7',
    '18.06.1.ce-3.el7',
  ],
  ...[
    '18.06.3.ce-3.el7',
    '3:18.09.0-3.el7',
    '3:18.09.1-3.el7',
    '3:18.09.9-3.el7',
    '3:19.03.15-3.el7',
    '3:20.10.9-3.el7',
    '3:24.0.7-1.el7',
  ],
  ...[
    '1.2.0-3.el7',
    '1.2.2-3.el7',
    '1.2.6-3.3.el7',
    '1.2.10-3.2.el7',
    '1.2.13-3.1.el7',
    '1.2.13-3.2.el7',
    '1.3.7-3.1.el7',
    '1.4.1-3.1.el7',
  ],
  ...[
    '1.4.13-3.1.el7',
    '1.6.24-3.1.el7',
    '3.10.0-514.el7',
    '3.10.0-693.61.1.el7',
    '3.10.0-862.el7',
    '3.10.0-862.44.2.el7',
    '3.10.0-957.5.1.el7',
  ],
  ...[
    '3.10.0-1062.el7',
    '3.10.0-1062.4.1.el7',
    '3.10.0-1127.el7',
    '3.10.0-1160.119.1.el7',
    '2:1.13.1-94.gitb2f74b2.el7.centos',
    '1.0.0-rc93',
  ],
  ...[
    '18.06.1~ce~3-0~ubuntu',
    '5:18.09.1~3-0~ubuntu-xenial',
    '5:19.03.15~3-0~debian-stretch',
    '18.09.7-0ubuntu1~16.04.5',
    '1.0.0~rc95-0ubuntu1',
  ],
  ...[
    '1.1.15+ds1-2+b4',
    '1.5.5-0ubuntu3~18.04.2',
    '4.9.88-1+deb9u1',
    '4.9.130-2',
    '1.0.0~rc6+dfsg1-3',
    '1.0^20200101git1-1',
  ],
];

const generated = (count: number, pattern: RegExp): readonly (readonly [string, string])[] =>
  fc.sample(fc.tuple(fc.stringMatching(pattern), fc.stringMatching(pattern)), {
    numRuns: count,
    seed: 20_260_101,
  });

const everyPair: readonly (readonly [string, string])[] = historic.flatMap((a) =>
  historic.map((b) => [a, b] as const),
);

describe.skipIf(!has('rpm'))('compareRpm against rpm itself (needs rpm)', () => {
  it('agrees on every pair', () => {
    const part = '(?:[0-9]{1,3}|[a-z]{1,2}|rc[0-9]|0[0-9])';
    const pairs = [
      ...rpmPairs,
      ...everyPair,
      ...generated(
        1500,
        new RegExp(`^(?:[1-3]:)?${part}(?:[.~^+_]${part}){0,4}(?:-${part}(?:[.~^]${part}){0,2})?$`),
      ),
    ];
    const asked = pairs.map(
      ([a, b]) => `io.write(rpm.vercmp(${JSON.stringify(a)}, ${JSON.stringify(b)}), ' ')`,
    );
    const answers: number[] = [];
    for (let from = 0; from < asked.length; from += 400) {
      const chunk = asked.slice(from, from + 400).join(' ');
      answers.push(
        ...execFileSync('rpm', ['--eval', `%{lua:${chunk}}`], { encoding: 'utf8' })
          .trim()
          .split(/\s+/)
          .map(Number),
      );
    }
    expect(answers.length).toBe(pairs.length);
    const wrong = pairs.flatMap(([a, b], index) =>
      Math.sign(compareRpm(a, b)) === answers[index]
        ? []
        : [`${a} against ${b}: rpm says ${answers[index]}`],
    );
    expect(wrong).toEqual([]);
    expect(pairs.length).toBeGreaterThan(1000);
  });
});

describe.skipIf(!has('dpkg'))('compareDeb against dpkg itself (needs dpkg)', () => {
  it('agrees on every pair', () => {
    const part = '(?:[0-9]{1,3}|[a-z]{1,2}|rc[0-9]|0[0-9])';
    const pairs = [
      ...debPairs,
      ...everyPair.filter(([a, b]) => !/\^/.test(a + b)),
      ...generated(
        600,
        new RegExp(`^(?:[1-3]:)?[0-9](?:[.~+]${part}){0,4}(?:-${part}(?:[.~+]${part}){0,2})?$`),
      ),
    ];
    const script = pairs
      .map(
        ([a, b]) =>
          `if dpkg --compare-versions '${a}' lt '${b}'; then echo -1; elif dpkg --compare-versions '${a}' eq '${b}'; then echo 0; else echo 1; fi`,
      )
      .join('\n');
    const answers = execFileSync('sh', [], {
      input: script,
      encoding: 'utf8',
      stdio: ['pipe', 'pipe', 'ignore'],
    })
      .trim()
      .split('\n')
      .map(Number);
    const wrong = pairs.flatMap(([a, b], index) =>
      Math.sign(compareDeb(a, b)) === answers[index]
        ? []
        : [`${a} against ${b}: dpkg says ${answers[index]}`],
    );
    expect(wrong).toEqual([]);
    expect(pairs.length).toBeGreaterThan(1000);
  });
});
