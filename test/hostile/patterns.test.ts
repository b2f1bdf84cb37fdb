// No regular expression of the program takes more than linear time, and every one that reads hosts
// or files is run by a row of the table.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseSync, Visitor } from 'oxc-parser';
import { checkSync } from 'recheck';
import { describe, expect, it } from 'vitest';
import { hostCauses, repositoryCauses } from '../../src/facts/areas/packages/repository-causes.ts';
import { areas } from '../../src/facts/index.ts';
import { creatorRows } from '../../src/facts/kmem/creators.ts';
import { parsers } from './parsers.ts';
import { startWorkers } from './workers.ts';

const source = join(import.meta.dirname, '../../src');

interface Pattern {
  readonly at: string;
  readonly source: string;
  readonly flags: string;
}

const files = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter((file) =>
  file.endsWith('.ts'),
);

const patterns: Pattern[] = [];
const makers = new Set<string>();
for (const file of files) {
  const text = readFileSync(join(source, file), 'utf8');
  new Visitor({
    Literal: (node) => {
      if (!('regex' in node)) return;
      const line = text.slice(0, node.start).split('\n').length;
      patterns.push({ at: `${file}:${line}`, source: node.regex.pattern, flags: node.regex.flags });
    },
    NewExpression: (node) => {
      if (node.callee.type === 'Identifier' && node.callee.name === 'RegExp') makers.add(file);
    },
    CallExpression: (node) => {
      if (node.callee.type === 'Identifier' && node.callee.name === 'RegExp') makers.add(file);
    },
  }).visit(parseSync(file, text).program);
}

/**
 * Files that make regular expressions: of texts of their own, never of a text from outside, and
 * rows run them all.
 */
const knownMakers = [
  'facts/kmem/creators.ts',
  'facts/areas/programs/kubelet.ts',
  'facts/areas/cgroups/memory.ts',
  'facts/probe/registry.ts',
  'facts/areas/packages/repository-causes.ts',
  'load/inventory/pattern.ts',
  'load/text/yaml.ts',
  'adapters/local/package-file.ts',
  'screens/layout.ts',
  'adapters/ssh/connect/refusals.ts',
];

/** Super-linear, with what bounds the text. */
const excused: ReadonlyMap<string, string> = new Map([
  ...[...hostCauses, ...repositoryCauses].map(({ patterns }): [string, string] => [
    new RegExp(patterns.join('|')).source,
    'unusable.ts cuts a line to 300 characters',
  ]),
  ['(?:[-?:][ \\t]+){200,}', 'a beginning is followed for 200 signs at most'],
  ['([\\w-]{1,64})["\']?(?: {0,4}[:=] {0,4}| {1,4})', 'a name is followed for 64 signs at most'],
  ['(.*?)\\r?\\n', 'of the YAML library, and anchored there (sticky)'],
  [
    '[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\u{D800}-\\u{DFFF}]',
    'of the YAML library, one sign: it has the flag u there',
  ],
]);

const rooms = /^(?:facts|load|model|adapters\/(?:ssh|kube|store|outside|http))\//;

