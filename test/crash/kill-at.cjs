// Loaded into a kmend process by tests (node --require): SIGKILL at one exact line of the journal, right after the line was written and before
// anything that it announces.
//   KILL_TYPE=host.done   at the first line of this type that this process writes
//   KILL_SEQ=57           at the line of this number
//   KILL_AFTER_MS=300     not there but so much later
'use strict';
const { openSync, writeSync } = require('node:fs');
const { open } = require('node:fs/promises');

const { KILL_TYPE: type, KILL_SEQ: seq, KILL_AFTER_MS: later = '0', KILL_NOTE: note } = process.env;
const isIt = (event) => (type === undefined ? event.seq >= Number(seq) : event.type === type);

function die(event) {
  // Where it was killed; without this file the process came to its end.
  writeSync(openSync(note, 'w'), `${event.type} ${event.host ?? ''} (entry ${event.seq})`);
  process.kill(process.pid, 'SIGKILL');
}

function watch(text) {
  if (typeof text !== 'string' || !text.startsWith('{"v":1,')) return;
  const found = text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line))
    .find(isIt);
  if (found === undefined) return;
  if (later === '0') die(found);
  else setTimeout(die, Number(later), found);
}

// The class of file handles has no name that can be asked for.
open(__filename).then(async (file) => {
  const handles = Object.getPrototypeOf(file);
  const { appendFile } = handles;
  handles.appendFile = async function written(text, ...rest) {
    await appendFile.call(this, text, ...rest);
    watch(text);
  };
  await file.close();
});
