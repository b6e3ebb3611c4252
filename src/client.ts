/** `auth-chain/client` */
export * from './client/index.ts';
