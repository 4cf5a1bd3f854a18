// Batches out of the arrays of an NPZ file: the model's inputs by name, and labels.

export class Batches {
  /**
   * @param {Map<string, {data: ArrayLike, dims: number[]}>} arrays
   * @param {string[]} inputs the model's own inputs
   * @param {number} size examples in a batch
   */
  constructor(arrays, inputs, size) {
    // A file for several models may call a lone input x.
    if (inputs.length === 1 && !arrays.has(inputs[0]) && arrays.has('x')) arrays.set(inputs[0], arrays.get('x'));
    for (const name of [...inputs, 'labels']) if (!arrays.has(name)) throw new Error(`The batches lack '${name}'; they hold ${[...arrays.keys()].join(', ')}.`);
    Object.assign(this, { arrays, inputs, size });
    const examples = arrays.get('labels').dims[0];
    this.count = Math.floor(examples / size);
    if (this.count < 1) throw new Error(`There are ${examples} examples, fewer than a batch of ${size}.`);
  }

  /** The batch of a step, counted from 0; after the last one the first comes again. */
  at(step) {
    const start = (step % this.count) * this.size;
    return { inputs: this.inputs.map(name => this.#cut(name, start)), labels: this.#cut('labels', start) };
  }

  #cut(name, start) {
    const { data, dims } = this.arrays.get(name);
    const row = dims.slice(1).reduce((product, d) => product * d, 1);
    return { name, data: data.slice(start * row, (start + this.size) * row), dims: [this.size, ...dims.slice(1)] };
  }
}
