// One cell asked: what the model would have answered with it restored, beside the corrupted and the clean
// answer; and the same cell with other windows, of the whole constraint, or with noise put in.
import * as api from './api.js';
import {make} from './chart.js';
import {current, number} from './map.js';
import {asked, readable} from './question.js';

const $ = id => document.getElementById(id);
let cells = [], round = 0, fail = () => {};

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
  $('pinned').hidden = !cells.length;
  if (!cells.length) return;
  try {
    const got = await Promise.all(cells.map(cell => api.run('ask', fieldsOf(t, cell))));
    if (mine !== round) return;
    const target = t.target.ids[0];
    $('restored').replaceChildren(...got.flatMap(({value}, i) => {
      const from = value.request.direction === 'noise' ? 'with noise there' : 'restored';
      const box = bars(`${from}: ${readable(value.answer)}`, value.steps[0].top, target);
      box.prepend(make('p', 'hint', cells[i].sentence));
      return [box];
    }));
    $('pinned').dataset.ms = (performance.now() - began).toFixed(1);
    $('pinned-said').textContent = `The model would answer ${got.map(g => `“${readable(g.value.answer)}”`).join(' and ')}; ` +
      `corrupted it begins “${readable(t.corrupt.top[0].text).trim()}”, clean “${readable(t.clean.top[0].text).trim()}”.`;
    $('cell-command').textContent = api.shown(got.at(-1).value.command, asked.name);
  } catch (e) {
    if (mine === round) fail(e.message);
  }
}

// How well the estimates had ranked the cells, and how many of the strongest twenty they had missed.
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
export function ask(list) {
  cells = list;
  draw();
}

export function listen(say) {
  fail = say;
  for (const id of ['cell-window', 'cell-where', 'cell-way']) $(id).addEventListener('change', draw);
}
