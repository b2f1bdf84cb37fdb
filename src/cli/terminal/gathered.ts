// Lines that are printed in one turn of the event loop go out in one write: a write costs more than
// the line.

/** A place that text is written to, like a stream. */
interface Sink {
  readonly write: (text: string) => unknown;
}

/** Characters that are kept at most. */
const most = 65_536;

export interface Gathered {
  readonly write: (to: Sink, text: string) => void;
  /** Writes what is kept. The program must call it when it ends in the middle of a turn. */
  readonly flush: () => void;
}

/** All texts arrive in the order in which they were written, those of several sinks too. */
export function gatheredWrites(): Gathered {
  let sink: Sink | undefined;
  let kept = '';
  const flush = (): void => {
    const text = kept;
    kept = '';
    if (text !== '') sink?.write(text);
  };
  return {
    flush,
    write: (to, text) => {
      if (to !== sink) flush();
      sink = to;
      if (kept === '') queueMicrotask(flush);
      kept += text;
      if (kept.length >= most) flush();
    },
  };
}
