import { writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { codeOf } from '../foundation/errors.ts';
import { syncFolder } from './segments.ts';

/** Keeps what a power cut left of a write in a file beside the trail, as evidence. @returns the file's name */
export function keepTorn(file: string, seq: number, torn: Uint8Array): string {
  for (let attempt = 1; ; attempt += 1) {
    const kept = `${file}.torn-${seq + 1}${attempt === 1 ? '' : `-${attempt}`}`;
    try {
      writeFileSync(kept, torn, { flag: 'wx', mode: 0o600, flush: true });
      syncFolder(kept);
      return basename(kept);
    } catch (error) {
      // an earlier one that tore at the same line
      if (codeOf(error) === 'EEXIST' && attempt < 1000) continue;
      throw error;
    }
  }
}
