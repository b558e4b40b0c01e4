// The picture, the question as tokens, and the constraint marked among them.
import * as api from './api.js';
import {$, make} from './work.js';

const encoder = new TextEncoder();

export const readable = text => text.replaceAll('▁', ' ').replaceAll('Ġ', ' ').replaceAll('Ċ', '\\n');

// marks: the constraints, [first, last] of their tokens, in the question's order, and the kind where it was chosen
export const asked = {picture: '', name: '', question: '', spans: [], marks: []};
let changed = () => {};
let focused = 0, asking = 0, kindTimer = 0, drag = null; // {from, others, was}: of the mark that is being drawn

// ---------------------------------------------------------------- the picture

function fit(canvas, image) {
  const scale = 224 / Math.max(image.width, image.height), context = canvas.getContext('2d');
  canvas.width = Math.max(1, Math.round(image.width * scale));
  canvas.height = Math.max(1, Math.round(image.height * scale));
  context.drawImage(image, 0, 0, canvas.width, canvas.height);
  return context;
}

async function showPicture(blob) {
  const image = await createImageBitmap(blob);
  fit($('picture'), image);
  $('drop-text').hidden = true;
  $('see').hidden = false;
  asked.bitmap = image;
  show(false);
}

function show(seen) {
  $('picture').hidden = seen;
  $('seen').hidden = !seen;
  $('see').setAttribute('aria-pressed', seen);
}

// As loci image writes it, with the lines between the patches.
async function see() {
  const of = asked.picture, {job} = await api.run('image', {picture: of});
  const image = await createImageBitmap(await api.resultBytes(job, 'png'));
  const {value} = await api.run('tokens', {question: asked.question || '?', picture: of}), view = value.prompt.image?.views[0];
  if (of !== asked.picture) return;
  const canvas = $('seen'), context = fit(canvas, image);
  context.strokeStyle = 'rgb(255 255 255 / .6)';
  const {rows, cols} = view || {rows: 0, cols: 0};
  for (let i = 1; i < cols; i++) context.strokeRect(i * canvas.width / cols, -1, 0, canvas.height + 2);
  for (let i = 1; i < rows; i++) context.strokeRect(-1, i * canvas.height / rows, canvas.width + 2, 0);
  canvas.setAttribute('role', 'img');
  canvas.setAttribute('aria-label', `what the model sees: ${image.width} by ${image.height} pixels, ${rows} by ${cols} patches`);
  show(true);
}

// The picture of a link, where the server has it still.
export async function showKnown(id) {
  await showPicture(await api.picture(id));
  asked.name ||= 'picture.png';
}

export async function takePicture(file) {
  try {
    asked.picture = await api.addPicture(file);
    asked.name = file.name || 'pasted picture';
    await showPicture(file);
    $('picture-name').textContent = asked.name;
    api.step({i: asked.picture});
    await tokens();
    changed('');
  } catch (e) {
    changed(e.message);
  }
}

function listenForPictures() {
  $('drop').addEventListener('click', () => $('file').click());
  $('see').addEventListener('click', () => $('seen').hidden ? see().catch(e => changed(e.message)) : show(false));
  $('file').addEventListener('change', e => e.target.files[0] && takePicture(e.target.files[0]));
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
  const mine = ++asking;
  asked.question = $('question').value.trim();
  const {value} = asked.question ? await api.run('tokens', wording()) : {};
  if (mine !== asking) return; // a later question is on its way
  asked.spans = value ? spansOf(value.prompt, asked.question) : [];
  asked.marks = asked.marks.filter(m => m[1] < asked.spans.length);
  drawChips();
}

function drawChips() {
  const chips = $('chips');
  chips.replaceChildren(...asked.spans.map((s, i) => {
    const chip = make('span', 'chip', s.text.trim() || '␣');
    chip.role = 'option';
    chip.id = 'chip-' + i;
    chip.title = `position ${s.pos}`;
    chip.dataset.at = i;
    return chip;
  }));
  markChips();
}

