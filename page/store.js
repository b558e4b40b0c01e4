// Stores of many examples: a list that draws the rows in sight, one example, and a run as a whole.
import * as api from './api.js';
import * as map from './map.js';
import {curves} from './paint.js';
import {$, attempt, make, number, save, table} from './work.js';

const ROW = 30, PAGE = 100;
let pages = new Map(), loading = new Map(), total = 0, active = 0, store = 0, run = 0, asking = 0;

const ask = (what, fields) => api.store(what, {store: String(store), run: String(run), ...fields});

const columns = [['line', 'line'], ['question', 'question'], ['answer', 'answer'], ['right', 'right'], ['effect', 'effect']];
let sort = 'line';

const filters = () => ({store: String(store), run: String(run), text: $('store-text').value.trim(), which: $('store-which').value, least: $('store-least').value, sort});

const shown = {
  line: r => r.line, question: r => r.question ?? '(no example)', answer: r => r.dropped ? `dropped: ${r.reason}` : r.answer ?? '',
  right: r => r.right === undefined ? '' : r.right ? '✓ right' : '✗ wrong', effect: r => r.effect === undefined ? '' : number(r.effect)};

// ---------------------------------------------------------------- rows

async function load(n) {
  const mine = asking, got = await ask('examples', {...filters(), first: String(n * PAGE), count: String(PAGE)});
  if (mine !== asking) return; // other rows are wanted by now
  pages.set(n, got.rows);
  total = got.total;
  draw();
}

// All rows of the filters, as the list would show them.
async function everyRow() {
  const all = [];
  for (let first = 0; !first || first < total; first += PAGE) all.push(...(await ask('examples', {...filters(), first: String(first), count: String(PAGE)})).rows);
  return all;
}

function fetchPage(n) {
  if (!loading.has(n)) loading.set(n, load(n));
  return loading.get(n);
}

const rowAt = i => pages.get(Math.floor(i / PAGE))?.[i % PAGE];

