// Makes build/WORLD.wasm. Installs what package-lock.json names, if that is not installed yet.

import { spawnSync } from 'node:child_process';
import { cp, mkdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const CONTRACT = join(HERE, '../../../wit');
const BUILD = join(HERE, 'build');

const WORLDS = {
  // Nothing of WASI: what the program does with it instead traps.
  javascript: { source: 'provider.js', disableFeatures: ['stdio', 'random', 'clocks', 'http', 'fetch-event'] },
  // All of it that the engine uses, but for answering requests.
  fetch: { source: 'fetch/provider.js', disableFeatures: ['fetch-event'] },
};

// The tool lets a program import from the working folder alone.
process.chdir(HERE);
await install();
await build(process.argv[2]);

async function install() {
  const changed = async (path) => (await stat(join(HERE, path)).catch(() => undefined))?.mtimeMs ?? 0;
  // npm's own note of what it installed.
  if ((await changed('node_modules/.package-lock.json')) >= (await changed('package-lock.json'))) return;
  const npm = spawnSync('npm', ['ci'], { cwd: HERE, stdio: 'inherit' });
  if (npm.error) throw npm.error;
  if (npm.status !== 0) process.exit(npm.status ?? 1);
}

async function build(name) {
  const world = WORLDS[name];
  if (!world) throw new Error(`one of ${Object.keys(WORLDS).join(', ')} is expected`);
  const { componentize } = await import('@bytecodealliance/componentize-js');
  const { component } = await componentize({
    sourcePath: join(HERE, world.source),
    witPath: await collectWit(name),
    worldName: name,
    disableFeatures: world.disableFeatures,
  });
  const path = join(BUILD, `${name}.wasm`);
  await writeFile(`${path}.new`, component);
  await rename(`${path}.new`, path);
}

// One folder with the packages that the world names below `deps`, as the tool wants them.
async function collectWit(name) {
  const folder = join(BUILD, `wit-${name}`);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await cp(join(HERE, 'wit'), folder, { recursive: true });
  for (const dependency of ['host', 'provider']) {
    await cp(join(CONTRACT, dependency), join(folder, 'deps', dependency), { recursive: true });
  }
  return folder;
}
