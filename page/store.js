// A store of many examples: a list that draws only the rows in sight, filters, the average of a run, and
// one example with the numbers that were measured then.
import * as aggregate from './aggregate.js';
import * as api from './api.js';
import * as map from './map.js';
import * as state from './state.js';

const $ = id => document.getElementById(id), ROW = 30, PAGE = 100;
let page = null, pages = new Map(), loading = new Map(), total = 0, active = 0, run = 0, asking = 0;

const columns = [['line', 'line'], ['question', 'question'], ['answer', 'answer'], ['right', 'right'], ['effect', 'effect']];
let sort = 'line';

const filters = () => ({run: String(run), text: $('store-text').value.trim(), which: $('store-which').value, least: $('store-least').value, sort});

const shown = {
  line: r => r.line, question: r => r.question ?? '(no example)', answer: r => r.dropped ? `dropped: ${r.reason}` : r.answer ?? '',
  right: r => r.right === undefined ? '' : r.right ? '✓ right' : '✗ wrong', effect: r => r.effect === undefined ? '' : map.number(r.effect)};

// ---------------------------------------------------------------- rows

async function load(n) {
  const mine = asking, got = await api.store('examples', {...filters(), first: String(n * PAGE), count: String(PAGE)});
  if (mine !== asking) return; // other rows are wanted by now
  pages.set(n, got.rows);
  total = got.total;
  draw();
}

function fetchPage(n) {
  if (!loading.has(n)) loading.set(n, load(n));
  return loading.get(n);
}

const rowAt = i => pages.get(Math.floor(i / PAGE))?.[i % PAGE];

function draw() {
  const list = $('store-list'), first = Math.max(0, Math.floor(list.scrollTop / ROW) - 5);
  const last = Math.min(total, first + Math.ceil(list.clientHeight / ROW) + 10);
  for (let n = Math.floor(first / PAGE); n <= Math.floor(Math.max(0, last - 1) / PAGE); n++) page.attempt(() => fetchPage(n));
  $('store-rows').style.height = `${total * ROW}px`;
  list.setAttribute('aria-rowcount', total + 1);
  const rows = [];
  for (let i = first; i < last; i++) {
    const r = rowAt(i), row = document.createElement('div');
    row.role = 'row';
    row.id = `row-${i}`;
    row.className = 'store-row';
    row.style.top = `${i * ROW}px`;
    row.setAttribute('aria-rowindex', i + 2);
    row.setAttribute('aria-selected', i === active);
    for (const [name] of columns) {
      const cell = document.createElement('span');
      cell.role = 'gridcell';
      cell.className = name;
      cell.textContent = r ? shown[name](r) : '…';
      row.append(cell);
    }
    rows.push(row);
  }
  $('store-rows').replaceChildren(...rows);
  list.setAttribute('aria-activedescendant', `row-${active}`);
  $('store-count').textContent = `${total} examples`;
}

function renew() {
  asking++;
  pages = new Map();
  loading = new Map();
  active = 0;
  $('store-list').scrollTop = 0;
  for (const button of $('store-head').children) {
    const by = button.dataset.sort, down = sort === '-' + by;
    button.setAttribute('aria-sort', sort === by ? 'ascending' : down ? 'descending' : 'none');
    button.textContent = button.dataset.name + (sort === by ? ' ▲' : down ? ' ▼' : '');
  }
  state.adjust({f: JSON.stringify(filters())});
  draw();
  page.attempt(() => fetchPage(0));
}

async function openRow(i) {
  await fetchPage(Math.floor(i / PAGE));
  if (rowAt(i)) await openExample(rowAt(i).result);
}

// ---------------------------------------------------------------- one example

// As a trace, so that the maps show it: what a store does not have is not defined.
function asTrace(got) {
  const number = name => got.values.find(v => v.quantity === name)?.x[0] ?? null;
  const tokens = (got.maps[0]?.tokens || []).map(text => ({text})), nothing = ie => ie.map(row => row.map(() => null));
  return {
    prompt: {tokens}, clean: {p: number('clean p')}, corrupt: {p: number('corrupted p')},
    grids: got.maps.map(m => ({
      site: m.site.split(',')[0], window: m.window, direction: m.site.includes('noise') ? 'noise' : 'denoise', groups: null,
      layers: m.ie.map((_, l) => m.first + l), positions: m.tokens.map((_, i) => i), ie: m.ie,
      p: nothing(m.ie), kl: nothing(m.ie), logit_diff: nothing(m.ie),
      restoration: m.ie.map(row => row.map(x => number('total effect') ? x / number('total effect') : null))}))};
}

