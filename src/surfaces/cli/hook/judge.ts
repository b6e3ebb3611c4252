import { realpathSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Inspection } from '../../../client/answers.ts';
import { shownBy } from './command-rules.ts';
import { globTest, holdsValues } from './file-rules.ts';
import { masked, ownValuesIn, type Stretch } from './own-values.ts';
import { refusalFor, replacementFor, textsIn, type ToolCall, withTexts } from './tool-call.ts';

/** What is known of a call besides itself. */
export interface Known extends Inspection {
  /** absolute paths of files and folders that are ours alone */
  readonly own: readonly string[];
}

/** What the harness is told; an empty object: nothing. */
export function judge(call: ToolCall, known: Known): unknown {
  if (call.moment === 'after') return hidden(call.content, known);
  const reason = reasonAgainst(call, known);
  return reason === undefined ? {} : refusalFor(call, reason);
}

function hidden(content: unknown, { found }: Known): unknown {
  const texts = textsIn(content);
  const stretches = texts.map((text, index) => [...found.filter((each) => each.text === index), ...ownValuesIn(text)]);
  const names = [...new Set(stretches.flat().map(({ name }) => name))];
  if (names.length === 0) return {};
  let at = 0;
  const replaced = withTexts(content, () => masked(texts[at] ?? '', stretches[at++] ?? []));
  return replacementFor(replaced, `hidden in this output: ${names.join(', ')}; their values are not for a transcript`);
}

/** Why a tool is not to be used, with what to do instead; undefined: it may be. */
function reasonAgainst({ scripts, files, folder = '', content }: ToolCall, known: Known): string | undefined {
  const { rules, own } = known;
  const [allowed, more] = [rules.allow.map(globTest), rules.files.map(globTest)];
  const leads = (path: string, moved: readonly string[]) => [path, whereItLeads(path, [folder, ...moved])];
  const isOwn = (places: readonly string[]) =>
    places.some((each) => own.some((ours) => each === ours || each.startsWith(`${ours}/`)));
  const refuses = (path: string, moved: readonly string[]) => {
    const places = leads(path, moved);
    return isOwn(places) || (places.some((each) => holdsValues(each, more)) && !allowed.some((test) => test(path)));
  };
  const forFile = (file: string, moved: readonly string[]) =>
    isOwn(leads(file, moved))
      ? `${file} is auth-chain's own: nothing that an agent does needs what is in it.`
      : `${file} holds values that are not for a transcript. A program that needs them gets them by ${way(known, '--env-file FILE')}; what it prints is masked.`;

  const file = files.find((path) => refuses(path, []));
  if (file !== undefined) return forFile(file, []);
  for (const script of scripts) {
    const found = shownBy(script, { ...rules, holdsValues: refuses });
    if (found?.what === 'file') return forFile(found.subject, found.moved);
    if (found !== undefined) return forCommand(found.subject, known);
  }
  const [value] = [...known.found, ...textsIn(content).flatMap(ownValuesIn)];
  return value === undefined ? undefined : forValue(value);
}

function forCommand(words: string, known: Known): string {
  return `"${words}" would show values, which are not for a transcript. A program that needs them gets them by ${way(known, '--secret VARIABLE=NAME')}; what it prints is masked.`;
}

function forValue({ name, kind }: Stretch & { readonly kind?: 'secret' | 'flow' }): string {
  if (kind === undefined)
    return `this holds a value of auth-chain's own (${name}), which proves who asks: it goes nowhere.`;
  const option = kind === 'flow' ? `--token VARIABLE=${name}` : `--secret VARIABLE=${name}`;
  return `this holds the value of ${name}. Name it instead: use "flows exec ${option} -- COMMAND", and let the command read $VARIABLE.`;
}

/** What to use instead: the environments that the agent has, or how one is named. */
function way({ environments }: Known, option: string): string {
  const named = environments.slice(0, 3).map((name) => `"flows exec ${name} -- COMMAND"`);
  return named.length > 0 ? `using ${named.join(' or ')}` : `using "flows exec ${option} -- COMMAND"`;
}

/** Through folders that a shell went to, variables that it has from where this process has its own, and links. */
function whereItLeads(path: string, folders: readonly string[]): string {
  const place = resolve(...folders.map(expanded), expanded(path));
  try {
    // most words are none of a file, and an error takes long
    return statSync(place, { throwIfNoEntry: false }) === undefined ? path : realpathSync(place);
  } catch {
    return path;
  }
}

function expanded(path: string): string {
  return path
    .replace(/^~(?=\/|$)/, '$HOME')
    .replaceAll(
      /\$(?:\{(\w+)[^}]*\}|(\w+))/g,
      (_, braced?: string, bare?: string) => process.env[braced ?? bare ?? ''] ?? '',
    );
}
