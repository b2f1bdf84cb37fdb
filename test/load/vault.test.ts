// Encrypted variables: each is opened when something needs it, and an error names its place.
import { describe, expect, it } from 'vitest';
import { decryptVault } from '../../src/adapters/local/vault/decrypt.ts';
import { render } from '../../src/core/plan/task/condition.ts';
import {
  hostScope,
  hostVars,
  loadInventory,
  loadPlaybook,
  openPlaybook,
  parseExtraVars,
  targetOf,
} from '../../src/load/index.ts';
import type { Vault } from '../../src/load/text/vault.ts';
import type { Value } from '../../src/model/value.ts';
import { modules } from '../../src/modules/index.ts';
import { tableReader } from '../fakes/table-reader.ts';
import { vaultText, vaultValue } from '../fakes/vault-writer.ts';

interface Watched extends Vault {
  readonly opened: readonly string[];
  readonly tainted: readonly Value[];
}

/** A vault that remembers what it was asked. */
function vault(...passwords: readonly string[]): Watched {
  const opened: string[] = [];
  const tainted: Value[] = [];
  return {
    opened,
    tainted,
    hasPasswords: passwords.length > 0,
    open: (text) => {
      opened.push(text);
      const found = decryptVault(
        text,
        passwords.map((password) => ({ label: '', password })),
      );
      if (found.ok) return { ok: true, text: found.data.toString('utf8') };
      const tried = passwords.length;
      return { ok: false, tried, ...(found.why === 'damaged' && { damaged: found.detail }) };
    },
    taint: (data) => tainted.push(data),
  };
}

const inventory = 'all: {children: {a: {hosts: {h1: , h2: }}, b: {hosts: {h3: }}}}\n';

const load = (files: Readonly<Record<string, string>>, given: Vault, skipsSealed = false) => {
  const loaded = loadInventory(['inv.yaml'], {
    reader: tableReader({ 'inv.yaml': inventory, ...files }),
    vault: given,
    skipsSealed,
  });
  if (loaded.value === undefined) throw new Error(JSON.stringify(loaded.diagnostics));
  return loaded.value;
};

/** The value of a template on a host, or its error. */
const rendered = (loaded: ReturnType<typeof load>, host: string, text: string): Value => {
  const result = render(text, hostScope(loaded, host));
  return result.kind === 'value'
    ? result.value
    : `${result.kind}: ${'message' in result ? result.message : ''}`;
};

