// Masking: which texts are known as secrets, in which forms they are found, and what is never
// touched.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  isTemplate,
  secretNames,
  secretTexts,
  withoutNamedSecrets,
  withoutUrlSecrets,
} from '../../src/core/plan/secrets.ts';
import { knownSecrets } from '../../src/engine/effects/mask.ts';

const knowing = (...texts: readonly string[]) => {
  const secrets = knownSecrets();
  secrets.learn(texts);
  return secrets;
};

describe('names of secrets', () => {
  const isSecret = secretNames(['pin', '*_dsn', 'vault_*', '*inner*']);
  it.each([
    'db_password',
    'ansible_become_pass',
    'API_TOKEN',
    'clientSecret',
    'X-Api-Key',
    'token',
    'password2',
    'pin',
    'db_dsn',
    'vault_x',
    'an_inner_b',
  ])('%s is one', (name) => expect(isSecret(name)).toBe(true));
  it.each([
    'token_ttl',
    'bypass',
    'compass',
    'password_file',
    'ssh_private_key_file',
    'spin',
    'dsn_name',
    'gpg_key',
    'tokens_used',
  ])('%s is none', (name) => expect(isSecret(name)).toBe(false));

  it('give their values, wherever they stand, and secret parts of URLs', () => {
    const data = {
      a: [{ api_token: ['one', { deep: 'two' }] }],
      url: 'https://u:thr%65e@h/?sig=four&x=5',
      pin_code: 'none',
      pin: 1234,
    };
    expect(secretTexts(data, isSecret)).toEqual([
      'one',
      'two',
      'thr%65e',
      'three',
      'four',
      'four',
      '1234',
    ]);
    expect(isTemplate('{{ x }}')).toBe(true);
  });

  it.each([
    ['https://u:p@h/x?a=1&token=t#f', 'https://u:***@h/x?a=1&token=***#f'],
    ['http://h/?X-Amz-Signature=s&n=1', 'http://h/?X-Amz-Signature=***&n=1'],
    ['http://h/?page=1', 'http://h/?page=1'],
  ])('%s is shown as %s', (url, shown) => expect(withoutUrlSecrets(url)).toBe(shown));

  it.each([
    ['    db_password: hunter22', '    db_password: ***'],
    ['h1 ansible_host=x ansible_password=hunter22 y=z', 'h1 ansible_host=x ansible_password=***'],
    ['{"zone": "a", "api_token": "x"}', '{"zone": "a", "api_token": ***'],
    ['zone: a', 'zone: a'],
    ['ansible_password hunter22', 'ansible_password ***'],
  ])('a line of a file: %s', (line, shown) => expect(withoutNamedSecrets(line)).toBe(shown));
});

describe('masking', () => {
  it('finds any secret in any text, as it is and in every form', () => {
    const secretText = fc
      .string({ minLength: 8, maxLength: 40 })
      .filter(
        (text) =>
          text.trim().length >= 8 && !/^(?:\*+|bearer .*|basic .*|token .*)$/i.test(text.trim()),
      );
    const forms: readonly ((text: string) => string)[] = [
      (text) => text,
      encodeURIComponent,
      (text) => Buffer.from(text).toString('base64'),
      (text) => Buffer.from(`user:${text}`).toString('base64'),
      (text) => Buffer.from(`u:${text}`).toString('base64url'),
      JSON.stringify,
      (text) => JSON.stringify(JSON.stringify(text)),
      (text) => `'${text.replaceAll("'", "'\\''")}'`,
    ];
    fc.assert(
      fc.property(
        fc.array(secretText, { minLength: 1, maxLength: 5 }),
        fc.constantFrom(...forms),
        fc.lorem(),
        (texts, form, around) => {
          const { mask } = knowing(...texts);
          for (const text of texts) {
            const written = form(text.trim());
            expect(mask(`${around} ${written} ${around}`)).not.toContain(written);
          }
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('leaves other text as it is', () => {
    fc.assert(
      fc.property(fc.array(fc.string()), fc.string(), (texts, other) => {
        const text = other.replaceAll(/[^a-m ]/g, '');
        expect(knowing(...texts.map((one) => `z${one.replaceAll(/[a-m ]/g, '')}`)).mask(text)).toBe(
          text,
        );
      }),
    );
  });

  it.each([
    ['run sh: curl -u hunt ...', 'run sh: curl -u *** ...'],
    ['curl -u hunter-t', 'curl -u ***'],
    ['we hunt', 'we hunt'],
    ['hunter-two, hunter-two-and-three', '***, ***'],
  ])('a text that was cut: %s', (text, shown) =>
    expect(knowing('hunter-two', 'hunter-two-and-three').mask(text)).toBe(shown),
  );

  it('a weak password that is a word of kmend changes nothing that kmend reads again', () => {
    const event = {
      type: 'task.done',
      host: 'node-a1',
      task: 'done',
      status: 'changed',
      registered: { host: 'node-a1', done: 'changed' },
      note: 'node-a1 done',
    };
    expect(knowing('done', 'node-a1', 'changed').mask(event)).toEqual({
      ...event,
      registered: { host: '***', '***': '***' },
      note: '*** ***',
    });
    const rollout = { order: 'sorted', gates: [{ name: 'sorted', args: { url: 'sorted' } }] };
    expect(knowing('sorted').mask({ rollout })).toEqual({
      rollout: { order: 'sorted', gates: [{ name: 'sorted', args: { url: '***' } }] },
    });
  });

  it('what one host said is hidden in what is reported of that host only', () => {
    const secrets = knowing('all-of-them');
    secrets.of('h1').learn(['only-of-h1']);
    expect(secrets.of('h1').mask('all-of-them only-of-h1')).toBe('*** ***');
    expect(secrets.of('h2').mask('all-of-them only-of-h1')).toBe('*** only-of-h1');
  });

  it('takes time by the length of the text, not by the number of secrets', () => {
    const secrets = knownSecrets();
    secrets.learn(Array.from({ length: 20_000 }, (_, index) => `pw-${index * 7919}-${index}`));
    expect(secrets.mask(`${'pw-1'.repeat(500_000)}pw-7919-1`)).toHaveLength(2_000_003);
  }, 20_000);
});
