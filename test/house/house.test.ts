// The house test: who may import whom, who owns which package, what a pure floor may never do. It
// reads imports as text.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseSync, Visitor } from 'oxc-parser';
import { describe, expect, it } from 'vitest';
import { areas, factDefs } from '../../src/facts/index.ts';
import { modules } from '../../src/modules/index.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const source = join(root, 'src');

/** Floors from the ground up; rooms on one floor do not know each other. */
const floors: readonly (readonly string[])[] = [
  ['model'],
  ['facts', 'expression'],
  ['modules', 'core'],
  ['engine', 'load', 'adapters/http'],
  [
    'adapters/ssh',
    'adapters/kube',
    'adapters/store',
    'adapters/postgres',
    'adapters/local',
    'adapters/outside',
    'adapters/web',
    'screens',
  ],
  ['practice', 'page'],
  ['app'],
  ['cli'],
  ['main.ts'],
];
const pure = ['model', 'facts', 'expression', 'modules', 'core', 'load'];

/** Each package has one owner; the lab's servers are the other end of the same protocol. */
const owners: Readonly<Record<string, readonly string[]>> = {
  commander: ['cli'],
  listr2: ['screens'],
  pg: ['adapters/postgres'],
  pgpass: ['adapters/postgres'],
  preact: ['page'],
  semver: ['model', 'facts'],
  socks: ['adapters/http'],
  re2js: ['expression'],
  ssh2: ['adapters/ssh', 'practice'],
  'string-width': ['screens'],
  yaml: ['load'],
  zod: ['model'],
};

interface File {
  readonly path: string;
  readonly room: string;
  readonly text: string;
  readonly imports: readonly string[];
}

const walk = (folder: string, kind = /\.tsx?$/): string[] =>
  readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? walk(path, kind) : kind.test(path) ? [path] : [];
  });

/**
 * The room of a path: each adapter is a room of its own; the practice fleet and the page stand
 * beside `src`.
 */
const roomOf = (path: string): string => {
  const [first = '', second = ''] = relative(path.startsWith(source) ? source : root, path).split(
    '/',
  );
  return first === 'adapters' ? `${first}/${second}` : first;
};

const beside = ['practice', 'page'].map((folder) => join(root, folder));

