// The page, in the order of its data: picture and question -> answer -> trace -> the ways it took.
import * as api from './api.js';
import * as map from './map.js';
import * as edit from './edit.js';
import {about, asked, listen, markPieces, marksOf, showKnown, tokens, wording} from './question.js';
import * as store from './store.js';
import {askCells, bars, drawFlow, drawKnockout, drawLens, judge, listenToCells} from './ways.js';
import {$, alone, attempt, number, offerExports, panel, panels, run, say, stop} from './work.js';

// ---------------------------------------------------------------- answers

const showBars = (box, title, top) => box.replaceChildren(...bars(title, top).children);

let shownResult = null; // {value, what}: whose command is shown

function showCommand(value, what) {
  shownResult = {value, what};
  $('command').hidden = false;
  $('copy-python').hidden = false;
  $('command').querySelector('code').textContent = api.shown(value.command, asked.name);
}

const ask = () => attempt(async () => {
  await tokens();
  const fields = wording(), show = (text, top) => {
    $('answers').hidden = false;
    showBars($('clean'), `answers: ${text}`, top);
    $('corrupted').replaceChildren();
  };
  api.step({q: asked.question, t: fields.template});
  let first;
  const {value} = await run('ask', fields, token => show(token.text + ' …', first ||= token.top));
  show(value.answer, value.steps[0].top);
  showCommand(value, 'ask');
  say(`answer: ${value.answer}`);
});

// ---------------------------------------------------------------- trace and views

let models = []; // their names
let lost = '';   // the picture of a link, where the server has none of its name
let results = {}; // of the question that was traced: view -> {job, value}, and about: what it was

// [more]: goes on with the cells that are there.
const trace = more => attempt(async () => {
  const fields = more === true ? {...results.fields, continue: results.trace.job} : about();
  api.step({q: asked.question, k: fields.corrupt, w: fields.window, t: fields.template, s: fields.site, v: 'trace', cell: ''});
  await doTrace(fields);
});

function showAnswers(t) {
  $('answers').hidden = $('results').hidden = $('tabs').hidden = false;
  showBars($('clean'), `clean: ${number(t.clean.p)}`, t.clean.top);
  showBars($('corrupted'), `corrupted: ${number(t.corrupt.p)}`, t.corrupt.top);
}

let guessed = null, began = 0; // the estimates, before cells take their places
let traced = {};               // question, picture, constraints and their kinds of the trace that runs or ran


// Parts of the trace as they come: answers, estimates, cells.
function takePart(p) {
  const times = $('maps').dataset, time = (performance.now() - began).toFixed(0);
  if (p.clean) {
    showAnswers(p);
    if (!times.answers) openTab('trace');
    const estimated = p.grids.some(g => g.ie.some(row => row.some((x, c) => x !== null && !g.skipped[0]?.[c])));
    if (!times.answers) times.answers = time;
    else if (!times.estimates && estimated) times.estimates = time;
    if (!guessed || !p.grids.some(g => g.exact?.some((row, l) => row.some((x, c) => x && !g.skipped[l][c]))))
      guessed = p.grids.map(g => g.ie.map(row => [...row]));
  } else if (!times.cells) {
    times.cells = time;
  }
  p.about = traced;
  map.part(p);
  $('exact').textContent = p.clean ? 'answers and estimates are there' : `exact ${p.done} of ${p.planned} cells`;
}

async function doTrace(fields) {
  began = performance.now();
  if (!fields.continue) guessed = null;
  const {question, picture, template, constraint, kind} = fields;
  traced = {question, picture, template, constraint, kind};
  for (const name of Object.keys($('maps').dataset)) delete $('maps').dataset[name];
  $('continue').hidden = true;
  const done = await run('trace', fields, takePart), t = done.value;
  results = {trace: done, fields, about: t.about = traced};
  $('maps').dataset.all = (performance.now() - began).toFixed(0);
  sayTraced();
  showAnswers(t);
  map.show(t);
  edit.offer(t);
  showCommand(t, 'trace');
  $('exact').textContent = t.missing ? '' : judge(t, guessed);
  $('continue').hidden = !t.missing;
  await open(api.read().v || 'trace');
  if (t.missing) {
    say(`stopped: ${t.missing} cells are left, and shown as estimates`);
    return;
  }
  const weak = Math.abs(t.total_effect) < 0.1 ? '  The corruption changes little: the maps are mostly noise.' : '';
  say(`total effect ${number(t.total_effect)}, ${t.cost.seconds.toFixed(2)} s.${weak} ${t.notes.join(' ')}`);
}

const views = {flow: drawFlow, lens: drawLens, knockout: drawKnockout};

function openTab(name) {
  for (const tab of $('tabs').children) {
    const chosen = tab.id === 'tab-' + name;
    tab.setAttribute('aria-selected', chosen);
    tab.tabIndex = chosen ? 0 : -1;
    $(tab.getAttribute('aria-controls')).hidden = !chosen;
  }
}

async function open(name) {
  if (!$('view-' + name)) name = 'trace';
  openTab(name);
  $('exports').replaceChildren();
  if (name === 'numbers') $('view-numbers').replaceChildren(...map.tables());
  if (name === 'edit') edit.offerFile();
  if (name === 'trace' && results.trace) offerExports('trace', results.trace.job);
  if (!views[name]) return;
  if (!results[name]) {
    const of = results;
    const got = await run(name, of.about);
    of[name] = got; // a later question has results of its own
    if (of !== results) return;
    say('');
  }
  views[name]($('view-' + name), results[name].value);
  offerExports(name, results[name].job);
  showCommand(results[name].value, name);
}

