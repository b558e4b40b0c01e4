// What the parts of the page share: elements, sentences, one job at a time, files, tables, panels.
import * as api from './api.js';

export const $ = id => document.getElementById(id);
export const say = text => { $('status').textContent = text; };

export function make(name, className, text) {
  const e = document.createElement(name);
  if (className) e.className = className;
  if (text !== undefined) e.textContent = text;
  return e;
}

export const number = x => x === null || x === undefined ? 'not defined'
  : Math.abs(x) >= 0.0005 || x === 0 ? x.toFixed(3) : x.toExponential(1);

export function button(text, task) {
  const b = make('button', '', text);
  b.type = 'button';
  b.addEventListener('click', () => attempt(task));
  return b;
}

// Says why in the page; what was stopped by the next question says nothing.
export async function attempt(task) {
  try {
    await task();
  } catch (e) {
    say(e.message);
    if (!(e instanceof api.Refused)) throw e;
  }
}

// ---------------------------------------------------------------- jobs

let running = null, ended = null, spoken = 0; // an AbortController; the job's end; quarters that were told

// Returns when nothing runs any more.
export function stop() {
  running?.abort();
  return ended;
}

function progress(job) {
  const waits = job.state === 'waiting', runs = job.state === 'running', quarter = runs ? Math.floor(job.permille / 250) : 0;
  const left = job.permille > 50 ? `, ${Math.ceil(job.seconds * (1000 / job.permille - 1))} s left` : '';
  $('progress-box').hidden = !runs && !waits;
  $('progress').value = job.permille;
  $('progress-said').textContent = waits ? 'waiting for the job before it' : `${job.stage || 'running'}: ${Math.round(job.permille / 10)} %${left}`;
  if (quarter !== spoken) $('spoken').textContent = quarter ? `${25 * quarter} %` : ''; // four times, not four times a second
  spoken = quarter;
}

// One thing at a time is wanted: what runs is stopped for what is asked next.
export async function run(what, fields, onPart) {
  running?.abort();
  const mine = running = new AbortController();
  $('stop').hidden = false;
  try {
    const job = api.run(what, fields, progress, mine.signal, onPart);
    ended = job.catch(() => {});
    return await job;
  } finally {
    if (running === mine) {
      running = null;
      $('stop').hidden = $('progress-box').hidden = true;
    }
  }
}

// ---------------------------------------------------------------- files

export function save(bytes, name) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(bytes);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  say(`saved ${name}`);
}

const formats = {trace: 'json csv npz png svg pdf html', flow: 'json csv npz png svg pdf html', lens: 'json csv png svg pdf html',
  knockout: 'json csv png svg pdf html', edit: 'edit json'};

// A button for each format: the file is made when it is pressed.
export function offerExports(name, job) {
  $('exports').replaceChildren('Export ', ...formats[name].split(' ').map(ending => button(ending.toUpperCase(), async () => {
    if ($('into').checked) say(`saved ${(await api.saveThere(job, ending)).saved} in ${$('into-name').textContent}`);
    else save(await api.resultBytes(job, ending), `${name}.${ending}`);
  })));
}

// ---------------------------------------------------------------- tables

const quoted = x => /[",\n\r]/.test(x) ? `"${x.replaceAll('"', '""')}"` : x;
const asCsv = lines => lines.map(r => r.map(x => quoted(String(x ?? ''))).join(',')).join('\n') + '\n';

const shown = x => Array.isArray(x) ? x.map(shown).join('  ') : typeof x === 'number' && !Number.isInteger(x) ? number(x) : x ?? '';

// Rows under their heads, the first of a row its head, too, if [named]; numbers short where they are seen; with the
// name of a [file] saved whole, as CSV and as JSON.
export function table(caption, head, rows, {named, file} = {}) {
  const t = make('table', 'numbers'), line = t.createTHead().insertRow(), body = t.createTBody(), box = make('div', 'scroll');
  const title = (row, scope, text) => { row.append(make('th', '', text)); row.lastChild.scope = scope; };
  t.createCaption().textContent = caption;
  for (const name of head) title(line, 'col', name);
  for (const row of rows) {
    const r = body.insertRow();
    row.forEach((x, i) => { if (named && !i) title(r, 'row', x); else r.insertCell().textContent = shown(x); });
  }
  box.tabIndex = 0;
  box.role = 'region';
  box.ariaLabel = caption;
  box.append(t);
  if (file) {
    box.append(button('CSV', () => save(new Blob([asCsv([head, ...rows])]), `${file}.csv`)),
      button('JSON', () => save(new Blob([JSON.stringify({columns: head, rows})]), `${file}.json`)));
  }
  return box;
}

// ---------------------------------------------------------------- panels

// The panel that the address names alone: what is beside it is out of sight, and out of the way of Tab.
export function panels() {
  const name = api.read().x;
  for (const e of document.querySelectorAll('.aside, .alone')) e.classList.remove('aside', 'alone');
  let e = name && document.querySelector(`[data-panel="${CSS.escape(name)}"]`);
  if (!e?.checkVisibility()) e = null;
  e?.classList.add('alone');
  for (; e && e.localName !== 'main'; e = e.parentElement)
    for (const other of e.parentElement.children) if (other !== e && !other.matches('[role=status], #progress-box')) other.classList.add('aside');
  for (const b of document.querySelectorAll('.expand')) b.ariaPressed = String(b.parentElement.classList.contains('alone'));
}

export function alone(name) {
  api.adjust({x: name});
  panels();
}

export function panel(box, name) {
  box.dataset.panel = name;
  const b = button('⤢', () => alone(api.read().x === name ? '' : name));
  b.className = 'expand';
  b.title = b.ariaLabel = `${name} alone, or with the rest again`;
  box.prepend(b);
}
