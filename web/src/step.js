// Trains a package's step: the gradient model gives loss and gradients, the update model the next state. Parameters, gradient, moments
// and prior are flat; each parameter is a view of the flat state, so nothing is cut or joined.
import { floats } from './package.js';
import { ProximalMap } from './proximal.js';

export class StepTrainer {
  #ort; #update; #manifest; #sessions; #theta; #states; #prior; #gradient; #map;

  /** The updates made. */
  steps = 0;

  /**
   * @param {object} ort onnxruntime-web
   * @param {{manifest: object, files: Map<string, Uint8Array>}} package_ as openPackage gives it
   * @param {object} [options] session options
   * @param {{ort: object, options: object}} [update] another build of onnxruntime-web for the update model alone
   */
  static async create(ort, package_, options = {}, update = { ort, options }) {
    const trainer = new StepTrainer();
    const { manifest, files } = package_;
    trainer.#ort = ort;
    trainer.#update = update.ort;
    trainer.#manifest = manifest;
    trainer.#sessions = {};
    for (const [name, runtime] of [['gradient', { ort, options }], ['eval', { ort, options }], ['update', update]])
      trainer.#sessions[name] = await runtime.ort.InferenceSession.create(files.get(`${name}.onnx`), { logSeverityLevel: 3, ...runtime.options });
    trainer.#theta = floats(files.get('parameters.bin'));
    const begin = files.get('states.bin');
    const length = manifest.stateLength;
    trainer.#states = manifest.optimizer.states.map((_, i) => (begin ? floats(begin).slice(i * length, (i + 1) * length) : new Float32Array(length)));
    trainer.#gradient = new Float32Array(length);
    if (files.has('prior.bin')) {
      const prior = floats(files.get('prior.bin'));
      const rank = manifest.prior.rank;
      trainer.#prior = {
        prior_mean: trainer.#flat(prior.subarray(0, length)),
        [manifest.prior.step === 'proximal' ? 'prior_variance' : 'prior_precision']: trainer.#flat(prior.subarray(length, 2 * length)),
        ...(rank > 0 && { prior_factor: trainer.#flat(prior.subarray(2 * length), [rank, length]) }),
      };
      if (manifest.prior.evidence) throw new Error('This step learns its prior\'s scale, which is done beforehand: train it with "onnxpriors train" and bake the package with --scale-from.');
      if (manifest.prior.step === 'proximal' && rank > 0) trainer.#map = new ProximalMap(prior, length, rank);
    }
    return trainer;
  }

  get manifest() { return this.#manifest; }

  /** The parameters [P] as they are. */
  get parameters() { return this.#theta; }

  /**
   * One update.
   * @param {{data: Float32Array, dims: number[]}} inputs
   * @param {ArrayLike<number | bigint>} labels
   * @param {{learningRate: number, priorWeight: number, momentum?: number, clipNorm?: number}} options
   * @returns {Promise<{loss: number, priorEnergy: number, gradientNorm: number}>} the loss without the prior, before the update
   */
  async step(inputs, labels, { learningRate, priorWeight, momentum = 0, clipNorm = 0 }) {
    const m = this.#manifest;
    const wrong = Array.from(labels, Number).find(l => !(l >= 0 && l < m.classes));
    if (wrong !== undefined) throw new RangeError(`A batch holds the label ${wrong}; the package has the classes 0 to ${m.classes - 1}.`);
    const feeds = this.#feeds(inputs);
    feeds[m.labels] = new this.#ort.Tensor('int64', BigInt64Array.from(labels, l => BigInt(l)), [labels.length]);
    feeds[m.labelCount] = this.#tensor(Float32Array.of(labels.length), []);
    const gradients = await this.#sessions.gradient.run(feeds);
    const loss = gradients[m.loss].data[0];
    if (!Number.isFinite(loss)) throw new Error(`The loss is ${loss} at step ${this.steps + 1}; lower the learning rate.`);
    for (const p of m.parameters) this.#gradient.set(gradients[p.gradient].data, p.offset);
    release(gradients);

    const scalars = { momentum, step: (m.optimizer.initialStep ?? 0) + this.steps + 1 };
    const update = {
      theta: this.#flat(this.#theta),
      gradient: this.#flat(this.#gradient),
      learning_rate: this.#flat(Float32Array.of(learningRate), []),
      clip_norm: this.#flat(Float32Array.of(clipNorm), []),
      ...(this.#prior && { ...this.#prior, prior_weight: this.#flat(Float32Array.of(priorWeight), []) }),
      ...(this.#map && { prior_inverse: this.#flat(this.#map.inverse(learningRate * priorWeight * (m.optimizer.nesterov ? 1 + momentum : 1)), this.#map.shape) }),
      ...Object.fromEntries(m.optimizer.scalars.map(name => [name, this.#flat(Float32Array.of(scalars[name]), [])])),
      ...Object.fromEntries(m.optimizer.states.map((name, i) => [name, this.#flat(this.#states[i])])),
    };
    const next = await this.#sessions.update.run(update);
    this.#theta.set(next.theta_next.data);
    m.optimizer.states.forEach((name, i) => this.#states[i].set(next[`${name}_next`].data));
    const result = { loss, priorEnergy: next.prior_energy?.data[0] ?? 0, gradientNorm: next.gradient_norm.data[0] };
    release(next);
    this.steps++;
    return result;
  }

  /**
   * The class probabilities of examples.
   * @param {{data: Float32Array, dims: number[]}} inputs
   * @returns {Promise<Float32Array[]>} one row an example
   */
  async classify(inputs) {
    const results = await this.#sessions.eval.run(this.#feeds(inputs));
    const logits = Float32Array.from(results[this.#manifest.logits].data);
    release(results);
    const classes = this.#manifest.classes;
    return Array.from({ length: logits.length / classes }, (_, i) => softmax(logits.subarray(i * classes, (i + 1) * classes)));
  }

  /** The trained parameters by name, each a view of the state. */
  named() {
    return new Map(this.#manifest.parameters.map(p => [p.name, { data: this.#theta.subarray(p.offset, p.offset + p.count), dims: p.shape }]));
  }

  async release() {
    for (const session of Object.values(this.#sessions)) await session.release();
  }

  #feeds(inputs) {
    const feeds = { [this.#manifest.inputs[0].name]: this.#tensor(inputs.data, inputs.dims) };
    for (const p of this.#manifest.parameters) feeds[p.name] = this.#tensor(this.#theta.subarray(p.offset, p.offset + p.count), p.shape);
    return feeds;
  }

  #tensor(data, dims) { return new this.#ort.Tensor('float32', data, dims); }

  // What the update model takes: vectors of the state's length, or as shaped.
  #flat(data, dims = [data.length]) { return new this.#update.Tensor('float32', data, dims); }
}

function release(results) {
  for (const tensor of Object.values(results)) tensor.dispose?.();
}

function softmax(logits) {
  const highest = logits.reduce((a, b) => Math.max(a, b), -Infinity);
  const exponentials = logits.map(l => Math.exp(l - highest));
  const sum = exponentials.reduce((a, b) => a + b, 0);
  return exponentials.map(e => e / sum);
}
