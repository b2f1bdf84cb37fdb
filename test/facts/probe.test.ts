// The probe: one script for every shell, framed so that banners and cuts are noticed, and a parser
// that never throws.
import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  areas,
  buildProbe,
  checkWants,
  derive,
  factDefs,
  givenFacts,
  lifetimeOf,
  parseProbe,
  withPrelude,
} from '../../src/facts/index.ts';
import type { FactWant } from '../../src/model/fact.ts';
import {
  emptyHost,
  file,
  has,
  hasBusybox,
  program,
  type Recorded,
  recordedHost,
  replay,
  runProbe,
} from './replay.ts';

const wants: readonly FactWant[] = [
  { area: 'kernels' },
  { area: 'ansible' },
  { area: 'wanted' },
  ...checkWants,
  { area: 'package', args: { name: 'docker-ce' } },
  { area: 'service', args: { name: 'docker' } },
  { area: 'path', args: { path: "/etc/it's here" } },
  { area: 'repository', args: { file: "it's here", name: 'base' } },
];

let host: Recorded;
let output: string;
beforeAll(() => {
  host = recordedHost('1062-on');
  output = runProbe(host, { wants });
});
afterAll(() => host.remove());

const shells = [
  ['sh', ['sh']],
  ['dash', ['dash']],
  ['bash', ['bash']],
  ['busybox ash', ['busybox', 'ash']],
] as const;
describe('the script', () => {
  it.each(shells)('passes %s -n', (_, [command, ...rest]) => {
    if (!has(command)) return;
    execFileSync(command, [...rest, '-n', '-c', buildProbe(wants)]);
  });

  it.skipIf(!hasBusybox || !has('dash') || !has('bash'))(
    'says the same in every shell (needs dash, bash and busybox)',
    () => {
      const factsOf = (text: string): object => {
        const result = parseProbe(text, wants);
        if (!result.ok) throw new Error(result.failure.message);
        const passing = /^(clock|space)\.|^boot\.time$/;
        return Object.fromEntries(
          Object.entries(derive(result.value)).filter(([name]) => !passing.test(name)),
        );
      };
      for (const [, shell] of shells)
        expect(factsOf(runProbe(host, { wants, shell }))).toEqual(factsOf(output));
    },
  );

  it('does not take the line of /proc/cgroups for the place of the controller, whatever is between its words', () => {
    for (const line of ['memory 4 6 1', 'memory\t4\t6\t1']) {
      const other = recordedHost('1062-on');
      file(other, 'proc/cgroups', `${line}\n`);
      expect(replay(other)['cgroup.memory']).toBe('v1');
      other.remove();
    }
  });

  it('is the same text for the same wants, in any order, asked twice or once', () => {
    expect(buildProbe([...wants].reverse())).toBe(buildProbe(wants));
    expect(
      buildProbe([...wants, ...wants, { area: 'os' }, { area: 'node', args: { name: 'n1' } }]),
    ).toBe(buildProbe(wants));
    expect(buildProbe()).not.toBe(buildProbe(wants));
  });

  it('also runs when it is fed to the stdin of a shell', () => {
    const fed = execFileSync('sh', [], {
      input: buildProbe(wants),
      env: { ...process.env, KMEND_ROOT: host.root },
      encoding: 'utf8',
    });
    expect(parseProbe(fed, wants).ok).toBe(true);
  });

  it('leaves the tree as it found it', () => {
    const list = (directory: string): readonly string[] =>
      readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
        const path = join(directory, entry.name);
        if (entry.isDirectory()) return list(path);
        return entry.isFile()
          ? [`${path} ${statSync(path).mtimeMs} ${statSync(path).size}`]
          : [path];
      });
    const before = list(host.root);
    runProbe(host, { wants });
    expect(list(host.root)).toEqual(before);
  });

  it('reads nothing outside its root but programs', () => {
    // Every absolute path stands behind $R, or is the null device, or the clock.
    const paths = buildProbe(wants)
      .split('\n')
      .filter((line) => !line.startsWith('PATH='))
      .flatMap(
        (line) =>
          line
            .replace(/\/proc\/self\/\.(?!\w)/g, '')
            .match(/(?<![\w$}"*/.)-])\/(?:etc|proc|sys|var|boot|run|usr|oem)\b[^ "]*/g) ?? [],
      );
    expect(
      paths.filter(
        (path) => !path.startsWith("/etc/it'") && !/^\/(usr\/\*|usr\/bin\/kubelet)/.test(path),
      ),
    ).toEqual([]);
  });

  it('keeps a prelude that is already there', () =>
    expect(withPrelude(withPrelude('true\n'))).toBe(withPrelude('true\n')));
});