function markChips() {
  [...$('chips').children].forEach((chip, i) => {
    chip.setAttribute('aria-selected', markAt(i) !== undefined);
    chip.classList.toggle('begins', asked.marks.some(m => m[0] === i));
    chip.classList.toggle('here', i === focused);
  });
  if (asked.spans.length) $('chips').setAttribute('aria-activedescendant', 'chip-' + focused);
  $('trace-button').disabled = !asked.marks.length && !$('corrupt').value.startsWith('image');
  $('propose').disabled = !asked.question;
  $('marked').textContent = asked.marks.length ? `Marked: ${constraints().map(c => `“${c}”`).join(', ')}` : '';
  api.adjust({c: asked.marks.map(m => m.slice(0, 2).join('-') + (m[2] ? '.' + m[2] : '')).join(',')});
  clearTimeout(kindTimer);
  kindTimer = setTimeout(() => showKinds().catch(e => changed(e.message)), 150);
}

// Marks as an address has them: 3-3,5-6.textual
export const marksOf = text => text.split(',').map(m => {
  const [span, kind] = m.split('.'), [first, last] = span.split('-').map(Number);
  return kind ? [first, last, kind] : [first, last];
});

async function showKinds() {
  const marks = asked.marks;
  countTokens().catch(e => changed(e.message));
  const found = marks.length ? (await api.run('tokens', marked())).value.constraints : [];
  if (marks !== asked.marks) return; // others are marked by now
  const box = $('kinds');
  while (box.children.length > found.length) box.lastChild.remove();
  found.forEach((c, i) => {
    const button = box.children[i] || box.appendChild(make('button'));
    button.type = 'button';
    button.textContent = `${c.text}: ${c.kind}`;
    button.title = c.kind === 'visual' ? 'It points at the picture; a click makes it textual' : 'It stands in words; a click makes it visual';
    button.onclick = () => {
      const kind = c.kind === 'visual' ? 'textual' : 'visual';
      asked.marks = asked.marks.map((m, k) => k === i ? [m[0], m[1], kind] : m);
      markChips();
    };
  });
}

const markAt = i => asked.marks.find(m => i >= m[0] && i <= m[1]);

const decode = (from, to) => new TextDecoder().decode(encoder.encode(asked.question).slice(from, to));

// A marked piece of the question, and what stands before it.
function pieceOf(mark) {
  const {from} = asked.spans[mark[0]], raw = decode(from, asked.spans[mark[1]].to), text = raw.trim();
  return {text, before: decode(0, from) + raw.slice(0, raw.indexOf(text))};
}

// As -c takes it: TEXT, or TEXT@2 for its second occurrence.
function nameOf(mark) {
  const {text, before} = pieceOf(mark);
  return asked.question.split(text).length > 2 ? `${text}@${before.split(text).length}` : text;
}

const plural = n => `${n} token${n === 1 ? '' : 's'}`;

async function countTokens() {
  const value = $('corrupt-value').value.trim(), kind = $('corrupt').value, marks = asked.marks;
  $('counts').textContent = '';
  if (!marks.length || !value || !['replace', 'swap'].includes(kind)) return;
  let question = '', rest = 0;
  for (const {text, before} of marks.map(pieceOf)) {
    question += before.slice(rest) + value;
    rest = before.length + text.length;
  }
  question += asked.question.slice(rest);
  const {prompt} = (await api.run('tokens', {...wording(), question})).value, marked = marks.reduce((n, [a, b]) => n + b - a + 1, 0);
  const taken = marked + spansOf(prompt, question).length - asked.spans.length;
  if (marks === asked.marks)
    $('counts').textContent = `Marked: ${plural(marked)}; “${value}” in its place: ${plural(taken)}${kind === 'swap' && marked !== taken ? '. A swap needs as many.' : ''}`;
}

export const constraints = () => asked.marks.map(nameOf);
export const kinds = () => asked.marks.some(m => m[2]) ? asked.marks.map(m => m[2] || 'auto') : '';

