// What is drawn: colours of numbers, maps of cells, curves over layers.
// A map is one pixel a cell, blown up without smoothing.  Patterns say what colour must not say alone.
import {make} from './work.js';

// Effects of both signs: zero in the middle.  Probabilities: monotone in lightness.  On dark paper what is strong is light.
export const dark = matchMedia('(prefers-color-scheme: dark)');
const day = {paper: [255, 255, 255],
  signed: [[5, 60, 125], [52, 116, 177], [128, 175, 215], [206, 224, 238], [247, 247, 247], [252, 224, 190], [244, 177, 103], [216, 118, 28], [138, 62, 0]],
  rising: [[247, 250, 253], [206, 222, 238], [143, 184, 217], [73, 137, 190], [21, 88, 150], [5, 40, 82]]};
const night = {paper: [20, 23, 27],
  signed: [[178, 214, 250], [108, 168, 226], [58, 118, 178], [36, 68, 102], [32, 36, 42], [92, 56, 20], [152, 90, 24], [216, 142, 54], [255, 206, 140]],
  rising: [[32, 36, 42], [34, 62, 94], [40, 100, 150], [82, 148, 198], [152, 198, 230], [224, 240, 252]]};
const now = () => dark.matches ? night : day;

function between(table, share) {
  const at = Math.min(Math.max(share, 0), 1) * (table.length - 1), i = Math.min(Math.floor(at), table.length - 2);
  return table[i].map((c, k) => Math.round(c + (table[i + 1][k] - c) * (at - i)));
}

const paper = () => now().paper;
export const ofEffect = (x, limit) => between(now().signed, limit > 0 ? 0.5 + x / limit / 2 : 0.5);
export const ofShare = (x, limit) => between(now().rising, limit > 0 ? x / limit : 0);
// The same in 512 steps, as the four bytes of a point.
const bytes = rgb => rgb.reduce((all, c, k) => all + c * 2 ** (8 * k), 255 * 2 ** 24);
const steps = table => Uint32Array.from({length: 512}, (_, i) => bytes(between(table, i / 511)));
function palette(both) {
  const tables = now().steps ||= [steps(now().rising), steps(now().signed)], table = tables[Number(both)];
  return (x, limit) => table[Math.min(511, Math.max(0, Math.round(511 * (limit > 0 ? both ? 0.5 + x / limit / 2 : x / limit : both ? 0.5 : 0))))];
}

export const css = rgb => `rgb(${rgb.join(' ')})`;

// Black or white, whichever is read more easily on it (WCAG 2).
export function ink(rgb) {
  const [r, g, b] = rgb.map(c => c / 255).map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.179 ? '#000' : '#fff';
}

// ---------------------------------------------------------------- maps

export const WIDTH = 18;

function tile(height, draw) {
  const canvas = new OffscreenCanvas(WIDTH, height);
  draw(canvas.getContext('2d'), height);
  return canvas;
}

const stroke = (context, colour, ...points) => {
  context.strokeStyle = colour;
  context.beginPath();
  points.forEach(([x, y], i) => { if (i % 2) context.lineTo(x, y); else context.moveTo(x, y); });
  context.stroke();
};

const marks = {
  hatch: (c, h) => { stroke(c, 'rgb(255 255 255 / .85)', [0, h], [WIDTH, 0]); stroke(c, 'rgb(0 0 0 / .45)', [1, h + 1], [WIDTH + 1, 1]); },
  dash: (c, h) => stroke(c, '#8a8f98', [5, h / 2], [WIDTH - 6, h / 2]),
  cross: (c, h) => stroke(c, '#8a8f98', [4, 3], [WIDTH - 5, h - 4], [4, h - 4], [WIDTH - 5, 3]),
  grid: (c, h) => { c.fillStyle = css(paper()); c.fillRect(WIDTH - 1, 0, 1, h); c.fillRect(0, h - 1, WIDTH, 1); }};

function pixels(image) {
  const canvas = new OffscreenCanvas(image.width, image.height);
  canvas.getContext('2d').putImageData(image, 0, 0);
  return canvas;
}

const kindOf = ({grid, column}, l, x) => grid.skipped?.[l]?.[column] ? 'dash' : x === null ? 'cross' : grid.exact && !grid.exact[l][column] ? 'hatch' : '';

// Of a map of very many rows four points a cell: marks are two of them, in one picture.
const points = {'': [0, 0, 0, 0], hatch: [0, 1, 1, 0], dash: [0, 0, 2, 2], cross: [2, 0, 0, 2]};

function drawMany(map, value, signed, limit) {
  const {canvas, layers, rows} = map, w = 2 * layers.length, image = new ImageData(w, 2 * rows.length);
  const out = new Uint32Array(image.data.buffer), colours = palette(signed), others = [0, 0xffffffff, 0xff988f8a];
  rows.forEach((row, r) => layers.forEach((_, l) => {
    const x = value(row, l), mark = points[kindOf(row, l, x)], at = 2 * r * w + 2 * l;
    const colour = x === null ? bytes(paper()) : colours(x, limit);
    for (let k = 0; k < 4; k++) out[at + (k >> 1) * w + (k & 1)] = mark[k] ? others[mark[k]] : colour;
  }));
  map.base = pixels(image);
  canvas.getContext('2d').imageSmoothingEnabled = false;
}

