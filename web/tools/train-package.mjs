// Trains a package in ONNX Runtime Training 1.19.2, the real runtime, as WebAssembly under Node. Prints JSON: the loss at each step, the
// eval loss and logits of the first batch after the last, load time and time a step; --parameters writes the trained parameters as the runtime hands them out.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as ort from '../node_modules/onnxruntime-web-training/dist/ort.training.wasm.mjs';
import { Batches } from '../src/batches.js';
import { readNpz } from '../src/npz.js';
import { readArguments } from './arguments.mjs';
import { startClock } from './clock.mjs';

const given = readArguments('usage: train-package.mjs PACKAGE --batches B.npz [--batch 16] [--steps 50] [--prior-weight W] [--noise-scale S] [--parameters OUT.bin]',
  { batches: '', batch: 16, steps: 50, 'prior-weight': 0, 'noise-scale': 0, parameters: '' });
ort.env.wasm.numThreads = 1;
const read = name => readFile(join(given.path, name));
const loading = startClock();
const session = await ort.TrainingSession.create({
  checkpointState: await read('checkpoint'),
  trainModel: await read('training_model.onnx'),
  evalModel: await read('eval_model.onnx'),
  optimizerModel: await read('optimizer_model.onnx'),
}, { logSeverityLevel: 3 });
const load = loading();
const own = new Set(['labels', 'prior_weight', 'noise_scale']);
const names = session.trainingInputNames;
const batches = new Batches(await readNpz(await readFile(given.batches)), names.filter(n => !own.has(n)), given.batch);

// The wrapper takes feeds in the order of the object's keys, so they are put in the model's.
function feeds(step) {
  const batch = batches.at(step);
  const tensors = new Map(batch.inputs.map(i => [i.name, new ort.Tensor('float32', i.data, i.dims)]));
  tensors.set('labels', new ort.Tensor('int64', batch.labels.data, batch.labels.dims));
  tensors.set('prior_weight', new ort.Tensor('float32', [given['prior-weight']], []));
  tensors.set('noise_scale', new ort.Tensor('float32', [given['noise-scale']], []));
  return Object.fromEntries(names.map(name => [name, tensors.get(name)]));
}

const losses = [];
let [seconds, cpuSeconds] = [0, 0];
for (let step = 0; step < given.steps; step++) {
  const input = feeds(step);
  const stepping = startClock();
  const result = await session.runTrainStep(input);
  await session.runOptimizerStep();
  await session.lazyResetGrad();
  const took = stepping();
  seconds += took.seconds;
  cpuSeconds += took.cpuSeconds;
  losses.push(result[session.trainingOutputNames[0]].data[0]);
}
const [evalLoss, evalLogits] = Object.values(await session.runEvalStep(feeds(0))).map(t => [...t.data]);
if (given.parameters) {
  const { data } = await session.getContiguousParameters(true);
  await writeFile(given.parameters, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
}
console.log(JSON.stringify({ runtime: 'onnxruntime-web 1.19.2 (training)', losses, evalLoss: evalLoss[0], evalLogits, loadSeconds: load.seconds, stepSeconds: seconds / given.steps, loadCpuSeconds: load.cpuSeconds, stepCpuSeconds: cpuSeconds / given.steps, parameters: await session.getParametersSize(true) }));
process.exit(0);
