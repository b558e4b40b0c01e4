// The picture, the question as tokens, and the constraint marked among them.
import * as api from './api.js';
import * as state from './state.js';

const $ = id => document.getElementById(id);
const encoder = new TextEncoder();

export const readable = text => text.replaceAll('▁', ' ').replaceAll('Ġ', ' ').replaceAll('Ċ', '\\n');

export const asked = {picture: '', name: '', question: '', spans: [], span: null};
let changed = () => {};
let focused = 0, anchor = null, asking = 0;

// ---------------------------------------------------------------- the picture

async function showPicture(blob) {
  const image = await createImageBitmap(blob);
  const canvas = $('picture'), scale = 224 / Math.max(image.width, image.height);
  canvas.width = Math.max(1, Math.round(image.width * scale));
  canvas.height = Math.max(1, Math.round(image.height * scale));
  canvas.getContext('2d').drawImage(image, 0, 0, canvas.width, canvas.height);
  canvas.hidden = false;
  $('drop-text').hidden = true;
  asked.bitmap = image;
}

export async function takePicture(file) {
  try {
    asked.picture = await api.addPicture(await file.arrayBuffer());
    asked.name = file.name || 'pasted picture';
    await showPicture(file);
    $('picture-name').textContent = asked.name;
    state.step({i: asked.picture});
    await tokens();
    changed('');
  } catch (e) {
    changed(e.message);
  }
}

function listenForPictures() {
  const drop = $('drop'), file = $('file');
  drop.addEventListener('click', () => file.click());
  drop.addEventListener('keydown', e => {
    if (e.key === 'Enter' || e.key === ' ') {
      e.preventDefault();
      file.click();
    }
  });
  file.addEventListener('change', () => file.files[0] && takePicture(file.files[0]));
  for (const kind of ['dragenter', 'dragover']) document.addEventListener(kind, e => e.preventDefault());
  document.addEventListener('drop', e => {
    e.preventDefault();
    if (e.dataTransfer.files[0]) takePicture(e.dataTransfer.files[0]);
  });
  document.addEventListener('paste', e => {
    const pasted = [...e.clipboardData.files].find(f => f.type.startsWith('image/'));
    if (pasted) takePicture(pasted);
  });
}

// ---------------------------------------------------------------- tokens as chips

// [from, to) in bytes of the question, of each of its tokens.
function spansOf(prompt, question) {
  const bytes = encoder.encode(prompt.text), wanted = encoder.encode(question);
  let at = -1;
  for (let i = 0; at < 0 && i + wanted.length <= bytes.length; i++)
    if (wanted.every((b, k) => bytes[i + k] === b)) at = i;
  if (at < 0) return [];
  const inside = t => t.bytes[0] < at + wanted.length && t.bytes[1] > at && t.bytes[1] > t.bytes[0];
  return prompt.tokens.filter(t => inside(t) && t.role !== 'image').map(t => ({
    text: readable(t.text), pos: t.pos,
    from: Math.max(0, t.bytes[0] - at), to: Math.min(wanted.length, t.bytes[1] - at)}));
}

export async function tokens() {
  const question = $('question').value, mine = ++asking;
  asked.question = question.trim();
  if (!asked.question) {
    asked.spans = [];
    drawChips();
    return;
  }
  const {value} = await api.run('tokens', {question: asked.question, picture: asked.picture});
  if (mine !== asking) return; // a later question is on its way
  asked.spans = spansOf(value.prompt, asked.question);
  if (asked.span && asked.span[1] >= asked.spans.length) asked.span = null;
  drawChips();
}

function drawChips() {
  const chips = $('chips');
  chips.replaceChildren(...asked.spans.map((s, i) => {
    const chip = document.createElement('span');
    chip.className = 'chip';
    chip.role = 'option';
    chip.id = 'chip-' + i;
    chip.textContent = s.text.trim() || '␣';
    chip.title = `position ${s.pos}`;
    chip.dataset.at = i;
    return chip;
  }));
  markChips();
}

function markChips() {
  const [from, to] = asked.span || [1, 0];
  [...$('chips').children].forEach((chip, i) => {
    chip.setAttribute('aria-selected', i >= from && i <= to);
    chip.classList.toggle('here', i === focused);
  });
  if (asked.spans.length) $('chips').setAttribute('aria-activedescendant', 'chip-' + focused);
  $('trace-button').disabled = !asked.span && !$('corrupt').value.startsWith('image');
  state.adjust({c: asked.span ? asked.span.join('-') : ''});
}

// The marked piece of the question as -c takes it: TEXT, or TEXT@2 for its second occurrence.
export function constraint() {
  if (!asked.span) return '';
  const bytes = encoder.encode(asked.question), decode = (a, b) => new TextDecoder().decode(bytes.slice(a, b));
  let from = asked.spans[asked.span[0]].from;
  const to = asked.spans[asked.span[1]].to, raw = decode(from, to), text = raw.trim();
  from += encoder.encode(raw.slice(0, raw.indexOf(text))).length;
  const nth = decode(0, from).split(text).length;
  return asked.question.split(text).length > 2 ? `${text}@${nth}` : text;
}

function mark(from, to) {
  asked.span = [Math.min(from, to), Math.max(from, to)];
  markChips();
}

function listenForMarks() {
  const chips = $('chips'), at = e => e.target.closest?.('.chip')?.dataset.at;
  chips.addEventListener('pointerdown', e => {
    if (at(e) === undefined) return;
    anchor = focused = Number(at(e));
    mark(anchor, anchor);
    e.target.releasePointerCapture?.(e.pointerId);
  });
  chips.addEventListener('pointerover', e => {
    if (anchor !== null && e.buttons && at(e) !== undefined) mark(anchor, Number(at(e)));
  });
  document.addEventListener('pointerup', () => { anchor = null; });
  chips.addEventListener('keydown', e => {
    const last = asked.spans.length - 1, before = focused;
    const to = {ArrowLeft: focused - 1, ArrowRight: focused + 1, Home: 0, End: last}[e.key];
    if (e.key === 'Escape') asked.span = null;
    else if (e.key === ' ') asked.span = [focused, focused];
    else if (to === undefined) return;
    e.preventDefault();
    if (to !== undefined) focused = Math.min(Math.max(to, 0), Math.max(last, 0));
    if (to !== undefined && e.shiftKey) {
      const [from, end] = asked.span || [before, before];
      const fixed = before === from ? end : from;
      mark(asked.span ? fixed : before, focused);
    } else {
      markChips();
    }
  });
}

// [then] is told of every change, with a sentence if something failed.
export function listen(then) {
  changed = then;
  let timer = 0;
  listenForPictures();
  listenForMarks();
  $('question').addEventListener('input', () => {
    clearTimeout(timer);
    asked.span = null;
    timer = setTimeout(() => tokens().then(() => changed(''), e => changed(e.message)), 150);
  });
  $('corrupt').addEventListener('change', markChips);
}