function listenToTabs() {
  const tabs = [...$('tabs').children], name = tab => tab.id.slice(4);
  for (const tab of tabs) tab.addEventListener('click', () => {
    api.step({v: name(tab)});
    attempt(() => open(name(tab)));
  });
  $('tabs').addEventListener('keydown', e => {
    const at = tabs.indexOf(document.activeElement), to = {ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: tabs.length - 1}[e.key];
    if (to === undefined) return;
    e.preventDefault();
    tabs[(to + tabs.length) % tabs.length].focus();
    tabs[(to + tabs.length) % tabs.length].click();
  });
}

// ---------------------------------------------------------------- beginning

// What the address says, as far as it can be shown: pictures are forgotten when the server ends.
async function restore() {
  const s = api.read(), wanted = models.indexOf(s.m) + 1;
  if (wanted && wanted !== Number($('models').value)) await openModel(wanted);
  $('question').value = s.q || '';
  if (s.y) $('metric').value = s.y;
  if (s.w) $('window').value = s.w;
  $('template').value = s.t || '';
  $('site').value = s.s || '';
  $('more').open = Boolean(s.t || s.s);
  if (s.k) {
    const [kind, value] = s.k.split(/:(.*)/s);
    $('corrupt').value = kind;
    $('corrupt-value').value = value || '';
  }
  if (s.m && !wanted) say(`The model ${s.m} is not among those of this page: loci serve --root DIR.`);
  if (!s.q || (s.m && !wanted)) return;
  asked.picture = s.i || '';
  asked.marks = s.c ? marksOf(s.c) : [];
  try {
    await tokens();
  } catch (e) {
    if (e.code !== 'picture') throw e;
    asked.picture = '';
    lost = s.i;
    say('Drop the picture again: it was forgotten when loci serve ended.');
    await tokens();
    return;
  }
  if (asked.picture && !asked.bitmap) await showKnown(asked.picture);
  const pieces = api.pieces();
  if (pieces.length) markPieces(pieces);
  if (s.v && asked.marks.length) await doTrace(about());
  else await ask();
}

function showModel({model, models: names, edited}) {
  models = names;
  $('model').textContent = `${model.path.split('/').pop()}, ${model.dtype}, ${model.layers} layers, loci ${model.version}`;
  $('models').replaceChildren(...names.map((name, i) => new Option(name, i + 1)));
  $('models').value = model.id;
  $('models').hidden = names.length < 2;
  if (names.length > 1) api.adjust({m: names[model.id - 1]});
  $('picture-box').hidden = !model.image_rows;
  edit.showEdited(edited, 'by an edit of this page');
}

// Another model: what was found of the one before is not shown beside it.
async function openModel(id) {
  await stop();
  await edit.rest();
  try {
    showModel(await api.openModel(id));
  } catch (e) {
    showModel(await api.hello());
    throw e;
  }
  results = {};
  traced = {};
  map.clear();
  $('answers').hidden = $('results').hidden = $('command').hidden = true;
}

// What is shown may be of another question than the one that is typed by now.
function sayTraced() {
  const other = asked.question !== traced.question || asked.picture !== traced.picture;
  $('traced').hidden = !traced.question || !other;
  $('traced').textContent = asked.question === traced.question ? 'These results are of another picture.' : `These results are of “${traced.question}”.`;
}

function listenToAll() {
  listen(error => {
    const found = lost && asked.picture, same = found === lost;
    say(error || (found && !same ? 'This is another picture than that of the link.' : ''));
    sayTraced();
    if (!found) return;
    lost = '';
    if (same) attempt(restore);
  });
  listenToTabs();
  edit.listen();
  listenToCells();
  map.listen(askCells);
  $('form').addEventListener('submit', e => {
    e.preventDefault();
    ask();
  });
  $('trace-button').addEventListener('click', () => trace(false));
  $('continue').addEventListener('click', () => trace(true));
  $('stop').addEventListener('click', stop);
  $('metric').addEventListener('change', e => map.setMetric(e.target.value));
  $('models').addEventListener('change', e => attempt(async () => {
    await openModel(Number(e.target.value));
    api.step({m: models[e.target.value - 1], cell: ''});
    await restore();
  }));
  $('keys-button').addEventListener('click', () => $('keys').showModal());
  const copy = text => Promise.resolve(navigator.clipboard?.writeText(text))
    .then(() => say('copied'), e => say(`the browser lets nothing be copied: ${e.message}`));
  $('copy').addEventListener('click', () => copy($('command').querySelector('code').textContent));
  $('copy-python').addEventListener('click', () => copy($('copy-python').dataset.text = api.python(shownResult.value, shownResult.what, asked.name)));
  document.addEventListener('keydown', e => {
    if (e.key === '?' && !e.target.closest('input, textarea')) $('keys').showModal();
    if (e.key === 'Escape' && !e.defaultPrevented && !$('keys').open && api.read().x) alone('');
  });
  addEventListener('popstate', () => attempt(async () => { // back, forth, and links opened in this tab
    await restore();
    panels();
  }));
}

async function begin() {
  const told = await api.hello();
  $('into-box').hidden = !told.save_to;
  $('into-name').textContent = told.save_to || '';
  if (told.stores.length) await store.begin(told.stores);
  if (!told.model) {
    $('model').textContent = 'a store, without a model';
    $('ask').hidden = true;
  } else {
    showModel(told);
    await restore();
  }
  panels();
}

for (const box of document.querySelectorAll('[data-panel]')) panel(box, box.dataset.panel);
listenToAll();
attempt(begin);
