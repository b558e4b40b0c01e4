// What the model answers with a cell restored; and the image's way: flow, lens, knockout.
import * as api from './api.js';
import {current} from './map.js';
import {css, curves, frame, ink, ofShare} from './paint.js';
import {asked, readable} from './question.js';
import {$, attempt, make, number, table} from './work.js';

// ---------------------------------------------------------------- cells

let pinned = [], round = 0;

// The first candidates as bars.
export function bars(title, top, target = undefined) {
  const box = make('div', 'bars');
  box.append(make('h3', '', title), ...top.map(t => {
    const row = make('div', t.id === target ? 'target' : ''), bar = make('div', 'bar');
    bar.append(make('div'));
    bar.firstChild.style.width = `${100 * t.p}%`;
    row.append(make('span', '', readable(t.text).trim() || '␣'), bar, make('span', '', number(t.p)));
    return row;
  }));
  return box;
}

// Of the question that was traced, which may not be the one that is typed by now.
const fieldsOf = (t, cell) => ({
  ...t.about, corrupt: t.request.corrupt, site: cell.site,
  layers: String(cell.layer), positions: $('cell-where').value || cell.positions,
  window: $('cell-window').value || String(cell.window), direction: $('cell-way').value || cell.direction,
  seed: t.request.seed === undefined ? '' : String(t.request.seed)});

async function draw() {
  const mine = ++round, t = current(), began = performance.now();
  $('pinned').hidden = !pinned.length;
  if (!pinned.length) return;
  const got = await Promise.all(pinned.map(cell => api.run('ask', fieldsOf(t, cell))));
  if (mine !== round) return; // another cell is pinned by now
  const target = t.target.ids[0];
  $('restored').replaceChildren(...got.map(({value}, i) => {
    const from = value.request.direction === 'noise' ? 'with noise there' : 'restored';
    const box = bars(`${from}: ${readable(value.answer)}`, value.steps[0].top, target);
    box.prepend(make('p', 'hint', pinned[i].sentence));
    return box;
  }));
  $('pinned').dataset.ms = (performance.now() - began).toFixed(1);
  $('pinned-said').textContent = `The model would answer ${got.map(g => `“${readable(g.value.answer)}”`).join(' and ')}; ` +
    `corrupted it begins “${readable(t.corrupt.top[0].text).trim()}”, clean “${readable(t.clean.top[0].text).trim()}”.`;
  $('cell-command').textContent = api.shown(got.at(-1).value.command, asked.name);
}

export function judge(t, guessed) {
  const pairs = [];
  t.grids.forEach((g, i) => g.positions && g.ie.forEach((row, l) => row.forEach((x, c) => {
    const e = guessed?.[i]?.[l]?.[c];
    if (x !== null && e !== null && e !== undefined && !g.skipped?.[l]?.[c]) pairs.push([Math.abs(e), Math.abs(x)]);
  })));
  if (pairs.length < 30) return '';
  const rank = k => {
    const order = pairs.map((_, i) => i).sort((a, b) => pairs[b][k] - pairs[a][k]), at = [];
    order.forEach((i, place) => { at[i] = place; });
    return at;
  };
  const [e, x] = [rank(0), rank(1)], n = pairs.length, d = e.reduce((sum, r, i) => sum + (r - x[i]) ** 2, 0);
  const missed = x.filter((r, i) => r < 20 && e[i] >= 20).length;
  return `Estimates had ranked them with a correlation of ${(1 - 6 * d / (n * (n * n - 1))).toFixed(2)} and missed ${missed} of the strongest 20.`;
}

// What is pinned, at most two cells.
export function askCells(list) {
  pinned = list;
  attempt(draw);
}

export function listenToCells() {
  for (const id of ['cell-window', 'cell-where', 'cell-way']) $(id).addEventListener('change', () => attempt(draw));
}

// ---------------------------------------------------------------- flow

// What each patch gives to the constraint's last token in a layer: contribution or attention.
function patches(flow, what, layer) {
  const outside = flow.summary.find(p => p.outside);
  if (outside) return (what === 'attention' ? outside.weights : outside.profile)[layer];
  const image = flow.prompt.image, last = flow.constraints.at(-1), query = flow.to.indexOf(last.first + last.count - 1);
  const runs = image.runs || [[image.first, image.first + image.count]];
  return runs.flatMap(([from, to]) => flow[what][layer][query].slice(from, to));
}

