// The 1Password SDK runs in a thread for each vault. What V8 compiled of its WebAssembly is shared for as long as anyone in
// the process has it: so each sign-in but the first finds it compiled.
import '@1password/sdk';
