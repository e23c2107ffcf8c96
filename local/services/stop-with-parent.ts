/**
 * Preloaded (`node --import`) into a service that runs as a process of its own. Standard input is a pipe from the
 * process that started it: when that process ends, however it ends, the pipe closes and the service stops cleanly.
 */
import process from 'node:process';

let stopping = false;
// Azurite listens for one SIGTERM only; a second would end it in the middle of saving. So this one listens for ever.
process.on('SIGTERM', () => {
  const serviceListens = process.listenerCount('SIGTERM') > 1;
  if (!serviceListens && !stopping) process.exit(143); // Still starting: there is nothing to save.
  stopping = true;
});

process.stdin.on('close', () => process.kill(process.pid, 'SIGTERM'));
process.stdin.on('error', () => process.kill(process.pid, 'SIGTERM'));
process.stdin.resume();
// The pipe must not keep a service alive that has closed its own servers.
if ('unref' in process.stdin && typeof process.stdin.unref === 'function') process.stdin.unref();
