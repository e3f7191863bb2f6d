/* Apart from vsmcp.cjs, because a Node too old for `import()` could not even parse that file. */
'use strict'

import('../lib/main.js').catch(function (error) {
  process.stderr.write('vsmcp: the program could not be loaded: ' + ((error && error.stack) || error) + '\n')
  process.exitCode = 1
})
