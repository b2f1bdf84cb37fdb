// Parsers of answers: of commands over SSH, of SSH servers, API servers, and this machine's own
// programs.

import { refusal, statusOf } from '../../src/adapters/kube/client/errors.ts';
import { readAnswer } from '../../src/adapters/kube/drain/evict.ts';
import { nodeState, ownershipOf } from '../../src/adapters/kube/node/ownership.ts';
import { canNeverAllow, describePdb } from '../../src/adapters/kube/objects/pdb.ts';
import { quantity } from '../../src/adapters/kube/objects/quantity.ts';
import { parseSelector, selects } from '../../src/adapters/kube/objects/selector.ts';
import { createBannerWatch } from '../../src/adapters/ssh/connect/banner.ts';
import { failureOf } from '../../src/adapters/ssh/connect/failures.ts';
import { notStarted } from '../../src/adapters/ssh/connect/refusals.ts';
import { createOutput } from '../../src/adapters/ssh/exec/output.ts';
import { fencedBy, ownFailure } from '../../src/engine/effects/perform-run.ts';
import { claimOf, contradiction } from '../../src/engine/node/match.ts';
import { lastLines, textResult } from '../../src/engine/session/observe.ts';
import {
  isLoadedBy,
  moduleOptions,
  withoutModule,
} from '../../src/modules/file/kernel-settings/module-lines.ts';
import { withSetting } from '../../src/modules/file/kernel-settings/setting-lines.ts';
import { editLine, hasInitWords, occurrences } from '../../src/modules/kernel-arg/edit.ts';
import { doneAnswer, readListing } from '../../src/modules/os-update/listing.ts';
import { packagesIn, servicesIn } from '../../src/modules/read/fact-lists.ts';
import { foundIn, globExpression, matching } from '../../src/modules/read/find-list.ts';
import type { Parser } from './parser.ts';

const result = (text: string, code: number) =>
  ({ code, stdout: text, stderr: text, truncated: false }) as const;

/** In pieces, as they come over a connection. */
const pieces = (text: string): readonly Buffer[] => {
  const bytes = Buffer.from(text);
  return Array.from({ length: Math.ceil(bytes.length / 16_384) }, (_, index) =>
    bytes.subarray(index * 16_384, (index + 1) * 16_384),
  );
};

