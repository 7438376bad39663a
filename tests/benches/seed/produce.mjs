// Orders COUNT generations and ends when all of them are completed: `node produce.mjs COUNT`.
// Not counted, as little as the client that orders from us.
import { setTimeout as sleep } from 'node:timers/promises';
import { Queue } from 'bullmq';
import { connection, queue } from './queue.mjs';

const generations = new Queue(queue, { connection });
const { CALLBACK_URL } = process.env;
const count = Number(process.argv[2]);

const completed = async () => (await generations.getJobCounts('completed')).completed;

const due = count + await completed();
await Promise.all(Array.from({ length: count }, () => generations.add('generate', {
  prompt: 'a red kite over dunes',
  style: 'DESIGN',
  aspectRatio: 'ASPECT_16_9',
  model: 'V_2',
  callbackUrl: CALLBACK_URL,
}, {
  attempts: 3,
  backoff: { type: 'exponential', delay: 2000 },
})));

// Seldom enough that looking is not what is measured.
while (await completed() < due) {
  await sleep(250);
}
await generations.close();
