// One line of the record: what a model's package takes and how the runtimes agreed. on-device-row.mjs NAME OPTIMIZER PRIOR MODEL PACKAGE
import { readFile, stat } from 'node:fs/promises';

const [name, optimizer, prior, model, folder] = process.argv.slice(2);
const json = async path => JSON.parse(await readFile(path, 'utf8'));
const size = async path => (await stat(path)).size;
const files = ['training_model.onnx', 'eval_model.onnx', 'optimizer_model.onnx', 'checkpoint', 'inference_model.onnx', 'manifest.json'];
const bytes = (await Promise.all(files.map(f => size(`${folder}/${f}`)))).reduce((sum, b) => sum + b, 0);
const [device, step, web, webLosses, agreed] = await Promise.all(['device.', 'step.', 'web.', 'web-losses.', ''].map(w => json(`${folder}.${w}json`)));
console.log(JSON.stringify({
  name, optimizer, prior, ...agreed, webLoss: webLosses.loss, modelBytes: await size(model), packageBytes: bytes,
  // Processor time, of one thread in each runtime: what other work on the machine does not stretch.
  deviceLoad: device.loadCpuSeconds, deviceStep: device.stepCpuSeconds, stepLoad: step.loadCpuSeconds, stepStep: step.stepCpuSeconds,
  webLoad: web.loadCpuSeconds, webStep: web.stepCpuSeconds,
}));
