import type { InTurns } from '../../foundation/in-turns.ts';
import type { Folder } from '../load-folder.ts';
import { nearest, suggest } from '../../language/nearest-name.ts';
import type { Source } from '../../language/problems.ts';
import type { Registry } from '../registry.ts';
import type { PolicyLine, WrittenPolicy } from './read-policy.ts';
import { compilePattern, isWildcard } from './name-pattern.ts';

interface Known {
  readonly secrets: Registry['secrets'];
  readonly flows: Folder['flows'];
  /** names of flows whose files have problems of their own */
  readonly broken: Folder['broken'];
}

/**
 * Whether what policy.yaml names is there. A name must be; a wildcard that allows must match something, and one that
 * denies need not: it may stand there for what is yet to come.
 * @param registry undefined where it could not be read: nothing is said about its secrets then
 */
export function* checkPolicy(
  { lines }: WrittenPolicy,
  source: Source,
  registry: Registry | undefined,
  folder: Pick<Folder, 'flows' | 'broken'>,
): InTurns<void> {
  const known: Known = { secrets: registry?.secrets ?? new Map(), flows: folder.flows, broken: folder.broken };
  for (const line of lines) {
    yield;
    if (registry === undefined && line.list !== 'flows') continue;
    const trouble = isWildcard(line.text) ? idle(line, known) : missing(line, known);
    if (trouble !== undefined) source.report(line.range, trouble.message, trouble.hint);
  }
}

interface Trouble {
  readonly message: string;
  readonly hint: string | undefined;
}

function missing({ list, text }: PolicyLine, { secrets, flows, broken }: Known): Trouble | undefined {
  const isSecret = secrets.has(text);
  const isFlow = flows.has(text) || broken.has(text);
  if (list === 'allow' && !isSecret) {
    const hint = isFlow
      ? 'it is a flow: write it under flows:'
      : near(text, secrets.keys(), 'name it in registry.yaml');
    return { message: `unknown secret "${text}"`, hint };
  }
  if (list === 'flows' && !isFlow) {
    const hint = isSecret
      ? 'it is a secret: write it under allow:'
      : near(text, flows.keys(), 'run `flows` for the list');
    return { message: `unknown flow "${text}"`, hint };
  }
  if (list !== 'deny' || isSecret || isFlow) return undefined;
  const hint = near(text, [...secrets.keys(), ...flows.keys()], 'a line that denies nothing protects nothing');
  return { message: `no secret and no flow is named "${text}"`, hint };
}

function idle({ list, text }: PolicyLine, { secrets, flows, broken }: Known): Trouble | undefined {
  const matches = compilePattern(text);
  if (list === 'allow' && ![...secrets.keys()].some(matches))
    return { message: `"${text}" matches no secret of registry.yaml`, hint: 'leave it out, or name the secret there' };
  if (list !== 'flows' || [...broken].some(matches)) return undefined;
  const found = [...flows.values()].filter(({ name }) => matches(name));
  if (found.some(({ effect, breakGlass }) => effect === 'none' && !breakGlass)) return undefined;
  const [writing] = found;
  if (writing === undefined) return { message: `"${text}" matches no flow`, hint: 'run `flows` for the list' };
  return {
    message: `"${text}" matches only flows that write or are for break-glass`,
    hint: `such a flow is named in full: ${writing.name}`,
  };
}

function near(word: string, names: Iterable<string>, otherwise: string): string | undefined {
  const all = [...names];
  return nearest(word, all) === undefined ? otherwise : suggest(word, all);
}
