// M⁻¹ = (I + WᵀA⁻¹W)⁻¹, A = D + tI, which the proximal step of a prior N(μ, D + WWᵀ) takes as an input: in float64, anew when t changes.
export class ProximalMap {
  #variance; #columns; #t; #inverse;

  /**
   * @param {Float32Array} prior μ [P], D [P] and W [K, P] one after the other
   * @param {number} length P
   * @param {number} rank K
   */
  constructor(prior, length, rank) {
    this.#variance = prior.subarray(length, 2 * length);
    this.#columns = Array.from({ length: rank }, (_, k) => prior.subarray((2 + k) * length, (3 + k) * length));
    this.shape = [rank, rank];
  }

  /**
   * @param {number} t learning rate · prior weight, times 1 + momentum with Nesterov's
   * @returns {Float32Array} [K, K]; its numbers change with the next call
   */
  inverse(t) {
    if (t === this.#t) return this.#inverse;
    const rank = this.#columns.length;
    const m = this.#columns.map((row, r) => this.#columns.map((column, c) => (r === c ? 1 : 0) + (c <= r ? this.#gram(row, column, t) : 0)));
    for (let r = 0; r < rank; r++) for (let c = r + 1; c < rank; c++) m[r][c] = m[c][r];
    this.#t = t;
    this.#inverse = Float32Array.from(invert(m).flat());
    return this.#inverse;
  }

  #gram(a, b, t) {
    let sum = 0;
    for (let i = 0; i < a.length; i++) {
      const scale = this.#variance[i] + t;
      if (a[i] !== 0 && scale > 0) sum += a[i] * b[i] / scale;
    }
    return sum;
  }
}

// Gauss and Jordan's elimination; M is positive definite with a smallest eigenvalue of 1 or more, so its pivots need no exchange.
function invert(m) {
  const size = m.length;
  const rows = m.map((row, r) => [...row, ...row.map((_, c) => (c === r ? 1 : 0))]);
  for (let p = 0; p < size; p++) {
    const pivot = rows[p][p];
    rows[p] = rows[p].map(x => x / pivot);
    for (let r = 0; r < size; r++)
      if (r !== p) {
        const factor = rows[r][p];
        rows[r] = rows[r].map((x, c) => x - factor * rows[p][c]);
      }
  }
  return rows.map(row => row.slice(size));
}
