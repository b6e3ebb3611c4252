import { Secret } from '../../foundation/secret.ts';

/**
 * Takes what is typed or pasted, key by key, up to the end of the line. What stands before and after it stays part of
 * the value; what comes after the line is dropped.
 * @param done with the value, or undefined for Ctrl-C
 */
export function hiddenLine(done: (value: Secret | undefined) => void): (keys: string) => void {
  let typed: string[] = [];
  let over = false;
  const end = (value: Secret | undefined) => {
    over = true;
    typed = [];
    done(value);
  };
  return (keys) => {
    for (const key of keys) {
      if (over) return;
      if (key === '\r' || key === '\n') end(new Secret(typed.join('')));
      else if (key === '\u0003' || key === '\u0004') end(undefined);
      else if (key === '\u007f' || key === '\b') typed.pop();
      else if (key === '\u0015') typed = [];
      else if (key >= ' ') typed.push(key);
    }
  };
}