function draw() {
  const list = $('store-list'), first = Math.max(0, Math.floor(list.scrollTop / ROW) - 5);
  const last = Math.min(total, first + Math.ceil(list.clientHeight / ROW) + 10);
  for (let n = Math.floor(first / PAGE); n <= Math.floor(Math.max(0, last - 1) / PAGE); n++) attempt(() => fetchPage(n));
  $('store-rows').style.height = `${total * ROW}px`;
  list.setAttribute('aria-rowcount', total + 1);
  const rows = [];
  for (let i = first; i < last; i++) {
    const r = rowAt(i), row = make('div', 'store-row');
    row.role = 'row';
    row.id = `row-${i}`;
    row.style.top = `${i * ROW}px`;
    row.setAttribute('aria-rowindex', i + 2);
    row.setAttribute('aria-selected', i === active);
    for (const [name] of columns) {
      row.append(make('span', name, r ? shown[name](r) : '…'));
      row.lastChild.role = 'gridcell';
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
  api.adjust({f: JSON.stringify(filters())});
  draw();
  attempt(() => fetchPage(0));
}

async function openRow(i) {
  await fetchPage(Math.floor(i / PAGE));
  if (rowAt(i)) await openExample(rowAt(i).result);
}

// ---------------------------------------------------------------- one example

// As a trace, so that the maps show it: what a store does not have is not defined.
function asTrace(got) {
  const first = name => got.values.find(v => v.quantity === name)?.x[0] ?? null;
  const tokens = (got.maps[0]?.tokens || []).map(text => ({text})), nothing = ie => ie.map(row => row.map(() => null));
  return {
    prompt: {tokens}, clean: {p: first('clean p')}, corrupt: {p: first('corrupted p')},
    grids: got.maps.map(m => ({
      site: m.site.split(',')[0], window: m.window, direction: m.site.includes('noise') ? 'noise' : 'denoise', groups: null,
      layers: m.ie.map((_, l) => m.first + l), positions: m.tokens.map((_, i) => i), ie: m.ie,
      p: nothing(m.ie), kl: nothing(m.ie), logit_diff: nothing(m.ie),
      restoration: m.ie.map(row => row.map(x => first('total effect') ? x / first('total effect') : null))}))};
}

async function openExample(result) {
  const got = await ask('examples', {result: String(result)}), e = got.example;
  api.step({ex: `${run}.${result}` + (store ? `.${store}` : '')});
  const picture = e.image ? `, ${e.image}` : '';
  $('store-example').textContent = `Line ${e.line}${picture}: ${e.question ?? ''} ${e.answer ? `Answered: ${e.answer}.` : ''} ` +
    `${e.dropped ? `Dropped: ${e.reason}` : ''} ${e.effect === undefined ? '' : `${got.what === 'trace' ? 'Total effect' : 'Number'} ${number(e.effect)}.`} As it was measured; nothing is computed.`;
  $('results').hidden = !got.maps.length;
  $('tabs').hidden = true;
  if (got.maps.length) map.show(asTrace(got));
  $('store-values').replaceChildren(table('As measured', ['number', 'place', 'window', 'value'], got.values.map(v =>
    [v.quantity, v.place, v.window || '', v.x]), {file: `example-${e.line}`}));
  $('store-values-box').hidden = false;
}

// ---------------------------------------------------------------- the run as a whole

const between = x => x.lo === null || x.hi === null ? number(x.value) : `${number(x.value)} (${number(x.lo)} to ${number(x.hi)})`;

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

// Each is made when it is opened, and again for another run.
const wholes = {
  async means() {
    const a = await ask('average', {least: $('store-least').value});
    return [a.sample.used < 10 && 'Fewer than ten examples: the intervals are rough.',
      table(`${a.title}: means over ${a.sample.used} examples`, ['number', 'mean', '95 % from', 'to'], a.numbers.map(n => [n.name, n.value, n.lo, n.hi]), {file: `means-${run}`}),
      ...a.charts.map(drawChart)];
  },
  async auroc() {
    const {scores} = await ask('auroc', {});
    return [scores.some(s => Math.min(s.right, s.wrong) < 10) && 'Fewer than ten right or wrong answers: it says little.',
      table('Chance that a right answer has the higher number than a wrong one', ['number', 'right', 'wrong', 'AUROC', '95 % from', 'to'],
        scores.map(({quantity, place, right, wrong, auroc}) => [[quantity, place].filter(Boolean).join(', '), right, wrong, auroc.value ?? 'not defined', auroc.lo, auroc.hi]), {file: `auroc-${run}`})];
  }};

async function showWhole(name) {
  const of = [store, run].join(), [warning, ...parts] = await wholes[name]();
  if (of !== [store, run].join()) return; // another is wanted by now
  $(`aggregate-${name}`).replaceChildren(...warning ? [make('p', 'hint', warning)] : [], ...parts);
}

function renewWholes() {
  for (const name of Object.keys(wholes)) {
    $(`aggregate-${name}`).replaceChildren();
    if ($(`aggregate-${name}-box`).open && run) attempt(() => showWhole(name));
  }
}

async function select() {
  const got = await ask('sql', {sql: $('sql').value});
  const said = got.more ? `the first ${got.rows.length} rows` : `${got.rows.length} rows`;
  $('sql-rows').replaceChildren(table(said, got.columns, got.rows, {file: 'rows'}));
  $('sql-said').textContent = said;
}

// ---------------------------------------------------------------- beginning

async function showRuns(names) {
  const kept = api.read(), select = $('store-run');
  const [of, , from = '0'] = kept.ex ? kept.ex.split('.') : [kept.f && JSON.parse(kept.f).run, '', kept.f && JSON.parse(kept.f).store];
  select.replaceChildren();
  for (const [i, name] of names.entries()) {
    const list = (await api.store('runs', {store: String(i)})).runs;
    select.append(...list.map(r => new Option(`${names.length > 1 ? name + ', ' : ''}${r.run}: ${r.what}, ${r.used} examples, ${r.dropped} dropped`, `${r.run}.${i}`)));
  }
  const wanted = `${of}.${from}`;
  select.value = [...select.options].some(o => o.value === wanted) ? wanted : select.options[select.length - 1]?.value;
  choose();
}

function choose() {
  [run, store] = $('store-run').value.split('.').map(Number);
  renewWholes();
}

export async function begin(names) {
  $('store').hidden = false;
  await showRuns(names);
  const kept = api.read();
  if (kept.f) {
    const f = JSON.parse(kept.f);
    $('store-text').value = f.text || '';
    $('store-which').value = f.which || 'all';
    $('store-least').value = f.least || '';
    sort = f.sort || 'line';
  }
  $('store-head').replaceChildren(...columns.map(([by, name]) => {
    const button = make('button', by);
    button.type = 'button';
    button.role = 'columnheader';
    button.dataset.sort = by;
    button.dataset.name = name;
    button.addEventListener('click', () => { sort = sort === by ? '-' + by : by; renew(); });
    return button;
  }));
  let timer = 0;
  for (const id of ['store-text', 'store-least']) $(id).addEventListener('input', () => { clearTimeout(timer); timer = setTimeout(renew, 150); });
  $('store-which').addEventListener('change', renew);
  $('store-run').addEventListener('change', () => { choose(); renew(); });
  $('store-least').addEventListener('change', renewWholes); // the means are of those examples
  for (const name of Object.keys(wholes)) $(`aggregate-${name}-box`).addEventListener('toggle', e => { if (e.target.open && run) attempt(() => showWhole(name)); });
  $('sql-form').addEventListener('submit', e => {
    e.preventDefault();
    attempt(select);
  });
  $('sql').addEventListener('keydown', e => { if (e.key === 'Enter' && (e.ctrlKey || e.metaKey)) attempt(select); });
  const list = $('store-list');
  list.addEventListener('scroll', () => requestAnimationFrame(draw));
  list.addEventListener('click', e => {
    const row = e.target.closest('.store-row');
    if (!row) return;
    active = Number(row.id.slice(4));
    draw();
    attempt(() => openRow(active));
  });
  list.addEventListener('keydown', e => {
    const to = {ArrowDown: active + 1, ArrowUp: active - 1, PageDown: active + 10, PageUp: active - 10, Home: 0, End: total - 1}[e.key];
    if (e.key === 'Enter') attempt(() => openRow(active));
    if (to === undefined) return;
    e.preventDefault();
    active = Math.min(Math.max(to, 0), Math.max(total - 1, 0));
    const top = active * ROW;
    if (top < list.scrollTop) list.scrollTop = top;
    if (top + ROW > list.scrollTop + list.clientHeight) list.scrollTop = top + ROW - list.clientHeight;
    draw();
  });
  $('store-csv').addEventListener('click', () => attempt(async () => save(await api.storeCsv(store, run), `run-${run}.csv`)));
  $('store-json').addEventListener('click', () => attempt(async () => save(new Blob([JSON.stringify(await everyRow())]), `examples-${run}.json`)));
  renew();
  if (kept.ex) await openExample(Number(kept.ex.split('.')[1]));
}
