// The exits: whatever a host, an inventory or a file says, what kmend prints only shows it. Every
// kind of text is planted, every command is run.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTransport } from '../../src/adapters/ssh/index.ts';
import { fencedBy } from '../../src/engine/effects/perform-run.ts';
import type { ExecRequest, ExecResult, Transport } from '../../src/engine/ports/transport.ts';
import { parsePlain } from '../../src/load/text/yaml-data.ts';
import type { Outcome } from '../../src/model/run/failure.ts';
import { quote } from '../../src/model/text/quote.ts';
import { bundlePath, spawnCommand } from '../cli/child.ts';
import { type Practice, play, practice, sick } from '../cli/practice.ts';
import type { WorldChanges } from '../cli/real-world.ts';

/**
 * Escape sequences of 7 and 8 bits, BEL, a return, bidi controls, invisible characters; and what
 * shells, Markdown and HTML obey.
 */
const controls =
  '\u001b]0;x\u0007\u001b7\r\u009b1m\u0085\u202e\u2066\u200f\u061c\u2028\u2029\u200b\u2060\ufeff\u{e0041}\u007f';
const plant = `PLANT${controls}\`$(touch PWNED)\`|<script>![x](http://x)\u001b[31m`;
const lines = `${plant}\nFORGED 17:29:59 node-a2 proven off ${plant}\n`;
/** Names of hosts; brackets, commas and colons are the pattern's. */
const names = {
  'control characters': (host: string): string =>
    `${host}PLANT${controls.replace(']', '')}\nFORGED`,
  'what a shell obeys': (host: string): string =>
    `${host}PLANT<b>$(touch PWNED)'$(touch PWNED)'\`touch PWNED\`;touch PWNED|x'`,
};

const obeyed =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters that must not reach a terminal
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\u{e0000}-\u{e007f}]|^.{0,2}FORGED/mu;

/** What a compromised host makes of an answer. */
type Lie = (answer: ExecResult) => Outcome<ExecResult>;
const isProbe = ({ stdout }: ExecResult): boolean => stdout.includes('@@kmend area');
const saying = (answer: ExecResult, more: Partial<ExecResult>): Outcome<ExecResult> => ({
  ok: true,
  value: { ...answer, ...more },
});

const lies: Readonly<Record<string, Lie>> = {
  'every line of its probe': (answer) =>
    saying(answer, { stdout: answer.stdout.replace(/^(?!@@kmend)(.+)$/gm, `$1 ${plant}`) }),
  'a probe that is none': (answer) => saying(answer, { stdout: lines, stderr: lines, code: 3 }),
  'all answers but its probe': (answer) =>
    isProbe(answer)
      ? saying(answer, {})
      : saying(answer, { stdout: lines, stderr: lines, code: 1 }),
  'which run holds it': (answer) =>
    isProbe(answer)
      ? saying(answer, {})
      : saying(answer, { stdout: '', stderr: `$(touch PWNED) ${lines}`, code: 97 }),
  'how the connection ends': () => ({
    ok: false,
    failure: { kind: 'unreachable', message: lines, hint: lines, detail: lines },
  }),
};

const tasks = `    - name: "Say {{ zone }}"
      debug: {msg: "{{ note }} {{ kernel.release }}"}
    - name: The argument
      kernel_arg: {key: cgroup.memory, value: nokmem}
    - name: A command
      shell: {cmd: 'true'}
`;

/** `P` is the playbook, `RUN` the last run. Those of a run know their inventory. */
const commands: readonly (readonly string[])[] = [
  ['check', '-v'],
  ['check', '--json'],
  ['plan', 'P'],
  ['plan', 'P', '--json'],
  ['plan', 'P', '--list-hosts', '--list-tasks'],
  ['validate', 'P'],
  ['validate', 'P', '--json'],
  ['apply', 'P', '--yes'],
  ['apply', 'P', '--yes', '--json'],
  ['doctor'],
  ['doctor', '--json'],
  ['cleanup', 'all', '--yes'],
  ['inventory', '--list'],
  ['inventory', '--graph', '--vars'],
  ['drift', '--all'],
  ['drift', '--all', '--json'],
  ['runs'],
  ['runs', '--json'],
  ['report', 'RUN'],
  ['report', 'RUN', '--markdown'],
  ['report', 'RUN', '--json'],
  ['report', 'RUN', '--events'],
  ['resume', 'RUN'],
  ['rollback', 'RUN', '--yes'],
];

