// The maps of a trace: tokens down, layers across, one for each site, all on one scale.
import * as api from './api.js';
import {dark, drawBase, frame, ring, WIDTH} from './paint.js';
import {readable} from './question.js';
import {$, make, number, panel, panels, table} from './work.js';

const TALL = 18, MOST_ROWS = 60, SMALLEST = 1e-9;

let trace = null, metric = 'ie', maps = [], limit = 0;
let here = null, pinned = null, other = null; // {map, row, layer}; other: beside the pinned one
let onPin = () => {};

const names = {ie: 'indirect effect', restoration: 'restoration', p: 'p of the answer', kl: 'KL from the clean run'};
const isSigned = () => metric === 'ie' || metric === 'restoration';
// The grids over single positions and over groups of one site belong together: groups stand below.
function gather(t) {
  const found = new Map();
  for (const grid of t.grids) {
    const key = [grid.site, grid.window, grid.direction].join(' ');
    if (!found.has(key)) found.set(key, {site: grid.site, window: grid.window, direction: grid.direction, layers: grid.layers, rows: [], cell: TALL});
    const map = found.get(key), columns = grid.positions || grid.groups;
    columns.forEach((name, column) => map.rows.push({
      grid, column, group: !grid.positions,
      label: grid.positions ? readable(t.prompt.tokens[name].text).trim() || '␣' : name,
      place: grid.positions ? `position ${name}, ` : 'group '}));
  }
  for (const map of found.values())
    if (map.rows.length > MOST_ROWS) map.cell = Math.max(3, Math.floor(MOST_ROWS * TALL / map.rows.length));
  return [...found.values()];
}

const value = (row, layer) => row.grid[metric]?.[layer]?.[row.column] ?? null;

export const current = () => trace;

function scale() {
  limit = 0;
  for (const map of maps)
    for (const row of map.rows)
      map.layers.forEach((_, l) => { limit = Math.max(limit, Math.abs(value(row, l) ?? 0)); });
  if (metric === 'p') limit = 1;
}

function paint(map) {
  map.canvas.getContext('2d').drawImage(map.base, 0, 0, map.canvas.width, map.canvas.height);
  for (const [at, colour] of [[here, '#000'], [pinned, '#7a0177'], [other, '#00441b']])
    if (at?.map === map) frame(map.canvas.getContext('2d'), [colour, '#fff'], at.layer * WIDTH, at.row * map.cell, WIDTH - 1, map.cell - 1);
  if (map.cell >= 14) strongest.filter(s => s.map === map).forEach(s => ring(map, s));
}

let strongest = [];

// The five strongest, without sorting: maps may have many thousands.
function rank() {
  strongest = [];
  for (const map of maps)
    map.rows.forEach((row, r) => row.group || map.layers.forEach((_, l) => {
      const x = value(row, l);
      if (x === null || Math.abs(x) <= SMALLEST || row.grid.skipped?.[l]?.[row.column]) return;
      if (strongest.length === 5 && Math.abs(x) <= Math.abs(strongest[4].x)) return;
      let i = strongest.length;
      while (i > 0 && Math.abs(strongest[i - 1].x) < Math.abs(x)) i--;
      strongest.splice(i, 0, {map, row: r, layer: l, x});
      strongest.length = Math.min(strongest.length, 5);
    }));
  strongest.forEach((s, i) => { s.rank = i + 1; });
  $('strongest').replaceChildren(...strongest.map(s => make('li', '', sentence(s))));
  for (const map of maps) {
    const best = strongest.find(s => s.map === map);
    map.canvas.setAttribute('aria-label', `${map.name}: ${map.rows.length} tokens and groups, ${map.layers.length} layers` +
      `${best ? `; strongest ${sentence(best)}` : ''}. The tab Numbers has it as a table.`);
  }
}

const isExact = at => !at.map.rows[at.row].grid.exact || at.map.rows[at.row].grid.exact[at.layer][at.map.rows[at.row].column];

