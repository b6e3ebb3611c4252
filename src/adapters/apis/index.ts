import { adaptersOf } from '../declaration.ts';
import { http } from './http/index.ts';

/** Every kind of API that flows ask, one line each. */
export const apis = adaptersOf({}, [http]);