// The number of a cell's patch; of tiles, each has one of the whole tile before its own.
function place(v, row, col) {
  if (!v.tile) return v.first + row * (v.cols + v.breaks) + col;
  const tile = Math.floor(row / v.tile) * (v.cols / v.tile) + Math.floor(col / v.tile), head = v.bare ? 0 : 1;
  return v.first + tile * (v.tile * v.tile + head) + head + row % v.tile * v.tile + col % v.tile;
}

// The cells of every view of the picture, each with its number's share of one of the last view's cells.
function cells(image) {
  const last = image.views.findLast(v => v.rows * v.cols > 0);
  return image.views.flatMap(v => Array.from({length: v.rows * v.cols}, (_, i) => {
    const row = Math.floor(i / v.cols), col = i % v.cols;
    return {view: v, row, col, at: place(v, row, col), part: v.rows * v.cols / (last.rows * last.cols)};
  }));
}

function where(image, at) {
  const cell = cells(image).find(c => c.at === at), view = image.views.length > 1 && cell ? ` of the ${cell.view.name}` : '';
  return cell ? `row ${cell.row + 1}, column ${cell.col + 1}${view}` : 'a position without a place';
}

function paintPatches(canvas, flow, shown, limit) {
  const image = flow.prompt.image, side = 320, context = canvas.getContext('2d');
  canvas.width = side;
  canvas.height = Math.round(side * (image.rows && image.cols ? image.rows / image.cols : 1));
  context.filter = 'grayscale(1)';
  if (asked.bitmap && image.source_count > 0) { // in the corner of a canvas of tiles
    const fit = Math.min(canvas.width / asked.bitmap.width, canvas.height / asked.bitmap.height);
    context.drawImage(asked.bitmap, 0, 0, asked.bitmap.width * fit, asked.bitmap.height * fit);
  } else if (asked.bitmap) context.drawImage(asked.bitmap, 0, 0, canvas.width, canvas.height);
  context.filter = 'none';
  context.fillStyle = 'rgb(255 255 255 / .35)';
  context.fillRect(0, 0, canvas.width, canvas.height);
  for (const c of cells(image)) {
    const share = limit > 0 ? shown[c.at] / limit * c.part : 0, w = canvas.width / c.view.cols, h = canvas.height / c.view.rows;
    context.fillStyle = `rgb(138 62 0 / ${(0.85 * share).toFixed(3)})`;
    context.fillRect(c.col * w, c.row * h, w, h);
  }
}

function slider(id, text, most, value) {
  const label = make('label', '', text), range = make('input');
  range.type = 'range';
  range.id = label.htmlFor = id;
  range.max = most;
  range.value = value;
  return [label, range, make('output')];
}

