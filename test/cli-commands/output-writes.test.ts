// Output that goes to a file or a pipe: the lines of one turn are one write, whole and in order.
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { bundlePath } from '../cli/child.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'kmend-writes-'));
  chmodSync(home, 0o700);
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

/** Lines of `kmend runs` beside so many runs that never began, and writes of the whole process. */
function listed(count: number): { readonly lines: readonly string[]; readonly writes: number } {
  const [state, out] = [join(home, `${count}`), join(home, `${count}.txt`)];
  for (let run = 0; run < count; run++) {
    const folder = join(state, 'runs', `20200101-0${10_000 + run}-0000`);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    writeFileSync(join(folder, 'journal.ndjson'), '', { mode: 0o600 });
  }
  const script = `"$0" "$1" runs --state-dir "$2" >"$3"; while read -r k n; do [ "$k" != syscw: ] || echo "$n"; done </proc/$$/io`;
  // The first call reads the journals, in threads that wake each other by writes.
  const call = () =>
    execFileSync('sh', ['-c', script, process.execPath, bundlePath(), state, out], {
      env: { PATH: process.env.PATH, HOME: home },
      encoding: 'utf8',
    });
  call();
  const said = call();
  return { lines: readFileSync(out, 'utf8').trimEnd().split('\n'), writes: Number(said) };
}

it('is written a few times, however many lines there are', () => {
  const [few, many] = [listed(1), listed(400)];
  expect(few.lines).toHaveLength(2);
  expect(many.lines).toHaveLength(401);
  expect(many.lines.slice(1)).toEqual(many.lines.slice(1).toSorted());
  expect(many.writes - few.writes).toBeLessThan(100);
});
