// The peer: for each line on stdin, `FORMAT CONCURRENCY IN_FLIGHT PATH...`, decodes each source once, cuts three
// presets from it, and prints the milliseconds of CPU and of the clock that all of them took.
// `node cut.mjs DIRECTORY_WITH_NODE_MODULES OUTPUT_DIRECTORY`
import { createRequire } from 'node:module';
import { readFileSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

const [modules, output] = process.argv.slice(2);
const sharp = createRequire(`${modules}/`)('sharp');
sharp.cache(false);

const presets = [['og-image', 1200, 630], ['instagram', 1080, 1080], ['twitter-header', 1500, 500]];

async function work(file, format) {
  const { data, info } = await sharp(file).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  const raw = { width: info.width, height: info.height, channels: info.channels };
  const cuts = [];
  for (const [, width, height] of presets) {
    cuts.push(await sharp(data, { raw }).resize(width, height, { fit: 'cover' })[format]({ quality: 80 }).toBuffer());
  }
  return cuts;
}

for await (const line of createInterface({ input: process.stdin })) {
  const [format, concurrency, inFlight, ...paths] = line.split(' ');
  sharp.concurrency(Number(concurrency));
  const files = paths.map((path) => readFileSync(path));
  let [next, cuts] = [0];
  const lane = async () => {
    while (next < files.length) {
      cuts = await work(files[next++], format);
    }
  };
  const [cpu, start] = [process.cpuUsage(), process.hrtime.bigint()];
  await Promise.all(Array.from({ length: Number(inFlight) }, lane));
  const { user, system } = process.cpuUsage(cpu);
  const wall = Number(process.hrtime.bigint() - start) / 1e6;
  cuts.forEach((cut, at) => writeFileSync(`${output}/${presets[at][0]}`, cut));
  console.log(`${(user + system) / 1000} ${wall}`);
}
