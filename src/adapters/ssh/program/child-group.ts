// Programs on this machine that a connection needs. Each has a process group of its own: Ctrl-C does
// not reach it, and it ends with all of its children.
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';

export type Child = ChildProcessWithoutNullStreams;

/** Milliseconds between the request to end and the kill. */
const grace = 1000;

const running = new Set<Child>();

/** A process that ends leaves none of them behind. */
const killAll = (): void => {
  for (const child of running) signalGroup(child, 'SIGKILL');
};

export function startGroup(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Child {
  const child = spawn(program, args, { env, detached: true, stdio: 'pipe' });
  if (running.size === 0) process.on('exit', killAll);
  running.add(child);
  child.stdin.on('error', () => undefined);
  return child;
}

/** The program has ended, and had no children. */
export function forgetGroup(child: Child): void {
  running.delete(child);
  if (running.size === 0) process.off('exit', killAll);
}

/** Ends the program and its children: by a request, and by force after a second. */
export function endGroup(child: Child): void {
  if (!running.has(child)) return;
  signalGroup(child, 'SIGTERM');
  setTimeout(() => {
    signalGroup(child, 'SIGKILL');
    forgetGroup(child);
  }, grace).unref();
}

/**
 * The number of a group stays taken while a process is in it. So if the program has ended and its
 * number is that of a process again, nobody is left in the group.
 */
function signalGroup(child: Child, signal: 'SIGTERM' | 'SIGKILL'): void {
  const { pid, exitCode, signalCode } = child;
  if (pid === undefined) return;
  const hasEnded = exitCode !== null || signalCode !== null;
  if (hasEnded && existsSync(`/proc/${pid}`)) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // Nobody is left in the group.
  }
}
