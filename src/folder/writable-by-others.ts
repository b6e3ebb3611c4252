import { statSync } from 'node:fs';
import { fileProblem, type Problem } from '../language/problems.ts';

/** Whoever can write a policy gives himself what he likes. @param paths a folder and its files; none need be there */
export function writableByOthers(paths: readonly string[]): readonly Problem[] {
  return paths.flatMap((path) => {
    if ((modeOf(path) & 0o002) === 0) return [];
    const hint = 'whoever can write it decides who gets what: chmod o-w';
    return [fileProblem(path, 'every user of this machine can write this', hint, true)];
  });
}

function modeOf(path: string): number {
  try {
    return statSync(path).mode;
  } catch {
    return 0;
  }
}
