// A plain ssh2 client for the tests of the practice fleet: one connection, one command, everything
// that came back.
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import ssh2 from 'ssh2';
import type { Fleet, FleetHost } from '../../practice/index.ts';

export interface Answer {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export const hostOf = (fleet: Fleet, name: string): FleetHost => {
  const host = fleet.hosts.find((one) => one.name === name);
  if (!host) throw new Error(`no host ${name}`);
  return host;
};

/** Rejects when the connection fails or is cut before the command's exit status. */
export function ssh(fleet: Fleet, name: string, command: string, input = ''): Promise<Answer> {
  const { address, port, spec } = hostOf(fleet, name);
  return new Promise((resolve, reject) => {
    const client = new ssh2.Client();
    let answer: Answer | undefined;
    client.on('connect', () => client.setNoDelay(true));
    client.on('error', reject);
    client.on('close', () =>
      answer ? resolve(answer) : reject(new Error('the connection was cut')),
    );
    client.on('ready', () =>
      client.exec(command, (error, channel) => {
        if (error) return void reject(error);
        let [out, err] = ['', ''];
        let code: number | null = null;
        channel.on('data', (chunk: Buffer) => (out += String(chunk)));
        channel.stderr.on('data', (chunk: Buffer) => (err += String(chunk)));
        channel.on('exit', (status: number | null) => (code = status));
        let exited = false;
        channel.on('exit', () => (exited = true));
        channel.on('close', () => {
          if (exited) answer = { code, out, err };
          client.end();
        });
        channel.end(input);
      }),
    );
    client.connect({
      host: address,
      port,
      username: spec.user ?? 'root',
      privateKey: readFileSync(fleet.keyFile),
      readyTimeout: 5000,
      hostVerifier: (key: Buffer) =>
        fleet.knownHostsText.includes(`[${address}]:${port} ssh-ed25519 ${key.toString('base64')}`),
    });
  });
}

/** Waits until the host answers with another boot id than this one. */
export async function rebooted(
  fleet: Fleet,
  name: string,
  bootId: string,
  seconds = 10,
): Promise<string> {
  for (let tries = 0; tries < seconds * 10; tries++) {
    const answer = await ssh(fleet, name, 'cat "$KMEND_ROOT/proc/sys/kernel/random/boot_id"').catch(
      () => undefined,
    );
    const id = answer?.out.trim() ?? '';
    if (id !== '' && id !== bootId) return id;
    await sleep(100);
  }
  throw new Error(`${name} did not come back`);
}
