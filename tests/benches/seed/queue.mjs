// What the producer and the worker have to agree on.
export const queue = 'ideogram-generation';
export const connection = { host: '127.0.0.1', port: Number(process.env.REDIS_PORT) };
