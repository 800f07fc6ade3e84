/* What the browser does with what the robot tells it. Texts are only ever set as text: what was heard is never markup. */
'use strict';

const $ = id => document.getElementById(id);
const SVG = $('overlay').namespaceURI;
const WORDS_KEPT = 200, SKILLS_KEPT = 6, INTERRUPTS_KEPT = 7, ANSWERS_KEPT = 6, HISTORY_S = 40, HELD_S = 300, SILENT_S = 5;
const REASONS = {barge_in: 'cut in', stop_phrase: 'stop phrase', hush: 'hush', superseded: 'went on', lost: 'reply lost',
  first_sound: 'voice lowered', no_interrupt: 'voice back up'};
const CUTS = new Set(['barge_in', 'stop_phrase', 'hush', 'superseded', 'lost']);
const STATES = {deciding: 'is deciding', preparing: 'prepares an answer', speaking: 'speaks', idle: 'is silent', quiet: 'is silent', trailing: 'may be done'};
const COLOURS = ['#2f7d3b', '#0d6b9c', '#a8246f', '#7a5a00', '#6b4ed1', '#0a6f68'];

function make(parent, tag, attributes = {}, text) {
  const node = tag === 'rect' ? document.createElementNS(SVG, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  if (text != null) node.textContent = text;
  if (parent) parent.append(node);
  return node;
}
function write(node, text) {              // what has not changed is not announced again
  if (node.textContent !== text) node.textContent = text;
}
const clock = t => new Date(t * 1000).toLocaleTimeString([], {hourCycle: 'h23', hour: '2-digit', minute: '2-digit', second: '2-digit'});
const percent = value => value == null ? '–' : Math.round(100 * value) + ' %';

/* ---------- the line to the robot ---------- */

let socket, retry_s = 0.5, requests = 0, ahead_s = null, lastTick = -Infinity, agent = 'awaited', dropped = 0;
const seconds = () => performance.now() / 1000;
const robotTime = () => seconds() + (ahead_s ?? Date.now() / 1000 - seconds());

function connect() {
  socket = new WebSocket(`${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/socket`);
  socket.binaryType = 'blob';
  socket.onopen = () => { retry_s = 0.5; lastTick = seconds(); shownPanes = null; ahead_s = null; link('open'); tellPanes(); };
  socket.onmessage = ({data}) => {
    if (data instanceof Blob) return showPicture(data);
    for (const record of JSON.parse(data)) if (TAKE[record.topic]) TAKE[record.topic](record);
    if (follow) $('words').scrollTop = $('words').scrollHeight;
  };
  socket.onclose = () => {
    link('lost');
    fetch('/window.js', {cache: 'no-store'}).then(answer => answer.status === 401 && link('locked')).catch(() => {});
    setTimeout(connect, 1000 * retry_s);
    retry_s = Math.min(5, retry_s * 1.6);
  };
}
function send(request) {
  if (socket.readyState !== WebSocket.OPEN) return false;
  socket.send(JSON.stringify(request));
  return true;
}
function link(state) {
  document.body.dataset.link = state;
  if (state !== 'open') document.body.dataset.agent = 'awaited';
  showLink();
}
function showLink() {
  const state = document.body.dataset.link, silent = seconds() - lastTick > SILENT_S;
  write($('link'), state === 'lost' ? 'the robot does not answer; trying again'
    : state === 'locked' ? 'the robot asks for another token: load the page again' : state !== 'open' ? 'connecting'
    : silent ? 'connected, but the window has fallen silent' : agent === 'gone' ? 'the agent is gone: no news of its decision node'
    : agent === 'awaited' ? 'connected, waiting for the agent' : dropped ? `live (${dropped} messages skipped: this browser is slow)` : 'live');
}

let shownPanes = null;
const inSight = new Set();
function tellPanes() {
  const panes = document.hidden ? [] : [...inSight].sort(), text = panes.join();
  if (text !== shownPanes && send({panes})) shownPanes = text;
}
const eye = new IntersectionObserver(entries => {
  for (const one of entries) inSight[one.isIntersecting ? 'add' : 'delete'](one.target.id);
  tellPanes();
});
eye.observe($('lanes'));
eye.observe($('picture'));
document.addEventListener('visibilitychange', tellPanes);

/* ---------- what it tells ---------- */

const frames = [], turns = {person: [], agent: []}, low = [], said = [], voices = [], cuts = [];   // of the last HISTORY_S
const entries = new Map(), nodes = new Map(), skills = new Map(), answers = new Map();

const TAKE = {
  tick(one) {
    const offset = one.now - seconds();
    ahead_s = ahead_s == null || Math.abs(offset - ahead_s) > 2 ? offset : ahead_s + 0.2 * (offset - ahead_s);
    lastTick = seconds();
    agent = document.body.dataset.agent = one.agent;
    write($('namespace'), one.namespace === '/' ? '' : one.namespace);
    showLink();
  },
  dropped(one) { dropped = one.count; showLink(); },
  speech_state(one) { frames.push([one.t, one.p ?? 0, one.echo ?? 0]); },
  percept(one) {
    if (one.kind === 'scene') return write($('scene'), one.text);
    if (one.kind !== 'partial' && one.kind !== 'final') return;
    let spoken = said.find(other => other.utterance === one.utterance);
    if (!spoken) said.push(spoken = {utterance: one.utterance, start: one.start ?? one.t});
    Object.assign(spoken, {text: one.text, final: one.kind === 'final', echo: (one.echo ?? 0) > 0.7});
    const key = `person ${one.utterance}`, final = one.kind === 'final';
    if (!one.text) return final && forget(key);
    const entry = entryOf(key, 'person', spoken.start);
    entry.item.classList.toggle('partial', !final);
    write(entry.text, one.text);
    write(entry.more, final ? spoken.echo ? 'its own voice' : '' : 'partial');
    if (final && !spoken.echo) announce(`Person: ${one.text}`);
  },
  react(one) {
    for (const line of one.recalled) aside(`recalled: ${line}`);
  },
  playback(one) {
    let voice = voices.find(other => other.epoch === one.epoch);
    if (!voice) voices.push(voice = {epoch: one.epoch, start: one.t, heard: '', spans: []});
    Object.assign(voice, {end: one.t, state: one.state, heard: one.heard || voice.heard});
    if (!voice.heard) return;
    const entry = entryOf(`robot ${one.epoch}`, 'robot', voice.start), over = one.state === 'finished' || one.state === 'flushed';
    write(entry.text, voice.heard);
    entry.item.classList.toggle('lowered', one.ducked && !over);
    entry.item.classList.toggle('cut', one.state === 'flushed');
    write(entry.more, one.state === 'flushed' ? 'cut off' : over ? '' : one.ducked ? 'voice lowered' : 'is being heard');
    if (over) announce(`Robot: ${voice.heard}${one.state === 'flushed' ? ', cut off' : ''}`);
  },
  agent_state(one) {
    turn('person', one.person, one.t);
    turn('agent', one.agent, one.t);
    lower(one.ducked, one.t);
    state('person', one.person === 'quiet', STATES[one.person] && one.person === 'speaking' ? 'is speaking' : STATES[one.person] ?? one.person);
    const doubts = one.agent === 'idle' && one.score !== null && one.verdict === 'unsure';
    state('robot', one.agent === 'idle', doubts ? 'attentive: perhaps that was for it' : (STATES[one.agent] ?? one.agent) + (one.ducked ? ', voice lowered' : ''));
    state('doing', !one.doing, one.doing || 'nothing');
    addressee(one);
    instructions(one);
  },
  interrupt(one) {
    lower(one.ducked, one.t);
    if (!REASONS[one.reason]) return;
    if (cuts.some(other => other.t === one.t && other.reason === one.reason)) return;     // told again after a reconnect
    cuts.push(one);
    const row = make(null, 'tr', {class: CUTS.has(one.reason) ? 'cut' : ''});
    make(row, 'td', {class: 'when'}, clock(one.t));
    make(row, 'td', {}, REASONS[one.reason] + (one.halted ? ', skills halted' : ''));
    make(row, 'td', {class: 'num'}, one.latency_ms == null ? '–' : `${one.latency_ms} ms`);
    $('interrupts').prepend(row);
    while ($('interrupts').children.length > INTERRUPTS_KEPT) $('interrupts').lastChild.remove();
    $('no-interrupts').hidden = true;
  },
  skill_state: skill,
  answer_route: route,
  look: boxes,
  no_picture(one) { write($('picture-note'), one.text); },
  health(one) { nodes.set(one.node, {...one, heard: seconds()}); showNode(one.node); },
  answer(one) {
    if (one.number === stopping.number) return stopped(one);
    if (one.number === typing) {
      write($('typed-note'), one.text);
      if (one.ok) $('typed').value = '';
    }
  },
};

function state(id, still, text) {
  write($(id), text);
  $(id).title = text;
  $(id).parentElement.classList.toggle('on', !still);
}
function turn(who, value, t) {
  const found = turns[who], last = found[found.length - 1];
  if (last && last.value === value) return;
  if (last) last.end = t;
  found.push({value, start: t});
}
function lower(ducked, t) {
  const last = low[low.length - 1];
  if (ducked && !(last && last.end == null)) low.push({start: t});
  else if (!ducked && last && last.end == null) last.end = t;
}
function forgetOld() {
  if (heldAt != null && robotTime() - heldAt > HELD_S) hold();
  const before = (heldAt ?? robotTime()) - HISTORY_S;
  while (frames.length && frames[0][0] < before) frames.shift();
  for (const list of [turns.person, turns.agent, low]) while (list.length && list[0].end < before) list.shift();
  while (said.length > 1 && said[1].start < before) said.shift();
  while (voices.length > 1 && voices[0].end < before) voices.shift();
  while (cuts.length > INTERRUPTS_KEPT && cuts[0].t < before) cuts.shift();
}

/* ---------- words ---------- */

function entryOf(key, who, t) {
  let entry = entries.get(key);
  if (entry) return entry;
  const item = make(null, 'li', {class: who}), small = make(item, 'small');
  small.append(`${who === 'person' ? 'Person' : 'Robot'} · ${clock(t)} `);
  entry = {item, more: make(small, 'b'), text: make(item, 'span')};
  entries.set(key, entry);
  append(item);
  if (entries.size > WORDS_KEPT) forget(entries.keys().next().value);
  return entry;
}
let follow = true;                         // until somebody scrolls back
$('words').addEventListener('scroll', () => { const list = $('words'); follow = list.scrollHeight - list.scrollTop - list.clientHeight < 40; });
function append(item) {
  const list = $('words');
  list.append(item);
  $('no-words').hidden = true;
  if (list.children.length > 2 * WORDS_KEPT) list.firstChild.remove();
  if (follow) list.scrollTop = list.scrollHeight;
}
function forget(key) {
  const entry = entries.get(key);
  if (entry) entry.item.remove();
  entries.delete(key);
}
function aside(text) { append(make(null, 'li', {class: 'aside'}, text)); }
function announce(text) {
  make($('spoken'), 'p', {}, text);
  while ($('spoken').children.length > 5) $('spoken').firstChild.remove();
}

/* ---------- stop, and typing ---------- */

const stopping = {number: null, since: 0, timer: 0};
function stop() {
  clearTimeout(stopping.timer);
  stopping.number = ++requests;
  stopping.since = seconds();
  if (!send({stop: stopping.number})) return tellStop('Not connected: use the stop on the robot.', true);
  $('stop').setAttribute('aria-disabled', 'true');
  tellStop('Stopping …');
  stopping.timer = setTimeout(() => stopped({ok: false, text: 'No answer: use the stop on the robot.'}), 3000);
}
function stopped(answer) {
  clearTimeout(stopping.timer);
  stopping.number = null;
  $('stop').removeAttribute('aria-disabled');
  const took = Math.round(1000 * (seconds() - stopping.since));
  tellStop(answer.ok ? `Stopped, confirmed after ${took} ms` : answer.text, !answer.ok);
  if (answer.ok) stopping.timer = setTimeout(() => tellStop(''), 8000);
}
function tellStop(text, bad = false) {
  $('stopped').classList.toggle('bad', bad);
  write($('stopped'), text);
}
$('stop').onclick = stop;
document.addEventListener('keydown', event => {
  if (event.key === 'Escape' && !event.repeat) { event.preventDefault(); stop(); }
});

let typing = null;
$('say').onsubmit = event => {
  event.preventDefault();
  const text = $('typed').value.trim();
  if (!text) return;
  typing = ++requests;
  if (!send({typed: text, number: typing})) return write($('typed-note'), 'Not connected; nothing was sent.');
  write(entryOf(`typed ${typing}`, 'person', robotTime()).text, text);
  write(entries.get(`typed ${typing}`).more, 'typed');
};

/* ---------- whom was it meant for; memory; skills; nodes ---------- */

function addressee(one) {
  if (one.score == null) return;
  write($('score'), percent(one.score));
  $('meter').value = one.score;
  write($('judged'), one.text ? `“${one.text}”` : '');
  write($('why'), one.why);
  $('evidence').replaceChildren();
  const strongest = Math.max(3, ...one.evidence.map(([, value]) => Math.abs(value ?? 0)));
  for (const [name, value] of one.evidence.slice().sort((a, b) => Math.abs(b[1]) - Math.abs(a[1])).slice(0, 7)) {
    const item = make($('evidence'), 'li', {class: value > 0 ? 'for' : 'against'});
    make(item, 'span', {}, name);
    make(make(item, 'span', {class: 'bar'}), 'i').style.width = `${50 * Math.abs(value) / strongest}%`;
    make(item, 'span', {class: 'num'}, (value > 0 ? '+' : '') + value.toFixed(1));
  }
}
function instructions(one) {
  const list = $('watching'), text = one.watching.join('\n');
  if (list.dataset.text !== text) {
    list.dataset.text = text;
    list.replaceChildren();
    for (const words of one.watching) make(list, 'li', {}, words);
    $('no-watching').hidden = one.watching.length > 0;
  }
  remembered.set('Senses', one.senses.join(', ') || 'none is there');
  remembered.set('Last answer from', one.used.join(', ') || '–');
  remembered.set('Memory searched by', one.route || 'not searched');
  showMemory();
}
const remembered = new Map();
function showMemory() {
  const list = $('memory'), text = [...remembered].join('\n');
  if (list.dataset.text === text) return;
  list.dataset.text = text;
  list.replaceChildren();
  for (const [name, value] of remembered) { make(list, 'dt', {}, name); make(list, 'dd', {}, value); }
}
function skill(one) {
  const key = `${one.epoch} ${one.step}`;
  let shown = skills.get(key);
  if (!shown) {
    const item = make(null, 'li'), row = make(item, 'div', {class: 'row'});
    shown = {item, name: make(row, 'b'), call: make(row, 'code'), pill: make(row, 'span'), bar: make(item, 'progress', {max: 1}), text: make(item, 'p', {class: 'note'})};
    skills.set(key, shown);
    $('skills').prepend(item);
    $('no-skills').hidden = true;
    if (skills.size > SKILLS_KEPT) {
      const oldest = skills.keys().next().value;
      skills.get(oldest).item.remove();
      skills.delete(oldest);
    }
  }
  write(shown.name, one.skill + (one.steps > 1 ? ` (${one.step + 1} of ${one.steps})` : ''));
  write(shown.call, readable(one.arguments));
  shown.pill.className = `pill ${one.state}`;
  write(shown.pill, one.state + (one.dry_run ? ', dry run' : ''));
  const live = one.state === 'running' || one.state === 'held';
  shown.bar.hidden = !live;
  shown.bar.setAttribute('aria-label', `progress of ${one.skill}`);
  if (one.progress == null) shown.bar.removeAttribute('value'); else shown.bar.value = one.progress;
  write(shown.text, one.text + (live && one.progress != null ? ` (${percent(one.progress)})` : ''));
}
function route(one) {                     // two nodes tell of an answer, and tell again after a reconnect
  let shown = answers.get(one.epoch);
  if (!shown) {
    const item = make(null, 'li'), head = make(item, 'div', {class: 'head'});
    shown = {item, t: one.t, parts: new Map(), when: make(head, 'span', {class: 'note'}), brief: make(head, 'b'), rows: make(make(item, 'table'), 'tbody')};
    const older = [...answers.values()].filter(other => other.t < one.t).sort((a, b) => b.t - a.t)[0];
    $('routes').insertBefore(item, older ? older.item : null);
    answers.set(one.epoch, shown);
    $('no-routes').hidden = true;
  }
  shown.parts.set(one.t, one.steps);
  shown.t = Math.min(shown.t, one.t);
  write(shown.when, clock(shown.t));
  write(shown.brief, one.brief || 'unasked');
  const steps = [...shown.parts].sort(([a], [b]) => a - b).flatMap(([, some]) => some);
  const most = Math.max(0.001, ...steps.map(step => step.ms ?? 0));
  shown.rows.replaceChildren();
  for (const step of steps) {
    const row = make(shown.rows, 'tr');
    make(row, 'th', {scope: 'row'}, step.specialist);
    const why = make(row, 'td', {}, step.why), used = [[step.frames, 'picture'], [step.tokens, 'token']].filter(([count]) => count);
    for (const [count, what] of used) make(why, 'span', {class: 'used'}, `${count} ${what}${count === 1 ? '' : 's'}`);
    const cost = make(row, 'td', {class: 'num'}, took(step.ms));
    if (step.ms != null) make(make(cost, 'span', {class: 'bar', 'aria-hidden': true}), 'i').style.width = `${100 * step.ms / most}%`;
  }
  while (answers.size > ANSWERS_KEPT) {
    const [oldest, {item}] = [...answers].reduce((a, b) => a[1].t < b[1].t ? a : b);
    item.remove();
    answers.delete(oldest);
  }
}
const took = ms => ms == null ? '–' : ms >= 9.95 ? `${Math.round(ms)} ms` : ms >= 0.095 ? `${ms.toFixed(1)} ms` : '< 0.1 ms';
function readable(json) {
  try { return Object.entries(JSON.parse(json)).map(([name, value]) => `${name}: ${typeof value === 'object' ? JSON.stringify(value) : value}`).join(', '); }
  catch { return json; }
}
function showNode(name) {
  const one = nodes.get(name), age = seconds() - one.heard, silent = age > SILENT_S;
  if (!one.shown) {
    const box = make(null, 'details'), top = make(box, 'summary');
    one.shown = {box, name: make(top, 'b', {}, name), pill: make(top, 'span'), text: make(top, 'p'), list: make(box, 'dl')};
    const before = [...$('health').children].find(other => other.dataset.node > name);
    const known = [...$('health').children].find(other => other.dataset.node === name);
    box.dataset.node = name;
    if (known) { box.open = known.open; known.replaceWith(box); } else $('health').insertBefore(box, before ?? null);
    $('no-health').hidden = true;
    box.addEventListener('toggle', () => fill(name));
    fill(name);
  }
  one.shown.pill.className = `pill ${silent ? 'silent' : one.level.split(' ')[0]}`;
  write(one.shown.pill, silent ? `silent for ${Math.round(age)} s` : one.level);
  write(one.shown.text, one.message === 'OK' ? '' : one.message);
  one.shown.text.hidden = one.message === 'OK';
}
function fill(name) {
  const one = nodes.get(name);
  if (!one.shown.box.open) return;
  one.shown.list.replaceChildren();
  for (const [key, value] of Object.entries(one.values)) { make(one.shown.list, 'dt', {}, key); make(one.shown.list, 'dd', {}, value); }
}
const health = TAKE.health;
TAKE.health = one => {                    // the same box is kept while it is looked at
  const known = nodes.get(one.node);
  if (!known) health(one);
  else { Object.assign(known, one, {heard: seconds()}); showNode(one.node); fill(one.node); }
  if (one.node === 'decision' && one.values['memory items']) {
    remembered.set('Remembered', `${one.values['memory items']} moments, ${one.values['memory MiB'] ?? '–'} MiB`);
    showMemory();
  }
};

/* ---------- camera ---------- */

let url = null, lastPicture = -Infinity;
function showPicture(blob) {
  const image = $('image'), older = url;
  url = URL.createObjectURL(blob);
  image.onload = () => {
    if (older) URL.revokeObjectURL(older);
    if (image.naturalWidth) $('frame').style.aspectRatio = `${image.naturalWidth} / ${image.naturalHeight}`;
  };
  image.src = url;
  image.hidden = false;
  lastPicture = seconds();
  write($('picture-note'), '');
}
function boxes(one) {
  $('overlay').replaceChildren();
  $('tags').replaceChildren();
  const place = (box, colour, name, text) => {
    const [left, top, right, bottom] = box;
    const rect = make($('overlay'), 'rect', {x: left, y: top, width: Math.max(0, right - left), height: Math.max(0, bottom - top), class: name});
    rect.style.stroke = colour;
    if (!text) return;
    const tag = make($('tags'), 'span', {class: top < 0.08 ? 'inside' : ''}, text);
    tag.style.left = `${100 * Math.max(0, left)}%`;
    tag.style.top = `${100 * Math.max(0, top)}%`;
    tag.style.background = colour;
  };
  for (const track of one.tracks) place(track.box, COLOURS[track.id % COLOURS.length], 'track', `${track.label} ${track.id}`);
  for (const face of one.faces) place(face.box, COLOURS[face.track % COLOURS.length], 'face', face.looks_here > 0.5 ? 'looks here' : '');
  const names = one.tracks.map(track => track.label);
  $('image').alt = names.length ? `The camera shows: ${names.join(', ')}` : 'The picture of the camera';
}
$('boxes').onclick = event => {
  const on = event.target.getAttribute('aria-pressed') !== 'true';
  event.target.setAttribute('aria-pressed', on);
  $('overlay').style.display = $('tags').style.display = on ? '' : 'none';
};

/* ---------- lanes ---------- */

const LANES = [['time', 20, 0, ''], ['words', 52, 0, 'person'], ['speech', 44, 4, 'speech'], ['person', 18, 6, 'person is'], ['cuts', 34, 4, 'interrupts'],
  ['agent', 18, 4, 'robot is'], ['heard', 70, 6, 'robot']];
const lane = {};
let tall = 0;
for (const [name, height, gap, label] of LANES) {
  tall += gap;
  lane[name] = {top: tall, height, bottom: tall + height, middle: tall + height / 2};
  tall += height;
  if (label) make($('labels'), 'div', {}, label).style.top = `${lane[name].middle}px`;
}
const canvas = $('canvas'), pen = canvas.getContext('2d');
let colour = {}, width = 0, scale = 40, span_s = 30, heldAt = null;
canvas.style.height = `${tall + 8}px`;

function readColours() {
  const style = getComputedStyle(document.documentElement);
  colour = new Proxy({}, {get: (known, name) => known[name] ??= style.getPropertyValue('--' + name).trim()});
}
readColours();
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', readColours);
new ResizeObserver(([entry]) => {
  width = entry.contentRect.width;
  span_s = width < 620 ? 15 : 30;
  scale = width / span_s;
  write($('lanes-title'), `The last ${span_s} seconds`);
  canvas.width = Math.round(width * devicePixelRatio);
  canvas.height = Math.round((tall + 8) * devicePixelRatio);
}).observe(canvas);
function hold() {
  heldAt = heldAt == null ? robotTime() : null;
  $('hold').setAttribute('aria-pressed', heldAt != null);
}
$('hold').onclick = hold;

function wrap(text, room, most) {          // in the font that the pen has
  const lines = [''];
  for (const word of text.split(/\s+/)) {
    const line = lines[lines.length - 1], longer = line ? `${line} ${word}` : word;
    if (line && pen.measureText(longer).width > room) lines.push(word); else lines[lines.length - 1] = longer;
  }
  return lines.length > most ? ['… ' + lines[lines.length - most], ...lines.slice(1 - most)].slice(-most) : lines;
}
function runs() {                          // frames without a hole between them: the lanes may have been out of sight
  const found = [];
  let last = -Infinity;
  for (const frame of frames) {
    if (Math.abs(frame[0] - last) > 0.5) found.push([]);
    found[found.length - 1].push(frame);
    last = frame[0];
  }
  return found;
}
function draw() {
  forgetOld();
  const now = heldAt ?? robotTime() - 0.15, x = t => width + (t - now) * scale;       // what comes a little late is drawn all the same
  pen.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
  pen.clearRect(0, 0, width, tall + 8);
  pen.font = '12.5px system-ui, sans-serif';
  pen.textBaseline = 'alphabetic';
  const block = (from, to, where, fill) => { pen.fillStyle = fill; pen.fillRect(Math.max(-2, x(from)), where.top, Math.max(1.5, Math.min(width, x(to)) - Math.max(-2, x(from))), where.height); };
  pen.fillStyle = colour.bed;
  for (const name of ['words', 'heard']) pen.fillRect(0, lane[name].top, width, lane[name].height);
  const step = width < 620 ? 3 : 5;
  for (let t = Math.ceil((now - span_s) / step) * step; t <= now; t += step) {
    pen.fillStyle = colour.rule;
    pen.fillRect(Math.round(x(t)), 16, 1, tall);
    pen.fillStyle = colour.faint;
    pen.fillText(clock(t), x(t) + 4, 13);
  }
  for (const one of low) block(one.start, Math.min(one.end ?? now, now), lane.heard, colour.lowbed);

  // how surely somebody speaks, and how surely it is the robot itself
  const {bottom, height} = lane.speech;
  for (const run of runs()) {
    pen.beginPath();
    pen.moveTo(x(run[0][0]), bottom);
    for (const [t, p] of run) pen.lineTo(x(t), bottom - p * height);
    pen.lineTo(x(run[run.length - 1][0]), bottom);
    pen.fillStyle = colour.vad;
    pen.fill();
    pen.beginPath();
    for (const [t, , echo] of run) pen.lineTo(x(t), bottom - echo * height);
    pen.strokeStyle = colour.accent;
    pen.lineWidth = 1.2;
    pen.stroke();
  }
  pen.fillStyle = colour.rule;
  pen.fillRect(0, bottom, width, 1);

  // both machines
  for (const who of ['person', 'agent'])
    for (const one of turns[who]) {
      const still = one.value === 'quiet' || one.value === 'idle', end = Math.min(one.end ?? now, now);
      if (still || end < now - span_s) continue;
      block(one.start, end, lane[who], colour[who === 'agent' && one.value === 'speaking' ? 's-robot' : 's-' + one.value]);
      const left = Math.max(0, x(one.start));
      pen.fillStyle = colour.ink;
      if (Math.min(width, x(end)) - left > 12 + pen.measureText(one.value).width) pen.fillText(one.value, left + 6, lane[who].bottom - 5);
    }

  // words
  const leftOf = one => Math.max(6, Math.min(x(one.start), width - 150));
  const words = (list, where, most, textOf, look) => list.forEach((one, at) => {
    const next = list[at + 1], until = next ? Math.min(x(next.start), leftOf(next)) - 8 : width - 6, left = leftOf(one);
    if (until < 20 || until - left < 20) return;
    pen.fillStyle = look(one);
    wrap(textOf(one), Math.max(60, until - left), most).forEach((line, row) => pen.fillText(line, left, where.top + 15 + 15.5 * row, Math.max(20, until - left)));
  });
  words(said.filter(one => one.text), lane.words, 3, one => one.text, one => one.echo ? colour.faint : one.final ? colour.person : colour.soft);
  for (const one of voices) {
    pen.globalAlpha = 0.9;
    block(one.start, one.state === 'finished' || one.state === 'flushed' ? one.end : Math.min(now, one.end + 0.3), {top: lane.heard.bottom - 10, height: 7}, colour.robot);
    pen.globalAlpha = 1;
  }
  words(voices.filter(one => one.heard), lane.heard, 3, one => one.heard + (one.state === 'flushed' ? ' —' : ''), () => colour.robot);

  // interrupts
  const clear = {true: -1e9, false: -1e9};
  for (const one of cuts) {
    const cut = CUTS.has(one.reason), at = x(one.t), ink = cut ? colour.bad : colour.warn;
    if (at < -120) continue;
    pen.fillStyle = ink;
    if (cut) pen.fillRect(at - 1, lane.speech.top, 2, lane.heard.bottom - lane.speech.top); else pen.fillRect(at - 0.5, lane.cuts.top + 4, 1.5, lane.cuts.height - 8);
    if (one.evidence && cut) pen.fillRect(x(one.evidence), lane.cuts.bottom - 5, at - x(one.evidence), 3);
    if (!cut && one.reason !== 'first_sound') continue;
    pen.font = `${cut ? 650 : 400} 12px system-ui, sans-serif`;
    const text = `${REASONS[one.reason]}${one.latency_ms == null ? '' : ` ${one.latency_ms} ms`}`, size = pen.measureText(text).width;
    if (clear[cut] < at) {                 // cuts have the upper line for themselves
      pen.fillText(text, at + size + 8 > width ? at - size - 5 : at + 5, lane.cuts.top + (cut ? 13 : 27));
      clear[cut] = at + size + 8;
    }
    pen.font = '12.5px system-ui, sans-serif';
  }
}
const calm = matchMedia('(prefers-reduced-motion: reduce)');
let drawn = 0;
function animate(at) {
  if (at - drawn > (calm.matches ? 250 : 45) && inSight.has('lanes') && width) { drawn = at; draw(); }
  requestAnimationFrame(animate);
}
requestAnimationFrame(animate);

setInterval(() => {
  showLink();
  for (const name of nodes.keys()) showNode(name);
  if (inSight.has('picture') && seconds() - lastPicture > SILENT_S && lastPicture > 0) write($('picture-note'), `no picture for ${Math.round(seconds() - lastPicture)} s`);
}, 1000);

connect();
