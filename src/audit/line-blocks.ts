import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { FlowError } from '../foundation/errors.ts';
import { longestLine } from './line-format.ts';

/** Some lines of a file. */
export interface Block {
  readonly bytes: Buffer;
  /** the bytes end with a line break; otherwise they are the end of the file, or of nothing that a line could be */
  readonly whole: boolean;
}

/**
 * A file in blocks of whole lines; only the last one may be a line without its line break.
 * @throws FlowError refused for anything that is no regular file: a pipe or a device may never end
 */
export async function* blocksOf(file: string): AsyncGenerator<Block> {
  const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    if (!(await handle.stat()).isFile()) throw noFile(file);
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

export function noFile(file: string): FlowError {
  return new FlowError('refused', 'the audit trail is not a file', {
    hint: 'give audit: { file: … } a path of its own',
    place: { subject: file },
  });
}
