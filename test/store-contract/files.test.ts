// The contract of all stores, over a state directory.
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, describe } from 'vitest';
import { createStore } from '../../src/adapters/store/index.ts';
import { storeContract } from './contract.ts';
import type { Forge } from './subject.ts';

const made: string[] = [];
afterEach(() => {
  for (const dir of made.splice(0)) rmSync(dir, { recursive: true });
});

const put = (path: string, text: string): void => {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  writeFileSync(path, text);
};
const count = (path: string): number => {
  try {
    return readdirSync(path).length;
  } catch {
    return 0;
  }
};

function forgeIn(dir: string): Forge {
  const at = (run: string, file: string): string => join(dir, 'runs', run, file);
  let commands = 0;
  return {
    journal: (run, change) => {
      const lines = readFileSync(at(run, 'journal.ndjson'), 'utf8').trimEnd().split('\n');
      put(
        at(run, 'journal.ndjson'),
        change(lines)
          .map((line) => `${line}\n`)
          .join(''),
      );
    },
    plan: (run, text) => appendFileSync(at(run, 'plan.json'), text),
    output: (run, host, text) => put(at(run, `output/${host}.log`), text),
    slot: (name, text) => put(join(dir, 'slots', name), text),
    command: (run, text) => {
      commands += 1;
      put(at(run, `control/${commands}.json`), text);
    },
    count: (run) => ({
      slots: count(join(dir, 'slots')),
      commands: count(at(run, 'control')),
    }),
  };
}

describe('a state directory', () => {
  storeContract(async () => {
    const dir = mkdtempSync(join(tmpdir(), 'kmend-store-'));
    made.push(dir);
    return {
      store: createStore(dir, Date.now),
      other: createStore(dir, Date.now),
      forge: forgeIn(dir),
    };
  });
});
