// The server: every request carries the token, a job's states arrive as a stream.
import {token} from './state.js';

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

export const hello = async () => (await call('GET', '/api/hello')).json();
export const addPicture = async bytes => (await (await call('POST', '/api/pictures', bytes)).json()).picture;
export const picture = async id => (await call('GET', '/api/pictures/' + id)).blob();
export const propose = async question => (await call('POST', '/api/propose', new URLSearchParams({question}).toString())).json();
export const cancel = job => call('DELETE', '/api/jobs/' + job).catch(() => {});
export const apply = (job, on) => call('POST', `/api/jobs/${job}/${on ? 'apply' : 'revert'}`);

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

// What is asked of the store, and a run of it as CSV.
export const store = async (what, fields) => (await call('POST', '/api/store/' + what, new URLSearchParams(fields).toString())).json();
export const storeCsv = async run => (await call('GET', `/api/store/${run}/run.csv`)).blob();

// A result in another format, as bytes.
export const resultBytes = async (job, ending) => (await call('GET', `/api/jobs/${job}/result.${ending}`)).blob();

// What a job tells until it has ended, each state and each part handed on; returns the last state.
async function watch(job, onState, onPart) {
  const stream = await call('GET', `/api/jobs/${job}/events`);
  const reader = stream.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '', last = null;
  for (;;) {
    const {value, done} = await reader.read();
    if (done) break;
    const events = (rest + value).split('\n\n');
    rest = events.pop();
    for (const event of events) {
      const data = event.match(/^data: (.*)$/m);
      if (!data) continue;
      if (event.startsWith('event: part')) {
        onPart(JSON.parse(data[1]));
        continue;
      }
      last = JSON.parse(data[1]);
      onState(last);
    }
  }
  return last;
}

// Runs a command of loci: fields are its options, a list is an option given several times.  Returns
// what `loci COMMAND --json` prints.  A brief job is told at once, a long one as it goes.
export async function run(what, fields, onState = () => {}, signal = undefined, onPart = () => {}) {
  const form = new URLSearchParams({what});
  for (const [name, value] of Object.entries(fields))
    for (const one of [value].flat()) if (one !== undefined && one !== '') form.append(name, one);
  // not aborted on the way: the job may be there, and nobody would know its number
  const told = await (await call('POST', '/api/jobs', form.toString())).json(), {job} = told;
  const stop = () => cancel(job);
  signal?.addEventListener('abort', stop);
  if (signal?.aborted) stop();
  try {
    const end = told.state || await watch(job, state => onState({...state, job}), onPart);
    if (told.state) onState({...told.state, job});
    if (!end || end.state === 'running' || end.state === 'waiting')
      throw new Refused(0, 'gone', 'loci serve was stopped');
    if (end.state === 'cancelled' && !end.partial) throw new Refused(0, 'cancelled', 'stopped');
    if (end.state === 'failed') throw new Refused(0, 'failed', end.error.message);
    return {job, value: told.result || await (await call('GET', `/api/jobs/${job}/result.json`)).json()};
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}