export const answerParsers: readonly Parser[] = [
  {
    name: 'lists of files',
    parse: (text) => {
      const found = foundIn(text, ['/a', '/b/c']);
      const names = found.entries.slice(0, 50).map(({ name }) => name);
      return [found, matching([globExpression(text.slice(0, 60)), '.*'], names)];
    },
    seeds: [
      'now 1790000000\nat 0\nexamined 2\nentry 81a4 11 2049 1 0 0 3 1.5 2.5 3.5 /root/root/./x\nskipped 1\n',
      "at 1\nno ./d: Permission denied\nno './e': Permission denied\nentry 41ed 5 1 2 7 8 4096 1 2 3 /UNKNOWN/a b/./d/e f\n",
      '[!a-z]*?[]]x[',
    ],
  },
  {
    name: 'lists of packages and services',
    parse: (text) => [packagesIn(text), packagesIn(`apt\n${text}`), servicesIn(text)],
    seeds: [
      'rpm\nvim 9.1 1.el7 2 x86_64\ngpg-pubkey f4a80eb5 53a7ff4b (none) (none)\n',
      'install ok installed vim 2:9.1-1 amd64 editors\ndeinstall ok config-files old 1 all misc\n',
      'a.service loaded active running A\n● b.service not-found inactive dead\n---\nc@.service enabled enabled\n',
    ],
  },
  {
    name: 'settings and modules of the kernel',
    parse: (text) => [
      withSetting(text, 'vm.a', '1'),
      withSetting(text, 'vm.a', undefined),
      withoutModule(text, 'br_netfilter'),
      isLoadedBy(text, 'br_netfilter'),
      moduleOptions(text, 'br_netfilter'),
    ],
    seeds: [
      'vm.a = 1\n# c\n\n  vm.b=2  \nvm.a=3\r\n;x\n',
      'br_netfilter\n br-netfilter # c\noptions br_netfilter a=1 b=2 # c\noptions x y\n',
    ],
  },
  {
    name: 'output of a command',
    parse: (text) => {
      const output = createOutput({
        mark: 'kmend-0123456789ab-ba9876543210',
        limit: 4_194_304,
        terminal: true,
        onLine: () => {},
      });
      for (const piece of pieces(text)) output.feed(piece);
      output.end();
      return [output.started(), output.before(), output.text(), output.tail()];
    },
    seeds: [
      'Welcome\r\nkmend-0123456789ab-ba9876543210 4711\r\nout\r\n',
      'kmend-0123456789ab-ba9876543210 no end of line',
    ],
  },
  {
    name: 'command that did not start',
    parse: (text) =>
      (['sudo', 'su', 'doas'] as const).map((method) =>
        notStarted({
          where: 'n1',
          code: 127,
          output: text,
          become: { method, user: 'root' },
          answered: true,
        }),
      ),
    seeds: [
      'sudo: sorry, you must have a tty to run sudo',
      'bash: sudo: command not found',
      'su: Authentication failure',
      'doas: Operation not permitted',
      '/bin/sh: No such file or directory',
      "Unmatched '",
    ],
  },
  {
    name: 'banner of a server',
    parse: (text) => {
      const watch = createBannerWatch();
      return pieces(text).map((piece) => watch.feed(piece));
    },
    seeds: [
      'Exceeded MaxStartups\r\n',
      'SSH-2.0-OpenSSH_7.4\r\n',
      'HTTP/1.1 400 Bad Request\r\n\r\n',
    ],
  },
  {
    name: 'error of a connection',
    parse: (text) =>
      (['connect', 'banner', 'key exchange', 'login', 'session'] as const).map((phase) =>
        failureOf({ message: text }, { where: 'n1', phase, preface: text }),
      ),
    seeds: [
      'Host denied',
      'Handshake failed: no matching key exchange algorithm',
      '(SSH) Channel open failure: open failed',
    ],
  },
  {
    name: 'answer of the fence',
    parse: (text) =>
      [97, 96, 98, 1].map((code) => [
        fencedBy(text),
        ownFailure(result(text, code)),
        lastLines(text),
      ]),
    seeds: ['20260101-120000-ab12 by root\n', 'mkdir: cannot create directory\n'],
  },
  {
    name: 'registered output',
    parse: (text) => textResult(text, text),
    seeds: ['a\nb\n', '{"a": 1}'],
  },
  {
    name: 'disruption budget',
    parse: (text) => {
      const pdb = {
        metadata: { name: text, namespace: text },
        spec: { minAvailable: text, maxUnavailable: text },
      };
      return [canNeverAllow(pdb), describePdb(pdb)];
    },
    seeds: ['100%', '1'],
  },
  { name: 'quantity', parse: quantity, seeds: ['100m', '1.5Gi', '-2e3', '1E+10Ki'] },
  {
    name: 'label selector',
    parse: (text) => {
      const parsed = parseSelector(text);
      return [
        parsed,
        parsed.ok &&
          selects(
            { matchExpressions: [...parsed.requirements] },
            { app: 'web', constructor: 'x' },
            true,
          ),
      ];
    },
    seeds: ['app=web,tier!=db,env in (a,b),x notin (c),!canary,zone,size>3'],
  },
  {
    name: 'node of the API',
    parse: (text) => {
      const node = {
        metadata: { name: text, labels: { [text]: text }, annotations: { 'kmend.io/owner': text } },
        spec: {
          providerID: text,
          unschedulable: true,
          taints: [{ key: text, effect: 'NoSchedule' }],
        },
        status: {
          nodeInfo: { bootID: text, kubeletVersion: text },
          addresses: [{ type: 'InternalIP', address: text }],
          conditions: [{ type: 'Ready', status: text }],
        },
      };
      const state = nodeState(node);
      const host = { host: text, addresses: [text] };
      return [
        ownershipOf(node),
        state,
        claimOf(host, [state]),
        contradiction(host, { hostName: text, bootId: text }, 'n1', [state]),
      ];
    },
    seeds: [
      'ip-10-0-0-5.ec2.internal',
      '{"run":"20260101-120000-ab12","since":"2026-01-01T00:00:00Z"}',
      'aws:///eu-1a/i-0123',
    ],
  },
  {
    name: 'refusal of the API',
    parse: (text) => {
      const body: unknown = text.startsWith('{') ? safely(text) : text;
      return [400, 403, 429, 500].map((status) => [
        statusOf(body),
        readAnswer({ status, body }, 'n1', 'create'),
        refusal(status, body, { verb: 'get', resource: 'nodes' }, 'n1'),
      ]);
    },
    seeds: [
      '{"kind":"Status","message":"nodes \\"n1\\" is forbidden","reason":"Forbidden","code":403}',
      '<html>Bad gateway</html>',
    ],
  },
  {
    name: 'rows of an update',
    parse: (stdout) => [readListing({ stdout }), doneAnswer({ rc: 0, stdout, stderr: '' })],
    seeds: [
      'lists stale\nup libc6 amd64 2.41-12+deb13u5 2.41-12\nin libio-pty-perl amd64 1:1.20-1+b3\nrm rival - 1\nkept held\nunit ssh.service openssh-server\n',
      'up kernel-core x86_64 5.14.0-427.el9 5.14.0-362.el9\ndn tool noarch 1-1\n',
    ],
  },
  {
    name: 'kernel command line',
    parse: (text) => [
      editLine(text, { key: 'cgroup.memory', items: ['nokmem'], list: true, state: 'present' }),
      occurrences(text, 'cgroup.memory'),
      hasInitWords(text),
    ],
    seeds: [
      'ro "a b" cgroup.memory=nosocket,nokmem cgroup.memory=x -- init',
      'a=\'b c\' cgroup.memory="nokmem"',
    ],
  },
];

function safely(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
