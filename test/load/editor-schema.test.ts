// The JSON schema that editors use: it has no dangling reference, and refuses nothing that kmend
// takes.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { factDefs } from '../../src/facts/index.ts';
import { loadPlaybook } from '../../src/load/index.ts';
import { blockKeys, playKeys, taskKeys } from '../../src/load/playbook/keywords.ts';
import { playbookSchema } from '../../src/load/playbook/playbook-schema.ts';
import { hasErrors } from '../../src/model/diagnostic.ts';
import { schemaOfArgs } from '../../src/model/shape/schema.ts';
import type { Value } from '../../src/model/value.ts';
import { modules } from '../../src/modules/index.ts';

const root = join(import.meta.dirname, '../..');
const schema = playbookSchema(modules);
// A reference without a target makes this throw.
const validate = new Ajv({ strict: false, allErrors: false }).compile(schema);

const facts = factDefs.map(({ name }) => name);
const isTaken = (text: string): boolean =>
  !hasErrors(loadPlaybook('p.yml', text, { modules, facts }).diagnostics);
const wrongIn = (data: unknown): string =>
  validate(data) ? '' : JSON.stringify(validate.errors?.slice(0, 3));

const playbooks = readdirSync(join(root, 'playbooks'))
  .filter((file) => file.endsWith('.yaml'))
  .map((file) => [file, parse(readFileSync(join(root, 'playbooks', file), 'utf8'))] as const);

describe('playbooks that are shipped', () => {
  it.each(playbooks)('%s passes', (_, data) => expect(wrongIn(data)).toBe(''));

  const python = 'import json, sys, jsonschema\nschema, books = json.load(sys.stdin)\n'.concat(
    'check = jsonschema.Draft7Validator(schema)\n',
    'jsonschema.Draft7Validator.check_schema(schema)\n',
    'print(json.dumps([[e.message for e in check.iter_errors(b)] for b in books]))\n',
  );
  const hasPython = spawnSync('python3', ['-c', 'import jsonschema']).status === 0;
  it.skipIf(!hasPython)(
    `pass the validator of Python (${hasPython ? 'there' : 'needs python3-jsonschema'})`,
    () => {
      const broken = [{ hosts: 'all', tasks: [{ nosuch: {} }] }];
      const input = JSON.stringify([schema, [...playbooks.map(([, data]) => data), broken]]);
      const { stdout, stderr } = spawnSync('python3', ['-c', python], { input, encoding: 'utf8' });
      expect(stderr).toBe('');
      const found: readonly (readonly string[])[] = JSON.parse(stdout);
      expect(found.slice(0, -1)).toEqual(playbooks.map(() => []));
      expect(found.at(-1)).not.toEqual([]);
    },
  );
});

describe('modules', () => {
  it.each([...modules.values()].map((module) => [module.name, module] as const))(
    'the example of %s passes, and a template for each of its arguments',
    (name, module) => {
      const tasks: readonly Record<string, unknown>[] = parse(module.example);
      expect(wrongIn([{ hosts: 'all', tasks }])).toBe('');
      const forms = [schemaOfArgs(module.args)].flatMap((one) => [one, ...formsOf(one)]);
      const keys = forms.flatMap(({ properties = {} }) => Object.keys(properties as object));
      const given = tasks.map((task) => task[name]).find((args) => args !== undefined);
      const long = typeof given === 'object' && given !== null ? given : {};
      for (const key of new Set(keys)) {
        const args = { ...long, [key]: '{{ kernel.release }}' };
        const playbook = [{ hosts: 'all', tasks: [{ [name]: args }] }];
        if (isTaken(JSON.stringify(playbook))) expect(wrongIn(playbook), key).toBe('');
      }
    },
  );
});

const formsOf = (one: Value): readonly { readonly properties?: Value }[] =>
  typeof one === 'object' && one !== null && 'anyOf' in one && Array.isArray(one.anyOf)
    ? one.anyOf.flatMap((form: Value) => [form as object, ...formsOf(form)])
    : [];

