// Settings files: the keys that they may have, and the place of each error.
import { describe, expect, it } from 'vitest';
import { parseSettings, settingKeys } from '../../src/load/index.ts';

const problems = (text: string): readonly string[] =>
  parseSettings('kmend.yaml', text).diagnostics.map(
    ({ place, summary, hint }) =>
      `${place?.line}:${place?.column} ${summary}${hint === undefined ? '' : ` (${hint})`}`,
  );

describe('settings files', () => {
  it('set the values of flags', () => {
    const text =
      'inventory: [fleet/, more.yaml]\nforks: 20\nuser: 0815\nbecome: yes\nbecome_method: doas\nstate_dir: ~/state\n';
    expect(parseSettings('kmend.yaml', text)).toEqual({
      diagnostics: [],
      value: {
        inventory: ['fleet/', 'more.yaml'],
        forks: '20',
        user: '0815',
        become: true,
        become_method: 'doas',
        state_dir: '~/state',
      },
    });
  });

  it.each(['', '# nothing yet\n', '{}\n'])('may be empty: %j', (text) => {
    expect(parseSettings('kmend.yaml', text)).toMatchObject({ value: {} });
  });

  it.each([
    ['froks: 20\n', ['1:1 a settings file has no key `froks` (did you mean `forks`?)']],
    [
      'forks: many\nuser: [a]\n',
      [expect.stringMatching(/^1:8 .*forks/), expect.stringMatching(/^2:7 .*user/)],
    ],
    ['forks: 0\n', [expect.stringMatching(/^1:8 /)]],
    ['become_method: pbrun\n', [expect.stringMatching(/^1:16 .*become_method/)]],
    ['- inventory\n', [expect.stringMatching(/^1:1 /)]],
    ['user: a\nuser: b\n', [expect.stringMatching(/^2:1 .*user/)]],
    ['user:\n\t- a\n', [expect.stringMatching(/^2:1 /)]],
  ])('%j is reported at its place', (text, expected) => {
    expect(problems(text)).toEqual(expected);
    expect(parseSettings('kmend.yaml', text).value).toBeUndefined();
  });

  it('accept every key that the documentation lists', () => {
    const sample: Readonly<Record<string, string>> = {
      forks: '7',
      timeout: '7',
      become: 'true',
      become_method: 'su',
    };
    const text = settingKeys.map(({ key }) => `${key}: ${sample[key] ?? 'x'}\n`).join('');
    expect(Object.keys(parseSettings('kmend.yaml', text).value ?? {})).toEqual(
      settingKeys.map(({ key }) => key),
    );
  });
});
