// The words and marks of the HTML report and of the page: a colour never stands alone.
import type { RowStatus, RunPhase, StepKind } from '../../core/view/model.ts';

interface Word {
  readonly word: string;
  readonly mark: string;
}

/** In the order of a progress bar. */
export const statusWords: Readonly<Record<RowStatus, Word>> = {
  done: { word: 'done', mark: '✓' },
  same: { word: 'nothing to do', mark: '=' },
  soaking: { word: 'soaking', mark: '◐' },
  running: { word: 'running', mark: '▶' },
  failed: { word: 'failed', mark: '✕' },
  refused: { word: 'refused', mark: '⊘' },
  left_out: { word: 'left out', mark: '–' },
  waiting: { word: 'next', mark: '○' },
  planned: { word: 'to go', mark: '·' },
};

export const statuses = Object.keys(statusWords) as readonly RowStatus[];

export const phaseWords: Readonly<Record<RunPhase, Word>> = {
  starting: { word: 'Starting', mark: '▷' },
  running: { word: 'Running', mark: '▶' },
  waiting: { word: 'Waiting', mark: '◷' },
  asking: { word: 'Waits for an answer', mark: '?' },
  paused: { word: 'Paused', mark: '‖' },
  brake: { word: 'Brake tripped', mark: '!' },
  stopping: { word: 'Stopping', mark: '■' },
  interrupted: { word: 'Interrupted', mark: '!' },
  stopped: { word: 'Stopped', mark: '■' },
  failed: { word: 'Failed', mark: '✕' },
  done: { word: 'Done', mark: '✓' },
};

/** In the order of a host's walk. */
export const stepWords: Readonly<Record<StepKind, string>> = {
  facts: 'facts',
  drain: 'drain',
  package: 'packages',
  boot_argument: 'boot argument',
  reboot: 'reboot',
  proof: 'proof',
  soak: 'soak',
  wait: 'waiting',
  other: 'other tasks',
};

export const steps = Object.keys(stepWords) as readonly StepKind[];
