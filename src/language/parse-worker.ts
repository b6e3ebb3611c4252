import { parentPort } from 'node:worker_threads';
import { parseText } from './parse-ahead.ts';

parentPort?.on('message', (text: string) => parentPort?.postMessage(parseText(text)));
