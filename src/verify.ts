/** `auth-chain/verify` */
export * from './verify/index.ts';
