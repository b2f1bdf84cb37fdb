// Commands to a run from the page: each asks why.
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { Need, RunHead } from '../../src/core/view/model.ts';
import type { CommandRequest, PageCommand } from '../../src/core/view/protocol.ts';

type Asked = Omit<CommandRequest, 'reason'>;
export type Ask = (asked: Asked) => void;

const words: Readonly<Record<PageCommand, string>> = {
  pause: 'Pause',
  continue: 'Continue',
  promote: 'Promote',
  abort: 'Abort',
  retry: 'Retry',
  skip: 'Skip',
  done: 'Done by hand',
  approve: 'Approve',
};

const meanings: Readonly<Record<PageCommand, string>> = {
  pause: 'No further host is started. Hosts under way go on.',
  continue: 'Hosts are started again.',
  promote: 'The wave is accepted, and the next one begins.',
  abort: 'No further host is started, and hosts under way go to a safe state. The run ends.',
  retry: 'The host is walked again.',
  skip: 'The host is left as it is, and its slot is freed.',
  done: 'The host counts as done, and its slot is freed.',
  approve: 'The question of the run is answered with yes.',
};

const needCommands: Readonly<Record<Need['kind'], readonly PageCommand[]>> = {
  approve: ['approve'],
  promote: ['promote'],
  resolve: ['retry', 'skip', 'done'],
  continue: ['continue'],
  resume: [],
};

interface NeedInput {
  readonly need: Need;
  readonly ask: Ask;
}

export const NeedButtons = ({ need: { kind, host, text }, ask }: NeedInput) => (
  <>
    {needCommands[kind].map((command) => (
      <button
        key={command}
        type="button"
        class="small"
        onClick={() =>
          ask({
            command,
            ...(host === undefined ? {} : { host }),
            ...(kind === 'approve' ? { question: text } : {}),
          })
        }
      >
        {words[command]}
        {host !== undefined && <span class="unseen"> {host}</span>}
      </button>
    ))}
  </>
);

/** The commands that make sense now. */
function runCommands({ phase, needs }: RunHead): readonly PageCommand[] {
  if (phase === 'stopping') return [];
  const kinds = needs.map(({ kind }) => kind);
  return [
    kinds.includes('continue') ? 'continue' : 'pause',
    ...(kinds.includes('promote') ? (['promote'] as const) : []),
    'abort',
  ];
}

interface RunButtonsInput {
  readonly head: RunHead;
  readonly ask: Ask;
}

export const RunButtons = ({ head, ask }: RunButtonsInput) => (
  <div class="act buttons">
    {runCommands(head).map((command) => (
      <button key={command} type="button" onClick={() => ask({ command })}>
        {words[command]}
      </button>
    ))}
  </div>
);

interface DialogInput {
  readonly run: string;
  readonly asked: Asked;
  readonly send: (request: CommandRequest) => Promise<void>;
  /** @param sent the command is left for the run */
  readonly close: (sent: boolean) => void;
}

/** Asks why; to abort, also for the id of the run. */
export function Dialog({ run, asked, send, close }: DialogInput) {
  const { command, host, question } = asked;
  const dialog = useRef<HTMLDialogElement>(null);
  const [reason, setReason] = useState('');
  const [typed, setTyped] = useState('');
  const [busy, setBusy] = useState(false);
  const [wrong, setWrong] = useState('');
  const sent = useRef(false);
  useLayoutEffect(() => dialog.current?.showModal(), []);
  const ready = reason.trim() !== '' && (command !== 'abort' || typed.trim() === run);
  // A dialog that closes gives the focus back to the button that opened it.
  const hide = (): void => dialog.current?.close();
  const submit = (event: Event): void => {
    event.preventDefault();
    if (!ready || busy) return;
    setBusy(true);
    send({ ...asked, reason: reason.trim() }).then(
      () => {
        sent.current = true;
        hide();
      },
      (error: unknown) => {
        setBusy(false);
        setWrong(error instanceof Error ? error.message : String(error));
      },
    );
  };
  return (
    <dialog ref={dialog} aria-labelledby="asked" onClose={() => close(sent.current)}>
      <form onSubmit={submit}>
        <h2 id="asked">
          {words[command]} {host ?? `run ${run}`}
        </h2>
        {question !== undefined && <p>{question}</p>}
        <p>{meanings[command]}</p>
        <label>
          Reason, kept in the journal
          <textarea
            rows={2}
            required
            value={reason}
            onInput={({ currentTarget }) => setReason(currentTarget.value)}
          />
        </label>
        {command === 'abort' && (
          <label>
            Type the id of the run: <code>{run}</code>
            <input
              required
              value={typed}
              autocomplete="off"
              onInput={({ currentTarget }) => setTyped(currentTarget.value)}
            />
          </label>
        )}
        <p role="alert">{wrong}</p>
        <div class="act">
          <button type="submit" class="main" disabled={!ready || busy}>
            {words[command]}
          </button>
          <button type="button" onClick={hide}>
            Cancel
          </button>
        </div>
      </form>
    </dialog>
  );
}
