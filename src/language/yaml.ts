import { Document, isAlias, isMap, isPair, isScalar, isSeq, parseDocument } from 'yaml';
import { isSafeLine } from '../foundation/safe-line.ts';
import type { Range, Source } from './problems.ts';
import { yamlFault } from './yaml-syntax-errors.ts';

/** A YAML file as the language needs it: text keys in order, plain scalars, and where each stands. */
export type Node = ScalarNode | ListNode | MappingNode;
export interface ScalarNode {
  readonly kind: 'scalar';
  readonly value: string | number | boolean | null;
  /** as it stands in the file; of text, what it says */
  readonly written: string;
  readonly range: Range;
}
export interface ListNode {
  readonly kind: 'list';
  readonly items: readonly Node[];
  readonly range: Range;
}
export interface MappingNode {
  readonly kind: 'mapping';
  readonly entries: readonly Entry[];
  readonly range: Range;
}
export interface Entry {
  readonly key: string;
  readonly keyRange: Range;
  readonly value: Node;
}

const deepest = 32;
/** characters: a broker reads the files of its folder while it answers */
const longest = 65_536;
const plainYaml =
  'write it out, or in quotes where it is text: files are plain YAML without anchors, aliases, merge keys and tags';

/** How a source is read: `readYaml`, or what has parsed it before. */
export type YamlReader = (source: Source) => Node | undefined;

/**
 * The file's one document; problems are reported. Undefined where there is nothing to go on with.
 * @param most characters, default 65,536
 */
export function readYaml(source: Source, most = longest): Node | undefined {
  if (source.text.length > most) {
    source.report({ start: 0, end: 1 }, `the file is longer than ${most} characters`, 'divide it');
    return undefined;
  }
  // oxlint-disable-next-line no-control-regex -- these are what is looked for
  const control = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/.exec(source.text);
  if (control !== null) {
    source.report({ start: control.index, end: control.index + 1 }, 'a control character stands in the file');
    return undefined;
  }
  const lone = source.text.search(/\r(?!\n)/);
  if (lone !== -1) {
    source.report(
      { start: lone, end: lone + 1 },
      'a CR ends this line alone',
      'save the file with lines that end in LF, or CR LF',
    );
    return undefined;
  }
  const document = parse(source);
  if (document === undefined) return undefined;
  // one fault of syntax makes others that are none
  const [trouble] = document.errors.length > 0 ? document.errors : document.warnings;
  if (trouble?.code === 'RESOURCE_EXHAUSTION') {
    tooDeep(source, { start: trouble.pos[0], end: trouble.pos[1] });
    return undefined;
  }
  if (trouble !== undefined) {
    const { range, message, hint } = yamlFault(document, trouble, source);
    source.report(range, message, hint);
    return undefined;
  }
  if (document.directives.yaml.version !== '1.2') {
    const start = source.text.indexOf('%YAML');
    const hint = 'take the line out: in YAML 1.2, as which files are read, yes, 010 and 1_000 are what is written';
    source.report({ start, end: start + 5 }, `YAML ${document.directives.yaml.version} is not taken`, hint);
    return undefined;
  }
  if (document.contents === null) {
    source.report({ start: 0, end: 1 }, 'the file is empty');
    return undefined;
  }
  const state: State = { unusable: false };
  const root = convert(document.contents, source, 0, state);
  return state.unusable ? undefined : root;
}

interface State {
  /** so much is missing that what follows would only confuse */
  unusable: boolean;
}

function parse(source: Source): Document.Parsed | undefined {
  try {
    // duplicate keys are looked for below: the library compares each key with each other one; with logLevel silent it
    // would not tell of a second document
    const options = { uniqueKeys: false, prettyErrors: false, logLevel: 'error', version: '1.2' } as const;
    return parseDocument(source.text, options);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    tooDeep(source, { start: 0, end: 1 });
    return undefined;
  }
}

function tooDeep(source: Source, range: Range): void {
  source.report(range, 'nested too deeply', `at most ${deepest} levels`);
}

