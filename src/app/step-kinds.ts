/** Every step kind there is, for what needs no adapter. */
export { stepKinds } from '../steps/index.ts';
