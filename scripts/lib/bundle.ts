import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire, isBuiltin } from 'node:module'

import { build, type Metafile, type Plugin } from 'esbuild'

import { thirdPartyNotices } from './notices.ts'
import { distDir, root } from './paths.ts'

/** Native code that ships in a package of its own: it stays outside the bundle and becomes a dependency. */
const NATIVE: Readonly<Record<string, 'dependencies' | 'optionalDependencies'>> = {
  'classic-level': 'dependencies',
  'msgpackr-extract': 'optionalDependencies',
}

/** Optional accelerators that bundled code probes for in a `try`; it does without them. */
const PROBED = new Set(['bufferutil', 'utf-8-validate', 'supports-color', '@napi-rs/nice'])

/**
 * What runs in threads of its own, each a file beside main.js: named by the code that starts it, which by then is in a chunk somewhere. The names are put where
 * the sources have their own; a build that finds nothing to replace fails.
 */
const WORKERS = [
  {
    name: 'pool-worker',
    entry: createRequire(`${root}packages/node/`)
      .resolve('piscina')
      .replace(/main\.js$/, 'worker.js'),
    startedBy: /piscina[\\/]dist[\\/]index\.js$/,
    from: "(__dirname, 'worker.js')",
    to: "(vsmcpLib, 'pool-worker.js')",
  },
  {
    name: 'simulation-worker',
    entry: `${root}packages/node/src/system4/simulation-worker.ts`,
    startedBy: /system4[\\/]simulations\.ts$/,
    from: "fileURLToPath(new URL('./simulation-worker.ts', import.meta.url))",
    to: "(vsmcpLib + '/simulation-worker.js')",
  },
  {
    name: 'worker-host',
    entry: `${root}packages/mcp/src/worker/host.ts`,
    startedBy: /worker[\\/]command\.ts$/,
    from: "fileURLToPath(new URL('./host.ts', import.meta.url))",
    to: "(vsmcpLib + '/worker-host.js')",
  },
  {
    name: 'worker-thread',
    entry: `${root}packages/mcp/src/worker/thread.ts`,
    startedBy: /worker[\\/]pool\.ts$/,
    from: "fileURLToPath(new URL('./thread.ts', import.meta.url))",
    to: "(vsmcpLib + '/worker-thread.js')",
  },
] as const

function workersPlugin(replaced: Set<string>): Plugin {
  return {
    name: 'workers',
    setup(context) {
      for (const { name, startedBy, from, to } of WORKERS) {
        context.onLoad({ filter: startedBy }, ({ path }) => {
          const text = readFileSync(path, 'utf8')
          if (text.includes(from)) replaced.add(name)
          return { contents: text.replace(from, to), loader: path.endsWith('.ts') ? 'ts' : 'js' }
        })
      }
    },
  }
}

/** CommonJS packages inside an ES module bundle still call `require` and ask for their folder. */
const BANNER = [
  "import { createRequire as vsmcpCreateRequire } from 'node:module'",
  'const require = vsmcpCreateRequire(import.meta.url)',
  'const __filename = import.meta.filename',
  'const __dirname = import.meta.dirname',
  // The folder of main.js, from it or from a chunk.
  String.raw`const vsmcpLib = import.meta.dirname.replace(/[\\/]chunks$/, '')`,
].join('\n')

interface NativeVersions {
  dependencies: Record<string, string>
  optionalDependencies: Record<string, string>
}

/** Leaves native packages out and notes the very version that the importing package has. */
function nativePlugin(found: NativeVersions): Plugin {
  return {
    name: 'native',
    setup(context) {
      const filter = new RegExp(`^(${Object.keys(NATIVE).join('|')})$`)
      context.onResolve({ filter }, ({ path, resolveDir }) => {
        const manifest = createRequire(`${resolveDir}/-`)(`${path}/package.json`) as { version: string }
        found[NATIVE[path] ?? 'dependencies'][path] = manifest.version
        return { path, external: true }
      })
    },
  }
}

