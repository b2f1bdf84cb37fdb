// The machine that runs kmend: it runs a play's own programs (power management) and the tasks that
// are delegated to it, and has the files that are copied to hosts.
import { type ChildProcess, spawn } from 'node:child_process';
import { createReadStream } from 'node:fs';
import type { LocalHost } from '../../engine/ports/local.ts';
import type { ExecRequest, ExecResult } from '../../engine/ports/transport.ts';
import { failed, type Outcome, ok } from '../../model/run/failure.ts';
import { homeDirectory, loginName } from './operator.ts';

const shownEnd = 400;

/** Programs have kmend's environment and the given variables, and are killed after their time. */
export const localHost: LocalHost = {
  get user() {
    return loginName() ?? String(process.geteuid?.());
  },
  cwd: () => process.cwd(),
  get spool() {
    const { XDG_STATE_HOME: state = '' } = process.env;
    return `${state === '' ? `${homeDirectory()}/.local/state` : state}/kmend-spool`;
  },
  script: runScript,
  run: ({ argv, environment, timeout }) =>
    new Promise((resolve) => {
      const [program = '', ...args] = argv;
      const child = spawn(program, args, {
        env: { ...process.env, ...environment },
        stdio: ['ignore', 'pipe', 'pipe'],
        timeout: timeout * 1000,
        killSignal: 'SIGKILL',
      });
      let output = '';
      const keep = (chunk: Buffer): void => {
        output = (output + chunk.toString('utf8')).slice(-shownEnd);
      };
      child.stdout.on('data', keep);
      child.stderr.on('data', keep);
      child.once('error', (error) => resolve({ code: null, output: error.message }));
      child.once('close', (code, signal) =>
        resolve({ code, output: signal === null ? output : `ended by ${signal}` }),
      );
    }),
  read: (path, from) => createReadStream(path, { start: from, highWaterMark: 256 * 1024 }),
};

/** Variables of the environment that scripts get: no secret of kmend is in one of them. */
const passed =
  /^(?:PATH|HOME|USER|LOGNAME|SHELL|LANG|LANGUAGE|LC_\w+|TZ|TMPDIR|KUBECONFIG|XDG_\w+|(?:https?|no)_proxy|(?:HTTPS?|NO)_PROXY)$/;

const environment = (): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(process.env).filter(([name]) => passed.test(name)));

/** The script comes through a descriptor of its own: everybody can read the arguments of a process. */
const reader = 'k=$(cat <&3); exec 3<&-; eval "$k"';
const mostKept = 4 * 1024 * 1024;

function runScript(request: ExecRequest): Promise<Outcome<ExecResult>> {
  const { script, stdin, timeout, maxOutput = mostKept, signal } = request;
  return new Promise((resolve) => {
    const child = spawn('/bin/sh', ['-c', reader], {
      cwd: '/',
      env: environment(),
      // Ctrl-C in the terminal is for kmend: what runs here is ended by kmend, or not at all.
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
    });
    const [stdout, stderr] = [kept(maxOutput), kept(maxOutput)];
    let late = false;
    const end = (): void => killGroup(child);
    const timer = setTimeout(() => {
      late = true;
      end();
    }, timeout * 1000);
    signal?.addEventListener('abort', end, { once: true });
    const settle = (outcome: Outcome<ExecResult>): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', end);
      resolve(outcome);
    };
    child.stdout?.on('data', stdout.add);
    child.stderr?.on('data', stderr.add);
    write(child, 3, script);
    write(child, 0, stdin ?? '');
    child.once('error', ({ message }) =>
      settle(failed('exit', `no script can be started on this machine: ${message}`)),
    );
    child.once('close', (code, killer) => {
      if (late) return settle(failed('timeout', `took longer than ${timeout} s on this machine`));
      if (signal?.aborted === true)
        return settle(failed('interrupted', 'the run was ended', { resumable: true }));
      const truncated = stdout.isCut() || stderr.isCut();
      const ended = killer === null ? { code } : { code, signal: killer };
      settle(ok({ ...ended, stdout: stdout.text(), stderr: stderr.text(), truncated }));
    });
  });
}

/** A program may end without reading what it is sent. */
function write(child: ChildProcess, descriptor: 0 | 3, text: string): void {
  const stream = child.stdio[descriptor];
  if (stream === null || stream === undefined || !('end' in stream)) return;
  stream.on('error', () => {});
  stream.end(text);
}

function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended already.
  }
}

/** The first bytes of a stream. */
function kept(most: number) {
  const chunks: Buffer[] = [];
  let size = 0;
  return {
    add: (chunk: Buffer): void => {
      if (size < most) chunks.push(chunk.subarray(0, most - size));
      size += chunk.length;
    },
    isCut: (): boolean => size > most,
    text: (): string => Buffer.concat(chunks).toString('utf8'),
  };
}
