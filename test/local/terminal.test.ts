// What is drawn on a terminal beside the lines of a command: questions, prompts and the progress
// line show text of others only.
import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { progressLines, terminalAsker } from '../../src/adapters/local/index.ts';

const hostile = 'h1\u001b[2J\u202e\nFORGED';

/** Both ends of a terminal, and what was written to it. */
function terminal() {
  const input = Object.assign(new PassThrough(), { isTTY: true, setRawMode: () => input });
  const output = Object.assign(new PassThrough(), { isTTY: true, columns: 80 });
  let text = '';
  output.on('data', (chunk: Buffer) => {
    text += String(chunk);
  });
  const ends = {
    input: input as unknown as NodeJS.ReadStream,
    output: output as unknown as NodeJS.WriteStream,
  };
  return {
    ...ends,
    type: (line: string) => input.write(line),
    text: () => text,
    written: () => once(output, 'data'),
  };
}

it('a question shows the name of a host', async () => {
  const screen = terminal();
  const answer = terminalAsker(screen, new AbortController().signal).confirm(`Start ${hostile}?`);
  await screen.written();
  screen.type('y\n');
  expect(await answer).toBe(true);
  expect(screen.text()).toContain('Start h1?[2J?⏎FORGED? [y/N]');
  expect(screen.text()).not.toMatch(/\u202e|^FORGED/m);
});

it('a question that is withdrawn is answered no, and leaves its line', async () => {
  const screen = terminal();
  const asker = terminalAsker(screen, new AbortController().signal);
  const withdrawn = new AbortController();
  const answer = asker.confirm('Start?', withdrawn.signal);
  await screen.written();
  withdrawn.abort();
  expect(await answer).toBe(false);
  expect(screen.text()).toMatch(/Start\? \[y\/N\] .*\n$/);
  // The next one has its own answer.
  const next = asker.confirm('Go on?');
  await screen.written();
  screen.type('y\n');
  expect(await next).toBe(true);
});

it('a prompt for a secret shows the name of a host, and never the secret', async () => {
  const screen = terminal();
  const answer = terminalAsker(screen, new AbortController().signal).secret(
    `Password for ${hostile}: `,
  );
  await screen.written();
  screen.type('horse\n');
  expect(await answer).toBe('horse');
  expect(screen.text()).toBe('Password for h1?[2J?⏎FORGED: \n');
});

it('what was typed before a question was seen is no answer to it', async () => {
  const screen = terminal();
  screen.type('y\n');
  const answer = terminalAsker(screen, new AbortController().signal).confirm('Reboot?');
  await screen.written();
  screen.type('n\n');
  expect(await answer).toBe(false);
  expect(screen.text()).toBe('Reboot? [y/N] n\n');
});

it('an answer can be corrected, and an arrow is none', async () => {
  const screen = terminal();
  const answer = terminalAsker(screen, new AbortController().signal).confirm('Reboot?');
  await screen.written();
  for (const keys of ['nä', '\u007f', '\u007f', '\u001b[A', 'x', '\u0015', 'yes', '\r'])
    screen.type(keys);
  expect(await answer).toBe(true);
});

it('a question is drawn in the view that is open, and no key is read when it is over', async () => {
  const screen = terminal();
  const drawn: string[] = [];
  const asker = terminalAsker(
    screen,
    new AbortController().signal,
    () => (read) => read((text) => drawn.push(text)),
  );
  const answer = asker.confirm('Reboot?');
  while (drawn.length === 0) await sleep(5);
  screen.type('y\r');
  expect(await answer).toBe(true);
  expect(drawn).toEqual(['Reboot? [y/N] ', 'Reboot? [y/N] y']);
  expect([screen.text(), screen.input.listenerCount('data')]).toEqual(['', 0]);
});

it('after the first signal a yes is no longer asked for, but a passphrase is', async () => {
  const screen = terminal();
  const asker = terminalAsker(screen, AbortSignal.abort());
  expect(await asker.confirm('Start?')).toBe(false);
  const answer = asker.secret('Passphrase: ');
  await screen.written();
  screen.type('horse\r');
  expect(await answer).toBe('horse');
});

it('without a terminal a password is a line of standard input, and nothing is drawn', async () => {
  const screen = terminal();
  const input = Object.assign(screen.input, { isTTY: false });
  const answer = terminalAsker({ ...screen, input }, new AbortController().signal).secret(
    'Password: ',
  );
  screen.type('horse\n');
  expect([await answer, screen.text()]).toEqual(['horse', '']);
});

it('the progress line is one line', () => {
  const screen = terminal();
  progressLines(screen.output, (text) => text.length).show(() => [`fetching ${hostile}`]);
  expect(screen.text()).toBe('\rfetching h1?[2J?⏎FORGED\u001b[J');
});

it('of texts that come too fast the latest is drawn, and none after the line was taken away', async () => {
  const screen = terminal();
  const { show, end } = progressLines(screen.output, (text) => text.length);
  const made: string[] = [];
  const progress = (text: string): void =>
    show(() => {
      made.push(text);
      return [text];
    });
  for (const text of ['read 1 of 3', 'read 2 of 3', 'read 3 of 3']) progress(text);
  await screen.written();
  await sleep(300);
  expect(screen.text()).toBe('\rread 1 of 3\u001b[J\rread 3 of 3\u001b[J');
  expect(made).toEqual(['read 1 of 3', 'read 3 of 3']);
  for (const text of ['read 1 of 3', 'late']) progress(text);
  end();
  await sleep(300);
  expect(screen.text()).not.toContain('late');
});
