// The entry: what one host says has a longest length, and a parser that throws over it is a failure
// of that host, by name.
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { areas, checkWants, longestAnswer, parseProbe } from '../../src/facts/index.ts';
import type { FactWant } from '../../src/model/fact.ts';
import { file, type Recorded, recordedHost, runProbe } from '../facts/replay.ts';

const wants: readonly FactWant[] = [
  ...checkWants,
  { area: 'ansible' },
  { area: 'wanted' },
  { area: 'kernels' },
  { area: 'package', args: { name: 'docker-ce' } },
  { area: 'service', args: { name: 'docker' } },
  { area: 'path', args: { path: '/etc/x' } },
  { area: 'file', args: { path: '/etc/x', text: true } },
  { area: 'repository', args: { file: 'base', name: 'base' } },
];

let host: Recorded;
let output: string;
beforeAll(() => {
  host = recordedHost('1062-on');
  output = runProbe(host, { wants });
});
afterAll(() => host.remove());
afterEach(() => vi.restoreAllMocks());

const failure = (text: string, ended?: string) => {
  const read = parseProbe(text, wants, ended);
  return read.ok ? undefined : read.failure;
};

const parts = [...areas.keys()].length;
/** The output with more text in one part. */
const within = (part: number, more: string): string =>
  output.replace(`@@kmend done ${part}\n`, () => `${more}\n@@kmend done ${part}\n`);

describe('what is too long', () => {
  it('is an answer of more than 4 MiB', () => {
    expect(failure(`${output}${'x\n'.repeat(longestAnswer / 2)}`)?.message).toMatch(
      /^the answer is too long: all of it has \d+ characters, at most 4194304 are read$/,
    );
  });

  it.each(Array.from({ length: parts }, (_, part) => part))(
    'is an area that prints more than its script can: part %i',
    (part) => {
      const found = failure(within(part, 'zz\n'.repeat(100_000)));
      expect(found).toMatchObject({
        kind: 'parse',
        hint: expect.stringContaining('no script of kmend prints so much'),
      });
      expect(found?.message).toMatch(
        /^the answer is too long: the area [a-z]+\S* has 30\d{4} characters, at most \d+ are read$/,
      );
    },
  );

  it('is a line, in whichever area there is room for it', () => {
    expect(failure(within(3, `default ${'x'.repeat(70_000)}`))?.message).toMatch(
      /a line of the area boot has 70008 characters/,
    );
  });

  it.each([
    [
      'kernel.release',
      'release 3.10.0-1062.el7.x86_64',
      `release 3.10.0-1062.el7.x86_64${'x'.repeat(64)}`,
      64,
    ],
    [
      'kubelet.version',
      '@@kmend area 7',
      `@@kmend area 7\nprogram kubelet\nsays Kubernetes v1.12.3${'1'.repeat(256)}`,
      255,
    ],
  ])('is a name beyond what its format allows: %s', (name, from, to, most) => {
    expect(output).toContain(from);
    const found = failure(output.replace(from, () => to));
    expect(found?.message).toMatch(
      new RegExp(
        `^the answer is too long: the fact ${name} has \\d+ characters, at most ${most} are read$`,
      ),
    );
  });

  it('is reported for an answer that ended early, too', () => {
    const text = within(0, 'zz\n'.repeat(100_000)).replace(/@@kmend area 9\n[\s\S]*$/, '');
    expect(failure(text, 'the probe ended after 90 s')?.message).toMatch(/the area os has/);
  });
});

describe('what is long, and honest', () => {
  it('is read: every file that a script prints may be far longer than what is printed of it', () => {
    const large = recordedHost('1062-on');
    const lines = (line: string): string =>
      `${line}\n`.repeat(Math.ceil(300_000 / (line.length + 1)));
    for (const path of ['etc/default/grub', 'etc/default/grub.d/50-more.cfg', 'etc/os-release'])
      file(large, path, lines('# a comment that is long'));
    for (const path of [
      'var/lib/kubelet/kubeadm-flags.env',
      'etc/sysconfig/kubelet',
      'etc/default/kubelet',
    ])
      file(large, path, lines('# no flag'));
    file(large, 'boot/grub2/grubenv', lines('name=value'));
    file(large, 'run/kmend/started', lines('boot 1 docker off'));
    file(
      large,
      'etc/docker/daemon.json',
      `{"hosts": [${'"unix:///run/docker.sock",'.repeat(12_000)}"x"]}`,
    );
    file(large, 'etc/containerd/config.toml', lines('imports = ["/etc/x"]').slice(0, 60_000));
    file(large, 'etc/yum.repos.d/base.repo', `[base]\n${lines('baseurl=http://x')}`);
    file(large, 'etc/yum.conf', lines('exclude=a b c').slice(0, 150_000));
    file(large, 'etc/redhat-release', 'x'.repeat(200));
    expect(failure(runProbe(large, { wants }))).toBeUndefined();
    large.remove();
  });
});

describe('a parser that throws', () => {
  it.each([...areas.values()])('is a failure of its host: $name', (area) => {
    vi.spyOn(area, 'parse').mockImplementation(() => {
      throw new RangeError('Invalid string length');
    });
    // No section is one that was read before: that would not be parsed again.
    const found = failure(output.replaceAll('@@kmend done', `zz ${area.name}\n@@kmend done`));
    expect(found).toMatchObject({
      kind: 'parse',
      hint: expect.stringContaining('this is a fault of kmend'),
    });
    expect(found?.message).toMatch(
      new RegExp(
        `^kmend cannot handle what the area ${area.name}\\S* printed: RangeError: Invalid string length$`,
      ),
    );
  });
});

describe('marks', () => {
  it('of a frame count once, and an end before its beginning does not', () => {
    const text = output
      .replace('@@kmend area 2\n', '@@kmend done 2\n@@kmend area 2\n')
      .replace('@@kmend done 2\n', '@@kmend done 2\n');
    expect(parseProbe(text, wants)).toEqual(parseProbe(output, wants));
  });

  it('never make the reader throw, in whatever order', () => {
    const mark = fc
      .tuple(
        fc.constantFrom('area', 'done', 'begin', 'end'),
        fc.nat(30),
        fc.constantFrom('', ' cut'),
      )
      .map(([kind, part, cut]) => `@@kmend ${kind} ${part}${cut}`);
    const lines = output.split('\n');
    fc.assert(
      fc.property(
        fc.array(mark, { maxLength: 6 }),
        fc.nat(lines.length),
        fc.boolean(),
        (marks, at, early) => {
          const text = [...lines.slice(0, at), ...marks, ...lines.slice(at)].join('\n');
          const found = failure(text, early ? 'early' : undefined);
          expect(found?.kind ?? 'parse').toBe('parse');
        },
      ),
      { numRuns: 200 },
    );
  });
});
