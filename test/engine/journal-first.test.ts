// Every effect on a host is announced in the journal on disk first: checked at the moment when each
// script leaves this machine.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createTransport } from '../../src/adapters/ssh/index.ts';
import { eventsOf, type Practice, practice, remediationPlay, sick } from '../cli/practice.ts';

let lab: Practice;
beforeAll(async () => {
  lab = await practice([sick('h1')], { downSeconds: 0.2 });
});
afterAll(() => lab.close());

it('each effect, and the boot id before the reboot, are on disk before the script is sent', async () => {
  const seen: { readonly effect: string; readonly announced: boolean; readonly bootId: string }[] =
    [];
  const onDisk = (): string => {
    const run = lab.runs()[0];
    return run === undefined ? '' : readFileSync(`${lab.state}/runs/${run}/journal.ndjson`, 'utf8');
  };
  const done = await lab.run(['apply', lab.file('p.yaml', remediationPlay()), '--yes'], {
    transport: async (needs) => {
      const real = createTransport({ ...needs, home: lab.dir, env: {} });
      return {
        close: () => real.close(),
        connect: async (target, options) => {
          const made = await real.connect(target, options);
          if (!made.ok) return made;
          const connection = made.value;
          return {
            ok: true,
            value: {
              close: () => connection.close(),
              alive: () => connection.alive(),
              exec: (request) => {
                const started = /mv "\$T" "\$S\/script"/.test(request.script)
                  ? /spool\/[^/]+\/(\S+)/.exec(request.script)?.[1]
                  : undefined;
                const reboots = /> "\$L\/reboot"/.test(request.script) ? 'reboot' : undefined;
                const effect = started ?? reboots;
                if (effect !== undefined) {
                  const line = onDisk()
                    .split('\n')
                    .find(
                      (one) =>
                        one.includes('"effect.started"') &&
                        (effect === 'reboot'
                          ? one.includes('"reboot"')
                          : one.replaceAll('/', '_').includes(effect)),
                    );
                  seen.push({
                    effect,
                    announced: line !== undefined,
                    bootId: /"bootId":"([^"]+)"/.exec(line ?? '')?.[1] ?? '',
                  });
                }
                return connection.exec(request);
              },
            },
          };
        },
      };
    },
  });
  const bootId = eventsOf(lab.journal(), 'facts.read')[0]?.bootId ?? '';
  expect(done.exit).toBe(0);
  expect(seen.map((one) => [one.announced, one.bootId])).toEqual(seen.map(() => [true, bootId]));
  expect(seen.map((one) => one.effect)).toEqual(
    ['h1_0_1', 'reboot'].map((name) => (name === 'reboot' ? name : expect.stringMatching(/^h1_/))),
  );
}, 30_000);
