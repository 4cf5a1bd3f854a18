// Turns pictures into a model's input by the preprocessing that the package carries: resize the short side, cut out the centre, order the
// channels, scale, subtract the mean, divide by the deviation.

const KEY = 'onnxpriors.preprocess';
const IMAGENET = { channels: 'rgb', scale: 'unit', crop: 'center', mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };

/** The preprocessing of a package, fitted to its input [batch, channels, height, width]. */
export function preprocessingOf(manifest) {
  const [, channels, height, width] = manifest.inputs[0].shape.map(Number);
  if (manifest.inputs[0].shape.length !== 4 || ![1, 3].includes(channels)) throw new Error(`The model takes [${manifest.inputs[0].shape.join(', ')}], which is no picture.`);
  const text = manifest.preprocessing[KEY];
  const given = text ? JSON.parse(text) : { ...IMAGENET, ...(channels === 1 && { channels: 'gray', mean: [0.5], std: [0.5] }) };
  const [h, w] = Number.isFinite(height) && Number.isFinite(width) ? [height, width] : given.size ?? [224, 224];
  return { ...given, channelCount: channels, height: h, width: w, mean: given.mean ?? [], std: given.std ?? [], isStated: Boolean(text) };
}

/**
 * One picture as floats [channels, height, width].
 * @param {ImageBitmap | HTMLVideoElement} source
 */
export function prepare(source, p) {
  const [sourceWidth, sourceHeight] = [source.videoWidth ?? source.width, source.videoHeight ?? source.height];
  const canvas = new OffscreenCanvas(p.width, p.height);
  const context = canvas.getContext('2d', { willReadFrequently: true });
  context.imageSmoothingQuality = 'high';
  let [cutWidth, cutHeight] = [sourceWidth, sourceHeight];
  if (p.crop !== 'none') {
    // As much of the picture as the crop shows, of the crop's own proportions.
    const side = p.resize ? Math.min(p.resize / p.height, p.resize / p.width) : 1;
    const scale = Math.min(sourceWidth / p.width, sourceHeight / p.height) / Math.max(1, side);
    [cutWidth, cutHeight] = [p.width * scale, p.height * scale];
  }
  context.drawImage(source, (sourceWidth - cutWidth) / 2, (sourceHeight - cutHeight) / 2, cutWidth, cutHeight, 0, 0, p.width, p.height);
  const pixels = context.getImageData(0, 0, p.width, p.height).data;
  const plane = p.width * p.height;
  const values = new Float32Array(p.channelCount * plane);
  const scale = p.scale === 'byte' ? 1 : 255;
  for (let c = 0; c < p.channelCount; c++) {
    const from = p.channels === 'bgr' ? 2 - c : c;
    const [mean, deviation] = [p.mean[c] ?? p.mean[0] ?? 0, p.std[c] ?? p.std[0] ?? 1];
    for (let i = 0; i < plane; i++) {
      const at = 4 * i;
      const value = p.channelCount === 1 ? 0.299 * pixels[at] + 0.587 * pixels[at + 1] + 0.114 * pixels[at + 2] : pixels[at + from];
      values[c * plane + i] = (value / scale - mean) / deviation;
    }
  }
  return values;
}

/** Several prepared pictures as one batch. */
export function batchOf(pictures, p) {
  const row = p.channelCount * p.height * p.width;
  const data = new Float32Array(pictures.length * row);
  pictures.forEach((picture, i) => data.set(picture, i * row));
  return { data, dims: [pictures.length, p.channelCount, p.height, p.width] };
}
