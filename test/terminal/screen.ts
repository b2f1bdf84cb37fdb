// A real terminal: a shell in tmux, in which the bundle runs; what is on the screen, as text.
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { bundlePath } from '../cli/child.ts';

export const hasTmux = spawnSync('tmux', ['-V']).status === 0;

export interface Size {
  readonly columns: number;
  readonly rows: number;
}

export const small: Size = { columns: 80, rows: 24 };
export const sizes: readonly Size[] = [small, { columns: 140, rows: 40 }];

export interface Screen {
  /** Types a line, and Enter. */
  readonly enter: (line: string) => void;
  /** Presses a key, as tmux names it: `C-c`, `BSpace`, `y`. */
  readonly press: (key: string) => void;
  /** The rows that are visible now, without blanks at their ends. */
  readonly rows: () => readonly string[];
  /** All that was printed, also what was scrolled away. */
  readonly all: () => string;
  /** Waits until the visible rows match, and returns them. */
  readonly sees: (pattern: RegExp, seconds?: number) => Promise<readonly string[]>;
  readonly resize: (size: Size) => void;
  readonly close: () => void;
}

let opened = 0;

/** @param dir where the shell is; `kmend` is the bundle there */
export async function openScreen(
  dir: string,
  { columns, rows }: Size,
  env: Readonly<Record<string, string>> = {},
): Promise<Screen> {
  opened += 1;
  const socket = `kmend-test-${process.pid}-${opened}`;
  mkdirSync(join(dir, 'bin'), { recursive: true });
  mkdirSync(join(dir, 'home'), { recursive: true });
  const program = join(dir, 'bin/kmend');
  writeFileSync(program, `#!/bin/sh\nexec '${process.execPath}' '${bundlePath()}' "$@"\n`);
  chmodSync(program, 0o755);
  const rc = join(dir, 'bin/bashrc');
  writeFileSync(rc, "PS1='$ '\n");
  const environment = {
    HOME: join(dir, 'home'),
    PATH: `${join(dir, 'bin')}:${process.env.PATH ?? ''}`,
    LANG: 'C.UTF-8',
    ...env,
  };
  const tmux = (...args: readonly string[]): string =>
    execFileSync('tmux', ['-L', socket, '-f', '/dev/null', ...args], {
      encoding: 'utf8',
      env: environment,
      cwd: dir,
    });
  tmux(
    ...['new-session', '-d', '-x', `${columns}`, '-y', `${rows}`],
    `${env.TERM === undefined ? '' : `TERM=${env.TERM} `}bash --noprofile --rcfile '${rc}'`,
    ...[';', 'set-option', '-g', 'window-size', 'manual', ';', 'set-option', '-g', 'status', 'off'],
  );
  tmux('resize-window', '-x', `${columns}`, '-y', `${rows}`);
  const shown = (...more: readonly string[]): readonly string[] =>
    tmux('capture-pane', '-p', ...more)
      .split('\n')
      .map((row) => row.trimEnd());
  const screen: Screen = {
    enter: (line) => {
      tmux('send-keys', '-l', line);
      tmux('send-keys', 'Enter');
    },
    press: (key) => void tmux('send-keys', key),
    rows: () => shown(),
    all: () => shown('-S', '-', '-J').join('\n'),
    sees: async (pattern, seconds = 30) => {
      const end = Date.now() + seconds * 1000;
      for (;;) {
        const rows = shown();
        if (pattern.test(rows.join('\n'))) return rows;
        if (Date.now() > end)
          throw new Error(
            `${pattern} is not on the screen after ${seconds} s:\n${rows.join('\n')}`,
          );
        await sleep(50);
      }
    },
    resize: (size) => void tmux('resize-window', '-x', `${size.columns}`, '-y', `${size.rows}`),
    close: () => void tmux('kill-server'),
  };
  await screen.sees(/^\$ ?$/m);
  return screen;
}

/** The rows without what differs from run to run: ids, times, durations, boots, ports, bars. */
export const masked = (rows: readonly string[]): string =>
  rows
    .join('\n')
    .trimEnd()
    .replace(/\d{8}-\d{6}-\w{4}/g, 'RUN')
    .replace(/\b\d\d:\d\d:\d\d [A-Z]+\b/g, 'CLOCK')
    .replace(/\[[#>x!.]+\]/g, '[BAR]')
    .replace(/, ends .*$/gm, '')
    .replace(/ by \S+ \(asked\).*$/gm, ' by OPERATOR (asked)')
    .replace(/127\.0\.0\.1:\d+/g, 'ADDRESS')
    .replace(/\b\d+(?:\.\d+)?(?:ms|s|m\d+s|m|h\d+m)\b/g, 'TIME')
    .replace(/[0-9a-f]{8}-[0-9a-f-]{20,}/g, 'BOOT');