function sentence(at) {
  const row = at.map.rows[at.row], x = value(row, at.layer);
  const same = row.grid.skipped?.[at.layer]?.[row.column];
  return `${at.map.site}, layer ${at.map.layers[at.layer]}, ${row.place}${row.label}: ${names[metric]} ` +
    `${isSigned() && x > 0 ? '+' : ''}${number(x)}${same ? ', the same by construction' : isExact(at) ? '' : ', an estimate'}`;
}

function say() {
  const at = pinned || here;
  if (!at) {
    $('cell').textContent = 'Point at a cell; Enter or a click pins it, Escape lets it go.';
    return;
  }
  const row = at.map.rows[at.row], of = name => row.grid[name]?.[at.layer]?.[row.column];
  $('cell').textContent = `${pinned ? 'Pinned: ' : ''}${sentence(at)}. p ${number(trace.corrupt.p)} corrupted, ` +
    `${number(of('p'))} restored, ${number(trace.clean.p)} clean; restoration ${number(of('restoration'))}; KL from the clean run ${number(of('kl'))}; ` +
    `logit difference ${number(of('logit_diff'))}.`;
}

function repaint() {
  maps.forEach(paint);
  say();
}

// ---------------------------------------------------------------- elements

function labels(map) {
  const box = make('div', 'row-labels');
  map.rows.forEach((row, r) => {
    const label = make('div', row.group ? 'group' : '', r % Math.ceil(14 / map.cell) === 0 ? row.label : '');
    label.style.height = `${map.cell}px`;
    box.append(label);
  });
  return box;
}

function layerLabels(map) {
  const box = make('div', 'layer-labels'), every = map.layers.length > 16 ? 8 : map.layers.length > 8 ? 4 : 2;
  box.append(...map.layers.map((layer, l) => make('span', '', l % every === 0 ? layer : '')));
  return box;
}

function element(map, i) {
  const figure = make('figure'), box = make('div', 'frame'), scroll = make('div', 'scroll');
  map.name = map.site + (map.window > 1 ? `, window ${map.window}` : '') + (map.direction === 'noise' ? ', noise' : '');
  map.canvas = make('canvas');
  map.canvas.tabIndex = i === 0 ? 0 : -1;
  map.canvas.setAttribute('role', 'application');
  map.canvas.setAttribute('aria-roledescription', 'heat map');
  scroll.append(map.canvas, layerLabels(map));
  box.append(labels(map), scroll);
  figure.append(make('figcaption', '', map.name), box);
  panel(figure, map.name);
  const at = e => {
    const box = map.canvas.getBoundingClientRect();
    const layer = Math.floor((e.clientX - box.left) / box.width * map.layers.length);
    const row = Math.floor((e.clientY - box.top) / box.height * map.rows.length);
    return layer >= 0 && row >= 0 && layer < map.layers.length && row < map.rows.length ? {map, row, layer} : null;
  };
  map.canvas.addEventListener('pointermove', e => go(at(e)));
  map.canvas.addEventListener('pointerleave', () => go(null));
  map.canvas.addEventListener('click', e => {
    map.canvas.focus();
    pin(at(e), e.shiftKey);
  });
  map.canvas.addEventListener('keydown', e => key(e, map, i));
  return figure;
}

function go(at) {
  if (at?.map === here?.map && at?.row === here?.row && at?.layer === here?.layer) return;
  const before = here;
  here = at;
  for (const map of new Set([before?.map, at?.map])) if (map) paint(map);
  say();
}

function pin(at, beside = false) {
  if (beside && pinned) {
    other = at;
  } else {
    pinned = at;
    other = null;
    api.adjust({cell: at ? [at.map.site, at.map.window, at.map.direction, at.row, at.layer].join('.') : ''});
  }
  repaint();
  if (trace.request) onPin([pinned, other].filter(Boolean).map(about)); // what a store holds cannot be asked
}

// What a job has to be told of a cell.
function about(at) {
  const row = at.map.rows[at.row];
  return {
    site: at.map.site, layer: at.map.layers[at.layer], window: at.map.window, direction: at.map.direction,
    positions: row.grid.positions ? String(row.grid.positions[row.column]) : row.grid.groups[row.column], sentence: sentence(at)};
}

