import { lstatSync } from 'node:fs';
import { createSource, type Problem, type Source } from './problems.ts';
import { readText } from './file-text.ts';
import { type Node, readYaml, type YamlReader } from './yaml.ts';

/** A YAML file that need not be there. */
export interface Opened {
  readonly exists: boolean;
  readonly source: Source;
  /** undefined where it could not be read */
  readonly text: string | undefined;
  /** undefined where there is nothing to go on with */
  readonly root: Node | undefined;
  /** what kept it from being read, and what was reported since, in the order of lines */
  problems(): readonly Problem[];
  /** what was warned of, in the order of lines */
  warnings(): readonly Problem[];
}

/** @param longest bytes, default 1 MB */
export function openYaml(file: string, read: YamlReader = readYaml, longest?: number): Opened {
  const blank = { source: createSource(file, ''), text: undefined, root: undefined, warnings: () => [] };
  if (lstatSync(file, { throwIfNoEntry: false }) === undefined) return { ...blank, exists: false, problems: () => [] };
  const text = readText(file, longest);
  if (typeof text !== 'string') return { ...blank, exists: true, problems: () => [text] };
  const source = createSource(file, text);
  const inOrder = (all: readonly Problem[]) => all.toSorted((a, b) => a.line - b.line || a.column - b.column);
  const problems = () => inOrder(source.problems);
  return { exists: true, source, text, root: read(source), problems, warnings: () => inOrder(source.warnings) };
}
