// An edit: solved, tried on the model in memory, and taken back.
import * as api from './api.js';
import {curves} from './paint.js';
import {asked, marked, readable, wording} from './question.js';
import {$, attempt, number, offerExports, run, say, table} from './work.js';

let solved = null;          // {job, value}
let applied = 0, path = '', before = [], pictures = []; // pictures: {id, name} of other images
let measuring = Promise.resolve(), enough = false; // what the edit does to questions aside, while it is measured

// The layer whose MLP, restored at the constraint, brings most back: a place to try, no proof (Hase et al. 2023).
export function offer(trace) {
  const groups = trace.grids.find(g => g.site === 'mlp_out' && g.groups), column = groups?.groups.indexOf('constraint') ?? -1;
  const effects = column >= 0 ? groups.ie.map(row => Math.abs(row[column])) : [];
  const best = effects.indexOf(Math.max(...effects));
  $('layer').replaceChildren(...Array.from({length: trace.model.layers - 1}, (_, l) => new Option(l, l)));
  $('layer').value = best >= 0 && best < trace.model.layers - 1 ? groups.layers[best] : Math.min(2, trace.model.layers - 2);
  $('layer-hint').textContent = best >= 0 ? `Layer ${groups.layers[best]} has the strongest MLP effect at the constraint: a peak, not proof that an edit works best there.` : '';
  solved = null;
  path = trace.model.path;
  enough = true;
  $('try').disabled = true;
  $('loss').replaceChildren();
}

export const offerFile = () => solved && offerExports('edit', solved.job);

export function showEdited(job, text) {
  applied = job;
  $('edited').hidden = !job;
  $('edited').querySelector('span').textContent = text || '';
}

function drawLoss(steps) {
  const most = Math.max(...steps.map(s => s.loss)), first = steps[0], last = steps.at(-1);
  const said = `loss ${number(first.loss)} to ${number(last.loss)}, p of the new answer ${number(first.p)} to ${number(last.p)} in ${steps.length - 1} steps`;
  $('loss').replaceChildren(...curves({layers: steps.map((_, i) => i), ticks: [0, most], curves: [{y: steps.map(s => s.loss), said}]}));
}

const lines = id => $(id).value.split('\n').map(q => q.trim()).filter(Boolean);

const cases = () => [
  {kind: 'this question', question: asked.question, picture: asked.picture},
  ...lines('rephrase').map(question => ({kind: 'rephrased', question, picture: asked.picture})),
  ...pictures.map(p => ({kind: p.name, question: asked.question, picture: p.id})),
  ...lines('others').map(question => ({kind: 'other question', question, picture: asked.picture}))];

async function answers() {
  const found = [];
  for (const one of cases()) found.push({...one, value: (await run('ask', {...wording(), question: one.question, picture: one.picture})).value});
  return found;
}

async function takePictures(files) {
  pictures = [];
  for (const file of files) pictures.push({id: await api.addPicture(file), name: file.name});
  $('other-pictures-said').textContent = pictures.map(p => p.name).join(', ');
}

const isAside = one => one.kind !== 'this question' && one.kind !== 'rephrased';
const same = (list, one) => list.find(x => x.question === one.question && x.picture === one.picture);

// Before the edit, what is known of it so far, and [after] it, once it is tried.
function drawOutcome(after = []) {
  const aside = before.filter(isAside), measured = aside.filter(one => one.kl !== undefined);
  let changed = 0;
  const rows = (after.length ? after : before).map(one => {
    const then = same(before, one), now = same(after, one)?.value, other = then && now && then.value.answer !== now.answer;
    changed += Boolean(other) && isAside(one);
    const of = value => value ? [readable(value.answer), value.steps[0].p] : ['', ''], [answer, p] = of(now);
    return [`${one.kind}: ${one.question}`, ...of(then?.value), answer + (other ? ' (changed)' : ''), p, then?.kl];
  });
  const mean = measured.reduce((sum, one) => sum + one.kl, 0) / measured.length;
  $('outcome').replaceChildren(table('Before and after' +
    (after.length ? `: of ${after.filter(isAside).length} other pictures and questions ${changed} are answered otherwise` : '') +
    (measured.length ? `; mean KL of ${measured.length} of ${aside.length} that should stay: ${number(mean)}` : ''),
  ['question', 'before', 'p', 'after', 'p', 'KL'], rows, {file: 'edit-test'}));
}

// KL(before || after) of each question aside, as loci edit test measures it.
async function measure() {
  const list = before, edit = solved.job;
  for (const one of list.filter(isAside)) {
    if (enough) return;
    const {value} = await api.run('edit test', {...wording(), edit, question: one.question, picture: one.picture});
    if (list !== before) return; // another edit is solved by now
    one.kl = value.groups.find(g => g.name === 'unrelated').metrics.kl.after.value;
    drawOutcome();
  }
}

async function show(got) {
  solved = got;
  $('try').disabled = false;
  $('write-it').hidden = false;
  $('write-it').querySelector('code').textContent = `loci edit apply edit.edit -m ${path} --out edited`;
  offerFile();
  drawOutcome();
  enough = false;
  await (measuring = measure());
}

async function begin() {
  enough = true;
  if (applied) await revert();
  before = await answers();
}

const solve = () => attempt(async () => {
  await begin();
  const steps = [];
  const got = await run('edit solve', {
    ...marked(), rephrase: lines('rephrase'),
    target: $('target').value.trim(), layer: $('layer').value, steps: $('steps').value},
  part => {
    steps[part.step] = part;
    $('loss').dataset.steps = steps.length;
    drawLoss(steps);
  });
  drawLoss(got.value.steps);
  say(got.value.reached ? `solved: the model would say ${got.value.answer_after}` : `not reached: ${got.value.hint}`);
  await show(got);
});

const openFile = file => attempt(async () => {
  await begin();
  const {job} = await api.addEdit(file), value = await api.result(job);
  $('loss').replaceChildren();
  say(`opened ${file.name}: ${title(value)}`);
  await show({job, value});
});

const title = e => e.requests?.length ? `${e.requests.length} answers, ${e.method}` : `layer ${e.layer}: “${e.question}” is answered with ${e.target.text}`;

// Nothing of an edit runs on the model any more.
export function rest() {
  enough = true;
  return measuring.catch(() => {});
}

const tryIt = () => attempt(async () => {
  await rest();
  await api.apply(solved.job, true);
  showEdited(solved.job, title(solved.value));
  drawOutcome(await answers());
  say('');
});

async function revert() {
  await api.apply(applied, false);
  showEdited(0);
  say('reverted: the model is as it is on disk');
}

export function listen() {
  $('edit-file').addEventListener('change', e => e.target.files[0] && openFile(e.target.files[0]));
  $('edit-form').addEventListener('submit', e => {
    e.preventDefault();
    solve();
  });
  $('try').addEventListener('click', tryIt);
  $('other-pictures').addEventListener('change', e => attempt(() => takePictures(e.target.files)));
  $('revert').addEventListener('click', () => attempt(revert));
}
