// `--start-at-task` against the ansible-core that is installed here: the same tasks are carried out,
// with names, patterns, roles, blocks and tags. Skipped where it is missing.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { wantedTasks } from '../../src/app/plan/wanted-tasks.ts';
import type { TaskFlags } from '../../src/app/session/flags.ts';
import { loadPlaybook } from '../../src/load/index.ts';
import type { ModuleTask, Playbook, Task } from '../../src/model/playbook.ts';
import { modules } from '../../src/modules/index.ts';
import { tableReader } from '../fakes/table-reader.ts';
import { noAnsible } from './file-modules.ts';

const say = (mark: string): string => `shell: echo ${mark} >> "$OUT"`;
const files: Readonly<Record<string, string>> = {
  'roles/web/tasks/main.yml': `- {name: Install, ${say('web-install')}}\n- {name: Only web, ${say('only-web')}}\n`,
  'roles/web/handlers/main.yml': `- {name: Restart, ${say('web-restart')}}\n`,
  'more.yml': `- {name: Imported, ${say('imported')}, tags: [t]}\n`,
  'site.yml': `- hosts: all
  gather_facts: false
  pre_tasks:
    - {name: Prepare, ${say('prepare')}, tags: [always]}
  roles: [web]
  tasks:
    - {name: Install, ${say('install')}, notify: [Say]}
    - ${say('unnamed')}
    - name: Around
      block:
        - {name: In a block, ${say('in-block')}, tags: [t]}
        - {name: "Odd [x] name", ${say('odd')}}
      rescue:
        - {name: Rescue, ${say('rescue')}}
      always:
        - {name: At its end, ${say('at-end')}}
    - import_tasks: more.yml
    - {name: Skipped here, ${say('skipped')}, when: false}
    - {name: Once, ${say('never')}, tags: [never, n]}
  post_tasks:
    - {name: Last, ${say('last')}, notify: [Say]}
  handlers:
    - {name: Say, ${say('handler')}}
- hosts: all
  gather_facts: false
  tasks:
    - {name: Second play, ${say('second')}}
    - {name: Install, ${say('second-install')}, tags: [t]}
`,
};

const flat = (tasks: readonly Task[]): readonly ModuleTask[] =>
  tasks.flatMap((task) =>
    task.kind === 'block' ? flat([...task.tasks, ...(task.always ?? [])]) : [task],
  );

/** The tasks that a run of kmend would carry out; handlers and a false `when` apart. */
const ours = ({ plays }: Playbook, flags: Parameters<typeof wantedTasks>[2]): readonly string[] =>
  plays.flatMap((play) => {
    const { isWanted } = wantedTasks({ file: '', files: [], plays }, play, flags);
    return flat(play.tasks)
      .filter((task) => !task.id.includes('handlers') && task.when.length === 0 && isWanted(task))
      .map(({ args }) => /echo (\S+)/.exec(JSON.stringify(args))?.[1] ?? '');
  });

describe.skipIf(noAnsible)(`with Ansible (${noAnsible ? 'not installed' : 'all there'})`, () => {
  let dir = '';
  let playbook: Playbook | undefined;
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'kmend-start-'));
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(join(dir, name, '..'), { recursive: true });
      writeFileSync(join(dir, name), text);
    }
    const loaded = loadPlaybook('site.yml', files['site.yml'] ?? '', {
      modules,
      facts: [],
      reader: tableReader(files),
    });
    expect(loaded.diagnostics.filter(({ severity }) => severity === 'error')).toEqual([]);
    playbook = loaded.value;
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  const theirs = (words: readonly string[]): readonly string[] => {
    const out = join(dir, 'out');
    rmSync(out, { force: true });
    const env = { PATH: process.env.PATH, HOME: dir, OUT: out };
    spawnSync(
      'ansible-playbook',
      ['-i', 'localhost,', '-c', 'local', join(dir, 'site.yml'), ...words],
      { env, cwd: dir, encoding: 'utf8', timeout: 120_000 },
    );
    const said = existsSync(out) ? readFileSync(out, 'utf8').trim().split('\n') : [];
    return said.filter((word) => word !== 'handler' && word !== 'web-restart');
  };

  it.each([
    ['Install', 'of a role'],
    ['web : Only*', 'with its role'],
    ['in a block', 'no such case'],
    ['Odd [x] name', 'by its name'],
    ['At its end', 'by its name'],
    ['Rescue', 'a rescue is not entered'],
    ['Skipped here', 'by its name'],
    ['Once', 'never'],
    ['[!P]*', 'by its name'],
    ['Second*', 'by its name'],
    ['Prepare', 'by tags', { tags: ['t'] }],
    ['In*', 'without tags', { skipTags: ['t'] }],
  ] as const)('%s (%s)', { timeout: 150_000 }, (startAtTask, _, given?: TaskFlags) => {
    if (playbook === undefined) throw new Error('no playbook');
    const { tags, skipTags } = given ?? {};
    const words = [
      `--start-at-task=${startAtTask}`,
      ...(tags === undefined ? [] : ['--tags', tags.join(',')]),
      ...(skipTags === undefined ? [] : ['--skip-tags', skipTags.join(',')]),
    ];
    const wanted = theirs(words);
    // Where no task fits, Ansible carries out nothing and says nothing; kmend says so.
    if (wanted.length === 0)
      expect(() => ours(playbook as Playbook, { ...given, startAtTask })).toThrow(
        '--start-at-task: no task is called',
      );
    else expect(ours(playbook, { ...given, startAtTask })).toEqual(wanted);
  });
});
