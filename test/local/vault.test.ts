// What ansible-vault encrypted: both formats, labels, damaged texts.
import { describe, expect, it } from 'vitest';
import { decryptVault } from '../../src/adapters/local/vault/decrypt.ts';
import { vaultText } from '../fakes/vault-writer.ts';

/** By ansible-vault 2.19, with the password "sekrit". */
const written = [
  '$ANSIBLE_VAULT;1.2;AES256;prod',
  '62373864336532653336346231363065623333616165363432376364623439336662666435383936',
  '3233386165396631323766313232356136616234366237310a336166333561323036646638316264',
  '63313261343263376362373132666262643239333238663434336130353865646232336630383465',
  '6463656535333538320a396532303033653531386663323833626531386530333530333063623163',
  '6536',
].join('\n');

const opened = (text: string, ...passwords: readonly string[]): string => {
  const labelled = passwords.map((one) => {
    const [password = '', label = 'default'] = one.split('@');
    return { label, password };
  });
  const result = decryptVault(text, labelled);
  if (result.ok) return result.data.toString('utf8');
  return result.why === 'damaged' ? `damaged: ${result.detail}` : result.why;
};

describe('a vault text', () => {
  it('is opened as ansible-vault wrote it, also with other line ends and blanks', () => {
    expect(opened(written, 'sekrit')).toBe('umlaut: äöü\n');
    expect(opened(written.replaceAll('\n', '\r\n'), 'sekrit')).toBe('umlaut: äöü\n');
    expect(opened(`${written.replaceAll('\n', '  \n  ')}\n\n`, 'sekrit')).toBe('umlaut: äöü\n');
  });

  it('is opened by any of the passwords, whatever their labels', () => {
    expect(opened(vaultText('x', 'b', 'prod'), 'a@dev', 'b@test')).toBe('x');
    expect(opened(vaultText('x', 'b'), 'a@dev', 'b@prod')).toBe('x');
    expect(opened(vaultText('x', 'b', 'prod'), 'a@prod', 'c')).toBe('wrong');
    expect(opened(vaultText('x', 'b'))).toBe('wrong');
  });

  it('may be empty, and may be bytes that are no text', () => {
    expect(opened(vaultText('', 'a'), 'a')).toBe('');
    const bytes = Buffer.from([0, 255, 254, 10, 13, 0, 128]);
    expect(decryptVault(vaultText(bytes, 'a'), [{ label: '', password: 'a' }])).toEqual({
      ok: true,
      data: bytes,
    });
  });

  it.each([
    ['header', () => '$ANSIBLE_VALUT;1.1;AES256\n00', 'it does not begin with $ANSIBLE_VAULT'],
    [
      'format',
      () => '$ANSIBLE_VAULT;1.0;AES256\n00',
      'its format is 1.0, and only 1.1 and 1.2 are known',
    ],
    ['cipher', () => '$ANSIBLE_VAULT;1.1;AES\n00', 'its cipher is AES, and only AES256 is known'],
    ['nothing', () => '$ANSIBLE_VAULT;1.1;AES256', 'it is not whole'],
    ['half a byte', () => written.slice(0, -1), 'it is not whole'],
    ['half of it', () => written.slice(0, 200), 'it is not whole'],
    ['no hexadecimal', () => written.replace('3', 'x'), 'it is not whole'],
  ])('that is damaged says so: %s', (_, text, detail) => {
    expect(opened(text(), 'sekrit')).toBe(`damaged: ${detail}`);
  });

  it('that was changed is opened by no password', () => {
    const [head = '', ...lines] = vaultText('abc', 'a').trim().split('\n');
    const last = lines.pop() ?? '';
    const changed = `${last.slice(0, -1)}${last.endsWith('1') ? '2' : '1'}`;
    expect(opened([head, ...lines, changed].join('\n'), 'a')).toBe('wrong');
  });
});
