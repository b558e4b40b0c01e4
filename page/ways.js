// How the image's information went: flow over the picture, the lens as words, knockout as lines.
import {curves, make} from './chart.js';
import {css, ink, ofShare} from './colour.js';
import {number} from './map.js';
import {asked, readable} from './question.js';
import * as state from './state.js';

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

function paintPatches(canvas, flow, what, layer, limit) {
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
  const shown = patches(flow, what, layer);
  for (const c of cells(image)) {
    const share = limit > 0 ? shown[c.at] / limit * c.part : 0, w = canvas.width / c.view.cols, h = canvas.height / c.view.rows;
    context.fillStyle = `rgb(138 62 0 / ${(0.85 * share).toFixed(3)})`;
    context.fillRect(c.col * w, c.row * h, w, h);
  }
}

export function drawFlow(view, flow) {
  if (!flow.prompt.image) {
    view.replaceChildren(make('p', '', 'There is no picture: nothing flows from one.'));
    return;
  }
  const line = make('div', 'line'), slider = make('input'), choice = make('select'), said = make('output');
  const label = make('label', '', 'Layer '), canvas = make('canvas', 'patches');
  slider.type = 'range';
  slider.max = flow.layers.length - 1;
  slider.id = 'flow-layer';
  label.htmlFor = slider.id;
  for (const [value, text] of [['contribution', 'contribution (value-weighted)'], ['attention', 'attention alone']]) choice.add(new Option(text, value));
  choice.setAttribute('aria-label', 'What is painted');
  line.append(label, slider, said, choice);
  const draw = () => {
    const limit = Math.max(...flow.layers.flatMap((_, l) => patches(flow, choice.value, l)));
    const layer = Number(slider.value), shown = patches(flow, choice.value, layer);
    const sum = shown.reduce((a, b) => a + b, 0), most = shown.indexOf(Math.max(...shown));
    paintPatches(canvas, flow, choice.value, layer, limit);
    said.textContent = String(flow.layers[layer]);
    canvas.setAttribute('role', 'img');
    canvas.setAttribute('aria-label', `layer ${flow.layers[layer]}: sum ${number(sum)}; most from ${where(flow.prompt.image, most)}`);
    note.textContent = `${choice.value === 'attention' ? 'Attention' : 'Contribution'} from the picture to the constraint's last token in layer ${flow.layers[layer]}: ${number(sum)} in all, ${number(shown[most])} from the strongest patch${share === undefined ? '' : `, ${Math.round(100 * share[layer])} % from the strongest 5 %`}. One scale for all layers: full colour is ${number(limit)}.`;
    const top = Math.max(limit, 1e-12);
    profile.replaceChildren(...curves({layers: shown.map((_, i) => i), ticks: [0, top / 2, top], curves: [{y: shown, said: 'each row of the picture in the sequence, from the first to the last'}]}));
    state.adjust({lay: slider.value});
  };
  const note = make('p', 'hint'), profile = make('div');
  const share = flow.summary.find(p => p.from === 'image' && p.to.startsWith('constraint'))?.top_share;
  const totals = flow.layers.map((_, l) => patches(flow, 'contribution', l).reduce((a, b) => a + b, 0));
  slider.value = state.read().lay ?? totals.indexOf(Math.max(...totals));
  slider.addEventListener('input', draw);
  choice.addEventListener('change', draw);
  view.replaceChildren(line, canvas, note, profile);
  draw();
}

// ---------------------------------------------------------------- lens

export function drawLens(view, lens) {
  const table = make('table', 'lens'), head = table.createTHead().insertRow(), scroll = make('div', 'scroll');
  const name = at => readable(lens.prompt.tokens[at].text).trim() || '␣';
  for (const text of ['layer', ...lens.positions.map(p => `${p} ${name(p)}`)]) {
    const cell = make('th', '', text);
    cell.scope = 'col';
    head.append(cell);
  }
  const body = table.createTBody();
  lens.layers.forEach((layer, l) => {
    const row = body.insertRow(), first = make('th', '', String(layer));
    first.scope = 'row';
    row.append(first);
    lens.positions.forEach((_, k) => {
      const best = lens.top[k][l][0], p = lens.p_target[k][l], cell = row.insertCell(), colour = ofShare(p, 1);
      cell.textContent = readable(best.text).trim() || '␣';
      cell.title = `${number(best.p)}; the answer has ${number(p)}, rank ${lens.rank[k][l]}`;
      cell.style.background = css(colour);
      cell.style.color = ink(colour);
    });
  });
  scroll.append(table);
  view.replaceChildren(make('p', 'hint', `The most likely word after each layer, as if the rest added nothing; the darker, the likelier is "${readable(lens.target.text).trim()}".`), scroll);
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