function key(e, map, i) {
  const at = here?.map === map ? here : pinned?.map === map ? pinned : {map, row: 0, layer: 0};
  const last = map.layers.length - 1, bottom = map.rows.length - 1;
  const to = {
    ArrowLeft: [at.row, at.layer - 1], ArrowRight: [at.row, at.layer + 1],
    ArrowUp: [at.row - 1, at.layer], ArrowDown: [at.row + 1, at.layer],
    Home: [e.ctrlKey ? 0 : at.row, 0], End: [e.ctrlKey ? bottom : at.row, last],
    PageUp: [at.row, at.layer - 8], PageDown: [at.row, at.layer + 8]}[e.key];
  const within = (x, most) => Math.min(Math.max(x, 0), most);
  if (to) go({map, row: within(to[0], bottom), layer: within(to[1], last)});
  else if (e.key === 'Enter') pin(at, e.shiftKey);
  else if (e.key === 'Escape') pin(null);
  else if (e.key === '[' || e.key === ']') maps[within(i + (e.key === ']' ? 1 : -1), maps.length - 1)].canvas.focus();
  else if (e.key === 'm') nextMetric();
  else return;
  e.preventDefault();
}

function nextMetric() {
  const select = $('metric');
  select.selectedIndex = (select.selectedIndex + 1) % select.options.length;
  setMetric(select.value);
}

export function setMetric(name) {
  metric = name;
  api.adjust({y: name});
  renew();
}

// After a change of the numbers.
function renew() {
  if (!trace) return;
  scale();
  maps.forEach(map => drawBase(map, value, isSigned(), limit));
  $('scale').textContent = limit < 1e-6 ? 'there is nothing to see: no cell differs'
    : isSigned() ? `blue -${number(limit)}, ${dark.matches ? 'black' : 'white'} 0, orange +${number(limit)}`
    : dark.matches ? `black 0, light ${number(limit)}` : `white 0, dark ${number(limit)}`;
  rank();
  repaint();
}

// [then] is told what is pinned, once for each change.
export function listen(then) {
  onPin = then;
  dark.addEventListener('change', renew);
}

// What a trace that is being made has told so far: itself, or cells of it.
export function part(p) {
  if (!p.grids[0] || !p.grids[0].at) {
    show(p);
    return;
  }
  for (const {grid, at, ...numbers} of p.grids) {
    const g = trace.grids[grid], columns = (g.positions || g.groups).length;
    at.forEach((k, i) => {
      const l = Math.floor(k / columns), c = k % columns;
      for (const name of Object.keys(numbers)) g[name][l][c] = numbers[name][i];
      g.exact[l][c] = true;
    });
  }
  renew();
}

export function show(t) {
  const was = [pinned, other];
  trace = t;
  maps = gather(t);
  here = pinned = other = null;
  $('maps').replaceChildren(...maps.map(element));
  const kept = (api.read().cell || '').split('.');
  const map = maps.find(m => m.site === kept[0] && String(m.window) === kept[1] && m.direction === kept[2]);
  if (map && map.rows[kept[3]] && kept[4] < map.layers.length) pinned = {map, row: Number(kept[3]), layer: Number(kept[4])};
  const beside = pinned && was[1], again = beside && maps.find(m => m.site === beside.map.site && m.rows.length > beside.row);
  if (again) other = {...beside, map: again};
  setMetric($('metric').value);
  if (!pinned || !t.request) onPin([]);
  else if (!was[0]) onPin([about(pinned)]);
  panels();
}

export const tables = () => maps.map(map => table(`${map.name}: ${names[metric]}`, ['token', ...map.layers.map(l => `layer ${l}`)],
  map.rows.map(row => [row.label, ...map.layers.map((_, l) => number(value(row, l)))]), {named: true}));

// Another question, or another model: nothing is known of it.
export function clear() {
  trace = here = pinned = other = null;
  maps = [];
  onPin([]);
}
