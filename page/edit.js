// An edit: solved, tried on the model in memory, and taken back.
import * as api from './api.js';
import {number} from './map.js';
import {asked, readable} from './question.js';

const $ = id => document.getElementById(id);
let page = null;            // run, attempt, say, about: of app.js
let solved = null;          // {job, value}
let applied = 0, before = [], pictures = []; // pictures: {id, name} of other images

const SVG = 'http://www.w3.org/2000/svg';

// The layer whose MLP, restored at the constraint, brings most back.  A peak is a place to try and no
// proof that an edit works best there (Hase et al. 2023).
export function offer(trace) {
  const groups = trace.grids.find(g => g.site === 'mlp_out' && g.groups), column = groups?.groups.indexOf('constraint') ?? -1;
  const effects = column >= 0 ? groups.ie.map(row => Math.abs(row[column])) : [];
  const best = effects.indexOf(Math.max(...effects));
  $('layer').replaceChildren(...Array.from({length: trace.model.layers - 1}, (_, l) => new Option(l, l)));
  $('layer').value = best >= 0 && best < trace.model.layers - 1 ? groups.layers[best] : Math.min(2, trace.model.layers - 2);
  $('layer-hint').textContent = best >= 0 ? `Layer ${groups.layers[best]} has the strongest MLP effect at the constraint: a peak, not proof that an edit works best there.` : '';
  solved = null;
  $('try').disabled = true;
  $('loss').replaceChildren();
}

export function showEdited(job, text) {
  applied = job;
  $('edited').hidden = !job;
  $('edited').querySelector('span').textContent = text || '';
}

// The loss of every step so far, as a line.
function drawLoss(steps) {
  const w = 320, h = 60, chart = document.createElementNS(SVG, 'svg'), line = document.createElementNS(SVG, 'polyline');
  const most = Math.max(...steps.map(s => s.loss)), at = (s, i) => `${i / Math.max(1, steps.length - 1) * w},${h - 2 - s.loss / most * (h - 6)}`;
  for (const [k, v] of Object.entries({viewBox: `0 0 ${w} ${h}`, width: w, height: h, role: 'img'})) chart.setAttribute(k, v);
  chart.setAttribute('aria-label', `loss from ${number(steps[0].loss)} to ${number(steps.at(-1).loss)}`);
  for (const [k, v] of Object.entries({points: steps.map(at).join(' '), fill: 'none', stroke: 'currentColor', 'stroke-width': 2})) line.setAttribute(k, v);
  chart.append(line);
  const text = document.createElement('p');
  text.textContent = `loss ${number(steps[0].loss)} to ${number(steps.at(-1).loss)}, p of the new answer ${number(steps[0].p)} to ${number(steps.at(-1).p)} in ${steps.length - 1} steps`;
  $('loss').replaceChildren(chart, text);
}

const lines = id => $(id).value.split('\n').map(q => q.trim()).filter(Boolean);

// What is asked before and after: this question, its rephrasings, it about other pictures, other questions.
const cases = () => [
  {kind: 'this question', question: asked.question, picture: asked.picture},
  ...lines('rephrase').map(question => ({kind: 'rephrased', question, picture: asked.picture})),
  ...pictures.map(p => ({kind: p.name, question: asked.question, picture: p.id})),
  ...lines('others').map(question => ({kind: 'other question', question, picture: asked.picture}))];

async function answers() {
  const found = [];
  for (const one of cases()) found.push({...one, value: (await page.run('ask', {question: one.question, picture: one.picture})).value});
  return found;
}

async function takePictures(files) {
  pictures = [];
  for (const file of files) pictures.push({id: await api.addPicture(await file.arrayBuffer()), name: file.name});
  $('other-pictures-said').textContent = pictures.map(p => p.name).join(', ');
}

function cell(row, text, className) {
  const c = row.insertCell();
  c.textContent = text;
  if (className) c.className = className;
}

function drawOutcome(after) {
  const body = $('outcome').tBodies[0];
  body.replaceChildren();
  let others = 0, changed = 0;
  for (const {kind, question, picture, value: now} of after) {
    const then = before.find(b => b.question === question && b.picture === picture)?.value;
    const row = body.insertRow(), other = then && then.answer !== now.answer;
    others += kind !== 'this question' && kind !== 'rephrased';
    changed += Boolean(other) && kind !== 'this question' && kind !== 'rephrased';
    cell(row, `${kind}: ${question}`);
    cell(row, then ? readable(then.answer) : '');
    cell(row, then ? number(then.steps[0].p) : '');
    cell(row, readable(now.answer) + (other ? ' (changed)' : ''), other ? 'other' : '');
    cell(row, number(now.steps[0].p));
  }
  $('outcome').hidden = false;
  $('outcome').caption.textContent = `Before and after: of ${others} other pictures and questions ${changed} are answered otherwise`;
}

const solve = () => page.attempt(async () => {
  if (applied) await revert();
  const about = page.about();
  before = await answers();
  const steps = [];
  solved = await page.run('edit solve', {
    rephrase: lines('rephrase'), question: about.question, picture: about.picture, constraint: about.constraint,
    target: $('target').value.trim(), layer: $('layer').value, steps: $('steps').value},
  part => {
    steps[part.step] = part;
    $('loss').dataset.steps = steps.length;
    drawLoss(steps);
  });
  const e = solved.value;
  drawLoss(e.steps);
  $('try').disabled = false;
  page.say(e.reached ? `solved: the model would say ${e.answer_after}` : `not reached: ${e.hint}`);
});

const tryIt = () => page.attempt(async () => {
  await api.apply(solved.job, true);
  showEdited(solved.job, `layer ${solved.value.layer}: “${solved.value.question}” is answered with ${solved.value.target.text}`);
  drawOutcome(await answers());
  page.say('');
});

async function revert() {
  await api.apply(applied, false);
  showEdited(0);
  page.say('reverted: the model is as it is on disk');
}

export function listen(of) {
  page = of;
  $('edit-form').addEventListener('submit', e => {
    e.preventDefault();
    solve();
  });
  $('try').addEventListener('click', tryIt);
  $('other-pictures').addEventListener('change', e => page.attempt(() => takePictures(e.target.files)));
  $('revert').addEventListener('click', () => page.attempt(revert));
}