const files: readonly File[] = [source, ...beside]
  .flatMap((top) => walk(top))
  .map((path) => {
    const text = readFileSync(path, 'utf8');
    const imports = [
      ...text.matchAll(/^(?:import|export)\b[^;'"]*?from\s+'([^']+)'|import\('([^']+)'\)/gm),
    ].map((match) => match[1] ?? match[2] ?? '');
    return { path, room: roomOf(path), text, imports };
  });

const floorOf = (room: string): number => floors.findIndex((floor) => floor.includes(room));
const name = (file: File): string => relative(root, file.path);
const code = (text: string): string =>
  text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '');

describe('the house', () => {
  it('has a floor for every room', () => {
    expect(
      [...new Set(files.map((file) => file.room))].filter((room) => floorOf(room) < 0),
    ).toEqual([]);
  });

  it('lets imports go down or stay in the room', () => {
    const wrong = files.flatMap((file) =>
      file.imports
        .filter((target) => target.startsWith('.'))
        .map((target) => roomOf(join(dirname(file.path), target)))
        .filter((room) => room !== file.room && floorOf(room) >= floorOf(file.room))
        .map((room) => `${name(file)} imports ${room}`),
    );
    expect(wrong).toEqual([]);
  });

  it('lets modules know the ground and the facts only, never each other', () => {
    const top = (path: string): string =>
      relative(join(source, 'modules'), path).split('/')[0] ?? '';
    const named = [...modules.keys()].map((module) => module.replaceAll('_', '-'));
    const wrong = files
      .filter((file) => file.room === 'modules' && !file.path.endsWith('modules/index.ts'))
      .flatMap((file) =>
        file.imports
          .filter((target) => target.startsWith('.'))
          .map((target) => join(dirname(file.path), target))
          .filter(
            (target) =>
              target.startsWith(join(source, 'modules/')) ||
              target.startsWith(join(source, 'core/')),
          )
          .filter(
            (target) =>
              top(target) !== top(file.path) &&
              (target.startsWith(join(source, 'core/')) ||
                named.includes(top(target).replace(/\.ts$/, ''))),
          )
          .map((target) => `${name(file)} imports ${relative(root, target)}`),
      );
    expect(wrong).toEqual([]);
  });

  it('gives every package one owner', () => {
    const wrong = files.flatMap((file) =>
      file.imports
        .filter((target) => !target.startsWith('.') && !target.startsWith('node:'))
        .map((target) =>
          target.startsWith('@')
            ? target.split('/').slice(0, 2).join('/')
            : (target.split('/')[0] ?? ''),
        )
        .filter((target) => !(owners[target] ?? []).includes(file.room))
        .map((target) => `${name(file)} imports ${target}`),
    );
    expect(wrong).toEqual([]);
    const dependencies = Object.keys(
      JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).dependencies,
    );
    expect(dependencies.filter((dependency) => owners[dependency] === undefined)).toEqual([]);
  });

  it('pins every package by version and hash, and runs no install script', () => {
    const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    const versions: Readonly<Record<string, string>> = {
      ...manifest.dependencies,
      ...manifest.devDependencies,
    };
    expect(
      Object.entries(versions).filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version)),
    ).toEqual([]);
    const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
    const others = Object.entries<{ readonly integrity?: string }>(packages).filter(
      ([path]) => path !== '',
    );
    expect(others.length).toBeGreaterThan(20);
    expect(
      others.filter(([, { integrity }]) => !/^sha512-/.test(integrity ?? '')).map(([path]) => path),
    ).toEqual([]);
    expect(readFileSync(join(root, '.npmrc'), 'utf8')).toMatch(/^ignore-scripts=true$/m);
  });

  it('loads the practice fleet, a bundle of its own, in one file', () => {
    const users = files.filter(
      (file) =>
        file.room !== 'practice' && file.imports.some((target) => target.includes('/practice/')),
    );
    expect(users.map(name)).toEqual(['src/cli/practice.ts']);
    // Without these the bundle of the program would hold the fleet too.
    expect(users.flatMap((file) => file.text.match(/^import .*practice\//gm) ?? [])).toEqual([]);
  });

  it('loads zod in one file', () => {
    expect(files.filter((file) => file.imports.includes('zod')).map(name)).toEqual([
      'src/model/shape/schema.ts',
    ]);
  });

  it('keeps pure floors pure: no node modules, no clock, no console, no timers', () => {
    const forbidden =
      /\bfrom 'node:|Date\.now\(|new Date\(\)|\bconsole\.|setTimeout\(|setInterval\(|Math\.random\(|\bprocess\.(?:env|exit|argv|std|cwd|kill|on\(|hrtime)/;
    const wrong = files
      .filter((file) => pure.includes(file.room))
      .flatMap((file) => {
        // Checksums of a text read no state: one file may ask Node for them, and for nothing else
        // of its crypto.
        const allowed =
          name(file) === 'src/expression/python/digest.ts'
            ? "import { createHash } from 'node:crypto';"
            : '';
        const found = forbidden.exec(
          code(file.text.replace(allowed, '')).replace(/'(?:[^'\\\n]|\\.)*'(?! from)/g, (text) =>
            text.startsWith("'node:") ? text : "''",
          ),
        );
        return found === null ? [] : [`${name(file)}: ${found[0]}`];
      });
    expect(wrong).toEqual([]);
  });

  it('keeps the engine away from disk, libraries, screens and module names', () => {
    const engine = files.filter((file) => file.room === 'engine');
    expect(
      // A digest reads no state: the chain of a journal needs one.
      engine.filter((file) => file.imports.some((target) => target.startsWith('node:'))).map(name),
    ).toEqual(['src/engine/state/chain.ts']);
    expect(
      files
        .find((file) => name(file) === 'src/engine/state/chain.ts')
        ?.text.match(/import .* from 'node:.*/g),
    ).toEqual(["import { hash } from 'node:crypto';"]);
    const named = engine.flatMap((file) =>
      [...modules.keys()]
        .filter((module) => module.includes('_') && code(file.text).includes(`'${module}'`))
        .map((module) => `${name(file)}: ${module}`),
    );
    expect(named).toEqual([]);
  });

  it('never ends the process below main', () => {
    const ends = files.filter((file) => /process\.exit\b(?!Code)/.test(code(file.text)));
    expect(ends.map(name)).toEqual(['src/main.ts']);
  });

  it('lists at most fifteen files in a folder, scripts for hosts too', () => {
    const counts = new Map<string, number>();
    for (const path of [source, ...beside].flatMap((top) => walk(top, /./)))
      counts.set(dirname(path), (counts.get(dirname(path)) ?? 0) + 1);
    const long = [...counts].filter(([, count]) => count > 15);
    expect(long.map(([folder, count]) => `${relative(root, folder)}: ${count}`)).toEqual([]);
  });

  it('has no circles between the parts of a room', () => {
    const partOf = (path: string): string => dirname(relative(root, path));
    const within = (file: File): string =>
      join(relative(root, file.path.startsWith(source) ? source : root), file.room);
    const arrows = new Map<string, Set<string>>();
    for (const file of files) {
      const part = partOf(file.path);
      for (const target of file.imports.filter((one) => one.startsWith('.'))) {
        const other = partOf(join(dirname(file.path), target));
        // What lies in the room itself joins its parts, or is used by all of them; circles of files
        // are forbidden anyway.
        if (
          part === within(file) ||
          other === within(file) ||
          other === part ||
          !`${other}/`.startsWith(`${within(file)}/`)
        )
          continue;
        arrows.set(part, (arrows.get(part) ?? new Set()).add(other));
      }
    }
    const reaches = (from: string, to: string, seen = new Set<string>()): boolean =>
      [...(arrows.get(from) ?? [])].some(
        (next) => next === to || (!seen.has(next) && reaches(next, to, seen.add(next))),
      );
    expect(arrows.size).toBeGreaterThan(20);
    expect([...arrows.keys()].filter((part) => reaches(part, part))).toEqual([]);
  });

  it('has no circles', () => {
    const graph = new Map(
      files.map((file) => [
        file.path,
        file.imports
          .filter((target) => target.startsWith('.'))
          .map((target) => join(dirname(file.path), target)),
      ]),
    );
    const done = new Set<string>();
    const circles: string[] = [];
    const visit = (path: string, trail: readonly string[]): void => {
      if (trail.includes(path))
        circles.push(
          [...trail.slice(trail.indexOf(path)), path]
            .map((one) => relative(root, one))
            .join(' -> '),
        );
      if (done.has(path) || trail.includes(path)) return;
      for (const next of graph.get(path) ?? []) visit(next, [...trail, path]);
      done.add(path);
    };
    for (const path of graph.keys()) visit(path, []);
    expect(circles).toEqual([]);
  });

  it('calls functions, never itself with words', () => {
    const calling = (pattern: RegExp): readonly string[] =>
      files.filter((file) => pattern.test(code(file.text))).map(name);
    expect(calling(/\brunLine\b|\bRunLine\b/)).toEqual([]);
    // Words are read twice: those of the operator, and those that an operator gave a job.
    expect(calling(/\bparse(?:Async)?\(.*from: 'user'/)).toEqual([
      'src/cli/job-command.ts',
      'src/cli/program.ts',
    ]);
    expect(calling(/\brunCommandLine\(/)).toEqual(['src/cli/program.ts', 'src/main.ts']);
  });

  it('knows the layout of the state directory in one room', () => {
    const layout =
      /\bsettings\.json\b|\bjournal\.ndjson\b|\bpruned\.ndjson\b|stateDir\}\/|\bjoin\([\w.]*[sS]tateDir,/;
    const found = files.filter((file) => layout.test(code(file.text)));
    expect([...new Set(found.map((file) => file.room))]).toEqual(['adapters/store']);
  });

  // The longest of today are declarations of commands; a procedure or a closure is never so long.
  it('has no function of more than ninety lines', () => {
    const long = files.flatMap((file) => {
      const found: string[] = [];
      const lineAt = (offset: number): number => file.text.slice(0, offset).split('\n').length;
      const see = ({ start, end }: { readonly start: number; readonly end: number }): void => {
        const lines = lineAt(end) - lineAt(start) + 1;
        if (lines > 90) found.push(`${name(file)}:${lineAt(start)} has ${lines} lines`);
      };
      new Visitor({
        FunctionDeclaration: see,
        FunctionExpression: see,
        ArrowFunctionExpression: see,
      }).visit(parseSync(file.path, file.text).program);
      return found;
    });
    expect(long).toEqual([]);
  });

  it('has no function with more than five parameters', () => {
    const wrong = files.flatMap((file) => {
      const found: string[] = [];
      const see = ({
        params,
        start,
      }: {
        readonly params: readonly unknown[];
        readonly start: number;
      }): void => {
        const line = file.text.slice(0, start).split('\n').length;
        if (params.length > 5) found.push(`${name(file)}:${line} has ${params.length}`);
      };
      const visitor = new Visitor({
        FunctionDeclaration: see,
        FunctionExpression: see,
        ArrowFunctionExpression: see,
        TSFunctionType: see,
        TSMethodSignature: see,
      });
      visitor.visit(parseSync(file.path, file.text).program);
      return found;
    });
    expect(wrong).toEqual([]);
  });

  it('reads KMEND_ROOT in the prelude only, and drops it where another user runs the script', () => {
    const wrong = files
      .filter((file) => code(file.text).includes('KMEND_ROOT') && file.room !== 'practice')
      .map(name);
    expect(wrong.toSorted()).toEqual(['src/adapters/ssh/exec/command.ts']);
    const scripts = walk(source, /\.(?:sh|awk)$/).filter((path) =>
      readFileSync(path, 'utf8').includes('KMEND_ROOT'),
    );
    expect(scripts.map((path) => relative(root, path))).toEqual(['src/facts/probe/prelude.sh']);
  });

  it('has one test file for every module, and registers every module and area', () => {
    const wanted = [...modules.keys()].map((module) =>
      join(root, 'test/modules', `${module.replaceAll('_', '-')}.test.ts`),
    );
    expect(wanted.filter((path) => !existsSync(path)).map((path) => relative(root, path))).toEqual(
      [],
    );
    const definers = files.filter(
      (file) =>
        file.room === 'modules' &&
        /= defineModule[<(]/.test(file.text) &&
        !file.path.endsWith('define.ts'),
    );
    expect(definers.flatMap((file) => [...file.text.matchAll(/= defineModule[<(]/g)])).toHaveLength(
      modules.size,
    );
    const defined = files
      .filter((file) => file.room === 'facts')
      .flatMap((file) => [...file.text.matchAll(/: Area = \{/g)]);
    expect(areas.size).toBeGreaterThanOrEqual(defined.length);
    expect(new Set(factDefs.map((fact) => fact.name)).size).toBe(factDefs.length);
  });

  it('reads the keyboard in one place, so no question is asked past the live view', () => {
    const readers = files.filter((file) =>
      /\bsetRawMode\b|\bcreateInterface\(|\bprocess\.stdin\b|\bnode:readline/.test(code(file.text)),
    );
    expect(readers.map(name).sort()).toEqual([
      // Playbooks, outputs and passwords that are piped in.
      'src/adapters/local/input.ts',
      'src/adapters/local/keyboard.ts',
      // An answer that is piped in, where there is no terminal.
      'src/adapters/local/terminal-asker.ts',
      'src/main.ts',
    ]);
  });

  it('exports no key as a JWK, which stops Node 20 for good when it collects what made the key', () => {
    const exports = /\.export\(\{[^}]*format: 'jwk'/;
    expect(files.filter((file) => exports.test(code(file.text))).map(name)).toEqual([]);
    expect(exports.test("key.export({ format: 'jwk' }).x")).toBe(true);
  });

  it('never breaks for a user without a name, as containers have them', () => {
    const asks = /(?<!try \{\s+return )\b(?:userInfo|homedir)\(\)/;
    expect(files.filter((file) => asks.test(code(file.text))).map(name)).toEqual([]);
    expect(asks.test('return userInfo().username')).toBe(true);
    expect(asks.test('try {\n    return userInfo().username')).toBe(false);
  });

  it('prints by one port, and shows text of others only', () => {
    const found = (pattern: RegExp): readonly string[] => [
      ...new Set(files.flatMap((file) => (pattern.test(code(file.text)) ? [name(file)] : []))),
    ];
    expect(found(/\bconsole\.|\bprocess\.std(?:out|err)\b|\bopenStdout\b|\/dev\/tty/)).toEqual([
      'src/main.ts',
    ]);
    const screens = found(/\bWriteStream\b/);
    expect(screens).toEqual([
      'src/adapters/local/progress.ts',
      'src/adapters/local/terminal-asker.ts',
      'src/main.ts',
    ]);
    // It draws the view below lines that are printable already.
    expect(found(/\bProcessOutput\b/)).toEqual(['src/screens/run/live-output.ts']);
    const writes = files
      .filter((file) => screens.includes(name(file)))
      .flatMap((file) => code(file.text).match(/.*(?:\.write|\.question)\(.*/g) ?? []);
    expect(writes.length).toBe(5);
    expect(
      writes.filter((line) => !/\b(?:harmless|printable)\(|write\('\\n'\)/.test(line)),
    ).toEqual([]);
    // JSON has escapes for what a terminal would obey.
    expect(found(/\b(?:out|err)\(\s*`?(?:\$\{)?JSON\.stringify/)).toEqual([]);
  });

  it('begins every file with its purpose', () => {
    expect(files.filter((file) => !/^(#!.*\n)?\/\/ \S/.test(file.text)).map(name)).toEqual([]);
  });
});