// What a prompt is made of, then with its constraints, then all that is asked.
export const wording = () => ({question: asked.question, picture: asked.picture, template: $('template').value.trim()});
export const marked = () => ({...wording(), constraint: constraints(), kind: kinds()});

export function about() {
  const corrupt = $('corrupt').value, value = $('corrupt-value').value.trim();
  return {
    ...marked(), corrupt: corrupt === 'replace' && !value ? '' : value ? `${corrupt}:${value}` : corrupt,
    window: $('window').value, site: $('site').value.trim()};
}

// Marks from one token to another; what it touches becomes a part of it, the others stay.
function mark(from, to, others = asked.marks) {
  const a = Math.min(from, to), b = Math.max(from, to);
  asked.marks = [...others.filter(m => m[1] < a || m[0] > b), [a, b]].sort((x, y) => x[0] - y[0]);
  markChips();
}

// Pieces of the question, TEXT or TEXT@2, become marks.
export function markPieces(list) {
  for (const piece of list) {
    const [, text, nth] = piece.match(/^(.*?)(?:@(\d+))?$/s), parts = asked.question.split(text), n = Number(nth || 1);
    if (!text || parts.length <= n) continue;
    const from = encoder.encode(parts.slice(0, n).join(text)).length, to = from + encoder.encode(text).length;
    const inside = asked.spans.map((s, i) => s.from < to && s.to > from ? i : -1).filter(i => i >= 0);
    if (inside.length) mark(inside[0], inside.at(-1));
  }
}

async function propose() {
  try {
    const got = (await api.propose(asked.question)).constraints || [];
    asked.marks = [];
    markPieces(got.map(c => c.text));
    markChips();
    changed(asked.marks.length ? '' : 'nothing in this question points at the picture: mark it by hand');
  } catch (e) {
    changed(e.message);
  }
}

function listenForMarks() {
  const chips = $('chips'), at = e => e.target.closest?.('.chip')?.dataset.at;
  chips.addEventListener('pointerdown', e => {
    if (at(e) === undefined) return;
    focused = Number(at(e));
    const was = markAt(focused);
    drag = {from: focused, others: asked.marks.filter(m => m !== was), was};
    mark(focused, focused, drag.others);
    e.target.releasePointerCapture?.(e.pointerId);
  });
  chips.addEventListener('pointerover', e => {
    if (drag && e.buttons && at(e) !== undefined) mark(drag.from, Number(at(e)), drag.others);
  });
  document.addEventListener('pointerup', e => {
    if (drag?.was && at(e) === String(drag.from)) { // a click on what was marked
      asked.marks = drag.others;
      markChips();
    }
    drag = null;
  });
  chips.addEventListener('keydown', e => {
    const last = asked.spans.length - 1, before = focused;
    const to = {ArrowLeft: focused - 1, ArrowRight: focused + 1, Home: 0, End: last}[e.key];
    const own = markAt(before), others = asked.marks.filter(m => m !== own);
    if (e.key === 'Escape') asked.marks = [];
    else if (e.key === 'Enter') $('trace-button').click();
    else if (e.key === ' ') asked.marks = own ? others : [...asked.marks, [before, before]].sort((x, y) => x[0] - y[0]);
    else if (to === undefined) return;
    e.preventDefault();
    if (to !== undefined) focused = Math.min(Math.max(to, 0), Math.max(last, 0));
    if (to !== undefined && e.shiftKey) mark(own ? own[before === own[0] ? 1 : 0] : before, focused, others);
    else markChips();
  });
}

// [then] is told of every change, with a sentence if something failed.
export function listen(then) {
  changed = then;
  let timer = 0;
  listenForPictures();
  listenForMarks();
  const look = () => tokens().then(() => changed(''), e => changed(e.message));
  $('question').addEventListener('input', () => {
    clearTimeout(timer);
    asked.marks = [];
    timer = setTimeout(look, 150);
  });
  $('template').addEventListener('change', look);
  for (const id of ['corrupt', 'corrupt-value']) $(id).addEventListener('input', markChips);
  $('propose').addEventListener('click', propose);
}
