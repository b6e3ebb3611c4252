import { once } from 'node:events';
import { statSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { readText } from './file-text.ts';
import { createSource, type Report } from './problems.ts';
import { type Node, readYaml, type YamlReader } from './yaml.ts';

/** bytes: what is not longer is parsed within milliseconds */
const short = 4_096;

/** What a text holds, and what is wrong with it. */
interface Parsed {
  readonly root: Node | undefined;
  readonly reports: readonly Parameters<Report>[];
}

export function parseText(text: string): Parsed {
  const reports: Parameters<Report>[] = [];
  const root = readYaml({ ...createSource('', text), report: (...about) => reports.push(about) });
  return { root, reports };
}

const file = new URL(`./parse-worker${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url);

/**
 * Parses long files in a thread, which takes a quarter of a second for the longest: whoever is served by this one does not
 * wait for it. @returns a reader that knows them, and reads all others itself
 */
export async function parseAhead(files: readonly string[]): Promise<YamlReader> {
  const texts = files
    .filter(isLong)
    .map((each) => readText(each))
    .filter((text) => typeof text === 'string');
  if (texts.length === 0) return readYaml;
  const known = new Map<string, Parsed>();
  let worker: Worker | undefined;
  try {
    worker = new Worker(file, { env: {}, argv: [], execArgv: [] });
    // one at a time: each takes a turn of this thread too, when it comes
    for (const text of texts) {
      const answer = once(worker, 'message');
      worker.postMessage(text);
      known.set(text, ((await answer) as [Parsed])[0]);
    }
  } catch {
    // no thread to be had: to make someone wait is better than to leave in force what the files no longer say
  } finally {
    await worker?.terminate();
  }
  return (source) => {
    const parsed = known.get(source.text);
    if (parsed === undefined) return readYaml(source);
    for (const about of parsed.reports) source.report(...about);
    return parsed.root;
  };
}

function isLong(path: string): boolean {
  try {
    return statSync(path).size > short;
  } catch {
    return false;
  }
}
