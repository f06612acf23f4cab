// The page: what the server tells is shown with its age, and every press is answered for.
import {Charts} from './charts.js';
import {Robot} from './robot.js';

const STALE = {stream: 1.0, diagnostics: 1.5, link: 3.0};  // s
const ANSWER_TIME = 1900, ASK_TIME = 10000, RETRY = 1000, PATIENCE = 5000;  // ms
const REPORTS = 10;
const by = id => document.getElementById(id);
const seconds = () => performance.now() / 1000;
const buttons = [...document.querySelectorAll('[data-press]')];
const token = new URLSearchParams(location.search).get('token') ?? '';
const me = Math.random().toString(36).slice(2);

const robot = new Robot(by('robot'));
const charts = new Charts(zoomed => { by('unzoom').hidden = !zoomed; });
const link = {socket: null, up: false, since: seconds(), received: -Infinity, why: ''};
let latest = {time: 0, ages: {}, diagnostics: {}, obstacles: {}, lidar: {}};  // the newest message
const waiting = new Map();  // presses that are not answered, by their number
const known = new Set();  // reports that have been shown
let presses = 0;

const since = () => seconds() - link.received;
const old = age => age < 10 ? `${age.toFixed(1)} s` : age < 120 ? `${age.toFixed(0)} s` : `${(age / 60).toFixed(0)} min`;
const stateAge = name => (latest.diagnostics[name]?.age ?? Infinity) + since();

// The link

async function connect() {
  try {
    const answer = await fetch(`scene?token=${encodeURIComponent(token)}`, {signal: AbortSignal.timeout(PATIENCE)});
    if (answer.status === 403) link.why = 'open the address that dynsyn dashboard has printed';
    if (!answer.ok) throw new Error(answer.status);
    robot.scene = await answer.json();
  } catch { setTimeout(connect, RETRY); return; }
  link.why = '';
  const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
  const socket = link.socket = new WebSocket(`${scheme}://${location.host}/live?token=${encodeURIComponent(token)}`);
  socket.onmessage = event => { if (socket === link.socket) take(JSON.parse(event.data)); };
  socket.onclose = () => { if (socket === link.socket) lost(); };
}

function lost() {
  link.socket.onclose = null;
  link.socket.close();
  link.socket = null;
  if (link.up) link.since = seconds();
  link.up = false;
  for (const number of [...waiting.keys()]) settle(number, 'no answer', 'the dashboard is not connected');
  refresh();
  setTimeout(connect, RETRY);
}

function take(news) {
  charts.add(news.history);
  for (const report of news.reports) takeReport(report);
  if (!news.ages) return;  // the first message is history alone
  link.received = seconds();
  latest = news;
  link.up = true;
  if (news.readings) robot.read(news.readings, news.lidar);
}

// Presses and what came of them

function press(button) {
  const number = `${me}.${++presses}`, name = button.dataset.press;
  const late = setTimeout(() => settle(number, 'no answer', 'the dashboard has not answered'), ANSWER_TIME);
  waiting.set(number, {button, name, late});
  button.setAttribute('aria-busy', 'true');
  if (link.socket?.readyState === WebSocket.OPEN) link.socket.send(JSON.stringify({press: name, who: number}));
  else settle(number, 'no answer', 'the dashboard is not connected');
}

function settle(number, outcome, text) {
  const one = waiting.get(number);
  if (!one) return;
  report(one.name, outcome, text, Date.now() / 1000);
  release(number);
}

function release(number) {
  const {button, late} = waiting.get(number);
  clearTimeout(late);
  waiting.delete(number);
  if (![...waiting.values()].some(one => one.button === button)) button.removeAttribute('aria-busy');
}

function takeReport({who, button, outcome, text, time}) {
  const key = `${who} ${time}`;  // one that connects again is sent what it knows
  if (known.has(key)) return;
  known.add(key);
  if (waiting.has(who)) release(who);
  report(button, outcome, text, time);
}

const NAMES = {praise: 'Praise', scold: 'Scold', pause: 'Pause learning', learn: 'Go on learning', save: 'Save',
               rollback: 'Roll back', stop: 'Emergency stop', clear: 'Clear the stop'};

function report(button, outcome, text, time) {
  const line = document.createElement('li'), when = document.createElement('time'), what = document.createElement('b');
  when.textContent = new Date(time * 1000).toLocaleTimeString('en-GB');
  what.textContent = outcome;
  line.className = outcome === 'no answer' ? 'none' : outcome;
  line.dataset.button = button;
  line.append(when, ` ${NAMES[button] ?? button}: `, what, text ? `, ${text}` : '');
  by('reports').prepend(line);
  while (by('reports').children.length > REPORTS) by('reports').lastChild.remove();
}

// What is shown

