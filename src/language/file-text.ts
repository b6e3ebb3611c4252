import { closeSync, constants, fstatSync, lstatSync, openSync, readFileSync, realpathSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, relative, sep } from 'node:path';
import { codeOf } from '../foundation/errors.ts';
import { fileProblem, type Problem } from './problems.ts';

/** bytes */
const usualMost = 1_000_000;

/**
 * A file's text, or why it is not to be had. Links are followed within its folder, as those of a mounted ConfigMap lead;
 * one that leads out of it would put the lines of some other file into errors. Only regular files are read.
 * @param longest bytes, default 1 MB
 */
export function readText(file: string, longest = usualMost): string | Problem {
  let descriptor: number | undefined;
  try {
    const folder = realpathSync(dirname(file));
    const real = realpathSync(join(folder, basename(file)));
    const inside = relative(folder, real);
    if (inside === '..' || inside.startsWith(`..${sep}`) || isAbsolute(inside))
      return fileProblem(file, 'the link leads out of the folder', 'put the file itself there');
    // a pipe in its place would hold the reader up
    descriptor = openSync(real, constants.O_RDONLY | constants.O_NONBLOCK);
    const facts = fstatSync(descriptor);
    if (!facts.isFile()) return fileProblem(file, 'this is not a file', 'flows are plain files');
    const bytes = facts.size > longest ? undefined : readFileSync(descriptor);
    if (bytes === undefined || bytes.length > longest)
      return fileProblem(file, `the file is larger than ${longest / 1_000_000} MB`, 'flows are small: what is this?');
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    if (error instanceof TypeError) return fileProblem(file, 'the file is not UTF-8 text', 'save it as UTF-8');
    const code = codeOf(error) ?? '';
    const isMissing = code === 'ENOENT' && lstatSync(file, { throwIfNoEntry: false }) === undefined;
    return fileProblem(file, isMissing ? 'there is no such file' : (faults[code] ?? 'it cannot be read'));
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

const faults: Readonly<Record<string, string>> = {
  ENOENT: 'the link leads nowhere',
  ELOOP: 'the link leads nowhere',
  EACCES: 'no permission to read it',
  // a socket
  ENXIO: 'this is not a file',
};
