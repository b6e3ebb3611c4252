import { readFileSync, statSync } from 'node:fs';
import { fileProblem, type Problem } from './problems.ts';

const mostBytes = 1_000_000;

/** A file's text, or why it is not to be had. Links are followed; only regular files of at most 1 MB are read. */
export function readText(file: string): string | Problem {
  try {
    const facts = statSync(file);
    if (!facts.isFile()) return fileProblem(file, 'this is not a file', 'flows are plain files');
    if (facts.size > mostBytes)
      return fileProblem(file, 'the file is larger than 1 MB', 'flows are small: what is this?');
    const bytes = readFileSync(file);
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    if (error instanceof TypeError) return fileProblem(file, 'the file is not UTF-8 text', 'save it as UTF-8');
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    const why =
      code === 'ENOENT'
        ? 'the link leads nowhere'
        : code === 'EACCES'
          ? 'no permission to read it'
          : 'it cannot be read';
    return fileProblem(file, why);
  }
}
