// The keys of a terminal, one by one and without echo. The reader that came last has them.

export type KeyReader = (key: string) => void;

export interface Keyboard {
  /** Returns the function that gives the keys back. */
  readonly take: (reader: KeyReader) => () => void;
}

const interrupt = '\u0003';

export function keyboardOf(input: NodeJS.ReadStream): Keyboard {
  let readers: readonly KeyReader[] = [];
  const onData = (chunk: Buffer): void => {
    const keys = chunk.toString('utf8');
    // Arrows and function keys are sequences.
    if (keys.startsWith('\u001b')) return;
    for (const key of keys) {
      // The terminal sends no signal in raw mode: Ctrl-C means what it means elsewhere.
      if (key === interrupt) process.kill(process.pid, 'SIGINT');
      else readers.at(-1)?.(key);
    }
  };
  const give = (reader: KeyReader): void => {
    readers = readers.filter((one) => one !== reader);
    if (readers.length > 0) return;
    input.setRawMode(false);
    input.pause();
    input.off('data', onData);
  };
  return {
    take: (reader) => {
      if (readers.length === 0) {
        input.setRawMode(true);
        input.on('data', onData);
        input.resume();
      }
      readers = [...readers, reader];
      return () => give(reader);
    },
  };
}