function assertNothingElseOutside(metafile: Metafile): void {
  for (const [file, output] of Object.entries(metafile.outputs)) {
    for (const { path, external } of output.imports) {
      if (external !== true || isBuiltin(path) || path in NATIVE || PROBED.has(path)) continue
      throw new Error(`${file} still imports "${path}" from outside the bundle; name it in scripts/lib/bundle.ts or bundle it`)
    }
  }
}

function publishedManifest(native: NativeVersions): object {
  const source = JSON.parse(readFileSync(`${root}packages/cli/package.json`, 'utf8')) as Record<string, unknown>
  const workspace = JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as Record<string, unknown>
  return {
    name: 'vsmcp',
    version: source['version'],
    description: workspace['description'],
    keywords: ['mcp', 'model-context-protocol', 'mesh', 'peer-to-peer', 'libp2p', 'viable-system-model'],
    license: 'Apache-2.0',
    type: 'module',
    bin: { vsmcp: 'bin/vsmcp.cjs' },
    files: ['bin', 'lib/**/*.js', 'README.md', 'LICENSE', 'THIRD-PARTY-LICENSES.txt'],
    engines: { node: '>=24' },
    os: ['linux', 'darwin'],
    dependencies: native.dependencies,
    optionalDependencies: native.optionalDependencies,
  }
}

export interface BundleResult {
  /** Of the code, without source maps. */
  bytes: number
  files: number
}

/**
 * Bundles the command into `packages/cli/dist`, in the shape it is published in. Built beside it and moved into place at
 * the end, so that nobody ever runs half a build.
 */
export async function bundle(hash: string): Promise<BundleResult> {
  const staging = `${distDir.slice(0, -1)}-${process.pid}/`
  rmSync(staging, { recursive: true, force: true })
  mkdirSync(staging, { recursive: true })
  try {
    const native: NativeVersions = { dependencies: {}, optionalDependencies: {} }
    const replaced = new Set<string>()
    const { metafile } = await build({
      absWorkingDir: root,
      entryPoints: { main: 'packages/cli/src/main.ts', ...Object.fromEntries(WORKERS.map(({ name, entry }) => [name, entry])) },
      outdir: `${staging}lib`,
      bundle: true,
      splitting: true,
      format: 'esm',
      platform: 'node',
      target: 'node24',
      chunkNames: 'chunks/[name]-[hash]',
      minifySyntax: true,
      minifyWhitespace: true,
      sourcemap: 'external',
      legalComments: 'none',
      metafile: true,
      logLevel: 'warning',
      banner: { js: BANNER },
      define: { 'process.env.NODE_ENV': '"production"' },
      external: ['@napi-rs/nice'],
      plugins: [nativePlugin(native), workersPlugin(replaced)],
    })
    for (const { name } of WORKERS)
      if (!replaced.has(name)) throw new Error(`nothing in the bundle starts ${name}: see scripts/lib/bundle.ts`)
    assertNothingElseOutside(metafile)
    cpSync(`${root}packages/cli/bin`, `${staging}bin`, { recursive: true })
    chmodSync(`${staging}bin/vsmcp.cjs`, 0o755)
    cpSync(`${root}LICENSE`, `${staging}LICENSE`)
    const readme = [`${root}packages/cli/README.md`, `${root}README.md`].find((path) => existsSync(path))
    if (readme !== undefined) cpSync(readme, `${staging}README.md`)
    writeFileSync(`${staging}THIRD-PARTY-LICENSES.txt`, thirdPartyNotices(Object.keys(metafile.inputs)))
    writeFileSync(`${staging}package.json`, `${JSON.stringify(publishedManifest(native), null, 2)}\n`)
    writeFileSync(`${staging}meta.json`, JSON.stringify(metafile))
    writeFileSync(`${staging}.source-hash`, hash)
    rmSync(distDir, { recursive: true, force: true })
    renameSync(staging, distDir)
    const code = Object.entries(metafile.outputs).filter(([file]) => file.endsWith('.js'))
    return { files: code.length, bytes: code.reduce((sum, [, output]) => sum + output.bytes, 0) }
  } finally {
    rmSync(staging, { recursive: true, force: true })
  }
}
