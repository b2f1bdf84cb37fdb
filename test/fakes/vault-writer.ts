// Writes texts as ansible-vault does, for tests that need many of them.
import { createCipheriv, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';

/** The data, encrypted in format 1.1, or 1.2 with a label. */
export function vaultText(data: string | Buffer, password: string, label?: string): string {
  const salt = randomBytes(32);
  const keys = pbkdf2Sync(password, salt, 10_000, 80, 'sha256');
  const plain = Buffer.from(data);
  const padding = 16 - (plain.length % 16);
  const cipher = createCipheriv('aes-256-ctr', keys.subarray(0, 32), keys.subarray(64));
  const secret = cipher.update(Buffer.concat([plain, Buffer.alloc(padding, padding)]));
  const hmac = createHmac('sha256', keys.subarray(32, 64)).update(secret).digest();
  const parts = [salt, hmac, secret].map((part) => part.toString('hex')).join('\n');
  const body =
    Buffer.from(parts)
      .toString('hex')
      .match(/.{1,80}/g) ?? [];
  const head = label === undefined ? '1.1;AES256' : `1.2;AES256;${label}`;
  return `${[`$ANSIBLE_VAULT;${head}`, ...body].join('\n')}\n`;
}

/** The same as a value of a YAML file. */
export const vaultValue = (data: string, password: string, label?: string): string =>
  `!vault |\n${vaultText(data, password, label).replace(/^(?=.)/gm, '          ')}`;