function showLink() {
  const silent = stateAge('controller');
  const [kind, text, age, more = ''] =
    !link.up ? ['bad', 'Not connected to the dashboard', seconds() - link.since, `What is shown is old; ${link.why || 'trying again'}.`]
    : silent === Infinity ? ['warn', `Connected to the dashboard, which waits for a controller in ROS domain ${robot.scene.domain}`]
    : silent > STALE.diagnostics ? ['warn', 'Connected to the dashboard, but the controller has been silent', silent]
    : ['good', 'Connected'];
  by('link').className = kind;
  by('link_age').textContent = age === undefined ? '' : `for ${old(age)}.`;
  if (by('link_text').textContent !== text) by('link_text').textContent = text;  // read aloud where it changes
  by('link_more').textContent = more;
}

function showStatus() {
  const names = Object.keys(latest.diagnostics);
  if (!names.length) return;
  by('status').replaceChildren(...names.map(name => {
    const {level, message, values} = latest.diagnostics[name], age = stateAge(name), stale = age > STALE.diagnostics;
    const line = document.createElement('li'), light = document.createElement('i');
    light.className = stale ? '' : `l${Math.min(level, 2)}`;
    line.className = stale ? 'stale' : '';
    line.append(light, `${name}: `, stale ? `silent for ${old(age)}; it last said: ` : '', message,
                values.steps ? `, ${Number(values.steps).toLocaleString('en')} steps` : '');
    return line;
  }));
}

function showAges() {
  for (const section of document.querySelectorAll('[data-stream]')) {
    const name = section.dataset.stream;
    const age = name === 'returns' ? stateAge('simulator') : (latest.ages[name] ?? Infinity) + since();
    const stale = age > (name === 'returns' ? STALE.diagnostics : STALE.stream);
    section.classList.toggle('stale', stale);
    section.querySelector('.age').textContent = !stale ? '' : age === Infinity ? '(no message yet)' : `(${old(age)} old)`;
  }
}

function showButtons() {
  const {message = '', values = {}} = latest.diagnostics.controller ?? {};
  const learns = values.learning !== 'False';
  by('learning').textContent = learns ? 'Pause learning' : 'Go on learning';
  by('learning').dataset.press = learns ? 'pause' : 'learn';
  by('latched').hidden = !message.includes('emergency stop');
  if (by('latched').hidden) ask(false);
  by('latched_when').hidden = link.up && stateAge('controller') <= STALE.diagnostics;
  const why = new Map();
  for (const button of buttons) {
    const name = button.dataset.press, obstacle = link.up ? latest.obstacles[name] : 'the dashboard is not connected';
    button.disabled = obstacle !== '';
    button.title = obstacle ?? '';
    if (obstacle && !(name === 'clear' && by('latched').hidden)) why.set(obstacle, [...why.get(obstacle) ?? [], NAMES[name]]);
  }
  by('clear').disabled = buttons.find(button => button.dataset.press === 'clear').disabled;
  const text = [...why].map(([obstacle, names]) => `Disabled, as ${obstacle}: ${names.join(', ')}.`).join(' ');
  if (by('obstacles').textContent !== text) by('obstacles').textContent = text;
}

function showNumbers() {
  const digits = {reward: 3, amplitude: 5, 'return': 1};
  for (const [name, value] of Object.entries(charts.newest)) by(name + '_now').textContent = value?.toFixed(digits[name]) ?? '';
}

function refresh() {
  if (link.up && since() > STALE.link) lost();  // it hangs, or the network does
  showLink();
  showStatus();
  showAges();
  showButtons();
}

function draw() {
  charts.draw(latest.time ? latest.time + since() : undefined);
  showNumbers();
  by('undrawn').hidden = !robot.place || robot.drawable;
  robot.draw(getComputedStyle(document.querySelector('h2')).color);
}

// "Clear the stop" asks once more, and not for long.

let asking;
function ask(sure) {
  clearTimeout(asking);
  by('clearing').hidden = sure;
  by('confirming').hidden = !sure;
  if (sure) { asking = setTimeout(ask, ASK_TIME, false); by('keep').focus(); }
}
by('clear').onclick = () => ask(true);
by('keep').onclick = () => ask(false);
for (const button of buttons) button.onclick = () => { press(button); if (button.dataset.press === 'clear') ask(false); };

for (const button of document.querySelectorAll('[data-span]')) button.onclick = () => {
  charts.show(button.dataset.span);
  for (const each of document.querySelectorAll('[data-span]')) each.setAttribute('aria-pressed', each === button);
};
by('unzoom').onclick = () => charts.magnify(null);

globalThis.dashboard = {charts, robot};  // to look at from the console
connect();
setInterval(refresh, 100);
setInterval(() => requestAnimationFrame(draw), 150);
