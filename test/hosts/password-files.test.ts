// Passwords of files and programs, at a real login and a real sudo, over both transports: they are in
// no process list, no environment, no output and no file of a run.
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addUser, knownLine, noSshd, type Sshd, startSshd } from '../ssh/real-sshd.ts';
import { type Operator, operator, type Ran } from './operator.ts';

const missing = noSshd || (existsSync('/usr/bin/sudo') ? '' : 'no sudo');
const tag = process.pid % 100000;
const user = `kmp${tag}`;
const sudoers = `/etc/sudoers.d/kmend-test-${tag}`;
const password = `Zq7canary'"$%-${tag}`;
const canary = 'Zq7canary';
/** The canary as it is, and what base64 makes of it wherever it stands in a longer text. */
const forms = [
  canary,
  ...[0, 1, 2].map((before) =>
    Buffer.from(`${' '.repeat(before)}${canary}`)
      .toString('base64')
      .slice(before === 0 ? 0 : before + 1, -4),
  ),
];

/** Texts in which the canary is: quick, since it reads all processes many times a second. */
const leaks = (text: string): readonly string[] =>
  forms
    .map((form) => text.indexOf(form))
    .filter((at) => at >= 0)
    .map((at) => text.slice(Math.max(0, at - 60), at + 40));

function filesBelow(dir: string): readonly string[] {
  return readdirSync(dir).flatMap((name) => {
    const path = join(dir, name);
    return statSync(path).isDirectory() ? filesBelow(path) : [path];
  });
}

const readOr = (path: string): string => {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
};

/** Words and environments of all processes of this machine, which is the host too. */
const processes = (): readonly string[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => [readOr(`/proc/${pid}/cmdline`), readOr(`/proc/${pid}/environ`)]);

