// Curves over the layers: drawn once for the knockout of one question and for the means of a store.
const SVG = 'http://www.w3.org/2000/svg', W = 520, H = 220, LEFT = 62, BOTTOM = 30;
const dashes = ['', '7 3', '2 3', '9 3 2 3', '12 4'];

export function make(name, className, text) {
  const e = document.createElement(name);
  if (className) e.className = className;
  if (text !== undefined) e.textContent = text;
  return e;
}

function svg(name, attributes, text) {
  const e = document.createElementNS(SVG, name);
  for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, v);
  if (text !== undefined) e.textContent = text;
  return e;
}

const line = (i, more) => ({class: `series s${i % 5}`, 'stroke-dasharray': dashes[i % 5], ...more});

// curves: {y, lo, hi, said}; what is null is left out, a band where lo and hi are there.  ticks: of the
// y axis, from the lowest to the highest shown.  level: a dotted line.  Returns the chart and its legend.
export function curves({layers, ticks, curves: all, level}) {
  const low = ticks[0], high = ticks.at(-1), last = Math.max(1, layers.length - 1);
  const x = i => LEFT + i / last * (W - LEFT), y = v => H - (v - low) / (high - low) * (H - 10);
  const chart = svg('svg', {viewBox: `0 0 ${W + 10} ${H + BOTTOM}`, class: 'chart', role: 'img'}), legend = make('ul', 'legend');
  for (const v of ticks) {
    chart.append(svg('line', {x1: LEFT, x2: W, y1: y(v), y2: y(v), class: 'rule'}), svg('text', {x: LEFT - 6, y: y(v) + 4, 'text-anchor': 'end'}, Number(v.toPrecision(3))));
  }
  layers.forEach((layer, i) => {
    if (i % (last > 16 ? 4 : 2) === 0) chart.append(svg('text', {x: x(i), y: H + 18, 'text-anchor': 'middle'}, layer));
  });
  if (level !== undefined) chart.append(svg('line', {x1: LEFT, x2: W, y1: y(level), y2: y(level), class: 'clean'}));
  all.forEach((k, i) => {
    const there = layers.map((_, l) => l).filter(l => k.y[l] !== null), sure = k.lo ? there.filter(l => k.lo[l] !== null && k.hi[l] !== null) : [];
    const band = [...sure.map(l => `${x(l)},${y(k.hi[l])}`), ...sure.reverse().map(l => `${x(l)},${y(k.lo[l])}`)];
    if (band.length) chart.append(svg('polygon', {points: band.join(' '), class: `band s${i % 5}`}));
    chart.append(svg('polyline', line(i, {points: there.map(l => `${x(l)},${y(k.y[l])}`).join(' ')})));
    const item = make('li'), mark = svg('svg', {width: 36, height: 8});
    mark.append(svg('line', line(i, {x1: 0, x2: 36, y1: 4, y2: 4})));
    item.append(mark, ` ${k.said}`);
    legend.append(item);
  });
  chart.setAttribute('aria-label', [...legend.children].map(i => i.textContent.trim()).join('; '));
  return [chart, legend];
}
