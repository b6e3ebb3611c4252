/** The one style sheet of the sign-in pages, light and dark. */
export const style = `
:root {
  color-scheme: light dark;
  --page: light-dark(#f4f5f7, #14161a);
  --card: light-dark(#ffffff, #1e2127);
  --text: light-dark(#1b1f24, #e8eaed);
  --soft: light-dark(#5b636e, #9aa3ae);
  --line: light-dark(#d5d9df, #3a3f48);
  --accent: light-dark(#1f5fd0, #7aa7ff);
  --on-accent: light-dark(#ffffff, #0d1117);
  --bad: light-dark(#b3261e, #ff8a80);
}
* { box-sizing: border-box; }
body {
  margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1.5rem;
  background: var(--page); color: var(--text);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", sans-serif;
}
main {
  width: 100%; max-width: 26rem; padding: 2rem;
  background: var(--card); border: 1px solid var(--line); border-radius: 12px;
  box-shadow: 0 1px 2px rgb(0 0 0 / 6%), 0 8px 24px rgb(0 0 0 / 6%);
}
header { margin: 0 0 1.25rem; color: var(--soft); font-size: .85rem; }
h1 { margin: 0 0 .5rem; font-size: 1.35rem; line-height: 1.25; }
p { margin: 0 0 1rem; }
form + p { margin-top: 1rem; }
main > :last-child { margin-bottom: 0; }
li + li { margin-top: .75rem; }
li li + li { margin-top: 0; }
ol { margin: 0 0 1rem; padding-left: 1.25rem; }
ul { margin: .5rem 0 1rem; padding-left: 1.25rem; color: var(--soft); }
label { display: block; margin: 1rem 0 .3rem; font-weight: 600; font-size: .9rem; }
input:not([type=hidden]) {
  width: 100%; padding: .6rem .7rem; font: inherit; color: inherit;
  background: var(--page); border: 1px solid var(--line); border-radius: 8px;
}
input[aria-invalid=true] { border-color: var(--bad); }
.code { font: 600 1.1rem ui-monospace, monospace; letter-spacing: .15em; }
#kc-totp-secret-key {
  display: block; margin: .5rem 0; padding: .6rem .7rem; user-select: all; overflow-wrap: anywhere;
  font: 600 .95rem/1.7 ui-monospace, monospace; background: var(--page); border: 1px dashed var(--line); border-radius: 8px;
}
img { display: block; width: 200px; height: 200px; margin: .75rem auto; border-radius: 8px; background: #fff; }
button, .button {
  display: block; width: 100%; margin-top: 1.5rem; padding: .65rem 1rem; text-align: center; text-decoration: none;
  font: inherit; font-weight: 600; color: var(--on-accent); background: var(--accent); border: 0; border-radius: 8px; cursor: pointer;
}
button:hover, .button:hover { filter: brightness(1.08); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
a { color: var(--accent); }
.error { display: block; margin-top: .3rem; color: var(--bad); font-size: .9rem; }
.soft { color: var(--soft); font-size: .9rem; }
`;