// Everything of a map but what is pointed at, once for each change of its numbers.
export function drawBase(map, value, signed, limit) {
  const {canvas, cell, layers, rows} = map, image = new ImageData(layers.length, rows.length);
  canvas.width = layers.length * WIDTH;
  canvas.height = rows.length * cell;
  if (cell < 8) {
    drawMany(map, value, signed, limit);
    return;
  }
  rows.forEach((row, r) => layers.forEach((_, l) => {
    const i = 4 * (r * layers.length + l), x = value(row, l);
    const rgb = x === null ? paper() : signed ? ofEffect(x, limit) : ofShare(x, limit);
    image.data.set([...rgb, 255], i);
  }));
  map.base = new OffscreenCanvas(canvas.width, canvas.height);
  const context = map.base.getContext('2d');
  context.imageSmoothingEnabled = false;
  context.drawImage(pixels(image), 0, 0, canvas.width, canvas.height);
  const patterns = {};
  for (const name of Object.keys(marks)) patterns[name] = context.createPattern(tile(cell, marks[name]), 'repeat');
  rows.forEach((row, r) => layers.forEach((_, l) => {
    for (const name of [kindOf(row, l, value(row, l)), 'grid']) {
      context.fillStyle = patterns[name];
      if (name) context.fillRect(l * WIDTH, r * cell, WIDTH, cell);
    }
  }));
}

// A frame in two tones, seen on any colour.
export function frame(context, colours, x, y, w, h) {
  context.lineWidth = 2;
  colours.forEach((colour, i) => {
    context.strokeStyle = colour;
    context.strokeRect(x + 2 * i, y + 2 * i, w - 4 * i, h - 4 * i);
  });
  context.lineWidth = 1;
}

export function ring(map, s) {
  const context = map.canvas.getContext('2d'), x = s.layer * WIDTH + WIDTH / 2 - 0.5, y = s.row * map.cell + map.cell / 2 - 0.5;
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

// ---------------------------------------------------------------- curves

const SVG = 'http://www.w3.org/2000/svg', W = 520, H = 220, LEFT = 62, BOTTOM = 30;
const dashes = ['', '7 3', '2 3', '9 3 2 3', '12 4'];

function svg(name, attributes, text) {
  const e = document.createElementNS(SVG, name);
  for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, v);
  if (text !== undefined) e.textContent = text;
  return e;
}

const line = (i, more) => ({class: `series s${i % 5}`, 'stroke-dasharray': dashes[i % 5], ...more});

// curves: {y, lo, hi, said}, a band where lo and hi are there.  ticks: of the y axis, from the lowest to the highest.
// level: a dotted line; mark: an upright one.  Returns the chart, whose at() is where the mouse is, and its legend.
export function curves({layers, ticks, curves: all, level, mark}) {
  const low = ticks[0], high = ticks.at(-1), last = Math.max(1, layers.length - 1), every = last > 16 ? 4 * Math.ceil(last / 64) : 2;
  const x = i => LEFT + i / last * (W - LEFT), y = v => H - (v - low) / (high - low) * (H - 10);
  const chart = svg('svg', {viewBox: `0 0 ${W + 10} ${H + BOTTOM}`, class: 'chart', role: 'img'}), legend = make('ul', 'legend');
  for (const v of ticks) {
    chart.append(svg('line', {x1: LEFT, x2: W, y1: y(v), y2: y(v), class: 'rule'}), svg('text', {x: LEFT - 6, y: y(v) + 4, 'text-anchor': 'end'}, Number(v.toPrecision(3))));
  }
  layers.forEach((layer, i) => {
    if (i % every === 0) chart.append(svg('text', {x: x(i), y: H + 18, 'text-anchor': 'middle'}, layer));
  });
  if (mark !== undefined) chart.append(svg('line', {x1: x(mark), x2: x(mark), y1: 4, y2: H, class: 'mark'}));
  if (level !== undefined) chart.append(svg('line', {x1: LEFT, x2: W, y1: y(level), y2: y(level), class: 'clean'}));
  all.forEach((k, i) => {
    const there = layers.map((_, l) => l).filter(l => k.y[l] !== null), sure = k.lo ? there.filter(l => k.lo[l] !== null && k.hi[l] !== null) : [];
    const band = [...sure.map(l => `${x(l)},${y(k.hi[l])}`), ...sure.reverse().map(l => `${x(l)},${y(k.lo[l])}`)];
    if (band.length) chart.append(svg('polygon', {points: band.join(' '), class: `band s${i % 5}`}));
    chart.append(svg('polyline', line(i, {points: there.map(l => `${x(l)},${y(k.y[l])}`).join(' ')})));
    const item = make('li'), sample = svg('svg', {width: 36, height: 8});
    sample.append(svg('line', line(i, {x1: 0, x2: 36, y1: 4, y2: 4})));
    item.append(sample, ` ${k.said}`);
    legend.append(item);
  });
  chart.at = e => {
    const box = chart.getBoundingClientRect(), i = Math.round(((e.clientX - box.left) / box.width * (W + 10) - LEFT) / (W - LEFT) * last);
    return Math.min(Math.max(i, 0), last);
  };
  chart.setAttribute('aria-label', [...legend.children].map(i => i.textContent.trim()).join('; '));
  return [chart, legend];
}
