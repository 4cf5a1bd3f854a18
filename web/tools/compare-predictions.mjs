// Whether a model that was exported from a device's checkpoint predicts what the device did: compare-predictions.mjs MODEL.onnx
// --device DEVICE.json --batches B.npz [--batch 16], DEVICE.json being train-package.mjs's report. Prints the largest difference of a
// probability on the first batch; exit code 1 beyond 1e-4, which is float32's rounding in two sets of kernels.
import { readFile } from 'node:fs/promises';
import * as ort from '../node_modules/onnxruntime-web/dist/ort.wasm.min.mjs';
import { Batches } from '../src/batches.js';
import { readNpz } from '../src/npz.js';
import { readArguments } from './arguments.mjs';

const given = readArguments('usage: compare-predictions.mjs MODEL.onnx --device DEVICE.json --batches B.npz [--batch 16]', { device: '', batches: '', batch: 16 });
ort.env.wasm.numThreads = 1;
const session = await ort.InferenceSession.create(await readFile(given.path));
const input = new Batches(await readNpz(await readFile(given.batches)), session.inputNames, given.batch).at(0).inputs[0];
const { probabilities } = await session.run({ [input.name]: new ort.Tensor('float32', input.data, input.dims) });
const { evalLogits } = JSON.parse(await readFile(given.device, 'utf8'));
if (evalLogits.length !== probabilities.data.length) throw new Error(`The device gave ${evalLogits.length} logits and the model ${probabilities.data.length} probabilities.`);
const classes = probabilities.dims[1];
let worst = 0;
for (let row = 0; row < evalLogits.length; row += classes) {
  const logits = evalLogits.slice(row, row + classes);
  const highest = Math.max(...logits);
  const total = logits.reduce((sum, l) => sum + Math.exp(l - highest), 0);
  logits.forEach((l, i) => { worst = Math.max(worst, Math.abs(Math.exp(l - highest) / total - probabilities.data[row + i])); });
}
console.log(JSON.stringify({ examples: probabilities.dims[0], differBy: worst, within: worst <= 1e-4 }));
process.exitCode = worst <= 1e-4 ? 0 : 1;