let lab: Practice;
const labs: Practice[] = [];
/** Hosts that no run has left out of service: a new plan would refuse them. */
async function newLab(): Promise<void> {
  lab = await practice([sick('h1'), sick('h2')]);
  labs.push(lab);
}
afterAll(() => Promise.all(labs.map((one) => one.close())));

/** The fleet's inventory with text of others in it, under these names. */
function inventoryOf(name: (host: string) => string): string {
  const { all } = parsePlain(readFileSync(lab.fleet.inventoryFile, 'utf8')) as {
    readonly all: {
      readonly vars: object;
      readonly children: { readonly fleet: { readonly hosts: Record<'h1' | 'h2', object> } };
    };
  };
  const { h1, h2 } = all.children.fleet.hosts;
  const hosts = { [name('h1')]: { ...h1, zone: plant }, [name('h2')]: h2 };
  return lab.file(
    'inventory.json',
    JSON.stringify({ all: { vars: { ...all.vars, note: lines }, children: { fleet: { hosts } } } }),
  );
}

const through =
  (lie: Lie): NonNullable<WorldChanges['transport']> =>
  async (needs): Promise<Transport> => {
    const real = createTransport({ ...needs, home: join(lab.dir, 'home'), env: {} });
    return {
      ...real,
      connect: async (target, options) => {
        const connected = await real.connect(target, options);
        if (!connected.ok) return connected;
        const exec = async (request: ExecRequest): Promise<Outcome<ExecResult>> => {
          const answer = await connected.value.exec(request);
          return answer.ok ? lie(answer.value) : answer;
        };
        return { ok: true, value: { ...connected.value, exec } };
      },
    };
  };

/** What all commands printed, each under its command line. */
async function printed(
  name: (host: string) => string,
  changes: Partial<WorldChanges>,
): Promise<ReadonlyMap<string, string>> {
  await newLab();
  const inventory = inventoryOf(name);
  const playbook = lab.file(
    'p.yaml',
    play(tasks, '{retries: {transport: 0}, unplannable: leave_out}'),
  );
  const all = new Map<string, string>();
  for (const words of commands) {
    const args = words.map((word) =>
      word === 'P' ? playbook : word === 'RUN' ? (lab.runs().at(-1) ?? 'none') : word,
    );
    const ofRun = ['runs', 'report', 'resume', 'rollback'].includes(words[0] ?? '');
    const { out, err } = await lab.run([...args, ...(ofRun ? [] : ['-i', inventory])], changes);
    all.set(words.join(' '), `${out}\n${err}`);
    if (words.includes('--json'))
      for (const line of out.split('\n').filter(Boolean)) JSON.parse(line);
  }
  return all;
}

const wrong = (all: ReadonlyMap<string, string>): readonly string[] =>
  [...all].flatMap(([command, text]) => {
    const found = obeyed.exec(text);
    return found === null
      ? []
      : [
          `${command}: ${JSON.stringify(text.slice(Math.max(0, found.index - 60), found.index + 60))}`,
        ];
  });

describe('a host that lies about', () => {
  it.each(Object.keys(lies))('%s is only shown', async (what) => {
    const all = await printed((host) => host, { transport: through(lies[what] as Lie) });
    expect(wrong(all)).toEqual([]);
    expect([...all.values()].join('\n')).toContain('PLANT');
  });

  it('all of that is only shown by the files of the state directory, too', () => {
    const files = labs
      .flatMap(({ state }) => readdirSync(state, { recursive: true, withFileTypes: true }))
      .filter((entry) => entry.isFile());
    const texts = files.map(
      (file) => [file.name, readFileSync(join(file.parentPath, file.name), 'utf8')] as const,
    );
    expect(texts.map(([name]) => name)).toEqual(
      expect.arrayContaining(['journal.ndjson', 'plan.json', 'settings.json']),
    );
    expect(texts.flatMap((text) => wrong(new Map([text])))).toEqual([]);
  });

  it.each([
    ['$(touch PWNED)', undefined],
    ['20261124-153012-k3f9;touch PWNED', undefined],
    ['', undefined],
    ['20261124-153012-k3f9', '20261124-153012-k3f9'],
    ['some noise\n20261124-153012-k3f9 (a newer controller, number 2)', '20261124-153012-k3f9'],
    [`20261124-153012-k3f9 ${'A'.repeat(100_000)}`, undefined],
  ])('what a fence holds chooses no word behind --takeover: %#', (fence, run) => {
    const { message, hint = '' } = fencedBy(fence);
    expect(/--takeover (.*)/.exec(hint)?.[1]).toBe(run);
    expect(message.length).toBeLessThan(200);
  });
});

