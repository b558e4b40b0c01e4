// What a run of a store says as a whole: means with their intervals, how well its numbers tell right
// answers from wrong ones, and a table of whatever is asked in SQL.
import * as api from './api.js';
import {curves, make} from './chart.js';
import {number} from './map.js';

const $ = id => document.getElementById(id);
let page = null, run = 0, table = null;

const between = x => x.lo === null || x.hi === null ? number(x.value) : `${number(x.value)} (${number(x.lo)} to ${number(x.hi)})`;

function fill(box, caption, head, rows) {
  const t = make('table', 'numbers'), line = t.createTHead().insertRow(), body = t.createTBody();
  t.createCaption().textContent = caption;
  for (const name of head) {
    const cell = make('th', '', name);
    cell.scope = 'col';
    line.append(cell);
  }
  for (const row of rows) {
    const r = body.insertRow();
    for (const text of row) r.insertCell().textContent = text;
  }
  const scroll = make('div', 'scroll');
  scroll.tabIndex = 0;
  scroll.role = 'region';
  scroll.ariaLabel = caption;
  scroll.append(t);
  box.append(scroll);
}

// ---------------------------------------------------------------- means

// The curves of one quantity over the layers, each with its 95 % band.
function drawChart(c) {
  const all = c.curves.flatMap(k => [...k.lo, ...k.hi, ...k.value]).filter(x => x !== null);
  const ticks = [...new Set([Math.min(0, ...all), 0, Math.max(1e-9, ...all)])];
  const box = make('figure'), drawn = c.curves.map(k => {
    const best = k.value.reduce((a, v, l) => v !== null && (a < 0 || Math.abs(v) > Math.abs(k.value[a])) ? l : a, -1);
    const said = best < 0 ? 'not defined' : `largest at ${c.x} ${c.points[best]}, ${between({value: k.value[best], lo: k.lo[best], hi: k.hi[best]})}`;
    return {y: k.value, lo: k.lo, hi: k.hi, said: `${k.name}, ${k.n} examples: ${said}`};
  });
  box.append(make('figcaption', '', `${c.name}: ${c.unit} by ${c.x}, mean and 95 % interval`), ...curves({layers: c.points, ticks, curves: drawn}));
  return box;
}

async function showMeans() {
  const box = $('aggregate-means'), least = $('store-least').value, mine = run, a = await api.store('average', {run: String(run), least});
  if (mine !== run) return; // another is wanted by now
  box.replaceChildren();
  fill(box, `${a.title}: means over ${a.sample.used} examples`, ['number', 'mean (95 % interval)'], a.numbers.map(n => [n.name, between(n)]));
  box.append(...a.charts.map(drawChart));
  if (a.sample.used < 10) box.prepend(make('p', 'hint', 'Fewer than ten examples: the intervals are rough.'));
}

async function showAuroc() {
  const box = $('aggregate-auroc'), mine = run, {scores} = await api.store('auroc', {run: String(run)});
  if (mine !== run) return;
  box.replaceChildren();
  fill(box, 'Chance that a right answer has the higher number than a wrong one', ['number', 'right', 'wrong', 'AUROC (95 % interval)'],
    scores.map(s => [[s.quantity, s.place].filter(Boolean).join(', '), s.right, s.wrong, s.auroc.value === null ? 'not defined' : between(s.auroc)]));
  if (scores.some(s => Math.min(s.right, s.wrong) < 10)) box.prepend(make('p', 'hint', 'Fewer than ten right or wrong answers: it says little.'));
}

// ---------------------------------------------------------------- SQL

const quoted = x => /[",\n\r]/.test(x) ? `"${x.replaceAll('"', '""')}"` : x;

async function select() {
  table = await api.store('sql', {sql: $('sql').value});
  const said = table.more ? `the first ${table.rows.length} rows` : `${table.rows.length} rows`;
  $('sql-rows').replaceChildren();
  fill($('sql-rows'), said, table.columns, table.rows.map(r => r.map(x => x === null ? '' : x)));
  $('sql-said').textContent = said;
  $('sql-csv').disabled = $('sql-json').disabled = false;
}

const asCsv = t => [t.columns, ...t.rows].map(r => r.map(x => quoted(String(x ?? ''))).join(',')).join('\n') + '\n';

// ---------------------------------------------------------------- beginning

// Another run: what is open is made anew.
export function choose(number) {
  run = number;
  for (const [id, show] of [['means', showMeans], ['auroc', showAuroc]]) {
    $(`aggregate-${id}`).replaceChildren();
    if ($(`aggregate-${id}-box`).open) page.attempt(show);
  }
}

export function begin(of) {
  page = of;
  for (const [id, show] of [['means', showMeans], ['auroc', showAuroc]]) {
    $(`aggregate-${id}-box`).addEventListener('toggle', e => { if (e.target.open && run) page.attempt(show); });
  }
  $('store-least').addEventListener('change', () => choose(run)); // the means are of those examples
  $('sql-form').addEventListener('submit', e => {
    e.preventDefault();
    page.attempt(select);
  });
  $('sql').addEventListener('keydown', e => { if (e.key === 'Enter' && (e.ctrlKey || e.metaKey)) page.attempt(select); });
  $('sql-csv').addEventListener('click', () => page.save(new Blob([asCsv(table)], {type: 'text/csv'}), 'rows.csv'));
  $('sql-json').addEventListener('click', () => page.save(new Blob([JSON.stringify(table)], {type: 'application/json'}), 'rows.json'));
}
