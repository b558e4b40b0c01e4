// The maps of a trace: tokens down, layers across, one for each site, all on one scale.
import {css, ofEffect, ofShare} from './colour.js';
import {readable} from './question.js';
import * as state from './state.js';

const $ = id => document.getElementById(id);
const CELL = 18, SMALLEST = 1e-9;

let trace = null, metric = 'ie', maps = [], limit = 0;
let here = null, pinned = null; // {map, row, layer}

const names = {ie: 'indirect effect', restoration: 'restoration', p: 'p of the answer', kl: 'KL from the clean run'};
const isSigned = () => metric === 'ie' || metric === 'restoration';
export const number = x => x === null || x === undefined ? 'not defined'
  : Math.abs(x) >= 0.0005 || x === 0 ? x.toFixed(3) : x.toExponential(1);

// The grids over single positions and over groups of one site belong together: groups stand below.
function gather(t) {
  const found = new Map();
  for (const grid of t.grids) {
    const key = [grid.site, grid.window, grid.direction].join(' ');
    if (!found.has(key)) found.set(key, {site: grid.site, window: grid.window, direction: grid.direction, layers: grid.layers, rows: []});
    const map = found.get(key), columns = grid.positions || grid.groups;
    columns.forEach((name, column) => map.rows.push({
      grid, column, group: !grid.positions,
      label: grid.positions ? readable(t.prompt.tokens[name].text).trim() || '␣' : name,
      place: grid.positions ? `position ${name}, ` : 'group '}));
  }
  return [...found.values()];
}

const value = (row, layer) => row.grid[metric]?.[layer]?.[row.column] ?? null;

function scale() {
  limit = 0;
  for (const map of maps)
    for (const row of map.rows)
      map.layers.forEach((_, l) => { limit = Math.max(limit, Math.abs(value(row, l) ?? 0)); });
  if (metric === 'p') limit = 1;
}

function paint(map) {
  const context = map.canvas.getContext('2d');
  map.canvas.width = map.layers.length * CELL;
  map.canvas.height = map.rows.length * CELL;
  map.rows.forEach((row, r) => map.layers.forEach((_, l) => {
    const x = value(row, l), skipped = row.grid.skipped?.[l]?.[row.column];
    context.fillStyle = x === null ? '#fff' : css(isSigned() ? ofEffect(x, limit) : ofShare(x, limit));
    context.fillRect(l * CELL, r * CELL, CELL - 1, CELL - 1);
    if (!skipped) return;
    context.strokeStyle = '#8a8f98'; // the same as the run it restores, by construction
    context.beginPath();
    context.moveTo(l * CELL + 5, r * CELL + CELL / 2);
    context.lineTo(l * CELL + CELL - 6, r * CELL + CELL / 2);
    context.stroke();
  }));
  outline(map, here, '#000', '#fff');
  outline(map, pinned, '#7a0177', '#fff');
  strongest.filter(s => s.map === map).forEach(s => ring(context, s));
}

function outline(map, at, outer, inner) {
  if (!at || at.map !== map) return;
  const context = map.canvas.getContext('2d');
  for (const [inset, colour] of [[0, outer], [2, inner]]) {
    context.strokeStyle = colour;
    context.lineWidth = 2;
    context.strokeRect(at.layer * CELL + inset, at.row * CELL + inset, CELL - 1 - 2 * inset, CELL - 1 - 2 * inset);
  }
  context.lineWidth = 1;
}

function ring(context, s) {
  const x = s.layer * CELL + CELL / 2 - 0.5, y = s.row * CELL + CELL / 2 - 0.5;
  context.fillStyle = '#fff';
  context.strokeStyle = '#000';
  context.beginPath();
  context.arc(x, y, 6.5, 0, 7);
  context.fill();
  context.stroke();
  context.fillStyle = '#000';
  context.font = '9px sans-serif';
  context.textAlign = 'center';
  context.textBaseline = 'middle';
  context.fillText(s.rank, x, y + 0.5);
}

let strongest = [];

function rank() {
  const all = [];
  for (const map of maps)
    map.rows.forEach((row, r) => map.layers.forEach((_, l) => {
      const x = value(row, l);
      if (!row.group && x !== null && !row.grid.skipped?.[l]?.[row.column]) all.push({map, row: r, layer: l, x});
    }));
  all.sort((a, b) => Math.abs(b.x) - Math.abs(a.x));
  strongest = all.slice(0, 5).filter(s => Math.abs(s.x) > SMALLEST).map((s, i) => ({...s, rank: i + 1}));
  $('strongest').replaceChildren(...strongest.map(s => {
    const item = document.createElement('li');
    item.textContent = sentence(s);
    return item;
  }));
}

