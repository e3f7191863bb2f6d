/**
 * undici, to be loaded where a unit is first reached by URL. By way of this file, since a bundle that loads a CommonJS
 * package by `import()` sees its default export only.
 */
export { Agent, fetch } from 'undici'
