// How much a command prints, in which colours, and how wide.
import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundlePath, spawnCommand } from '../cli/child.ts';
import { type Practice, play, practice, sick } from '../cli/practice.ts';

let fleet: Practice;
beforeAll(async () => {
  fleet = await practice(['good', 'bad'].map((name) => sick(name)));
});
afterAll(() => fleet.close());

const tasks = `    - kernel_arg: {key: cgroup.memory, value: nokmem}
    - shell: {cmd: "test {{ inventory_hostname }} != bad"}
`;
const book = (): string =>
  fleet.file('quiet.yaml', play(tasks, '{max_unavailable: 2, brake: {failures: 9}}'));

describe('--quiet', () => {
  it('leaves of a check the hosts that were not read, and the summary', async () => {
    const { out } = await fleet.run(['check', '-q']);
    expect(out).toBe('2 hosts: 2 need a remedy   (exit 2)');
  });

  it('leaves of a plan what is refused or left out, and the summary', async () => {
    const { out } = await fleet.run(['plan', book(), '-q']);
    expect(out).toMatch(/^Plan: 2 hosts to change, .*$/);
  });

  it('leaves of a run its failures, how it ended and what to type next', async () => {
    const { out, exit } = await fleet.run(['apply', book(), '--yes', '-q']);
    expect(exit).toBe(4);
    const [run = ''] = fleet.runs();
    const lines = out.split('\n');
    expect(lines[0]).toMatch(/^Plan: 2 hosts to change/);
    expect(lines[1]).toMatch(/^\d\d:\d\d:\d\d \S+ bad FAILED exit at "shell"/);
    expect(lines.some((line) => line.includes('good'))).toBe(false);
    expect(out).toContain(`(exit 4); report: kmend report ${run}`);
    expect(out).toContain(`--retry bad`);
    expect(out).not.toContain('RECAP');
  }, 30_000);
});

describe('colours', () => {
  const said = async (env: Readonly<Record<string, string>>, ...flags: readonly string[]) => {
    const child = await spawnCommand(['runs', 'show', 'none', ...flags], fleet.dir, env);
    expect(await child.ended).toBe(3);
    return child.err();
  };
  const red = '\u001b[31mkmend:';

  it('are printed into a pipe where they are asked for, and never where they are refused', async () => {
    expect(await said({})).not.toContain(red);
    expect(await said({ FORCE_COLOR: '1' })).toContain(red);
    expect(await said({ FORCE_COLOR: '0' })).not.toContain(red);
    expect(await said({ FORCE_COLOR: '1', NO_COLOR: '1' })).not.toContain(red);
    expect(await said({ FORCE_COLOR: '1' }, '--no-color')).not.toContain(red);
  });
});

describe('a terminal', () => {
  const onTerminal = async (line: string): Promise<readonly string[]> =>
    execFileSync(
      'script',
      ['-qec', `stty cols 60; ${process.execPath} ${bundlePath()} ${line}`, '/dev/null'],
      { env: { PATH: process.env.PATH, HOME: fleet.dir, TERM: 'xterm' }, encoding: 'utf8' },
    ).split('\r\n');

  it('gets text that is folded at its width, and documents as they are', async () => {
    const text = await onTerminal('runs show 20261127-072230-9o19 || true');
    expect(text.map((line) => line.replace(/^ .*kmend$/, '  DIR'))).toEqual([
      '\u001b[31mkmend:\u001b[39m there is no run 20261127-072230-9o19 under',
      '  DIR',
      '  \u001b[36mhint:\u001b[39m kmend runs lists them',
      '',
    ]);
    expect(Math.max(...(await onTerminal('schema')).map((line) => line.length))).toBeGreaterThan(
      60,
    );
  });
});
