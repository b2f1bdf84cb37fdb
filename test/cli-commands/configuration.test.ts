// Flag, then environment, then the project's settings, then the user's own.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { configure } from '../../src/cli/configuration.ts';
import { withFleetOptions } from '../../src/cli/options.ts';
import type { World } from '../../src/cli/world.ts';
import { startCommand } from '../cli/real-world.ts';

let home: string;
let project: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'kmend-settings-'));
  project = join(home, 'project');
  mkdirSync(join(home, '.config/kmend'), { recursive: true });
  mkdirSync(project);
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const own = (text: string): void => writeFileSync(join(home, '.config/kmend/config.yaml'), text);
const ours = (text: string): void => writeFileSync(join(project, 'kmend.yaml'), text);
const run = (args: readonly string[], env: World['env'] = {}) =>
  startCommand(args, { home, cwd: project, env }).result;

const inventoryOf = (name: string): string => {
  const path = join(home, `${name}.yaml`);
  writeFileSync(path, `all: {hosts: {${name}: {}}}\n`);
  return path;
};
const graph = async (args: readonly string[], env?: World['env']): Promise<string> =>
  (await run(['inventory', '--graph', ...args], env)).out.match(/--(from-\w+)/)?.[1] ?? 'none';

it('inventory --host shows a template that cannot be rendered as it is written, and warns', async () => {
  const hosts = join(project, 'hosts');
  writeFileSync(hosts, 'all: # fleet\n  hosts:\n    n1: {a: "{{ nope }}", b: "{{ c }}", c: 1}\n');
  const { exit, out, err } = await run(['inventory', '-i', hosts, '--host', 'n1']);
  expect(JSON.parse(out)).toEqual({ a: '{{ nope }}', b: 1, c: 1 });
  expect(err).toMatch(
    /\/hosts:3:5: warning: host n1: variable a: .*nope.* \[variable\]\n {2}it is shown as it is written$/,
  );
  expect(exit).toBe(0);
});

describe('settings', () => {
  it('come from the nearest of flag, environment, project and user', async () => {
    const [flag, environment] = [inventoryOf('from-flag'), inventoryOf('from-environment')];
    inventoryOf('from-project');
    inventoryOf('from-user');
    own('inventory: ~/from-user.yaml\n');
    expect(await graph([])).toBe('from-user');
    expect(await graph([], { ANSIBLE_INVENTORY: environment })).toBe('from-user');
    ours('inventory: ../from-project.yaml\n');
    expect(await graph([])).toBe('from-project');
    expect(await graph([], { KMEND_INVENTORY: environment })).toBe('from-environment');
    expect(await graph(['-i', flag], { KMEND_INVENTORY: environment })).toBe('from-flag');
  });

  it('ANSIBLE_INVENTORY is taken where nothing of ours says anything', async () => {
    expect(await graph([], { ANSIBLE_INVENTORY: inventoryOf('from-ansible') })).toBe(
      'from-ansible',
    );
  });

  it('an error in a file is reported with its place, and nothing is done', async () => {
    ours('inventory: x\nfroks: 3\n');
    const { exit, err } = await run(['check']);
    expect(exit).toBe(3);
    expect(err).toContain('kmend.yaml:2:1');
    expect(err).toContain('did you mean `forks`?');
  });

  it('a file that cannot be read is not passed over', async () => {
    mkdirSync(join(project, 'kmend.yaml'));
    expect(await run(['runs'])).toMatchObject({
      exit: 3,
      err: expect.stringMatching(/kmend\.yaml cannot be read: is a directory/),
    });
  });

  it('a switch of the environment is true or false', async () => {
    expect(await run(['check', '-i', 'a,'], { KMEND_BECOME: 'perhaps' })).toMatchObject({
      exit: 3,
      err: expect.stringContaining('KMEND_BECOME must be true or false, not `perhaps`'),
    });
  });

  it('runs are kept where the settings say, beside the file that says so', async () => {
    ours('state_dir: state\n');
    mkdirSync(join(project, 'state/runs/20200101-000000-abcd'), { recursive: true });
    expect((await run(['report', '20200101-000000-zzzz'])).err).toContain(join(project, 'state'));
  });

  const given = (name: string, words: readonly string[] = []): Record<string, unknown> => {
    const command = withFleetOptions(new Command(name)).action(() => {});
    command.hook('preAction', (_, one) =>
      configure(one, {
        ...{ home, cwd: project, env: {}, reader: reader() },
        trust: { isOpenToAll: () => false },
      } as unknown as World),
    );
    command.parse([...words], { from: 'user' });
    return command.opts();
  };
  const reader = () => ({
    readText: (path: string) =>
      path === join(project, 'kmend.yaml')
        ? {
            ok: true,
            text: 'user: ops\nforks: 7\nstate_dir: /srv/kmend\nprivate_key: keys/fleet\ninventory: "a,b"\n',
          }
        : { ok: false, why: 'there is no such file', absent: true },
  });

  it('paths begin where their file lies, and a list of hosts is no path', () => {
    expect(given('check', ['--user', 'eve'])).toEqual({
      user: 'eve',
      forks: '7',
      stateDir: '/srv/kmend',
      privateKey: join(project, 'keys/fleet'),
      inventory: ['a,b'],
    });
  });

  it('a run that is resumed keeps what it was started with', () => {
    expect(given('resume')).toEqual({ stateDir: '/srv/kmend' });
  });
});

it.each([
  'mysql://eve:Winter26@db/kmend',
  'postgres:kmend',
  'POSTGRES://db/kmend',
  'host=db password=Winter26 dbname=kmend',
])('%s is no place of state, and no directory is made of it', async (state) => {
  const { exit, err } = await run(['runs', '--state', state]);
  expect(err).toMatch(/the state must be a directory or postgres:\/\//);
  expect(err).not.toContain('Winter26');
  expect(exit).toBe(3);
});

it('an unknown sslmode is refused before anything is connected', async () => {
  const { exit, err } = await run(['runs', '--state', 'postgres://127.0.0.1:1/k?sslmode=yes']);
  expect(err).toMatch(/unknown sslmode\n {2}hint: it may be disable, require/);
  expect(exit).toBe(3);
});