/** Files of these rooms that have patterns and no row: what their patterns read. */
const noParsers: ReadonlyMap<string, string> = new Map([
  ['adapters/outside/notify.ts', 'the text of a notice, as it is sent'],
  ['adapters/outside/gates.ts', 'the comparison in a playbook; answers are JSON'],
  ['adapters/kube/client/caller.ts', 'paths of its own'],
  ['adapters/kube/client/api.ts', 'paths of its own'],
  ['adapters/kube/auth/credentials.ts', 'tokens, sign by sign'],
  ['adapters/kube/client/dial.ts', 'the host of an address'],
  ['adapters/kube/forecast/forecast.ts', 'finalizers, compared as they are'],
  ['adapters/kube/objects/pod-status.ts', 'finalizers, compared as they are'],
  ['adapters/kube/client/http.ts', 'the address of the server'],
  ['adapters/kube/client/http1.ts', 'the host of an address'],
  ['adapters/kube/inventory.ts', 'names and addresses of nodes, sign by sign'],
  ['adapters/kube/node/placement.ts', 'taints, compared as they are'],
  ['adapters/http/proxy.ts', 'the environment of this machine'],
  ['adapters/ssh/config/openssh.ts', 'the names of a host, sign by sign'],
  ['adapters/http/request.ts', 'the host of an address'],
  ['facts/probe/registry.ts', 'a playbook, for the names of areas'],
  ['load/inventory/listing.ts', 'what is printed'],
  ['load/playbook/ansible/sent-reboot.ts', 'a command of a playbook, step by step'],
  ['model/text/environment-name.ts', 'a name, sign by sign'],
  ['model/run/change.ts', 'changes of the program'],
  ['model/run/failure.ts', 'lines of 200 characters, as they are shown'],
  ['model/forward-target.ts', 'an address that the operator gives'],
  ['model/text/quote.ts', 'what is printed'],
  ['adapters/ssh/openssh/answers.ts', 'the question of ssh, for one word'],
  ['adapters/ssh/openssh/arguments.ts', 'a name of the inventory, sign by sign'],
  ['adapters/ssh/openssh/channel.ts', 'the status behind a mark of the program'],
  ['adapters/ssh/openssh/transport.ts', 'settings of ssh, compared as they are'],
  ['adapters/ssh/exec/command.ts', 'words of the program, and the end of a prompt'],
  ['adapters/ssh/exec/exec.ts', 'marks of the program'],
  ['adapters/ssh/connect/handshake.ts', 'errors of the library'],
  ['adapters/ssh/connect/host-keys.ts', 'the type of a key, sign by sign'],
  ['adapters/ssh/connect/keys.ts', 'key files of the operator'],
  ['adapters/ssh/connect/login.ts', 'the end of a prompt'],
  ['engine/state/audit.ts', 'names of files, sign by sign'],
  ['adapters/store/documents.ts', 'names of hosts and jobs, sign by sign'],
]);

/** Steps are counted, not seconds: a busy machine makes no pattern slow. */
const limits = { timeout: 60_000, incubationTimeout: null, attackTimeout: null };

function slow({ source, flags }: Pick<Pattern, 'source' | 'flags'>): string | undefined {
  if (excused.has(source)) return undefined;
  const { status } = checkSync(source, flags, limits);
  return status === 'safe' ? undefined : status;
}

describe('regular expressions', () => {
  it('none takes more than linear time', { timeout: 900_000 }, () => {
    const different = new Map(
      patterns.map((pattern) => [`/${pattern.source}/${pattern.flags}`, pattern]),
    );
    const found = [...different].flatMap(([written, pattern]) => {
      const why = slow(pattern);
      return why === undefined ? [] : [`${pattern.at} ${written}: ${why}`];
    });
    expect(found).toEqual([]);
  });

  it('those of tables are linear too, and no file makes one of a text from outside', {
    timeout: 300_000,
  }, () => {
    expect([...makers].sort()).toEqual([...knownMakers].sort());
    const shapes = creatorRows.map(({ pattern }) => ({ source: pattern, flags: 's' }));
    expect(shapes.filter((one) => slow(one) !== undefined)).toEqual([]);
  });

  it('every file of the rooms that read hosts, files and servers is reached by a row of the table', {
    timeout: 300_000,
  }, async () => {
    const workers = startWorkers();
    const ran = new Set<string>();
    for (const row of parsers) for (const one of await workers.sourcesOf(row)) ran.add(one);
    workers.stop();
    const fileOf = ({ at }: Pattern): string => at.split(':', 1)[0] ?? '';
    const reached = new Set(patterns.filter((pattern) => ran.has(pattern.source)).map(fileOf));
    const missing = patterns
      .map(fileOf)
      .filter((file) => rooms.test(file) && !reached.has(file) && !noParsers.has(file));
    expect([...new Set(missing)]).toEqual([]);
    expect([...noParsers.keys()].filter((file) => reached.has(file))).toEqual([]);
    const literal = new Set(patterns.map((pattern) => pattern.source));
    const made = [...ran].filter((one) => !literal.has(one));
    expect(made.filter((one) => slow({ source: one, flags: '' }) !== undefined)).toEqual([]);
  });
});

describe('the table', () => {
  it('has a row for every area', () => {
    const names = new Set(parsers.map(({ name }) => name));
    expect([...areas.keys()].filter((area) => !names.has(`area ${area}`))).toEqual([]);
    expect(parsers.length).toBe(names.size);
  });
});
