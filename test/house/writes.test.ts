// Who may write: hosts and clusters are changed by the effects alone, but for the files named here,
// each with its reason. It reads calls as text.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const effects = 'src/engine/effects/';

/** What sends a script to a host outside of the effects. */
const hostCalls: Readonly<Record<string, string>> = {
  'src/engine/session/observe.ts': 'reads facts, and the read-only commands of the play',
  'src/engine/host/fleet.ts':
    '`check --active`: an operator asks for it, and no run, fence or journal exists',
  'src/engine/host/fences.ts':
    'the fence is what each effect is checked against; what fails is a warning in the journal',
  'src/app/hosts/doctor.ts':
    '`doctor` reads; `cleanup` removes files of kmend itself after an operator said yes, and the script refuses an open fence',
};

/** What changes the cluster outside of the effects. */
const clusterCalls: Readonly<Record<string, string>> = {
  'src/engine/node/outage.ts': 'the same port with each call retried; the effects call it',
  'src/engine/node/events.ts':
    'Kubernetes events repeat entries of the journal, so that they are not journalled again',
  'src/cli/commands/fleet/node.ts':
    '`kmend cordon`, `drain` and `uncordon` of one node: commands of an operator, outside of any run',
};

const walk = (folder: string): string[] =>
  readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? walk(path) : path.endsWith('.ts') ? [path] : [];
  });

const files = walk(join(root, 'src'))
  .map((path) => ({
    name: relative(root, path),
    text: readFileSync(path, 'utf8').replace(/\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/.*$/gm, ''),
  }))
  .filter(({ name }) => !name.startsWith(effects) && !name.startsWith('src/adapters/'));

const calling = (pattern: RegExp): string[] =>
  files.filter(({ text }) => pattern.test(text)).map(({ name }) => name);

describe('outside of the effects', () => {
  it.each<[string, RegExp, readonly string[]]>([
    ['scripts are sent to hosts', /\b[sS]ession\??\.(?:read|once|fresh)\(/, Object.keys(hostCalls)],
    [
      'connections are made and used',
      /\.(?:connect|exec)\((?:target|\{)/,
      ['src/engine/session/session.ts'],
    ],
    [
      'scripts are run on this machine',
      /\blocalHost\??\.script\(/,
      ['src/engine/session/local-session.ts'],
    ],
    ['programs of the local host are run', /\bhere\??\.run\(/, []],
    [
      'clusters are changed',
      /\b[cC]luster\??\.(?:cordon|uncordon|plainCordon|plainUncordon|drain|release|taint|announce)\b/,
      Object.keys(clusterCalls),
    ],
    ['taints are written', /\bperformTaints\(/, ['src/engine/pending.ts']],
    ['effects are performed', /\bperform\(/, ['src/engine/host/task-act.ts']],
  ])('%s by the named files only', (_what, pattern, named) => {
    expect(calling(pattern).toSorted()).toEqual([...named].toSorted());
  });
});
