// The evidence of a report: the head of the journal's chain, and how to verify it.
import { useState } from 'preact/hooks';
import { type Checked, checkChain, type Evidence, inflate } from '../chain.ts';
import { count } from '../text.ts';
import { Command, Section } from './section.tsx';

interface EvidenceInput {
  readonly run: string;
  readonly evidence: Evidence;
}

type Check =
  | { readonly kind: 'open' | 'busy' }
  | { readonly kind: 'unable'; readonly why: string }
  | { readonly kind: 'checked'; readonly result: Checked };

export function EvidencePart({ run, evidence }: EvidenceInput) {
  return (
    <Section id="evidence" title="Evidence">
      <p>
        The journal of this run has {count(evidence.entries)} entries. Each holds the sha256 of the
        entry before it; the last one has
      </p>
      <p>
        <code class="hash">{evidence.head}</code>
      </p>
      <p>
        On the machine that keeps the run, this checks the journal and searches it for this head:
      </p>
      <p>
        <Command text={`kmend audit verify ${run} --head ${evidence.head}`} />
      </p>
      {evidence.journal === undefined ? (
        <p class="quiet">
          This file does not hold the journal; kmend report {run} --html FILE --with-journal adds
          it.
        </p>
      ) : (
        <Journal run={run} evidence={evidence} journal={evidence.journal} />
      )}
    </Section>
  );
}

interface JournalInput extends EvidenceInput {
  readonly journal: string;
}

function Journal({ run, evidence, journal }: JournalInput) {
  const [check, setCheck] = useState<Check>({ kind: 'open' });
  const start = (): void => {
    setCheck({ kind: 'busy' });
    inflate(journal)
      .then((bytes) => checkChain(run, bytes))
      .then(
        (result) => setCheck({ kind: 'checked', result }),
        (error: unknown) => setCheck({ kind: 'unable', why: String(error) }),
      );
  };
  const save = (): void => {
    inflate(journal).then((bytes) => {
      const link = document.createElement('a');
      link.href = URL.createObjectURL(new Blob([bytes], { type: 'application/x-ndjson' }));
      link.download = `${run}.ndjson`;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    });
  };
  return (
    <>
      <p>
        The journal is in this file.{' '}
        <button type="button" onClick={start} disabled={check.kind === 'busy'}>
          Check its chain
        </button>{' '}
        <button type="button" onClick={save}>
          Save it
        </button>
      </p>
      <p role="status">{verdict(check, evidence)}</p>
      <p class="quiet">
        This shows that the journal is whole and in its order up to that head. It does not show who
        wrote it: compare the head with one that was kept elsewhere at the time, such as a ticket or
        a forwarded journal.
      </p>
    </>
  );
}

function verdict(check: Check, { entries, head }: Evidence): string {
  switch (check.kind) {
    case 'open':
      return '';
    case 'busy':
      return 'Checking.';
    case 'unable':
      return `This browser could not check it: ${check.why}`;
    case 'checked': {
      const { result } = check;
      if (result.broken !== undefined) return `✕ Broken: ${result.broken}.`;
      return result.head === head && result.entries === entries
        ? `✓ All ${count(entries)} entries follow each other, and end at the head above.`
        : `✕ The chain holds, but its ${count(result.entries)} entries end at another head: ${result.head}`;
    }
  }
}
