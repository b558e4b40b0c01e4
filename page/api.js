// What the page has from outside: its address, and the server.
// The fragment of the address says what is shown.  It brings the token once, which is kept for this origin.
const KEY = 'loci-token';

function token() {
  return localStorage.getItem(KEY) || '';
}

function takeToken() {
  const given = new URLSearchParams(location.hash.slice(1));
  if (!given.has('token')) return;
  localStorage.setItem(KEY, given.get('token'));
  given.delete('token');
  history.replaceState(null, '', '#' + given);
}

takeToken();
addEventListener('hashchange', takeToken);

// i picture, q question, c constraints (from-to in tokens of the question, perhaps .kind, joined by commas), k corruption, w window, t template,
// s sites, v view, y number shown, cell pinned cell, lay layer of the flow, f filters of the store, ex run.result of its example
export const read = () => Object.fromEntries(new URLSearchParams(location.hash.slice(1)));

// Constraints as words, on=..., where loci serve was started at a question; told once.
export function pieces() {
  const all = new URLSearchParams(location.hash.slice(1)), list = all.getAll('on');
  all.delete('on');
  if (list.length) history.replaceState(null, '', '#' + all);
  return list;
}

function put(changes, how) {
  const all = new URLSearchParams(location.hash.slice(1));
  for (const [name, value] of Object.entries(changes)) {
    if (value === undefined || value === null || value === '') all.delete(name);
    else all.set(name, value);
  }
  const hash = '#' + all;
  if (hash !== location.hash) history[how](null, '', hash);
}

export const step = changes => put(changes, 'pushState');       // a question asked, a view opened
export const adjust = changes => put(changes, 'replaceState');  // a slider, a pinned cell

// ---------------------------------------------------------------- the server

export class Refused extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

async function call(method, path, body) {
  let answer;
  try {
    answer = await fetch(path, {method, body, headers: {Authorization: 'Bearer ' + token()}});
  } catch {
    throw new Refused(0, 'gone', 'loci serve does not answer: it was stopped, or started anew with another address');
  }
  if (answer.ok) return answer;
  let error = {};
  try {
    error = (await answer.json()).error;
  } catch { /* no body of ours */ }
  throw new Refused(answer.status, error.code || 'http', error.message || `the server says ${answer.status}`);
}

// Of the model and the edit on it: what another tab changes is not asked by mistake.
let edition = 0, limits = {}, changing;
const told = answer => changing = answer.then(a => a.json()).then(now => ({edition, limits} = now));

async function give(path, file, most) {
  if (file.size > most) throw new Refused(413, 'size', `${file.name} is larger than ${most >> 20} MB`);
  return (await call('POST', path, file)).json();
}

export const hello = () => told(call('GET', '/api/hello'));
export const addPicture = async file => (await give('/api/pictures', file, limits.picture_bytes)).picture;
export const picture = async id => (await call('GET', '/api/pictures/' + id)).blob();
export const propose = async question => (await call('POST', '/api/propose', new URLSearchParams({question}).toString())).json();
export const cancel = job => call('DELETE', '/api/jobs/' + job).catch(() => {});
export const apply = (job, on) => told(call('POST', `/api/jobs/${job}/${on ? 'apply' : 'revert'}`));
export const addEdit = file => give('/api/edits', file, limits.edit_bytes);
export const saveThere = async (job, ending) => (await call('POST', `/api/jobs/${job}/save.${ending}`)).json();
export const result = async job => (await call('GET', `/api/jobs/${job}/result.json`)).json();

const pause = ms => new Promise(go => setTimeout(go, ms));

export const openModel = id => told(call('POST', `/api/models/${id}/open`));

// A command as a user would type it: the page's picture has a name there.
export const shown = (command, name) => command.replace(/\/proc\/self\/fd\/\d+/g, name.replace(/[^\w.-]/g, '_') || 'picture.png');

// A result's request as the Python package takes it.
export function python(value, what, name) {
  const py = x => x === null ? 'None' : x === true ? 'True' : x === false ? 'False' : Array.isArray(x) ? `[${x.map(py).join(', ')}]` : JSON.stringify(x);
  const named = list => list.map(([k, x]) => `, ${k === 'lambda' ? 'lambda_' : k}=${py(x)}`).join('');
  const {image, question, constraints, kinds, template, system, date, precision, exif, mmproj, max_pixels, gate_rows, edits, ...rest} = value.request;
  const pieces = kinds ? `[${constraints.map((c, i) => `(${py(c)}, ${py(kinds[i])})`).join(', ')}]` : py(constraints || []);
  const there = o => Object.entries(o).filter(([, x]) => x !== undefined);
  return `import loci\n\nmodel = loci.open(${py(value.model.path)}${named(there({precision, exif, mmproj, max_pixels, gate_rows}))})\n` +
    `q = model.question(${image ? py(shown(image, name)) : 'None'}, ${py(question)}, constraint=${pieces}${named(there({template, system, date}))})\n` +
    `result = model.${what}(q${named(there(rest))})\n`;
}

export const store = async (what, fields) => (await call('POST', '/api/store/' + what, new URLSearchParams(fields).toString())).json();
export const storeCsv = async (store, run) => (await call('GET', `/api/store/${run}/run.csv?store=${store}`)).blob();

export const resultBytes = async (job, ending) => (await call('GET', `/api/jobs/${job}/result.${ending}`)).blob();

// What a job tells until it has ended; returns the last state.  A stream that is cut goes on where it was.
async function watch(job, onState, onPart) {
  let last = null, parts = 0;
  const take = event => {
    const data = JSON.parse(event.match(/^data: (.*)$/m)?.[1] ?? 'null');
    if (!data) return;
    if (event.startsWith('event: part')) {
      parts++;
      onPart(data);
    } else {
      onState(last = data);
    }
  };
  for (const wait of [0, 500, 1000, 2000, 5000]) {
    await pause(wait);
    const stream = await call('GET', `/api/jobs/${job}/events?after=${parts}`), reader = stream.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let rest = ''; ;) {
      const {value, done} = await reader.read().catch(() => ({done: true}));
      if (done) break;
      const events = (rest + value).split('\n\n');
      rest = events.pop();
      events.forEach(take);
    }
    if (last && last.state !== 'running' && last.state !== 'waiting') break;
  }
  return last;
}

// Runs a command of loci: fields are its options, a list is one given several times.
export async function run(what, fields, onState = () => {}, signal = undefined, onPart = () => {}) {
  await changing?.catch(() => {});
  const form = new URLSearchParams({what, edition});
  for (const [name, value] of Object.entries(fields))
    for (const one of [value].flat()) if (one !== undefined && one !== '') form.append(name, one);
  // not aborted on the way: the job may be there, and nobody would know its number
  const begun = await (await call('POST', '/api/jobs', form.toString())).json(), {job} = begun;
  const stop = () => cancel(job);
  signal?.addEventListener('abort', stop);
  if (signal?.aborted) stop();
  try {
    const end = begun.state || await watch(job, state => onState({...state, job}), onPart);
    if (begun.state) onState({...begun.state, job});
    if (!end || end.state === 'running' || end.state === 'waiting')
      throw new Refused(0, 'gone', 'loci serve was stopped');
    if (end.state === 'cancelled' && !end.partial) throw new Refused(0, 'cancelled', 'stopped');
    if (end.state === 'failed') throw new Refused(0, 'failed', end.error.message);
    return {job, value: begun.result || await result(job)};
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}
