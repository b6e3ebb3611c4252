import { z } from 'zod';
import { answerReader } from './answer-reader.ts';

/** What a token endpoint with grants for second factors answers. This file loads zod, so it is loaded where one is asked. */
const text = z.string().optional().catch(undefined);
const grant = z.object({ access_token: text, error: text, mfa_token: text });

export const readGrant = answerReader(grant);