describe('the frame', () => {
  it('is found behind a noisy banner, before a logout message, and with carriage returns', () => {
    const facts = parseProbe(output, wants);
    expect(facts.ok).toBe(true);
    expect(parseProbe(`Welcome!\n*** authorised use only ***${output}`, wants)).toEqual(facts);
    expect(parseProbe(`${buildProbe(wants)}${output}logout\n`, wants)).toEqual(facts);
    expect(parseProbe(output.replaceAll('\n', '\r\n'), wants)).toEqual(facts);
  });

  it('is missed wherever the output was truncated', () => {
    const end = output.indexOf('@@kmend end') + '@@kmend end'.length;
    for (let at = 0; at < end; at += 97) {
      const result = parseProbe(output.slice(0, at), wants);
      expect(result.ok).toBe(false);
      if (!result.ok) expect(result.failure.kind).toBe('parse');
    }
  });

  it('that was interrupted gives the complete areas; all other facts are unknown, with the reason', () => {
    const why = 'the probe ended after 90 s';
    const result = parseProbe(output.slice(0, output.indexOf('@@kmend done 5')), wants, why);
    const facts = result.ok ? result.value : {};
    const whole = parseProbe(output, wants);
    expect(Object.keys(facts).toSorted()).toEqual(
      Object.keys(whole.ok ? whole.value : {}).toSorted(),
    );
    expect([
      facts['kernel.release'],
      facts['kmem.samples'],
      facts['package.docker-ce.held'],
    ]).toEqual(['3.10.0-1062.el7.x86_64', { $unknown: why }, { $unknown: why }]);
    expect(derive(facts)['kmem.verdict']).toEqual({ $unknown: why });
  });

  it('that was ended between its quick areas and the others has sent all that came before', () => {
    const host = emptyHost();
    program(host, 'timeout', 'shift; exec "$@"');
    file(host, 'proc/sys/kernel/osrelease', '3.10.0-862.el7.x86_64\n');
    // The first program of the first area after them ends the shell: nothing can send anything later.
    file(host, 'var/log/messages', '');
    program(host, 'journalctl', 'kill -9 $PPID');
    const env = { PATH: `${host.bin}:${process.env.PATH}`, KMEND_ROOT: host.root };
    const { stdout } = spawnSync('sh', { input: buildProbe(), env, encoding: 'utf8' });
    host.remove();
    const marks = (what: string): readonly string[] =>
      [...stdout.matchAll(new RegExp(`^@@kmend ${what} (\\d+)`, 'gm'))].map(([, at = '']) => at);
    expect(marks('area').length).toBeGreaterThan(10);
    // Only the area that was ended lacks its end.
    expect(marks('area').slice(0, -1)).toEqual(marks('done'));
  });

  it('that ended in the walk over cgroups gives what was counted before it, as not complete', () => {
    const end = output.indexOf('\n', output.lastIndexOf('\nslab ') + 1) + 1;
    const result = parseProbe(output.slice(0, end), wants, 'the probe ended after 90 s');
    const facts = result.ok ? result.value : {};
    expect([facts['kmem.slab_ids'], facts['kmem.root_usage'], facts['kmem.samples']]).toMatchObject(
      [3, 2_322_432, { total: 0, capped: true }],
    );
    expect(facts['package.docker-ce.held']).toEqual({ $unknown: 'the probe ended after 90 s' });
    const early = parseProbe(
      output.slice(0, output.lastIndexOf('\nslab ') + 1),
      wants,
      'the probe ended after 90 s',
    );
    expect(early.ok && early.value['kmem.slab_ids']).toEqual({
      $unknown: 'the probe was ended before slab entries were counted',
    });
  });

  it('that ended in the kernel log says nothing about it; once it was read, it counts', () => {
    const ended = (at: number): unknown => {
      const result = parseProbe(output.slice(0, at), wants, 'the probe ended after 90 s');
      return result.ok && [result.value['kmem.symptoms'], result.value['kmem.log_read']];
    };
    const logged = output.indexOf('\nlogged\n');
    const unread = { $unknown: 'the kernel log could not be read' };
    expect(ended(logged)).toEqual([unread, unread]);
    expect(ended(logged + 8)).toEqual([[], true]);
  });

  it('is missed when a part in the middle is gone', () => {
    const result = parseProbe(
      output.replace(/@@kmend area 5\n[\s\S]*?@@kmend done 5\n/, ''),
      wants,
    );
    expect(result).toMatchObject({ ok: false, failure: { kind: 'parse' } });
  });

  it.each([
    ['', 'the host did not run the probe: none of its output came back'],
    ['sh: not found', 'the host has no POSIX sh'],
    ['bash: /bin/sh: No such file or directory', 'the host has no POSIX sh'],
    ['This account is currently not available.', 'the login user may not log in to a shell'],
    ['WARNING: Your password has expired.', 'the login user must change its password first'],
    ['Unknown command: R=', 'the login shell did not understand the probe'],
  ])('says why there is none: %j', (text, message) => {
    const result = parseProbe(text);
    expect(result).toMatchObject({ ok: false, failure: { kind: 'parse', message } });
  });

  it('says that the output answers other questions', () => {
    expect(parseProbe(output, [])).toMatchObject({
      ok: false,
      failure: { message: expect.stringContaining('other questions') },
    });
  });
});

