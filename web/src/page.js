// The page: a package in, pictures by class in, training under the prior, answers and one ONNX file out.
import { drawChart } from './chart.js';
import { withParameters } from './onnx-file.js';
import { openPackage } from './package.js';
import { batchOf, prepare, preprocessingOf } from './pictures.js';
import { loadRuntime } from './runtime.js';
import { StepTrainer } from './step.js';

const $ = id => document.getElementById(id);
const LARGEST_BATCH = 8;

const state = { trainer: null, files: null, preprocessing: null, classes: [], losses: [], energies: [], stopping: false };

if ('serviceWorker' in navigator && location.protocol !== 'file:') navigator.serviceWorker.register('sw.js').catch(() => {});

$('package').addEventListener('change', guarded(async event => {
  const [file] = event.target.files;
  if (file) await load(new Uint8Array(await file.arrayBuffer()));
}));
$('train').addEventListener('click', guarded(train));
$('halt').addEventListener('click', () => { state.stopping = true; });
$('classify').addEventListener('change', guarded(async event => classify([...event.target.files])));
$('save').addEventListener('click', guarded(save));
$('stop').addEventListener('click', closeCamera);

async function load(bytes) {
  say('Checking the package …');
  const package_ = await openPackage(bytes);
  const { manifest } = package_;
  const preprocessing = preprocessingOf(manifest);
  const runtime = await loadRuntime($('gpu').checked);
  await state.trainer?.release();
  Object.assign(state, { trainer: await StepTrainer.create(runtime.ort, package_, runtime.options, runtime.update), files: package_.files, preprocessing, losses: [], energies: [] });
  const names = manifest.classNames ?? Array.from({ length: manifest.classes }, (_, i) => `class ${i + 1}`);
  state.classes = names.map(name => ({ name, pictures: [] }));
  const count = manifest.parameters.reduce((sum, p) => sum + p.count, 0);
  $('about').textContent = `${manifest.source.fileName}: ${count.toLocaleString('en')} parameters train with ${manifest.optimizer.name} (prior: ${manifest.prior.kind}). ${runtime.name}.${preprocessing.isStated ? '' : ' The package does not say how pictures are prepared; ImageNet’s way is taken.'}`;
  $('weight').value = '';
  showClasses();
  for (const id of ['examples', 'training', 'using']) $(id).hidden = false;
  drawSeries();
  say('Add a few pictures to each class.');
}

function showClasses() {
  $('classes').replaceChildren(...state.classes.map((entry, index) => {
    const box = document.createElement('div');
    box.className = 'class';
    box.innerHTML = '<header><input type="text" aria-label="name of the class"><label class="button">Add<input type="file" accept="image/*" multiple></label><button>Camera</button></header><div class="pictures"></div>';
    const [title, chooser] = box.querySelectorAll('input');
    title.value = entry.name;
    title.addEventListener('change', () => { entry.name = title.value; });
    chooser.dataset.class = index;
    chooser.addEventListener('change', guarded(async () => add(entry, [...chooser.files])));
    box.querySelector('button').addEventListener('click', guarded(async () => openCamera(entry)));
    box.addEventListener('dragover', event => { event.preventDefault(); box.classList.add('over'); });
    box.addEventListener('dragleave', () => box.classList.remove('over'));
    box.addEventListener('drop', guarded(async event => {
      event.preventDefault();
      box.classList.remove('over');
      await add(entry, [...event.dataTransfer.files]);
    }));
    entry.gallery = box.querySelector('.pictures');
    return box;
  }));
}

async function add(entry, files) {
  for (const file of files.filter(f => f.type.startsWith('image/'))) {
    const bitmap = await createImageBitmap(file);
    take(entry, bitmap);
    bitmap.close();
  }
  const count = state.classes.reduce((sum, c) => sum + c.pictures.length, 0);
  $('weight').value ||= '';
  $('weight').placeholder = `1 / ${count}`;
  say(`${count} pictures.`);
}

function take(entry, source) {
  entry.pictures.push(prepare(source, state.preprocessing));
  entry.gallery.append(thumbnail(source));
}

