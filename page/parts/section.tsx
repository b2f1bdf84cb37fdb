// A titled part of the page, and small pieces that several parts use.
import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import type { RowStatus } from '../../src/core/view/model.ts';
import { statusWords } from '../../src/screens/html/words.ts';
import { utc } from '../text.ts';

interface SectionInput {
  readonly id: string;
  readonly title: string;
  readonly aside?: ComponentChildren;
  readonly children: ComponentChildren;
}

export const Section = ({ id, title, aside, children }: SectionInput) => (
  <section aria-labelledby={id}>
    <div class="title">
      <h2 id={id}>{title}</h2>
      {aside !== undefined && <div class="aside">{aside}</div>}
    </div>
    {children}
  </section>
);

/** A status as mark and word. */
export const Status = ({ status }: { readonly status: RowStatus }) => (
  <span class={`status t-${status}`}>
    <span aria-hidden="true">{statusWords[status].mark}</span> {statusWords[status].word}
  </span>
);

interface TimeInput {
  readonly at: number;
  readonly children: ComponentChildren;
}

/** A time as people read it; the exact one is in its title. */
export const Time = ({ at, children }: TimeInput) => (
  <time dateTime={utc(at)} title={utc(at)}>
    {children}
  </time>
);

/** A command to type, in one piece, and a button that copies it. */
export function Command({ text }: { readonly text: string }) {
  const [copied, setCopied] = useState(false);
  const copy = (): void => {
    navigator.clipboard.writeText(text).then(
      () => {
        setCopied(true);
        setTimeout(() => setCopied(false), 1500);
      },
      () => {},
    );
  };
  return (
    <span class="command">
      <code>{text}</code>
      {navigator.clipboard !== undefined && (
        <button type="button" class="small" onClick={copy} aria-label={`Copy: ${text}`}>
          {copied ? 'Copied' : 'Copy'}
        </button>
      )}
    </span>
  );
}
