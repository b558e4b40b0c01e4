// The page, in the order of its data: picture and question -> answer -> trace -> the ways it took.
import * as api from './api.js';
import * as map from './map.js';
import * as edit from './edit.js';
import {asked, constraint, listen, readable, tokens} from './question.js';
import * as state from './state.js';
import {drawFlow, drawKnockout, drawLens} from './ways.js';

const $ = id => document.getElementById(id);
let running = null; // an AbortController

const say = text => { $('status').textContent = text; };

function progress(job) {
  const bar = $('progress');
  bar.hidden = job.state !== 'running' && job.state !== 'waiting';
  bar.value = job.permille;
  if (job.state === 'waiting') say('waiting for the job before it');
  else if (job.state === 'running') say(`${job.stage || 'running'}: ${Math.round(job.permille / 10)} %`);
}

// One thing at a time is wanted: what runs is stopped for what is asked next.
async function run(what, fields) {
  running?.abort();
  const mine = running = new AbortController();
  $('stop').hidden = false;
  try {
    return await api.run(what, fields, progress, mine.signal);
  } finally {
    if (running === mine) {
      running = null;
      $('stop').hidden = true;
      $('progress').hidden = true;
    }
  }
}

// Says why in the page; what was stopped by the next question says nothing.
async function attempt(task) {
  try {
    await task();
  } catch (e) {
    if (e.name === 'AbortError') return;
    say(e.message);
    if (!(e instanceof api.Refused)) throw e;
  }
}

// ---------------------------------------------------------------- answers

function bars(box, title, top) {
  const heading = document.createElement('h3');
  heading.textContent = title;
  box.replaceChildren(heading, ...top.map(t => {
    const row = document.createElement('div'), bar = document.createElement('div'), name = document.createElement('span'), p = document.createElement('span');
    name.textContent = readable(t.text).trim() || '␣';
    bar.className = 'bar';
    bar.append(document.createElement('div'));
    bar.firstChild.style.width = `${100 * t.p}%`;
    p.textContent = map.number(t.p);
    row.append(name, bar, p);
    return row;
  }));
}

function about() {
  const corrupt = $('corrupt').value, value = $('corrupt-value').value.trim();
  return {
    question: asked.question, picture: asked.picture, constraint: constraint(),
    corrupt: corrupt === 'replace' && !value ? '' : value ? `${corrupt}:${value}` : corrupt, window: $('window').value};
}

function showCommand(command) {
  const place = /\/proc\/self\/fd\/\d+/g;
  const name = asked.name.replace(/[^\w.-]/g, '_') || 'picture.png';
  $('command').hidden = false;
  $('command').querySelector('code').textContent = command.replace(place, name);
}

const ask = () => attempt(async () => {
  await tokens();
  state.step({q: asked.question});
  const {value} = await run('ask', {question: asked.question, picture: asked.picture});
  $('answers').hidden = false;
  bars($('clean'), `answers: ${value.answer}`, value.steps[0].top);
  $('corrupted').replaceChildren();
  showCommand(value.command);
  say(`answer: ${value.answer}`);
});

// ---------------------------------------------------------------- trace and views

let results = {}; // of this question: view -> {text, value}

function exportLink(text, name) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([text], {type: 'application/json'}));
  link.download = name;
  link.textContent = 'JSON';
  $('exports').replaceChildren(link);
}

const trace = () => attempt(async () => {
  const fields = about();
  state.step({q: asked.question, k: fields.corrupt, w: fields.window, v: 'trace', cell: ''});
  await doTrace(fields);
});

async function doTrace(fields) {
  const done = await run('trace', fields), t = done.value;
  results = {trace: done};
  $('answers').hidden = $('results').hidden = false;
  bars($('clean'), `clean: ${map.number(t.clean.p)}`, t.clean.top);
  bars($('corrupted'), `corrupted: ${map.number(t.corrupt.p)}`, t.corrupt.top);
  map.show(t);
  edit.offer(t);
  exportLink(done.text, 'trace.json');
  showCommand(t.command);
  await open(state.read().v || 'trace');
  const weak = Math.abs(t.total_effect) < 0.1 ? '  The corruption changes little: the maps are mostly noise.' : '';
  say(`total effect ${map.number(t.total_effect)}, ${t.cost.seconds.toFixed(2)} s.${weak} ${t.notes.join(' ')}`);
}

const views = {flow: drawFlow, lens: drawLens, knockout: drawKnockout};

async function open(name) {
  if (!$('view-' + name)) name = 'trace';
  for (const tab of $('tabs').children) {
    const chosen = tab.id === 'tab-' + name;
    tab.setAttribute('aria-selected', chosen);
    tab.tabIndex = chosen ? 0 : -1;
    $(tab.getAttribute('aria-controls')).hidden = !chosen;
  }
  if (name === 'numbers') $('view-numbers').replaceChildren(map.table());
  if (!views[name]) return;
  if (!results[name]) {
    const of = results;
    const {question, picture, constraint: marked} = about();
    const got = await run(name, {question, picture, constraint: marked});
    of[name] = got; // a later question has results of its own
    if (of !== results) return;
    say('');
  }
  views[name]($('view-' + name), results[name].value);
  showCommand(results[name].value.command);
}

function listenToTabs() {
  const tabs = [...$('tabs').children], name = tab => tab.id.slice(4);
  for (const tab of tabs) tab.addEventListener('click', () => {
    state.step({v: name(tab)});
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
  const s = state.read();
  $('question').value = s.q || '';
  if (s.y) $('metric').value = s.y;
  if (s.w) $('window').value = s.w;
  if (s.k) {
    const [kind, value] = s.k.split(/:(.*)/s);
    $('corrupt').value = kind;
    $('corrupt-value').value = value || '';
  }
  if (!s.q) return;
  asked.picture = s.i || '';
  asked.span = s.c ? s.c.split('-').map(Number) : null;
  try {
    await tokens();
  } catch (e) {
    if (e.code !== 'picture') throw e;
    asked.picture = '';
    say('Drop the picture again: it was forgotten when loci serve ended.');
    await tokens();
    return;
  }
  if (asked.picture) $('drop-text').textContent = 'The picture of this link is known; drop it to see it';
  if (s.v && asked.span) await doTrace(about());
  else await ask();
}

function start() {
  listen(error => say(error));
  listenToTabs();
  edit.listen({run, attempt, say, about});
  $('form').addEventListener('submit', e => {
    e.preventDefault();
    ask();
  });
  $('trace-button').addEventListener('click', trace);
  $('stop').addEventListener('click', () => running?.abort());
  $('metric').addEventListener('change', e => map.setMetric(e.target.value));
  $('keys-button').addEventListener('click', () => $('keys').showModal());
  $('copy').addEventListener('click', () => navigator.clipboard?.writeText($('command').querySelector('code').textContent));
  document.addEventListener('keydown', e => {
    if (e.key === '?' && !e.target.closest('input, textarea')) $('keys').showModal();
  });
  addEventListener('popstate', () => attempt(restore)); // back, forth, and links opened in this tab
  attempt(async () => {
    const {model, edited} = await api.hello();
    $('model').textContent = `${model.path.split('/').pop()}, ${model.layers} layers, loci ${model.version}`;
    edit.showEdited(edited, 'by an edit of this page');
    if (!model.image_rows) $('picture-box').hidden = true;
    await restore();
  });
}

start();
