// The peer: for each line on stdin, a path, decodes once, cuts three presets as JPEG, and prints what it took.
// `node cut.mjs DIRECTORY_WITH_NODE_MODULES OUTPUT_DIRECTORY ROUNDS`
import { createRequire } from 'node:module';
import { readFileSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

const [modules, output, rounds] = process.argv.slice(2);
const sharp = createRequire(`${modules}/`)('sharp');
sharp.concurrency(1);
sharp.cache(false);

const presets = [['og-image', 1200, 630], ['instagram', 1080, 1080], ['twitter-header', 1500, 500]];

async function work(file) {
  const { data, info } = await sharp(file).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  const raw = { width: info.width, height: info.height, channels: info.channels };
  const cuts = [];
  for (const [, width, height] of presets) {
    cuts.push(await sharp(data, { raw }).resize(width, height, { fit: 'cover' }).jpeg({ quality: 80 }).toBuffer());
  }
  return cuts;
}

for await (const path of createInterface({ input: process.stdin })) {
  const file = readFileSync(path);
  const times = [];
  let cuts;
  for (let round = 0; round < Number(rounds); round += 1) {
    const [cpu, start] = [process.cpuUsage(), process.hrtime.bigint()];
    cuts = await work(file);
    const { user, system } = process.cpuUsage(cpu);
    times.push([(user + system) / 1000, Number(process.hrtime.bigint() - start) / 1e6]);
  }
  cuts.forEach((cut, at) => writeFileSync(`${output}/${presets[at][0]}.jpg`, cut));
  console.log(times.map(([cpu, wall]) => `${cpu} ${wall}`).join(' '));
}