/** What an operator would paste of a line: the command and all that follows it. */
const pasted = (text: string): readonly string[] =>
  text
    .split('\n')
    .flatMap((line) =>
      [...line.matchAll(/kmend (?:resume|resolve|rollback) .*?(?=, (?:then|or)|; | \(|$)/g)].map(
        ([command]) => command,
      ),
    );

describe.each(Object.entries(names))('an inventory whose names hold %s', (_, named) => {
  let all: ReadonlyMap<string, string>;
  beforeAll(async () => {
    all = await printed(named, { transport: through(lies['all answers but its probe'] as Lie) });
  });

  it('is only shown', () => {
    expect(wrong(all)).toEqual([]);
    expect([...all].filter(([, text]) => text.includes('PLANT')).length).toBeGreaterThan(10);
  });

  it('gives no command that does more than it says when it is pasted', () => {
    const texts = [...all]
      .filter(([command]) => !/--(?:json|events)/.test(command))
      .map(([, text]) => text);
    const found = pasted(texts.join('\n')).filter((command) => command.includes('PLANT'));
    const directory = mkdtempSync(join(lab.dir, 'pasted-'));
    const run = (command: string): number | null =>
      spawnSync('/bin/sh', ['-c', `kmend() { :; }\n${command}`], {
        cwd: directory,
        encoding: 'utf8',
      }).status;
    expect(found.map(run)).toEqual(found.map(() => 0));
    expect([found.length > 0, readdirSync(directory)]).toEqual([true, []]);
    // The same without quotes does: this sees what it should.
    const bare = found
      .filter((command) => command.includes('$('))
      .map((command) => run(command.replace(/'\\''|'/g, '')));
    expect(readdirSync(directory)).toEqual(bare.length === 0 ? [] : ['PWNED']);
  });

  it('is only shown by the program itself, too, on both of its streams', async () => {
    const inventory = inventoryOf(named);
    for (const words of [
      ['inventory', '--graph'],
      ['plan', 'none.yaml'],
      ['check', '-l', 'no\u001b[31m'],
    ]) {
      const child = await spawnCommand(
        [...words, '-i', inventory, '--state-dir', join(lab.dir, 'other')],
        lab.dir,
      );
      await child.ended;
      expect(wrong(new Map([[words.join(' '), `${child.out()}\n${child.err()}`]]))).toEqual([]);
    }
  });
});

describe('a report as Markdown', () => {
  it('holds no code, HTML, link, image or table cell of a host', async () => {
    const all = await printed(names['what a shell obeys'], {
      transport: through(lies['which run holds it'] as Lie),
    });
    const report = (all.get('report RUN --markdown') ?? '')
      .split('\n')
      .filter((line) => !line.startsWith('    '));
    expect(report.join('\n')).toContain('PLANT');
    expect(report.filter((line) => /(?<!\\)[`[\]]|<|^```/.test(line))).toEqual([]);
    const cells = report
      .filter((line) => line.startsWith('|'))
      .map((line) => line.split(/(?<!\\)\|/).length);
    expect([...new Set(cells)]).toEqual([8]);
  });
});

describe('the live view of a terminal', () => {
  it('shows what a host says, and does not pass it on', async () => {
    await newLab();
    const inventory = inventoryOf(names['control characters']);
    const playbook = lab.file('live.yaml', play(tasks, '{retries: {transport: 0}}'));
    const words = [
      'apply',
      playbook,
      '--yes',
      '-i',
      inventory,
      '--state-dir',
      join(lab.dir, 'live'),
    ];
    const command = [process.execPath, bundlePath(), ...words].map(quote).join(' ');
    const terminal = spawn(
      '/usr/bin/script',
      ['-qec', `stty cols 160 rows 40; ${command}`, '/dev/null'],
      {
        env: { ...process.env, TERM: 'xterm', HOME: lab.dir },
        stdio: ['ignore', 'pipe', 'ignore'],
      },
    );
    let text = '';
    terminal.stdout.on('data', (chunk: Buffer) => {
      text += String(chunk);
    });
    await once(terminal, 'close');
    expect(text).toContain('PLANT');
    // The view's own sequences move the cursor and colour; these are only the host's.
    const planted =
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they must not reach a terminal
      /\u001b[\]7]|[\u0007\u0080-\u009f\u202e\u2066\u200b\u{e0041}]|^.{0,2}FORGED/mu;
    expect(planted.exec(text)).toBe(null);
  });
});
