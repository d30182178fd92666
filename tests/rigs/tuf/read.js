// Reads a corpus with tuf-js: read.js CORPUS prints {"name": "verdict"} as JSON. The client is found by NODE_PATH.

const crypto = require("node:crypto");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const url = require("node:url");
const { BaseFetcher, Updater } = require("tuf-js");
const { DownloadHTTPError } = require("tuf-js/dist/error");

// Files as if a web server gave them.
class Files extends BaseFetcher {
  async fetch(address) {
    const file = url.fileURLToPath(address);
    if (!fs.existsSync(file) || !fs.statSync(file).isFile()) {
      throw new DownloadHTTPError("not found", 404);
    }
    return new Blob([fs.readFileSync(file)]).stream();
  }
}

async function visit(repository, memory, target, time) {
  const updater = new Updater({
    metadataDir: memory,
    metadataBaseUrl: url.pathToFileURL(path.join(repository, "metadata")).href,
    targetBaseUrl: url.pathToFileURL(path.join(repository, "targets")).href,
    fetcher: new Files(),
  });
  updater.trustedSet.referenceTime = new Date(time);
  await updater.refresh();
  const info = await updater.getTargetInfo(target);
  if (!info) {
    return "refused";
  }
  const file = path.join(memory, "fetched");
  await updater.downloadTarget(info, file);
  return crypto.createHash("sha256").update(fs.readFileSync(file)).digest("hex");
}

async function judge(corpus, found) {
  const folder = path.join(corpus, found.name);
  const memory = fs.mkdtempSync(path.join(os.tmpdir(), "tuf-js-"));
  let verdict = "refused";
  try {
    fs.copyFileSync(path.join(folder, "root.json"), path.join(memory, "root.json"));
    for (const [index, time] of found.times.entries()) {
      try {
        verdict = await visit(path.join(folder, String(index + 1)), memory, found.path, time);
      } catch (error) {
        console.error(`${found.name} ${index + 1}: ${error}`);
        verdict = "refused";
      }
    }
  } finally {
    fs.rmSync(memory, { recursive: true });
  }
  return verdict;
}

async function main() {
  const corpus = path.resolve(process.argv[2]);
  const cases = JSON.parse(fs.readFileSync(path.join(corpus, "cases.json")));
  const verdicts = {};
  for (const found of cases) {
    verdicts[found.name] = await judge(corpus, found);
  }
  console.log(JSON.stringify(verdicts));
}

main();
