import { open } from 'node:fs/promises';
import { longestLine } from './line-format.ts';

/** Some lines of a file. */
export interface Block {
  readonly bytes: Buffer;
  /** the bytes end with a line break; otherwise they are the end of the file, or of nothing that a line could be */
  readonly whole: boolean;
}

/** A file in blocks of whole lines; only the last one may be a line without its line break. */
export async function* blocksOf(file: string): AsyncGenerator<Block> {
  const handle = await open(file, 'r');
  try {
    let buffer = Buffer.alloc(1024 * 1024);
    let length = 0;
    for (;;) {
      const { bytesRead } = await handle.read(buffer, length, buffer.length - length, null);
      if (bytesRead === 0) break;
      length += bytesRead;
      const end = buffer.lastIndexOf(0x0a, length - 1) + 1;
      if (end > 0) {
        yield { bytes: buffer.subarray(0, end), whole: true };
        buffer.copy(buffer, 0, end, length);
        length -= end;
      }
      if (length < buffer.length) continue;
      if (length > longestLine * 2) {
        yield { bytes: buffer.subarray(0, length), whole: false };
        length = 0;
      } else buffer = Buffer.concat([buffer], buffer.length * 2);
    }
    if (length > 0) yield { bytes: buffer.subarray(0, length), whole: false };
  } finally {
    await handle.close();
  }
}