describe.skipIf(missing !== '')(
  `passwords of files and programs${missing === '' ? '' : ` (skipped: ${missing})`}`,
  () => {
    let home = '';
    let sshd: Sshd;
    let op: Operator;
    let account: { readonly remove: () => void };
    const path = (name: string): string => join(home, name);

    beforeAll(async () => {
      home = mkdtempSync(join(tmpdir(), 'kmend-passwords-'));
      account = addUser(user, password);
      writeFileSync(sudoers, `${user} ALL=(ALL) ALL\n`, { mode: 0o440 });
      sshd = await startSshd(['UsePAM yes'], ['ed25519']);
      writeFileSync(path('known'), knownLine(sshd, 'ed25519'));
      writeFileSync(path('file'), `${password}\n`, { mode: 0o600 });
      writeFileSync(path('program'), `#!/bin/sh\ncat ${path('file')}\n`, { mode: 0o700 });
      op = operator([]);
    });
    // This machine is the host, and kmend keeps its files on it.
    const own = ['/var/lib/kmend', '/run/kmend'].filter((one) => !existsSync(one));
    afterAll(async () => {
      for (const one of own) rmSync(one, { recursive: true, force: true });
      op?.close();
      await sshd?.stop();
      account?.remove();
      rmSync(sudoers, { force: true });
      rmSync(home, { recursive: true, force: true });
    });

    const inventory = (transport: string): string =>
      op.file(
        `inventory-${transport}.yaml`,
        `all: {hosts: {node-a: ${JSON.stringify({
          ansible_host: sshd.address,
          ansible_port: sshd.port,
          ansible_user: user,
          ansible_become: true,
          ansible_ssh_common_args: `-o UserKnownHostsFile=${path('known')}`,
          ansible_ssh_transport: transport,
        })}}}\n`,
      );
    const playbook = (): string =>
      op.file(
        'play.yaml',
        `- hosts: all
  rollout: {rollback: none}
  tasks:
    - name: As whom
      shell: {cmd: 'id -un > ${path('as')}; env > ${path('env')}; cat /proc/$$/cmdline > ${path('words')}; cat ${path('file')}'}
`,
      );

    /** To its end; what processes showed meanwhile goes to `seen`. */
    async function kmend(
      words: readonly string[],
      env: Readonly<Record<string, string>> = {},
    ): Promise<Ran & { readonly seen: readonly string[]; readonly looks: number }> {
      const { ended } = op.start(words, '', env);
      let over = false;
      void ended.finally(() => {
        over = true;
      });
      const seen = new Set<string>();
      let looks = 0;
      for (; !over; looks += 1) {
        for (const text of processes()) for (const leak of leaks(text)) seen.add(leak);
        await sleep(20);
      }
      return { ...(await ended), seen: [...seen], looks };
    }

    const flags = (name: string): readonly string[] => [
      '--connection-password-file',
      path(name),
      '--become-password-file',
      path(name),
    ];

    it.each([
      ['kmend', 'file'],
      ['openssh', 'program'],
    ])(
      'the transport %s with a %s: a whole run',
      async (transport, name) => {
        const from = ['-i', inventory(transport)];
        const saved = op.file('plan.json', '');
        const words = [...from, ...flags(name)];
        const ran = [
          await kmend(['plan', playbook(), ...words, '-o', saved]),
          await kmend(['apply', saved, '--yes', '-v', ...flags(name)]),
        ];
        expect(
          ran.map(({ code }) => code),
          JSON.stringify(ran),
        ).toEqual([2, 0]);
        expect(readFileSync(path('as'), 'utf8')).toBe('root\n');
        const run = op.runs().at(-1) ?? '';
        for (const more of [[], ['--json'], ['--events']])
          ran.push(await kmend(['report', run, ...more]));
        ran.push(await kmend(['check', ...words, '--json', '-v']));
        expect(ran.map(({ looks }) => looks > 0)).toEqual(ran.map(() => true));
        const state = filesBelow(join(op.dir, 'state'));
        expect(state.some((file) => file.endsWith('journal.ndjson'))).toBe(true);
        // The host printed it.
        expect(ran.map(({ out }) => out).join('')).toContain('***');
        const texts = [
          ...ran.flatMap(({ out, err, seen }) => [out, err, ...seen]),
          ...state.map((file) => readFileSync(file, 'latin1')),
          ...[saved, path('env'), path('words')].map((file) => readFileSync(file, 'latin1')),
          sshd.log(),
        ];
        expect(texts.flatMap(leaks)).toEqual([]);
        expect(
          JSON.parse(readFileSync(join(op.dir, 'state/runs', run, 'settings.json'), 'utf8')),
        ).toMatchObject({
          flags: { becomePasswordFile: path(name), connectionPasswordFile: path(name) },
        });
      },
      300_000,
    );

    it('the canary is found in base64 too, wherever it stands', () => {
      for (const before of Array.from({ length: 6 }, (_, at) => 'x'.repeat(at)))
        expect(leaks(`a ${Buffer.from(`${before}${canary}yy`).toString('base64')} b`)).toHaveLength(
          1,
        );
      expect(leaks(`pass ${canary}`)).toHaveLength(1);
      expect(leaks('Zq7canar')).toEqual([]);
    });

    it.each(['kmend', 'openssh'])(
      'the transport %s: ansible.cfg, and variables',
      async (transport) => {
        const from = ['check', '-i', inventory(transport)];
        const wrong = await kmend(from);
        expect([wrong.code, wrong.out + wrong.err]).toEqual([
          4,
          expect.stringMatching(/login refused|nothing to log in with/),
        ]);
        const config = op.file(
          'ansible.cfg',
          `[defaults]\nconnection_password_file = ${path('file')}\nbecome_password_file = ${path('program')}\n`,
        );
        const byConfig = await kmend(from);
        rmSync(config);
        const byVariables = await kmend(from, {
          ANSIBLE_CONNECTION_PASSWORD_FILE: path('program'),
          ANSIBLE_BECOME_PASSWORD_FILE: path('file'),
        });
        for (const { code, out, err, seen } of [byConfig, byVariables]) {
          expect(code, out + err).not.toBe(4);
          expect(out + err).not.toMatch(/refused|password/);
          expect([...leaks(out + err), ...seen]).toEqual([]);
        }
      },
      180_000,
    );
  },
);
