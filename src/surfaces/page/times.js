import { counted, h } from './dom.js';

const units = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
];

/** `10 minutes`, `1 hour 30 minutes`. @param {number} seconds */
export function duration(seconds) {
  if (seconds < 60) return counted(Math.max(0, Math.round(seconds)), 'second');
  const parts = [];
  let left = Math.round(seconds / 60) * 60;
  for (const [name, size] of units) {
    const count = Math.floor(left / Number(size));
    left -= count * Number(size);
    if (count > 0) parts.push(counted(count, String(name)));
  }
  return parts.slice(0, 2).join(' ');
}

/** about how long, in one unit. @param {number} seconds */
function roughly(seconds) {
  const [name, size] = units.find(([, size]) => seconds >= Number(size)) ?? ['second', 1];
  return counted(Math.floor(seconds / Number(size)), String(name));
}

/** @param {number} at epoch milliseconds */
function away(at) {
  const seconds = (at - Date.now()) / 1_000;
  if (Math.abs(seconds) < 1) return 'now';
  return seconds < 0 ? `${roughly(-seconds)} ago` : `in ${roughly(seconds)}`;
}

const whole = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });
const clock = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' });

/** A time as people say it, which goes on by itself; the whole of it is its title. @param {string | number} at */
export function ago(at) {
  const time = new Date(at);
  return h(
    'time',
    { datetime: time.toISOString(), title: whole.format(time), 'data-moves': true },
    away(time.getTime()),
  );
}

/** The hour, or the day and the hour where it was another day. @param {string | number} at */
export function moment(at) {
  const time = new Date(at);
  const today = time.toDateString() === new Date().toDateString();
  const shown = (today ? clock : whole).format(time);
  return h('time', { datetime: time.toISOString(), title: whole.format(time) }, shown);
}

/** Brings all times on the page up to now. */
export function moveTimes() {
  for (const time of document.querySelectorAll('time[data-moves]')) {
    const text = away(Date.parse(time.getAttribute('datetime') ?? ''));
    if (time.textContent !== text) time.textContent = text;
  }
}
