// How the page is built: elements by script, every text as a text. Nothing that an agent wrote can become markup.

/**
 * An element. Children are nodes, texts, lists of these; what is undefined, null or false is left out.
 * @param {string} tag `p`, or with classes `p.quiet.small`
 * @param {Record<string, any>} [attributes] `on…` are listeners
 * @param {...any} children
 * @returns {any}
 */
export function h(tag, attributes = {}, ...children) {
  const [name, ...classes] = tag.split('.');
  const element = document.createElement(name);
  if (classes.length > 0) element.className = classes.join(' ');
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith('on')) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? '' : String(value));
  }
  element.append(...children.flat(Infinity).filter((each) => each !== undefined && each !== null && each !== false));
  return element;
}

/** characters that are not seen, or that turn the text around them: https://www.unicode.org/reports/tr36 */
const unseen = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cs}]/gu;

/**
 * What an agent wrote, as it cannot pretend to be ours: one line, nothing unseen in it, and apart from what stands around.
 * @param {string} text
 */
export function claimed(text) {
  return h('bdi', {}, text.replaceAll(unseen, '\uFFFD'));
}

/** A name, an id, a place in a file. @param {string} text @param {string} [title] */
export function code(text, title) {
  // a long one breaks where it has a part
  const parts = text.split(/(?<=[./:_@-])/);
  return h('code', { title }, ...parts.flatMap((part, index) => (index === 0 ? [part] : [h('wbr'), part])));
}

/** @param {string} href @param {...any} children */
export const link = (href, ...children) => h('a', { href }, ...children);

/** @param {'good' | 'bad' | 'wait' | 'quiet'} tone @param {string} text */
export const badge = (tone, text) => h(`span.badge.${tone}`, {}, text);

/** Names and what they are. @param {...([string, any] | undefined | false)} rows */
export function facts(...rows) {
  return h(
    'dl.facts',
    {},
    rows.flatMap((row) => (row ? [h('div', {}, h('dt', {}, row[0]), h('dd', {}, row[1]))] : [])),
  );
}

/** A part of a page. @param {string} title @param {...any} children */
export const section = (title, ...children) => h('section', {}, h('h2', {}, title), ...children);

/** What is said where there is nothing. @param {string} title @param {...any} children */
export const nothing = (title, ...children) =>
  h('div.nothing', {}, h('p.title', {}, title), h('p.quiet', {}, ...children));

/** The same, where that is all that a page has. @param {string} title @param {...any} children */
export const nowhere = (title, ...children) => h('div.nothing', {}, h('h1', {}, title), h('p.quiet', {}, ...children));

/** @param {number} count @param {string} one @param {string} [many] */
export const counted = (count, one, many = `${one}s`) => `${count} ${count === 1 ? one : many}`;

/** @param {readonly string[]} names @param {string} [last] */
export function listed(names, last = 'and') {
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} ${last} ${names.at(-1)}`;
}