describe('an encrypted value', () => {
  const files = {
    'group_vars/a.yaml': `plain: 1\npw: ${vaultValue('{{ plain }} is no template', 'x')}url: "u:{{ pw }}@h"\n`,
    'group_vars/b.yaml': `deep: {list: [1, ${JSON.stringify({ __ansible_vault: vaultText('42', 'x') })}]}\n`,
  };

  it('is opened when it is needed, and only then; its text is no template', () => {
    const given = vault('x');
    const loaded = load(files, given);
    expect(rendered(loaded, 'h1', '{{ plain }}')).toBe(1);
    expect(given.opened).toEqual([]);
    expect(rendered(loaded, 'h1', '{{ url }}')).toBe('u:{{ plain }} is no template@h');
    expect(given.tainted).toEqual(['{{ plain }} is no template']);
    expect(rendered(loaded, 'h3', '{{ deep.list }}')).toEqual([1, '42']);
  });

  it('that does not open is an error with its place, wherever it is used', () => {
    expect(rendered(load(files, vault()), 'h1', '{{ url }}')).toBe(
      'error: group_vars/a.yaml:2:12 is encrypted, and no vault password is given (give --vault-password-file, --vault-id or --ask-vault-pass)',
    );
    expect(rendered(load(files, vault('y')), 'h1', '{{ pw }}')).toMatch(
      /^error: the vault password does not open group_vars\/a\.yaml:2:12 \(/,
    );
    expect(rendered(load(files, vault('y', 'z')), 'h1', '{{ pw }}')).toMatch(
      /^error: none of 2 vault passwords opens group_vars\/a\.yaml:2:12 \(/,
    );
    const damaged = { 'host_vars/h1': 'pw: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  6162\n' };
    expect(rendered(load(damaged, vault('x')), 'h1', '{{ pw }}')).toMatch(
      /^error: host_vars\/h1:1:12 is damaged: it is not whole \(/,
    );
  });

  it('that the login needs is an error of the host at the place of the value', () => {
    const loaded = load({ 'host_vars/h1': `ansible_password: ${vaultValue('p', 'x')}` }, vault());
    const target = (host: string) => targetOf(host, hostScope(loaded, host));
    expect(target('h1').diagnostics).toEqual([
      expect.objectContaining({
        code: 'vault',
        place: { file: 'host_vars/h1', line: 1, column: 26 },
      }),
    ]);
    expect(target('h2').diagnostics).toEqual([]);
    const open = load({ 'host_vars/h1': `ansible_password: ${vaultValue('p', 'x')}` }, vault('x'));
    expect(targetOf('h1', hostScope(open, 'h1')).value?.password?.reveal()).toBe('p');
  });

  it('is shown as ansible-inventory shows it, and what needs it as it is written', () => {
    const given = vault('x');
    const { value, diagnostics } = hostVars(load(files, given), 'h1');
    expect(value).toEqual({
      plain: 1,
      pw: { __ansible_vault: expect.stringMatching(/^\$ANSIBLE_VAULT;1\.1;AES256\n\d+\n/) },
      url: 'u:{{ pw }}@h',
    });
    expect(diagnostics.map(({ summary }) => summary)).toEqual([
      'host h1: it needs a value that is encrypted',
    ]);
    expect(given.opened).toEqual([]);
  });

  it('may be an argument, where a template may be one', () => {
    const value = vaultValue('m', 'x').replaceAll('\n  ', '\n      ');
    const text = `- hosts: all\n  tasks:\n    - debug:\n        msg: ${value}    - shell:\n        cmd: ${value}`;
    const { value: playbook, diagnostics } = loadPlaybook('p.yaml', text, { modules, facts: [] });
    expect(diagnostics).toEqual([]);
    const [task] = playbook?.plays[0]?.tasks ?? [];
    const args = task?.kind === 'block' ? null : (task?.args ?? null);
    expect(render(args, hostScope(load({}, vault('x')), 'h1'))).toEqual({
      kind: 'value',
      value: { msg: 'm' },
    });
  });

  it('must look like one', () => {
    const { diagnostics } = parseExtraVars(['{"a": !vault "text"}'], tableReader({}));
    expect(diagnostics.map(({ code, place }) => `${code} ${place?.column}`)).toEqual(['vault 14']);
  });
});

describe('an encrypted file of variables', () => {
  const files = {
    'group_vars/all.yaml': 'x: all\ny: all\n',
    'group_vars/a/main.yaml': 'y: weaker\n',
    'group_vars/a/vault.yaml': vaultText('y: sealed\nt: "{{ x }}!"\n', 'x'),
    'host_vars/h2.yaml': 'y: own\n',
  };

  it('keeps its place in the precedence, and is opened for its hosts alone', () => {
    const given = vault('x');
    const loaded = load(files, given);
    expect(rendered(loaded, 'h3', '{{ y }}')).toBe('all');
    expect(rendered(loaded, 'h2', '{{ y }}')).toBe('own');
    expect(given.opened).toEqual([]);
    expect(rendered(loaded, 'h1', '{{ y }} {{ t }}')).toBe('sealed all!');
    expect(rendered(loaded, 'h2', '{{ t }}')).toBe('all!');
    expect(given.opened).toHaveLength(1);
    expect(given.tainted).toEqual([{ y: 'sealed', t: '{{ x }}!' }]);
  });

  it('that does not open makes every name unknown that it may hold', () => {
    const loaded = load(files, vault('no'));
    expect(rendered(loaded, 'h1', '{{ x }}')).toMatch(
      /^error: the vault password does not open group_vars\/a\/vault\.yaml \(/,
    );
    expect(rendered(loaded, 'h2', '{{ y }}')).toBe('own');
    // Once, although each of the variables of a login may be in it.
    expect(targetOf('h1', hostScope(loaded, 'h1')).diagnostics).toHaveLength(1);
  });

  it('counts as empty without a password, where a command may do without it', () => {
    expect(rendered(load(files, vault(), true), 'h1', '{{ y }}')).toBe('weaker');
    expect(rendered(load(files, vault()), 'h1', '{{ y }}')).toMatch(/^error: .* is encrypted/);
    expect(rendered(load(files, vault('no'), true), 'h1', '{{ y }}')).toMatch(/^error: /);
  });

  it('that holds no mapping says where, and quotes nothing', () => {
    const broken = { 'group_vars/a/vault.yaml': vaultText('a: 1\nb: [Zq7, {\n', 'x') };
    const error = rendered(load(broken, vault('x')), 'h1', '{{ y }}');
    expect(error).toMatch(
      /group_vars\/a\/vault\.yaml holds is no mapping of variables: see line 3/,
    );
    expect(error).not.toContain('Zq7');
    const list = { 'group_vars/a/vault.yaml': vaultText('[Zq7]\n', 'x') };
    expect(rendered(load(list, vault('x')), 'h1', '{{ y }}')).toMatch(/line 1, column 1 /);
    const empty = { 'group_vars/a/vault.yaml': vaultText('', 'x') };
    expect(rendered(load(empty, vault('x')), 'h1', '{{ y is defined }}')).toBe(false);
  });

  it('is in no variables of the host that are shown or compared', () => {
    const loaded = load(files, vault('x'));
    rendered(loaded, 'h1', '{{ t }}');
    expect(loaded.hosts.get('h1')?.vars).toEqual({ x: 'all', y: 'weaker' });
    expect(loaded.groups.get('a')?.vars).toEqual({ y: 'weaker' });
    expect(hostVars(loaded, 'h1').value).toEqual({ x: 'all', y: 'weaker' });
    expect(rendered(loaded, 'h3', "{{ hostvars['h1'].t }}")).toBe('all!');
  });

  it('lets a playbook use names that are not known', () => {
    const play = (given: Vault) =>
      loadPlaybook('p.yaml', '- hosts: a\n  tasks:\n    - debug: {msg: "{{ t }} {{ nope }}"}\n', {
        modules: modules,
        facts: [],
        inventory: load(files, given),
      }).diagnostics.map(({ summary }) => summary);
    expect(play(vault('x'))).toEqual([expect.stringContaining('nope')]);
    expect(play(vault())).toEqual([]);
  });

  it('may be given with -e, and is opened at once', () => {
    const reader = tableReader({ 'v.yml': vaultText('a: Zq7\n', 'x') });
    expect(parseExtraVars(['@v.yml'], reader, vault('x'))).toEqual({
      value: { a: 'Zq7' },
      diagnostics: [],
    });
    expect(parseExtraVars(['@v.yml'], reader).diagnostics).toEqual([
      expect.objectContaining({
        summary: 'v.yml is encrypted, and no vault password is given',
        place: { file: 'v.yml', line: 1, column: 1 },
      }),
    ]);
  });
});

describe('an inventory that is encrypted as a whole', () => {
  const taints: unknown[] = [];
  const load = (text: string, isOpen: boolean) => {
    taints.length = 0;
    return loadInventory(['inv.ini'], {
      reader: tableReader({ 'inv.ini': vaultText('x', 'x') }),
      vault: {
        hasPasswords: isOpen,
        open: () => (isOpen ? { ok: true, text } : { ok: false, tried: 0 }),
        taint: (data) => void taints.push(data),
      },
    });
  };

  it('has its hosts, and all variables but the way to them are secret', () => {
    const { value, diagnostics } = load(
      '[web]\nn1 ansible_host=10.0.0.1 bmc=Zq7x pin=42\n[web:vars]\nansible_user=ops\nnote=Zq8x\n',
      true,
    );
    expect(diagnostics).toEqual([]);
    expect(value?.hosts.get('n1')?.vars).toEqual({
      ansible_host: '10.0.0.1',
      ansible_user: 'ops',
      bmc: 'Zq7x',
      note: 'Zq8x',
      pin: 42,
    });
    expect(taints).toEqual([{ note: 'Zq8x' }, { bmc: 'Zq7x', pin: 42 }]);
    expect(value?.secretVars).toEqual(taints);
  });

  it('without a password, or where it is broken, is one error that quotes nothing', () => {
    expect(load('', false).diagnostics).toMatchObject([
      {
        code: 'vault',
        summary: 'the inventory inv.ini is encrypted, and no vault password is given',
      },
    ]);
    const broken = load('n1 bmc=Zq7x\n[web\nZq8x Zq9x\n', true);
    expect(broken.diagnostics).toMatchObject([
      {
        code: 'vault',
        summary: expect.stringMatching(/^what inv.ini holds is no inventory: see line 2/),
      },
    ]);
    expect(JSON.stringify(broken.diagnostics)).not.toContain('Zq');
  });
});

describe('a playbook that is encrypted as a whole', () => {
  const text = `- hosts: all
  vars: {a: 1}
  roles: [plain, {role: web, port_word: 2, vars: {b: 3}, tags: [x]}]
  tasks:
    - block:
        - block:
            - {debug: {msg: shown}, vars: {c: 4}}
          vars: {d: 5}
      rescue: [{import_tasks: more.yml, vars: {e: [6]}}]
`;

  it('taints its variables at any depth and parameters of roles, and no argument of a task', () => {
    const given = vault('p');
    expect(openPlaybook('play.yaml', vaultText(text, 'p'), given)).toBe(text);
    expect(given.tainted).toEqual([
      [{ a: 1 }, { port_word: 2, vars: { b: 3 } }, { c: 4 }, { d: 5 }, { e: [6] }],
    ]);
    expect(openPlaybook('play.yaml', text, given)).toBe(text);
    expect(given.tainted).toHaveLength(1);
  });

  it('taints nothing where it is no YAML, which is an error later', () => {
    const given = vault('p');
    expect(openPlaybook('play.yaml', vaultText('- a: [', 'p'), given)).toBe('- a: [');
    expect(given.tainted.flat()).toEqual([]);
  });
});
