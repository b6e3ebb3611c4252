import { realpathSync } from 'node:fs';
import { findProgram } from './exec/program.ts';

/**
 * What starts this command for a program that keeps it in its settings: `flows` where it is on the path, else this very
 * file. What npx and npm's scripts put on the path is there for what they start alone; and npx itself, in another folder,
 * would fetch someone else's package.
 */
export function ownProgram(): readonly [string, ...string[]] {
  const found = findProgram('flows', { PATH: process.env['PATH'] ?? '' });
  if (typeof found === 'string' && !/node_modules[\\/]\.bin[\\/]/.test(found)) return ['flows'];
  return [process.execPath, realpathSync(process.argv[1] ?? '')];
}
