// ansible-vault: commands work without a password where nothing needs one, take passwords as
// Ansible does, and keep only where a password is.
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Practice, practice, remediationPlay, sick } from '../cli/practice.ts';
import { vaultText, vaultValue } from '../fakes/vault-writer.ts';

const password = 'the vault Zq7 password';
let lab: Practice;
let beside = '';

const file = (name: string, text: string, mode = 0o600): string => {
  const path = join(beside, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
};

beforeAll(async () => {
  lab = await practice([sick('h1'), sick('h2')]);
  beside = dirname(lab.fleet.inventoryFile);
  file('host_vars/h1.yml', `plain: 1\nbmc_password: ${vaultValue('Zq7 of h1', password)}`);
  file('host_vars/h2.yml', vaultText('bmc_password: Zq7 of h2\npin: 42\n', password));
  file('pass', ` ${password}\n\n`);
  file('wrong', 'wrong\n');
  file('empty', '\n');
  file('program', `#!/bin/sh\necho '${password}'\n`, 0o700);
  file(
    'keys-client.sh',
    `#!/bin/sh\n[ "$*" = "--vault-id prod" ] || exit 2\necho '${password}'\n`,
    0o700,
  );
});
afterAll(() => lab.close());

describe('without a vault password', () => {
  it('check works, and names what it did not open', async () => {
    const both = await lab.run(['check']);
    expect(both.exit, both.err).toBe(2);
    expect(both.err).toBe(
      `warning: not opened, as no vault password is given: bmc_password (${beside}/host_vars/h1.yml:2), all of ${beside}/host_vars/h2.yml`,
    );
    const one = await lab.run(['check', '-l', 'h1', '--json']);
    expect([one.exit, one.err.includes('h2')]).toEqual([2, false]);
    const drift = await lab.run(['drift', '--all', '-i', lab.fleet.inventoryFile]);
    expect(drift.err).toContain('not opened');
  }, 30_000);

  it('a plan of a host that needs one is an error at its place, and others are planned', async () => {
    const path = lab.file(
      'uses.yaml',
      '- hosts: all\n  tasks:\n    - debug: {msg: "x {{ bmc_password }}"}\n      when: inventory_hostname == "h1"\n',
    );
    const sealed = await lab.run(['plan', path]);
    expect([sealed.exit, sealed.err.match(/\[vault\]/g)?.length], sealed.err).toEqual([3, 1]);
    expect(sealed.err).toContain(
      `${beside}/host_vars/h2.yml:1:1: error: ${beside}/host_vars/h2.yml is encrypted, and no vault password is given [vault]`,
    );
    const inline = await lab.run(['plan', path, '-l', 'h1']);
    expect(inline.exit).not.toBe(0);
    expect((inline.out + inline.err).replaceAll(/\s+/g, ' ')).toContain(
      'h1.yml:2:22 is encrypted, and no vault password is given',
    );
    expect(
      (await lab.run(['plan', path, '-l', 'h1', '--vault-id', join(beside, 'pass')])).exit,
    ).toBe(0);
  }, 30_000);

  it('a file that does not open is said once, also where several tasks need it', async () => {
    const wrong = ['--vault-password-file', join(beside, 'wrong')];
    const { exit, err } = await lab.run(['plan', '@auto', '-l', 'h2', ...wrong]);
    expect([exit, err.match(/\[.*?\]/g)], err).toEqual([3, ['[vault]']]);
    expect(err).toContain(
      `${beside}/host_vars/h2.yml:1:1: error: the vault password does not open`,
    );
  });
});

describe('a vault password', () => {
  const opens = async (words: readonly string[], changes = {}): Promise<string> => {
    const sealed = file('sealed.yml', vaultText('extra_note: Zq7 extra\n', password, 'prod'));
    const ended = await lab.run(
      [
        'inventory',
        '-i',
        lab.fleet.inventoryFile,
        '--host',
        'h1',
        '-e',
        `@${sealed}`,
        '-e',
        // The password itself is masked too.
        JSON.stringify({ note: password }),
        ...words,
      ],
      { cwd: beside, ...changes },
    );
    expect(ended.out + ended.err).not.toContain('Zq7');
    const error = /error: (.*) \[vault\]|^kmend: (.*)/m.exec(ended.err);
    return ended.exit === 0
      ? (JSON.parse(ended.out).extra_note as string)
      : (error?.[1] ?? error?.[2] ?? ended.err).replaceAll(`${beside}/`, '');
  };
  const typed = {
    asker: { attended: true, confirm: async () => false, secret: async () => ` ${password} ` },
  };

  it.each<[readonly string[], object]>([
    [['--vault-password-file', 'pass'], {}],
    [['--vault-password-file', 'wrong', '--vault-password-file', 'program'], {}],
    [['--vault-id', 'dev@wrong', '--vault-id', 'any@pass'], {}],
    [['--vault-id', 'prod@keys-client.sh'], {}],
    [['--vault-id', 'prod@prompt'], typed],
    [['--ask-vault-pass'], typed],
    [[], { env: { ANSIBLE_VAULT_PASSWORD_FILE: 'pass' } }],
    [[], { env: { ANSIBLE_VAULT_IDENTITY_LIST: 'dev@wrong, prod@program' } }],
    [['--vault-id', 'dev@wrong'], { env: { ANSIBLE_VAULT_PASSWORD_FILE: 'pass' } }],
  ])('is taken from %j %j', async (words, changes) => {
    const names = new Set(['pass', 'wrong', 'program', 'keys-client.sh']);
    const placed = words.map((word) => {
      const [label, name = ''] = word.includes('@') ? word.split('@') : [undefined, word];
      return names.has(name)
        ? `${label === undefined ? '' : `${label}@`}${join(beside, name)}`
        : word;
    });
    const { env = {} } = changes as { env?: Record<string, string> };
    const absolute = Object.fromEntries(
      Object.entries(env).map(([name, value]) => [
        name,
        value.replaceAll(/(pass|wrong|program)$|(wrong)(?=,)/g, (found) => join(beside, found)),
      ]),
    );
    expect(await opens(placed, { ...changes, env: absolute })).toBe('***');
  });

  it.each([
    [['--vault-password-file', 'wrong'], 'the vault password does not open sealed.yml'],
    [
      ['--vault-password-file', 'wrong', '--vault-id', 'x@wrong'],
      'none of 2 vault passwords opens sealed.yml',
    ],
    [[], 'sealed.yml is encrypted, and no vault password is given'],
    [['--vault-password-file', 'empty'], 'the vault password file empty is empty'],
    [
      ['--vault-id', 'test@keys-client.sh'],
      'the vault password program keys-client.sh gives no password: ended with 2: ',
    ],
    [
      ['--vault-password-file', 'none'],
      'the vault password file none gives no password: there is no such file',
    ],
  ])('that does not come, or does not open, is an error: %j', async (words, expected) => {
    const placed = words.map((word) =>
      word.startsWith('--') ? word : word.replace(/[^@]+$/, (name) => join(beside, name)),
    );
    expect(await opens(placed)).toBe(expected);
  });

  it('is taken from ansible.cfg, unless others could have written it', async () => {
    const config = file('ansible.cfg', '[defaults]\n# x\nvault_password_file = pass ; here\n');
    expect(await opens([])).toBe('***');
    file(
      'ansible.cfg',
      `[ssh]\nvault_password_file=wrong\n[defaults]\nvault_identity_list=a@${beside}/wrong,b@${beside}/pass\n`,
    );
    expect(await opens([])).toBe('***');
    chmodSync(config, 0o666);
    const said = await lab.run(['check', '-l', 'h1'], { cwd: beside });
    expect([said.exit, said.err]).toEqual([
      3,
      expect.stringContaining(`${config} is not used: everybody may write ${config}`),
    ]);
    chmodSync(config, 0o600);
    file(
      'ansible.cfg',
      `[defaults]\nvault_identity_list=prod@${beside}/pass\nvault_id_match=yes\n`,
    );
    expect(await opens([])).toBe('***');
    file('ansible.cfg', `[defaults]\nvault_identity_list=a@${beside}/pass\nvault_id_match=yes\n`);
    expect(await opens([])).toContain('the vault password does not open');
    writeFileSync(config, '');
  }, 30_000);

  it('is not kept by a run, but its place is: a resume reads it again', async () => {
    const path = lab.file(
      'resumed.yaml',
      '- hosts: h1\n  rollout: {rollback: none}\n  tasks:\n    - {shell: {cmd: \'test -e "$KMEND_ROOT/tmp/go"\'}, idempotent: true}\n    - {shell: {cmd: \'mkdir -p "$KMEND_ROOT/tmp"; printf %s {{ bmc_password | quote }} > "$KMEND_ROOT/tmp/used"; cat /proc/[0-9]*/cmdline > "$KMEND_ROOT/tmp/processes" 2> /dev/null || true\'}}\n    - shell: {cmd: \'cat /proc/[0-9]*/cmdline >> "$KMEND_ROOT/tmp/processes" 2> /dev/null || true\', stdin: "{{ bmc_password }}"}\n',
    );
    const flags = ['--vault-password-file', 'pass', '--vault-id', 'prod@pass'];
    // A relative path counts where the command is started.
    const here = process.cwd();
    process.chdir(beside);
    const stopped = await lab
      .run(['apply', path, '--yes', ...flags], { cwd: beside })
      .finally(() => process.chdir(here));
    expect(stopped.exit, stopped.out + stopped.err).toBe(4);
    const id = lab.runs().at(-1) ?? '';
    const settings = readFileSync(join(lab.state, 'runs', id, 'settings.json'), 'utf8');
    expect(JSON.parse(settings).flags).toMatchObject({
      vaultPasswordFile: [join(beside, 'pass')],
      vaultId: [`prod@${join(beside, 'pass')}`],
    });
    expect(settings).not.toContain('Zq7');
    const { root } = lab.host('h1');
    mkdirSync(join(root, 'tmp'), { recursive: true });
    writeFileSync(join(root, 'tmp/go'), '');
    const resumed = await lab.run(['resume', id, '--retry', 'h1', '--yes']);
    expect(resumed.exit, resumed.out + resumed.err).toBe(0);
    expect(readFileSync(join(root, 'tmp/used'), 'utf8')).toBe('Zq7 of h1');
    // No process on the host had it among its arguments.
    const processes = readFileSync(join(root, 'tmp/processes'), 'latin1');
    expect([processes.includes('sh'), processes.includes('Zq7')]).toEqual([true, false]);
  }, 60_000);

  it('that is asked for is refused where nobody can answer', async () => {
    for (const words of [['--ask-vault-pass'], ['--vault-id', 'prod@prompt']]) {
      const job = ['schedule', 'install', 'job', '--every', 'daily', '--as', 'cron'];
      const ended = await lab.run([...job, '--', 'check', '-i', 'x,', ...words]);
      expect(ended.exit, ended.err).toBe(3);
      expect(ended.err).toContain('asks for a password, but a job has no terminal');
      const left = await lab.run(['apply', 'p.yaml', '--detach', ...words]);
      expect([left.exit, left.err.includes('a worker cannot be asked')], left.err).toEqual([
        3,
        true,
      ]);
    }
  });

  it('opens a whole inventory and a whole playbook, and nothing of their variables is kept', async () => {
    const plain = readFileSync(lab.fleet.inventoryFile, 'utf8');
    const inventory = file('whole/inventory.yaml', vaultText(plain, password));
    const notes = file('whole/notes.ini', vaultText('h1 note="Zq7 whole"\n', password));
    const text =
      '- hosts: h1\n  vars: {word: Zq7 of the playbook}\n  rollout: {rollback: none}\n  tasks:\n    - name: writes\n      shell: {cmd: \'mkdir -p "$KMEND_ROOT/tmp"; cat > "$KMEND_ROOT/tmp/whole"\', stdin: "{{ note }}, {{ word }}"}\n';
    const path = file('whole/play.yaml', vaultText(text, password));
    const inventories = ['-i', inventory, '-i', notes];
    const flags = ['--vault-password-file', join(beside, 'pass')];
    const closed = await lab.run(['check', '-i', inventory]);
    expect([closed.exit, closed.err.includes(`${inventory} is encrypted, and no vault`)]).toEqual([
      3,
      true,
    ]);
    expect((await lab.run(['plan', path, '-i', lab.fleet.inventoryFile])).err).toContain(
      `the playbook ${path} is encrypted, and no vault password is given`,
    );
    const saved = join(lab.dir, 'whole.json');
    const planned = await lab.run(['plan', path, '-o', saved, ...inventories, ...flags]);
    expect(planned.exit, planned.err).toBe(2);
    expect([planned.out.includes('writes'), readFileSync(saved, 'utf8').includes('Zq7')]).toEqual([
      true,
      false,
    ]);
    const applied = await lab.run(['apply', saved, '--yes', ...flags]);
    expect(applied.exit, applied.out + applied.err).toBe(0);
    expect(readFileSync(join(lab.host('h1').root, 'tmp/whole'), 'utf8')).toBe(
      'Zq7 whole, Zq7 of the playbook\n',
    );
    const run = join(lab.state, 'runs', lab.runs().at(-1) ?? '');
    const kept = readdirSync(run)
      .map((name) => readFileSync(join(run, name), 'latin1'))
      .join('');
    expect([kept.includes('writes'), (kept + applied.out + planned.out).includes('Zq7')]).toEqual([
      true,
      false,
    ]);
  }, 60_000);

  it('of a playbook hides its variables at any depth, and those of its encrypted vars_files', async () => {
    file('deep/words.yml', vaultText('f: Zq7 of the file\n', password));
    file('deep/more.yml', "- shell: {cmd: 'echo {{ e }}'}\n");
    file('deep/roles/web/tasks/main.yml', "- shell: {cmd: 'echo {{ r }} {{ s }}'}\n");
    const text = `- hosts: h1
  vars: {a: Zq7 of the play}
  vars_files: [words.yml]
  rollout: {rollback: none}
  roles: [{role: web, r: Zq7 of a role, vars: {s: Zq7 of its variables}}]
  tasks:
    - block:
        - block:
            - {name: inner, shell: {cmd: 'echo {{ a }} {{ c }} {{ d }} {{ f }} {{ f | b64encode }}'}, vars: {c: "{{ 'Zq' ~ 7 }} of a task"}}
          vars: {d: Zq7 of a block}
    - {import_tasks: more.yml, vars: {e: Zq7 of an import}}
`;
    const path = file('deep/play.yaml', vaultText(text, password));
    const saved = join(lab.dir, 'deep.json');
    const flags = ['--vault-id', join(beside, 'pass')];
    const planned = await lab.run(['plan', path, '-l', 'h1', '-o', saved, ...flags]);
    expect(planned.exit, planned.err).toBe(2);
    const applied = await lab.run(['apply', saved, '--yes', '-v', ...flags]);
    expect(applied.exit, applied.out + applied.err).toBe(0);
    const id = lab.runs().at(-1) ?? '';
    const reported = [
      await lab.run(['report', id, '--json', ...flags]),
      await lab.run(['report', id, '--events']),
      await lab.run(['report', id]),
    ];
    const run = join(lab.state, 'runs', id);
    const kept = readdirSync(run, { recursive: true, encoding: 'utf8' })
      .map((name) => join(run, name))
      .filter((name) => statSync(name).isFile())
      .map((name) => readFileSync(name, 'latin1'));
    const all = [planned, applied, ...reported].flatMap(({ out, err }) => [out, err]);
    const whole = [...all, ...kept, readFileSync(saved, 'utf8')].join('\n');
    expect(whole.match(/.{0,60}Zq7.{0,20}/g)).toBe(null);
    expect(whole).not.toContain(Buffer.from('Zq7 of the file').toString('base64'));
    expect([whole.includes('inner'), whole.includes('echo ***')]).toEqual([true, true]);
  }, 60_000);

  it('opens a value that is also a fact of a host: a saved plan is applied all the same', async () => {
    const fact = '3.10.0-1160.el7.x86_64';
    file('host_vars/h2.yml', vaultText(`kernel_of_h2: ${fact}\nport: "2375"\n`, password));
    const path = lab.file('equal.yaml', remediationPlay('{rollback: none}'));
    const saved = join(lab.dir, 'equal.json');
    const flags = ['--vault-id', join(beside, 'pass')];
    expect((await lab.run(['plan', path, '-l', 'h2', '-o', saved, ...flags])).exit).toBe(2);
    expect(readFileSync(saved, 'utf8')).not.toContain(fact);
    const applied = await lab.run(['apply', saved, '--yes', ...flags]);
    expect(applied.exit, applied.out + applied.err).toBe(0);
  }, 60_000);

  it('warns of a value that is too short to be masked', async () => {
    file('host_vars/h2.yml', vaultText('bmc_password: Zq7 of h2\npin: "42"\n', password));
    const short = await lab.run(['check', '-l', 'h2', '--vault-id', join(beside, 'pass')]);
    expect(short.err).toBe(
      `warning: ${beside}/host_vars/h2.yml: an encrypted value of less than four characters is not masked in output`,
    );
  }, 30_000);
});
