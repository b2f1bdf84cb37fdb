// Ends every process of a practice host, however it was detached: they are known by KMEND_ROOT in
// their environment.
import { readdirSync, readFileSync } from 'node:fs';

const environmentOf = (pid: string): string => {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1');
  } catch {
    return ''; // it ended in the meantime, or is another user's
  }
};

/** Ids of all processes whose environment says that they belong to one of these trees. */
function processesOf(roots: readonly string[]): readonly number[] {
  const wanted = new Set(roots.map((root) => `KMEND_ROOT=${root}`));
  return pids()
    .filter((pid) =>
      environmentOf(pid)
        .split('\0')
        .some((entry) => wanted.has(entry)),
    )
    .map(Number)
    .filter((pid) => pid !== process.pid && pid !== process.ppid);
}

function pids(): readonly string[] {
  try {
    return readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  } catch {
    return []; // no /proc here: what was detached stays until its own end
  }
}

/** Kills them, as a power cut would. Twice over, because a fork may have been under way. */
export function killProcesses(roots: readonly string[]): void {
  for (let round = 0; round < 3; round++) {
    const alive = processesOf(roots);
    if (alive.length === 0) return;
    for (const pid of alive) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // already gone
      }
    }
  }
}
