// The seed's worker: asks the provider, stores the pictures, tells the callback.
import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Worker } from 'bullmq';
import { connection, queue } from './queue.mjs';

const { IDEOGRAM_API_KEY, IDEOGRAM_BASE_URL, STORE } = process.env;

async function ask(url, options) {
  const response = await fetch(url, options);
  if (!response.ok) {
    throw new Error(`${url} says ${response.status}: ${await response.text()}`);
  }
  return response;
}

function post(url, headers, body) {
  return ask(url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
}

async function uploadToStorage(url, folder) {
  const { body } = await ask(url);
  const path = join(folder, basename(new URL(url).pathname));
  await pipeline(Readable.fromWeb(body), createWriteStream(join(STORE, path)));
  return path;
}

async function generate({ id, data: { prompt, style, aspectRatio, model, callbackUrl } }) {
  const response = await post(`${IDEOGRAM_BASE_URL}/generate`, { 'Api-Key': IDEOGRAM_API_KEY }, {
    image_request: {
      prompt,
      model,
      style_type: style,
      aspect_ratio: aspectRatio,
      magic_prompt_option: 'AUTO',
    },
  });
  const { data: images } = await response.json();

  const folder = `generated/${id}`;
  await mkdir(join(STORE, folder), { recursive: true });
  const uploaded = [];
  for (const { url } of images) {
    uploaded.push(await uploadToStorage(url, folder));
  }

  const told = await post(callbackUrl, {}, {
    event: 'ideogram.generation.completed',
    jobId: id,
    prompt,
    images: uploaded,
    resolution: images[0]?.resolution,
  });
  // A connection is free for the next call only when its answer has been read.
  await told.arrayBuffer();
  return { images: uploaded };
}

// Work enough to keep the processor busy while the provider, the disk and the callback are waited for.
const worker = new Worker(queue, generate, { connection, concurrency: 64 });

// Here nothing fails. If it does, a second attempt must not pass for the cost of a first one.
worker.on('failed', (job, error) => {
  console.error(error);
  process.exit(1);
});
worker.on('error', console.error);