function sentence(at) {
  const row = at.map.rows[at.row], x = value(row, at.layer);
  const same = row.grid.skipped?.[at.layer]?.[row.column];
  return `${at.map.site}, layer ${at.map.layers[at.layer]}, ${row.place}${row.label}: ${names[metric]} ` +
    `${isSigned() && x > 0 ? '+' : ''}${number(x)}${same ? ', the same by construction' : ''}`;
}

function say() {
  const at = pinned || here;
  if (!at) {
    $('cell').textContent = 'Point at a cell; Enter or a click pins it, Escape lets it go.';
    return;
  }
  const row = at.map.rows[at.row], of = name => row.grid[name]?.[at.layer]?.[row.column];
  $('cell').textContent = `${pinned ? 'Pinned: ' : ''}${sentence(at)}. p ${number(trace.corrupt.p)} corrupted, ` +
    `${number(of('p'))} restored, ${number(trace.clean.p)} clean; KL from the clean run ${number(of('kl'))}; ` +
    `logit difference ${number(of('logit_diff'))}.`;
}

function repaint() {
  maps.forEach(paint);
  say();
}

// ---------------------------------------------------------------- elements

function labels(map) {
  const box = document.createElement('div');
  box.className = 'row-labels';
  map.rows.forEach((row, r) => {
    const label = document.createElement('div');
    label.textContent = row.label;
    label.className = row.group ? 'group' : '';
    if (row.group && r > 0 && !map.rows[r - 1].group) label.classList.add('first');
    box.append(label);
  });
  return box;
}

function layerLabels(map) {
  const box = document.createElement('div');
  box.className = 'layer-labels';
  const every = map.layers.length > 16 ? 8 : map.layers.length > 8 ? 4 : 2;
  map.layers.forEach((layer, l) => {
    const label = document.createElement('span');
    label.textContent = l % every === 0 ? layer : '';
    box.append(label);
  });
  return box;
}

function element(map, i) {
  const figure = document.createElement('figure'), caption = document.createElement('figcaption');
  caption.textContent = map.site + (map.window > 1 ? `, window ${map.window}` : '') + (map.direction === 'noise' ? ', noise' : '');
  map.canvas = document.createElement('canvas');
  map.canvas.tabIndex = i === 0 ? 0 : -1;
  map.canvas.setAttribute('role', 'application');
  map.canvas.setAttribute('aria-roledescription', 'heat map');
  map.canvas.setAttribute('aria-label', `${caption.textContent}: ${map.rows.length} tokens and groups, ${map.layers.length} layers. The tab Numbers has it as a table.`);
  const frame = document.createElement('div');
  frame.className = 'frame';
  const scroll = document.createElement('div');
  scroll.className = 'scroll';
  scroll.append(map.canvas, layerLabels(map));
  frame.append(labels(map), scroll);
  figure.append(caption, frame);
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
    pin(at(e));
  });
  map.canvas.addEventListener('keydown', e => key(e, map, i));
  return figure;
}

function go(at) {
  here = at;
  repaint();
}

function pin(at) {
  pinned = at;
  if (at) state.adjust({cell: [at.map.site, at.map.window, at.map.direction, at.row, at.layer].join('.')});
  else state.adjust({cell: ''});
  repaint();
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
  else if (e.key === 'Enter') pin(at);
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
  state.adjust({y: name});
  if (!trace) return;
  scale();
  $('scale').textContent = limit < 1e-6 ? 'there is nothing to see: no cell differs'
    : isSigned() ? `blue -${number(limit)}, white 0, orange +${number(limit)}` : `white 0, dark ${number(limit)}`;
  rank();
  repaint();
}

export function show(t) {
  trace = t;
  maps = gather(t);
  here = pinned = null;
  $('maps').replaceChildren(...maps.map(element));
  const kept = (state.read().cell || '').split('.');
  const map = maps.find(m => m.site === kept[0] && String(m.window) === kept[1] && m.direction === kept[2]);
  if (map && map.rows[kept[3]] && kept[4] < map.layers.length) pinned = {map, row: Number(kept[3]), layer: Number(kept[4])};
  setMetric($('metric').value);
}

// The same grids as a real table, for those who do not see the map.
export function table() {
  const box = document.createElement('div');
  box.className = 'scroll';
  for (const map of maps) {
    const t = document.createElement('table'), caption = document.createElement('caption');
    caption.textContent = `${map.site}: ${names[metric]}`;
    const head = t.createTHead().insertRow();
    for (const name of ['token', ...map.layers.map(l => 'layer ' + l)]) {
      const cell = document.createElement('th');
      cell.scope = 'col';
      cell.textContent = name;
      head.append(cell);
    }
    const body = t.createTBody();
    for (const row of map.rows) {
      const line = body.insertRow(), name = document.createElement('th');
      name.scope = 'row';
      name.textContent = row.label;
      line.append(name);
      map.layers.forEach((_, l) => { line.insertCell().textContent = number(value(row, l)); });
    }
    t.prepend(caption);
    box.append(t);
  }
  return box;
}
