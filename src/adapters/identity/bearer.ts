/** Where the bearer of a provider's API is: said and had as by other rooms. */
export { bearerKeys, bearerOf, bearerProblems } from '../bearer.ts';