function convert(node: unknown, source: Source, depth: number, state: State): Node | undefined {
  const range = rangeOf(node);
  if (depth > deepest) {
    if (!state.unusable) tooDeep(source, range);
    state.unusable = true;
    return undefined;
  }
  const extra = notPlain(node, source.text, range);
  if (extra !== undefined) return refuse(extra, source, state);
  if (isScalar(node)) {
    const { value } = node;
    if (typeof value === 'string' && value.includes('\0')) {
      source.report(range, 'a NUL character stands in the text');
      return undefined;
    }
    if (typeof value === 'number' && !Number.isFinite(value)) {
      // not repeated: it may be a password that looks like a number
      if (!state.unusable) source.report(range, 'not a number that can be used', 'put it in quotes where it is text');
      // whatever stood there instead would be a second problem, and none
      state.unusable = true;
      return undefined;
    }
    const taken = typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
    return { kind: 'scalar', value: taken ? value : null, written: node.source ?? String(value), range };
  }
  if (isSeq(node)) {
    const items = node.items.map((item) => convert(item, source, depth + 1, state));
    return { kind: 'list', items: items.filter((item) => item !== undefined), range };
  }
  if (!isMap(node)) return { kind: 'scalar', value: null, written: '', range };
  const entries: Entry[] = [];
  const seen = new Set<string>();
  for (const pair of node.items) {
    if (!isPair(pair)) continue;
    if (isMap(pair.key)) {
      const hint = "put it in quotes: '${{ steps.ID }}'; a reference stands by itself, without braces";
      if (!state.unusable) source.report(range, 'braces that are not in quotes are a mapping in YAML', hint);
      state.unusable = true;
      return undefined;
    }
    const keyRange = rangeOf(pair.key, range);
    const key = isScalar(pair.key) ? pair.key.value : undefined;
    const extraOfKey = notPlain(pair.key, source.text, keyRange);
    if (extraOfKey !== undefined) return refuse(extraOfKey, source, state);
    if (key === '<<' && isScalar(pair.key) && pair.key.type === 'PLAIN') {
      source.report(keyRange, 'merge keys are not taken', plainYaml);
    } else if (typeof key !== 'string') {
      const written = isScalar(pair.key) ? pair.key.source : undefined;
      const hint = `put it in quotes${written === undefined ? '' : `: "${written}"`}`;
      source.report(keyRange, 'a key that is not text', hint);
    } else if (!isSafeLine(source.text.slice(keyRange.start, keyRange.end))) {
      const hint = 'type the key anew; one that is meant is written as an escape: "\\u200b"';
      if (!state.unusable) source.report(keyRange, `a character that is not seen stands in the key "${key}"`, hint);
      state.unusable = true;
    } else if (seen.has(key.normalize())) {
      source.report(keyRange, `the key "${key}" stands here twice`, 'keep one of them');
    } else {
      // two that look the same are one to whoever reads the file
      seen.add(key.normalize());
      const empty: Node = { kind: 'scalar', value: null, written: '', range: keyRange };
      const value = pair.value === null ? empty : convert(pair.value, source, depth + 1, state);
      if (value !== undefined) entries.push({ key, keyRange, value });
    }
  }
  return { kind: 'mapping', entries, range };
}

interface Extra {
  readonly what: string;
  readonly range: Range;
}

/** What YAML has beside plain values, by which something else may be meant than is written. */
function notPlain(node: unknown, text: string, range: Range): Extra | undefined {
  if (isAlias(node)) return { what: `alias "*${node.source}"`, range };
  if (!isScalar(node) && !isSeq(node) && !isMap(node)) return undefined;
  if (node.anchor !== undefined) {
    const anchor = `&${node.anchor}`;
    const start = Math.max(0, text.lastIndexOf(anchor, range.start));
    return { what: `anchor "${anchor}"`, range: { start, end: start + anchor.length } };
  }
  if (node.tag === undefined) return undefined;
  const before = /!\S*\s*$/.exec(text.slice(0, range.start));
  const tag = before?.[0].trimEnd() ?? node.tag;
  const start = before?.index ?? range.start;
  return { what: `tag "${tag}"`, range: { start, end: start + tag.length } };
}

function refuse({ what, range }: Extra, source: Source, state: State): undefined {
  if (!state.unusable) source.report(range, `the ${what} is not taken`, plainYaml);
  state.unusable = true;
  return undefined;
}

function rangeOf(node: unknown, otherwise: Range = { start: 0, end: 1 }): Range {
  const range = isScalar(node) || isMap(node) || isSeq(node) || isAlias(node) ? node.range : undefined;
  if (range === undefined || range === null) return otherwise;
  return { start: range[0], end: Math.max(range[1], range[0] + 1) };
}