async function openExample(result) {
  const got = await api.store('examples', {run: String(run), result: String(result)}), e = got.example;
  state.step({ex: `${run}.${result}`});
  const picture = e.image ? `, ${e.image}` : '';
  $('store-example').textContent = `Line ${e.line}${picture}: ${e.question ?? ''} ${e.answer ? `Answered: ${e.answer}.` : ''} ` +
    `${e.dropped ? `Dropped: ${e.reason}` : ''} ${e.effect === undefined ? '' : `${got.what === 'trace' ? 'Total effect' : 'Number'} ${map.number(e.effect)}.`} As it was measured; nothing is computed.`;
  $('results').hidden = !got.maps.length;
  $('tabs').hidden = true;
  if (got.maps.length) map.show(asTrace(got));
  const box = $('store-values');
  box.replaceChildren();
  for (const v of got.values) {
    const row = box.insertRow();
    for (const text of [v.quantity, v.place, v.window || '', v.x.length === 1 ? map.number(v.x[0]) : v.x.map(map.number).join('  ')]) row.insertCell().textContent = text;
  }
  $('store-values-box').hidden = false;
}

// ---------------------------------------------------------------- the run

async function showRun() {
  const info = (await api.store('runs', {})).runs, select = $('store-run');
  select.replaceChildren(...info.map(r => new Option(`${r.run}: ${r.what}, ${r.used} examples, ${r.dropped} dropped`, r.run)));
  const kept = state.read(), wanted = kept.ex ? kept.ex.split('.')[0] : kept.f ? JSON.parse(kept.f).run : '';
  select.value = info.some(r => String(r.run) === wanted) ? wanted : info.at(-1)?.run;
  run = Number(select.value);
  aggregate.choose(run);
}


export async function begin(of) {
  page = of;
  aggregate.begin(of);
  $('store').hidden = false;
  await showRun();
  const kept = state.read();
  if (kept.f) {
    const f = JSON.parse(kept.f);
    $('store-text').value = f.text || '';
    $('store-which').value = f.which || 'all';
    $('store-least').value = f.least || '';
    sort = f.sort || 'line';
  }
  $('store-head').replaceChildren(...columns.map(([by, name]) => {
    const button = document.createElement('button');
    button.type = 'button';
    button.role = 'columnheader';
    button.className = by;
    button.dataset.sort = by;
    button.dataset.name = name;
    button.addEventListener('click', () => { sort = sort === by ? '-' + by : by; renew(); });
    return button;
  }));
  let timer = 0;
  for (const id of ['store-text', 'store-least']) $(id).addEventListener('input', () => { clearTimeout(timer); timer = setTimeout(renew, 150); });
  $('store-which').addEventListener('change', renew);
  $('store-run').addEventListener('change', () => { run = Number($('store-run').value); aggregate.choose(run); renew(); });
  const list = $('store-list');
  list.addEventListener('scroll', () => requestAnimationFrame(draw));
  list.addEventListener('click', e => {
    const row = e.target.closest('.store-row');
    if (!row) return;
    active = Number(row.id.slice(4));
    draw();
    page.attempt(() => openRow(active));
  });
  list.addEventListener('keydown', e => {
    const to = {ArrowDown: active + 1, ArrowUp: active - 1, PageDown: active + 10, PageUp: active - 10, Home: 0, End: total - 1}[e.key];
    if (e.key === 'Enter') page.attempt(() => openRow(active));
    if (to === undefined) return;
    e.preventDefault();
    active = Math.min(Math.max(to, 0), Math.max(total - 1, 0));
    const top = active * ROW;
    if (top < list.scrollTop) list.scrollTop = top;
    if (top + ROW > list.scrollTop + list.clientHeight) list.scrollTop = top + ROW - list.clientHeight;
    draw();
  });
  $('store-csv').addEventListener('click', () => page.attempt(async () => page.save(await api.storeCsv(run), `run-${run}.csv`)));
  renew();
  if (kept.ex) await openExample(Number(kept.ex.split('.')[1]));
}
