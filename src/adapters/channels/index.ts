import { adaptersOf } from '../declaration.ts';
import { ntfy } from './ntfy/index.ts';
import { slack } from './slack/index.ts';
import { webhook } from './webhook/index.ts';

/** Every kind of channel by which people are told, one line each. */
export const channels = adaptersOf({}, [webhook, ntfy, slack]);