// The brush is one patch: pointed at in the picture, in the profile, or moved by its slider, and seen in all three.
export function drawFlow(view, flow) {
  if (!flow.prompt.image) {
    view.replaceChildren(make('p', '', 'There is no picture: nothing flows from one.'));
    return;
  }
  const kept = api.read(), choice = make('select'), canvas = make('canvas', 'patches'), note = make('p', 'hint'), profile = make('div');
  const share = flow.summary.find(p => p.from === 'image' && p.to.startsWith('constraint'))?.top_share;
  const totals = flow.layers.map((_, l) => patches(flow, 'contribution', l).reduce((a, b) => a + b, 0));
  const [layerLabel, slide, said] = slider('flow-layer', 'Layer', flow.layers.length - 1, kept.lay ?? totals.indexOf(Math.max(...totals)));
  const count = patches(flow, 'contribution', 0).length, [brushLabel, brush, brushed] = slider('flow-patch', 'Patch', count - 1, kept.b ?? 0);
  for (const [value, text] of [['contribution', 'contribution (value-weighted)'], ['attention', 'attention alone']]) choice.add(new Option(text, value));
  choice.setAttribute('aria-label', 'What is painted');
  canvas.setAttribute('role', 'img');
  let shown, limit, isBrushed = kept.b !== undefined;
  const mark = () => {
    const top = Math.max(limit, 1e-12), at = Number(brush.value), place = cells(flow.prompt.image).find(c => c.at === at);
    paintPatches(canvas, flow, shown, limit);
    profile.replaceChildren(...curves({layers: shown.map((_, i) => i), ticks: [0, top / 2, top], mark: isBrushed ? at : undefined,
      curves: [{y: shown, said: 'each row of the picture in the sequence, from the first to the last'}]}));
    brushed.textContent = isBrushed ? `${where(flow.prompt.image, at)}: ${number(shown[at])}` : '';
    if (!isBrushed || !place) return;
    const w = canvas.width / place.view.cols, h = canvas.height / place.view.rows;
    frame(canvas.getContext('2d'), ['#000', '#fff'], place.col * w, place.row * h, w, h);
  };
  const draw = () => {
    const layer = Number(slide.value), what = choice.value;
    limit = Math.max(...flow.layers.flatMap((_, l) => patches(flow, what, l)));
    shown = patches(flow, what, layer);
    const sum = shown.reduce((a, b) => a + b, 0), most = shown.indexOf(Math.max(...shown));
    said.textContent = String(flow.layers[layer]);
    canvas.setAttribute('aria-label', `layer ${flow.layers[layer]}: sum ${number(sum)}; most from ${where(flow.prompt.image, most)}`);
    note.textContent = `${what === 'attention' ? 'Attention' : 'Contribution'} from the picture to the constraint's last token in layer ${flow.layers[layer]}: ${number(sum)} in all, ${number(shown[most])} from the strongest patch${share === undefined ? '' : `, ${Math.round(100 * share[layer])} % from the strongest 5 %`}. One scale for all layers: full colour is ${number(limit)}.`;
    api.adjust({lay: slide.value});
    mark();
  };
  const put = at => {
    isBrushed = true;
    if (at !== undefined) brush.value = at;
    api.adjust({b: brush.value});
    mark();
  };
  slide.addEventListener('input', draw);
  choice.addEventListener('change', draw);
  brush.addEventListener('input', () => put());
  profile.addEventListener('pointermove', e => { if (profile.firstChild.contains(e.target)) put(profile.firstChild.at(e)); });
  canvas.addEventListener('pointermove', e => {
    const box = canvas.getBoundingClientRect(), last = cells(flow.prompt.image).findLast(c =>
      c.col === Math.floor((e.clientX - box.left) / box.width * c.view.cols) && c.row === Math.floor((e.clientY - box.top) / box.height * c.view.rows));
    if (last) put(last.at);
  });
  const line = make('div', 'line'), second = make('div', 'line');
  line.append(layerLabel, slide, said, choice);
  second.append(brushLabel, brush, brushed);
  view.replaceChildren(line, canvas, note, second, profile);
  draw();
}

// ---------------------------------------------------------------- lens

export function drawLens(view, lens) {
  const name = text => readable(text).trim() || '␣', target = readable(lens.target.text).trim();
  const box = table('The most likely word after each layer',
    ['layer', ...lens.positions.map(p => `${p} ${name(lens.prompt.tokens[p].text)}`)],
    lens.layers.map((layer, l) => [layer, ...lens.top.map(at => name(at[l][0].text))]), {named: true});
  [...box.querySelectorAll('tbody tr')].forEach((row, l) => lens.top.forEach((at, k) => {
    const p = lens.p_target[k][l], cell = row.cells[k + 1], colour = ofShare(p, 1);
    cell.title = `${number(at[l][0].p)}; the answer has ${number(p)}, rank ${lens.rank[k][l]}`;
    cell.style.background = css(colour);
    cell.style.color = ink(colour);
  }));
  view.replaceChildren(make('p', 'hint', `As if the layers above added nothing; the darker, the likelier is "${target}".`), box);
}

// ---------------------------------------------------------------- knockout

export function drawKnockout(view, k) {
  const layers = k.pathways[0].layers;
  const drawn = k.pathways.map(way => {
    const lowest = way.p.indexOf(Math.min(...way.p));
    return {y: way.p, said: `${way.from} to ${way.to}: down to ${number(way.p[lowest])} around layer ${way.layers[lowest]}`};
  });
  view.replaceChildren(make('p', 'hint', `p of "${readable(k.target.text).trim()}" with attention cut in a window of ${k.pathways[0].window} layers around each one; the dotted line is the clean run, ${number(k.clean.p)}.`),
    ...curves({layers, ticks: [0, 0.25, 0.5, 0.75, 1], curves: drawn, level: k.clean.p}));
}