const values: readonly unknown[] = [
  ...[null, true, false, 0, 5, -1, 1.5, '', 'a', 'a b', 'yes', 'Off', '5', '10m', '10%', '22:00'],
  ...['sudo', 'accept', 'sorted', 'inventory', '{{ 5 }}', '{{ true }}', '{{ [1] }}', "{{ 'a' }}"],
  ...[[], ['a'], ['a', 'b'], [1, '20%'], [true], {}, { a: 1 }, { loop_var: 'x' }, [{ a: 1 }]],
  ...[{ max_unavailable: 2 }, { canary: { hosts: 1 } }, { brake: { failures: '{{ 1 }}' } }],
  ...[{ max_unavailable: '{{ 1 }}', gates: [] }, { windows: [] }, { zone: '{{ zone }}' }],
];

/** Each key with each value, in a playbook that is right otherwise. */
const candidates = [
  ...playKeys.flatMap((key) =>
    values.map(
      (value) => [`play ${key}`, { hosts: 'all', tasks: [], [key]: value }, value] as const,
    ),
  ),
  ...taskKeys.flatMap((key) =>
    values.map(
      (value) =>
        [
          `task ${key}`,
          {
            hosts: 'all',
            tasks: [{ command: { cmd: 'true', read_only: true }, ...beside(key), [key]: value }],
          },
          value,
        ] as const,
    ),
  ),
  ...blockKeys.flatMap((key) =>
    values.map(
      (value) =>
        [
          `block ${key}`,
          { hosts: 'all', tasks: [{ block: [{ debug: { msg: 'x' } }], [key]: value }] },
          value,
        ] as const,
    ),
  ),
];

function beside(key: string): object {
  if (['retries', 'delay'].includes(key)) return { until: 'true' };
  return key === 'loop_control' ? { loop: [1] } : {};
}

describe('modules of other systems', () => {
  it.each(['pacman', 'community.general.pacman', 'win_ping', 'ansible.windows.setup'])(
    '%s behind a `when` passes, beside no other module',
    (name) => {
      const playbook = [{ hosts: 'all', tasks: [{ [name]: { a: 1 }, when: 'false' }] }];
      expect([isTaken(JSON.stringify(playbook)), wrongIn(playbook)]).toEqual([true, '']);
      for (const more of [{ command: 'id' }, { nosuch: 1 }])
        expect(
          wrongIn([{ hosts: 'all', tasks: [{ [name]: { a: 1 }, when: 'false', ...more }] }]),
        ).not.toBe('');
    },
  );

  it.each(['pacmann', 'communty.general.pacman', 'community.general.win_ping'])(
    '%s is none',
    (name) => {
      const playbook = [{ hosts: 'all', tasks: [{ [name]: null, when: 'false' }] }];
      expect(isTaken(JSON.stringify(playbook))).toBe(false);
      expect(wrongIn(playbook)).not.toBe('');
    },
  );
});

describe('keys of plays, tasks and blocks', () => {
  it('what kmend takes, the schema takes', () => {
    const taken = candidates.filter(([, play]) => isTaken(JSON.stringify([play])));
    expect(taken.length).toBeGreaterThan(300);
    const refused = taken.filter(([, play]) => wrongIn([play]) !== '');
    expect(refused.map(([where, , value]) => `${where}: ${JSON.stringify(value)}`)).toEqual([
      // Names of variables that no expression can use.
      'task register: true',
      'task register: false',
    ]);
  });

  it('a value that kmend refuses for its type, the schema refuses', () => {
    const typed = candidates.filter(([, , value]) => !/"|^\[\]$/.test(JSON.stringify(value)));
    const refused = typed.filter(([, play]) => !isTaken(JSON.stringify([play])));
    expect(refused.length).toBeGreaterThan(100);
    // Only the play says which user a task may have, and whether its hosts go one by one.
    const loose = refused.filter(
      ([where, play]) =>
        !/ (?:become_user|remote_user|run_once)$/.test(where) && wrongIn([play]) === '',
    );
    expect(loose.map(([where, , value]) => `${where}: ${JSON.stringify(value)}`)).toEqual([]);
  });

  it.each(['ignore_errors', 'no_log', 'idempotent'])(
    'a template for %s, which nothing would render, is refused',
    (key) => {
      const task = { command: { cmd: 'true' }, until: 'true', [key]: '{{ 5 }}' };
      const { diagnostics } = loadPlaybook(
        'p.yml',
        JSON.stringify([{ hosts: 'all', tasks: [task] }]),
        { modules, facts },
      );
      expect(diagnostics.map(({ summary }) => summary)).toContain(
        `\`${key}\` cannot be a template`,
      );
    },
  );
});
