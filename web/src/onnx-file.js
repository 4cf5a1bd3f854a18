// Turns a package's eval model into one ONNX file with the trained parameters inside. Only protobuf's wire format and a few field numbers
// of onnx.proto are needed: ModelProto.graph 7; GraphProto.node 1, initializer 5, input 11, output 12; names by field 1 or 8.

const GRAPH = 7, NODE = 1, INITIALIZER = 5, INPUT = 11, OUTPUT = 12;

/**
 * @param {Uint8Array} model the eval model: examples and parameters in, logits out
 * @param {Map<string, {data: Float32Array, dims: number[]}>} parameters by name
 * @param {string} logits the output's name; a Softmax behind it gives `probabilities`
 * @param {number} classes
 * @returns {Blob} examples in, probabilities [batch, C] out
 */
export function withParameters(model, parameters, logits, classes) {
  const parts = [];
  for (const field of fields(model)) {
    if (field.number !== GRAPH) {
      parts.push(field.raw);
      continue;
    }
    const graph = fields(field.value).filter(f => f.number !== OUTPUT && !(f.number === INPUT && parameters.has(name(f.value)))).map(f => f.raw);
    for (const [title, { data, dims }] of parameters) graph.push(...initializer(title, data, dims));
    graph.push(message(NODE, text(1, logits), text(2, 'probabilities'), text(4, 'Softmax'), message(5, text(1, 'axis'), number(3, -1n), number(20, 2n))));
    const shape = message(2, message(1, text(2, 'batch')), message(1, number(1, BigInt(classes))));
    graph.push(message(OUTPUT, text(1, 'probabilities'), message(2, message(1, number(1, 1n), shape))));
    parts.push(tag(GRAPH, 2), varint(BigInt(size(graph))), ...graph);
  }
  return new Blob(parts, { type: 'application/octet-stream' });
}

function initializer(title, data, dims) {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const head = [...dims.map(d => number(1, BigInt(d))), number(2, 1n), text(8, title), tag(9, 2), varint(BigInt(bytes.length))];
  return [tag(INITIALIZER, 2), varint(BigInt(size(head) + bytes.length)), ...head, bytes];
}

function fields(bytes) {
  const found = [];
  for (let at = 0; at < bytes.length;) {
    const start = at;
    let [key, next] = readVarint(bytes, at);
    const wire = Number(key & 7n);
    let value = null;
    if (wire === 0) [, next] = readVarint(bytes, next);
    else if (wire === 1) next += 8;
    else if (wire === 5) next += 4;
    else if (wire === 2) {
      const [length, begin] = readVarint(bytes, next);
      next = begin + Number(length);
      value = bytes.subarray(begin, next);
    } else throw new Error('The eval model is damaged.');
    if (next > bytes.length) throw new Error('The eval model is cut short.');
    found.push({ number: Number(key >> 3n), value, raw: bytes.subarray(start, next) });
    at = next;
  }
  return found;
}

function name(info) {
  return new TextDecoder().decode(fields(info).find(f => f.number === 1).value);
}

function readVarint(bytes, at) {
  let value = 0n;
  for (let shift = 0n; ; shift += 7n) {
    if (at >= bytes.length || shift > 63n) throw new Error('The eval model is damaged.');
    const byte = bytes[at++];
    value |= BigInt(byte & 127) << shift;
    if (byte < 128) return [value, at];
  }
}

function varint(value) {
  const bytes = [];
  for (let rest = BigInt.asUintN(64, value); ; rest >>= 7n) {
    if (rest < 128n) return Uint8Array.from([...bytes, Number(rest)]);
    bytes.push(Number(rest & 127n) | 128);
  }
}

const tag = (field, wire) => varint(BigInt(field * 8 + wire));
const size = parts => parts.reduce((sum, p) => sum + p.length, 0);
const join = parts => { const all = new Uint8Array(size(parts)); let at = 0; for (const p of parts) { all.set(p, at); at += p.length; } return all; };
const message = (field, ...parts) => join([tag(field, 2), varint(BigInt(size(parts))), ...parts]);
const text = (field, value) => message(field, new TextEncoder().encode(value));
const number = (field, value) => join([tag(field, 0), varint(value)]);