function thumbnail(source) {
  const canvas = Object.assign(document.createElement('canvas'), { width: 108, height: 108 });
  const [width, height] = [source.videoWidth ?? source.width, source.videoHeight ?? source.height];
  const side = Math.min(width, height);
  canvas.getContext('2d').drawImage(source, (width - side) / 2, (height - side) / 2, side, side, 0, 0, 108, 108);
  return canvas;
}

async function openCamera(entry) {
  const video = $('video');
  if (!video.srcObject) {
    video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { facingMode: 'environment' } });
    await video.play();
    $('camera').hidden = false;
    say('Press Camera of a class again to take a picture for it.');
  } else {
    take(entry, video);
  }
}

function closeCamera() {
  for (const track of $('video').srcObject?.getTracks() ?? []) track.stop();
  $('video').srcObject = null;
  $('camera').hidden = true;
}

async function train() {
  const examples = state.classes.flatMap((entry, label) => entry.pictures.map(picture => ({ picture, label })));
  if (examples.length === 0) throw new Error('There are no pictures yet.');
  const options = { learningRate: Number($('rate').value), priorWeight: $('weight').value === '' ? 1 / examples.length : Number($('weight').value), momentum: 0.9 };
  const steps = Number($('steps').value);
  Object.assign(state, { stopping: false });
  $('train').disabled = true;
  $('halt').disabled = false;
  try {
    let order = [];
    for (let step = 0; step < steps && !state.stopping; step++) {
      if (order.length === 0) order = shuffled(examples);
      const batch = order.splice(0, LARGEST_BATCH);
      const result = await state.trainer.step(batchOf(batch.map(e => e.picture), state.preprocessing), batch.map(e => e.label), options);
      state.losses.push(result.loss);
      state.energies.push(result.priorEnergy);
      drawSeries();
      say(`Step ${state.trainer.steps}: loss ${result.loss.toFixed(4)}, prior ${result.priorEnergy.toPrecision(4)}.`);
      // Lets the page draw and the Stop button be pressed.
      await new Promise(resume => setTimeout(resume));
    }
    say(`Trained ${state.trainer.steps} steps; the loss is ${state.losses.at(-1).toFixed(4)}.`);
  } finally {
    $('train').disabled = false;
    $('halt').disabled = true;
  }
}

function drawSeries() {
  drawChart($('chart'), [{ name: 'loss', color: '#d9532c', values: state.losses }, { name: 'prior', color: '#2f7fd0', values: state.energies }]);
}

async function classify(files) {
  const items = [];
  for (const file of files) {
    const bitmap = await createImageBitmap(file);
    const [probabilities] = await state.trainer.classify(batchOf([prepare(bitmap, state.preprocessing)], state.preprocessing));
    const best = probabilities.indexOf(Math.max(...probabilities));
    const item = document.createElement('li');
    item.dataset.class = best;
    const answer = document.createElement('span');
    answer.textContent = `${state.classes[best].name}, ${(100 * probabilities[best]).toFixed(1)} %`;
    item.append(thumbnail(bitmap), answer);
    items.push(item);
    bitmap.close();
  }
  $('answers').replaceChildren(...items);
}

async function save() {
  const { manifest } = state.trainer;
  const model = withParameters(state.files.get('eval.onnx'), state.trainer.named(), manifest.logits, manifest.classes);
  const link = Object.assign(document.createElement('a'), { href: URL.createObjectURL(model), download: 'personal.onnx' });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  say('Saved personal.onnx: the prepared picture in, probabilities out.');
}

function shuffled(list) {
  const copy = [...list];
  for (let i = copy.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1));
    [copy[i], copy[j]] = [copy[j], copy[i]];
  }
  return copy;
}

function say(text, isError = false) {
  $('status').textContent = text;
  $('status').classList.toggle('error', isError);
}

// What fails is said where the user looks.
function guarded(action) {
  return async event => {
    try {
      await action(event);
    } catch (error) {
      say(error.message ?? String(error), true);
    }
  };
}