describe('the parsers', () => {
  it('never throw, and derive neither, whatever the frame contains', () => {
    const lines = output.split('\n');
    const word = fc.constantFrom(
      'at',
      'slab',
      'grub',
      'bls',
      'pkg',
      'version',
      'info',
      'menuentry',
      'log',
      '9'.repeat(400),
      '@@kmend',
      ':',
      '(1:',
      "'",
      '$R',
    );
    const noise = fc.oneof(
      fc.string(),
      fc.array(word).map((words) => words.join(' ')),
      fc.constantFrom(...lines),
    );
    fc.assert(
      fc.property(
        fc.array(noise, { maxLength: 8 }),
        fc.nat(lines.length - 1),
        fc.nat(6),
        (inserted, at, removed) => {
          const text = [...lines.slice(0, at), ...inserted, ...lines.slice(at + removed)].join(
            '\n',
          );
          const result = parseProbe(text, wants);
          if (result.ok) derive(result.value);
        },
      ),
      { numRuns: 400 },
    );
  });

  it('never throw on a whole area of nonsense', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...areas.values()),
        fc.string({ unit: 'binary' }),
        fc.boolean(),
        (area, text, cut) => {
          derive(area.parse(text, { cut, args: { name: 'x', path: '/x' } }));
        },
      ),
      { numRuns: 600 },
    );
  });

  it('give every fact that they promise, and no other', () => {
    const result = parseProbe(output, wants);
    const facts = result.ok ? derive({ ...result.value, ...givenFacts() }) : {};
    const named = (pattern: string, name: string): boolean =>
      new RegExp(`^${pattern.replaceAll('.', '\\.').replace('*', '.+')}$`).test(name);
    // What the cluster says (`node.*`, `forecast.*`) comes from the API, and the host key from the
    // connection.
    for (const def of factDefs.filter((one) => !/^(node|forecast|ssh)\./.test(one.name)))
      expect(
        Object.keys(facts).some((name) => named(def.name, name)),
        def.name,
      ).toBe(true);
    for (const name of Object.keys(facts))
      expect(
        factDefs.some((def) => named(def.name, name)),
        name,
      ).toBe(true);
    for (const name of Object.keys(facts)) expect(lifetimeOf(name), name).toBeDefined();
  });

  it('have a rule for the lifetime of facts with arguments', () => {
    expect(lifetimeOf('package.containerd.io.available')).toBe('outside');
    expect(lifetimeOf('service.docker.active')).toBe('boot');
    expect(lifetimeOf('path./etc/x.exists')).toBe('disk');
    expect(lifetimeOf('package..held')).toBeUndefined();
    expect(lifetimeOf('nonsense')).toBeUndefined();
  });

  it('have byte caps; output that a script truncated is read', () => {
    for (const area of areas.values()) expect(area.maxBytes).toBeLessThanOrEqual(262_144);
    const long = output.replace('@@kmend done 0\n', '@@kmend done 0 cut\n');
    expect(parseProbe(long, wants).ok).toBe(true);
  });

  it('keep nothing of the output in memory but the facts', () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const kept: unknown[] = [];
    collect();
    const before = process.memoryUsage().heapUsed;
    for (let host = 0; host < 40; host++)
      kept.push(parseProbe(output.replace(/(?=\nw )/, `\n${`zz${host}\n`.repeat(30_000)}`), wants));
    expect(kept).toMatchObject(kept.map(() => ({ ok: true })));
    collect();
    expect((process.memoryUsage().heapUsed - before) / kept.length).toBeLessThan(60_000);
  });

  it('are shared among hosts that have them in common', () => {
    const [one, other] = [parseProbe(output, wants), parseProbe(output, wants)];
    expect(one).toEqual(other);
    expect(one.ok && one.value['kernel.installed']).toBe(
      other.ok && other.value['kernel.installed'],
    );
    expect(one.ok && one.value).not.toBe(other.ok && other.value);
  });

  it('derive changes nothing the second time', () => {
    const result = parseProbe(output, wants);
    const once = derive(result.ok ? result.value : {});
    expect(derive(once)).toEqual(once);
  });
});
