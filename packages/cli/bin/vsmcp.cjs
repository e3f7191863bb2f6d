#!/bin/sh
':' //; exec node -- "$0" "$@"
/*
 * Entry of the installed package. Written so that any Node of the last ten years can parse it: an old one must get a
 * plain sentence, not a SyntaxError. The program itself is loaded only after the checks.
 *
 * Shell and JavaScript at once: Node looks for options of its own behind the script, too, and would take --env-file from
 * "vsmcp attach". Only "--" keeps it from that, and "env -S", which could say so, is not everywhere (Alpine).
 */
'use strict'

var NODE_MAJOR_MIN = 24

function refuse(text) {
  process.stderr.write('vsmcp: ' + text + '\n')
  process.exit(1)
}

if (process.platform !== 'linux' && process.platform !== 'darwin') {
  refuse(
    'this system (' +
      process.platform +
      ') is not supported; VSMCP runs on Linux and macOS. On Windows run it inside WSL: https://learn.microsoft.com/windows/wsl',
  )
} else if (Number(process.versions.node.split('.')[0]) < NODE_MAJOR_MIN) {
  refuse(
    'this needs Node.js ' +
      NODE_MAJOR_MIN +
      ' or newer, and this is ' +
      process.version +
      '. Get a newer one from https://nodejs.org',
  )
} else {
  require('./load.cjs')
}
