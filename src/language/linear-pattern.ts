/** A regular expression that a user wrote, matched in time that is linear in the text, whatever the expression. */
export interface LinearPattern {
  readonly source: string;
  /** Whether the whole text fits; how long it may be is bounded by whoever asks. */
  test(text: string): boolean;
}

type Node =
  /** one character: what JavaScript itself says of it */
  | { readonly is: 'one'; readonly source: string }
  /** a place between two characters */
  | { readonly is: 'edge'; readonly holds: Edge }
  | { readonly is: 'all'; readonly of: readonly Node[] }
  | { readonly is: 'any'; readonly of: readonly Node[] }
  | { readonly is: 'repeat'; readonly of: Node; readonly least: number; readonly most: number };

/** @param before the character there, or nothing at an end */
type Edge = (before: string, after: string) => boolean;

interface State {
  readonly takes?: (character: string) => boolean;
  readonly holds?: Edge;
  /** states that it leads to */
  readonly next: number[];
}

const longest = 1_000;
/** with more of them one text of a few thousand characters would hold everyone else up */
const mostStates = 1_000;

/**
 * An expression as JavaScript writes it, with the flag u and without slashes. All ways through it are followed side by
 * side, so that none is gone twice. @returns in words what is not taken
 */
export function linearPattern(source: string): LinearPattern | { readonly problem: string } {
  if (source.length > longest) return { problem: `is longer than ${longest} characters` };
  try {
    // says whether it is one at all; nothing is ever matched with it
    void new RegExp(source, 'u');
  } catch {
    return { problem: 'is not a regular expression' };
  }
  const tree = parse(source);
  if ('problem' in tree) return tree;
  const states: State[] = [{ next: [] }];
  const start = build(tree, 0, states);
  if (states.length > mostStates) return { problem: 'repeats too much' };
  return { source: `^(?:${source})$`, test: (text) => follow(states, start, text) };
}

const tokens =
  /\\(?:[pP]\{[^}]*\}|u\{[^}]*\}|u[dD][89abAB]..\\u[dD][c-fC-F]..|u....|x..|c.|.)|\[(?:\\.|[^\]\\])*\]|\(\?<[^=!][^>]*>|\(\?:|\(\?|\{\d+(?:,\d*)?\}|./gsu;

const isWord = (character: string) => /^\w$/.test(character);
const edges: ReadonlyMap<string, Edge> = new Map<string, Edge>([
  ['^', (before) => before === ''],
  ['$', (_, after) => after === ''],
  [String.raw`\b`, (before, after) => isWord(before) !== isWord(after)],
  [String.raw`\B`, (before, after) => isWord(before) === isWord(after)],
]);

/** @param source a regular expression: its grammar has been looked at */
function parse(source: string): Node | { readonly problem: string } {
  const words = source.match(tokens) ?? [];
  let at = 0;
  let problem: string | undefined;

  function anyOf(): Node {
    const of = [allOf()];
    while (words[at] === '|') {
      at += 1;
      of.push(allOf());
    }
    const [only, ...others] = of;
    return only !== undefined && others.length === 0 ? only : { is: 'any', of };
  }

  function allOf(): Node {
    const of: Node[] = [];
    for (let word = words[at]; word !== undefined && word !== '|' && word !== ')'; word = words[at]) {
      at += 1;
      of.push(repeated(single(word)));
    }
    return { is: 'all', of };
  }

  function single(word: string): Node {
    const holds = edges.get(word);
    if (holds !== undefined) return { is: 'edge', holds };
    if (word === '(?') problem ??= 'looks around or changes flags, which is not taken';
    else if (word.startsWith('(')) {
      const inner = anyOf();
      at += 1;
      return inner;
    }
    if (/^\\(?:[1-9]|k)/.test(word)) problem ??= 'refers back to what it matched, which is not taken';
    return { is: 'one', source: word };
  }

  function repeated(of: Node): Node {
    const [least, most] = timesOf(words[at] ?? '') ?? [1, 1];
    if (least === 1 && most === 1 && !/^[{]/.test(words[at] ?? '')) return of;
    at += 1;
    // which way is tried first makes no difference to whether there is one
    if (words[at] === '?') at += 1;
    return { is: 'repeat', of, least, most };
  }

  const tree = anyOf();
  return problem === undefined ? tree : { problem };
}

const times: ReadonlyMap<string, readonly [number, number]> = new Map([
  ['*', [0, Infinity]],
  ['+', [1, Infinity]],
  ['?', [0, 1]],
]);

function timesOf(word: string): readonly [least: number, most: number] | undefined {
  const [, least, comma, most] = /^\{(\d+)(,?)(\d*)\}$/.exec(word) ?? [];
  if (least === undefined) return times.get(word);
  return [Number(least), comma === '' ? Number(least) : most === '' ? Infinity : Number(most)];
}

/** The state that a part begins with, where what follows it begins with `next`. */
function build(node: Node, next: number, states: State[]): number {
  const add = (state: State) => states.push(state) - 1;
  if (states.length > mostStates) return next;
  if (node.is === 'one') return add({ takes: taking(node.source), next: [next] });
  if (node.is === 'edge') return add({ holds: node.holds, next: [next] });
  if (node.is === 'any') return add({ next: node.of.map((each) => build(each, next, states)) });
  if (node.is === 'all') return node.of.reduceRight((after, each) => build(each, after, states), next);
  const { of, least, most } = node;
  let start = next;
  if (most === Infinity) {
    const again = { next: [next] };
    start = add(again);
    again.next.push(build(of, start, states));
  }
  const count = most === Infinity ? least : most;
  for (let copy = count; copy > 0 && states.length <= mostStates; copy -= 1) {
    const inner = build(of, start, states);
    start = copy > least ? add({ next: [inner, next] }) : inner;
  }
  return start;
}

/** Whether a character is one of an expression's: JavaScript decides, for most of them once. */
function taking(source: string): (character: string) => boolean {
  const expression = new RegExp(`^${source}$`, 'u');
  const known = Array.from({ length: 128 }, (_, code) => expression.test(String.fromCodePoint(code)));
  return (character) =>
    (character.length === 1 ? known[character.charCodeAt(0)] : undefined) ?? expression.test(character);
}

function follow(states: readonly State[], start: number, text: string): boolean {
  const characters = Array.from(text);
  const reached = new Int32Array(states.length).fill(-1);
  let here: number[] = [start];
  for (let at = 0; at <= characters.length; at += 1) {
    const [before = '', after = ''] = [characters[at - 1], characters[at]];
    const next: number[] = [];
    // grows while it is gone through
    for (const index of here) {
      if (reached[index] === at) continue;
      reached[index] = at;
      const state = states[index];
      if (state === undefined || state.holds?.(before, after) === false) continue;
      if (state.takes === undefined) here.push(...state.next);
      else if (after !== '' && state.takes(after)) next.push(...state.next);
    }
    here = next;
  }
  return reached[0] === characters.length;
}
