// Painting a map: one pixel a cell, blown up without smoothing, so that tens of thousands of cells cost
// a few strokes.  Patterns say what colour must not say alone: estimates are hatched, cells that are the
// same by construction are dashed, cells without a number are crossed.
import {bytes, css, ofEffect, ofShare, palette, paper} from './colour.js';

export const WIDTH = 18;

function tile(width, height, draw) {
  const canvas = new OffscreenCanvas(width, height), context = canvas.getContext('2d');
  draw(context, width, height);
  return canvas;
}

const stroke = (context, colour, ...points) => {
  context.strokeStyle = colour;
  context.beginPath();
  points.forEach(([x, y], i) => { if (i % 2) context.lineTo(x, y); else context.moveTo(x, y); });
  context.stroke();
};

const marks = {
  hatch: (c, w, h) => { stroke(c, 'rgb(255 255 255 / .85)', [0, h], [w, 0]); stroke(c, 'rgb(0 0 0 / .45)', [1, h + 1], [w + 1, 1]); },
  dash: (c, w, h) => stroke(c, '#8a8f98', [5, h / 2], [w - 6, h / 2]),
  cross: (c, w, h) => stroke(c, '#8a8f98', [4, 3], [w - 5, h - 4], [4, h - 4], [w - 5, 3])};

// A pattern where [kind] of a cell is its name: the pattern everywhere, cut out by a mask.
function put(context, map, name) {
  const {canvas, cell, layers, rows} = map, w = layers.length, h = rows.length;
  const mask = new ImageData(w, h);
  let any = false;
  map.kinds.forEach((kind, i) => { if (kind === name) { mask.data[4 * i + 3] = 255; any = true; } });
  if (!any) return;
  const layer = new OffscreenCanvas(canvas.width, canvas.height), l = layer.getContext('2d');
  l.imageSmoothingEnabled = false;
  l.drawImage(pixels(mask), 0, 0, canvas.width, canvas.height);
  l.globalCompositeOperation = 'source-in';
  l.fillStyle = l.createPattern(tile(WIDTH, cell, marks[name]), 'repeat');
  l.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(layer, 0, 0);
}

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
  map.kinds = new Array(layers.length * rows.length).fill('');
  rows.forEach((row, r) => layers.forEach((_, l) => {
    const i = r * layers.length + l, x = value(row, l);
    const rgb = x === null ? paper() : signed ? ofEffect(x, limit) : ofShare(x, limit);
    image.data.set(rgb, 4 * i);
    image.data[4 * i + 3] = 255;
    map.kinds[i] = kindOf(row, l, x);
  }));
  map.base = new OffscreenCanvas(canvas.width, canvas.height);
  const context = map.base.getContext('2d');
  context.imageSmoothingEnabled = false;
  context.drawImage(pixels(image), 0, 0, canvas.width, canvas.height);
  for (const name of Object.keys(marks)) put(context, map, name);
  context.fillStyle = context.createPattern(tile(WIDTH, cell, c => {
    c.fillStyle = css(paper());
    c.fillRect(WIDTH - 1, 0, 1, cell);
    c.fillRect(0, cell - 1, WIDTH, 1);
  }), 'repeat');
  context.fillRect(0, 0, canvas.width, canvas.height);
}

export function outline(map, at, outer, inner) {
  const context = map.canvas.getContext('2d');
  for (const [inset, colour] of [[0, outer], [2, inner]]) {
    context.strokeStyle = colour;
    context.lineWidth = 2;
    context.strokeRect(at.layer * WIDTH + inset, at.row * map.cell + inset, WIDTH - 1 - 2 * inset, map.cell - 1 - 2 * inset);
  }
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
