import { realpathSync } from 'node:fs';
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
function reasonAgainst({ scripts, files, content }: ToolCall, known: Known): string | undefined {
  const { rules, own } = known;
  const allowed = rules.allow.map(globTest);
  const refuses = (path: string) =>
    isOwn(path, own) ||
    (!allowed.some((test) => test(path)) && [path, whereItLeads(path)].some((each) => holdsValues(each, rules.files)));

  const file = files.find(refuses);
  if (file !== undefined) return forFile(file, known);
  for (const script of scripts) {
    const found = shownBy(script, { ...rules, holdsValues: refuses });
    if (found?.what === 'file') return forFile(found.subject, known);
    if (found !== undefined) return forCommand(found.subject, known);
  }
  const [value] = [...known.found, ...textsIn(content).flatMap(ownValuesIn)];
  return value === undefined ? undefined : forValue(value);
}

function forFile(file: string, known: Known): string {
  if (isOwn(file, known.own)) return `${file} is auth-chain's own: nothing that an agent does needs what is in it.`;
  return `${file} holds values that are not for a transcript. A program that needs them gets them by ${way(known, '--env-file FILE')}; what it prints is masked.`;
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

function isOwn(path: string, own: readonly string[]): boolean {
  return [path, whereItLeads(path)].some((each) => own.some((ours) => each === ours || each.startsWith(`${ours}/`)));
}

/** Through links. */
function whereItLeads(path: string): string {
  try {
    return realpathSync(path.replace(/^~(?=\/)/, process.env['HOME'] ?? '~'));
  } catch {
    return path;
  }
}
